import type { Actor } from '../accounts/actor.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { kindOfId } from '../ids.ts';
import { organizationOf, productOf } from '../releases/level.ts';
import type { Product } from '../releases/product.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import { findRelease } from '../releases/store-releases.ts';
import { comparePhpVersions } from '../releases/version-order.ts';
import { parseVersionRange, type VersionTest } from '../releases/version-range.ts';
import type { InstallationPlace, OwnedInstallation } from './installed.ts';
import { readKey } from './level-keys.ts';
import type { Refusal, RefusalPlace } from './refusal.ts';
import { activeHosts } from './store-activations.ts';
import { pageOfInstallations, versionsInstalled } from './store-installations.ts';
import { findLicense } from './store-licenses.ts';
import { pageOfRefusals } from './store-refusals.ts';
import { installationCounts, usageSeries, usageTotals } from './store-usage-series.ts';
import type { Dimension, SeriesRange, SeriesRow, UsageOf, UsageSums } from './usage-series.ts';

/** Whose usage is asked for, by what a path names. */
export type UsagePlace = { org: string } | { product: string } | { key: string };

/** Throws NOT_FOUND. */
export async function usageOf(db: Db, actor: Actor, place: UsagePlace): Promise<UsageOf> {
  if ('key' in place) return { keyId: (await readKey(db, actor, place.key)).id };
  if ('product' in place) return { productIds: [(await productOf(db, actor, place.product)).id] };
  const { id } = await organizationOf(db, actor, place.org);
  const products = await db.read((tx) => productsOfOrganization(tx, id));
  return { productIds: products.map((each) => each.id) };
}

/** Sums with how many installations were seen on the day on which most were; null: that is not counted. */
export type Counted<T> = T & { installations: number | null };

export interface Series {
  totals: Counted<UsageSums>;
  rows: Counted<SeriesRow>[];
}

export interface SeriesWish extends SeriesRange {
  by: Dimension;
  after: string | null;
  limit: number;
}

export async function readSeries(db: Db, of: UsageOf, wish: SeriesWish): Promise<Series> {
  return db.read(async (tx) => {
    const rows = await countedRows(tx, of, wish);
    const totals = { ...(await usageTotals(tx, of, wish)), installations: await mostOnADay(tx, of, wish) };
    return { totals, rows };
  });
}

/** Rows alone, for whoever asks page after page. */
export async function readSeriesRows(db: Db, of: UsageOf, wish: SeriesWish): Promise<Counted<SeriesRow>[]> {
  return db.read((tx) => countedRows(tx, of, wish));
}

async function countedRows(tx: Tx, of: UsageOf, wish: SeriesWish): Promise<Counted<SeriesRow>[]> {
  const rows = await usageSeries(tx, of, wish, wish.by, wish.after, wish.limit);
  const { by } = wish;
  if (!('productIds' in of) || by === 'kind' || by === 'code' || by === 'channel' || by === 'site')
    return rows.map((row) => ({ ...row, installations: null }));
  const values = rows.map(({ value }) => value);
  const counts = await installationCounts(tx, of.productIds, wish, by, values);
  return rows.map((row) => ({ ...row, installations: counts.get(row.value) ?? 0 }));
}

async function mostOnADay(tx: Tx, of: UsageOf, range: SeriesRange): Promise<number | null> {
  if (!('productIds' in of)) return null;
  const counts = await installationCounts(tx, of.productIds, range, 'day', null);
  return Math.max(0, ...counts.values());
}

/** Which installations of a product are meant; null: all. */
export interface InstallationWish {
  version: string | null;
  below: string | null;
  /** A release of the product, or a range of versions. */
  affectedBy: string | null;
}

export interface Installations {
  rows: OwnedInstallation[];
  /** How many there are of each version that is meant. */
  versions: { version: string; count: number }[];
  /** So many installations never said what they run and fetched nothing. */
  unknown: number;
}

/** Throws NOT_FOUND, and INVALID_REQUEST for a range that cannot be read. */
export async function readInstallations(
  db: Db,
  product: Product,
  wish: InstallationWish,
  after: InstallationPlace | null,
  limit: number,
): Promise<Installations> {
  const { versions, unknown } = await versionsMeant(db, product, wish);
  return { rows: await pageOf(db, product, versions, after, limit), versions, unknown };
}

/** All that are meant, batch by batch. What cannot be read throws before the first one. */
export async function everyInstallation(
  db: Db,
  product: Product,
  wish: InstallationWish,
  atOnce: number,
): Promise<AsyncIterable<OwnedInstallation[]>> {
  const { versions } = await versionsMeant(db, product, wish);
  return batchesOf(db, product, versions, atOnce);
}

async function* batchesOf(
  db: Db,
  product: Product,
  versions: Installations['versions'],
  atOnce: number,
): AsyncIterable<OwnedInstallation[]> {
  let after: InstallationPlace | null = null;
  for (;;) {
    const rows: OwnedInstallation[] = await pageOf(db, product, versions, after, atOnce);
    yield rows;
    const last = rows.at(-1);
    if (rows.length < atOnce || last === undefined) return;
    after = [last.version, last.keyId, last.site];
  }
}

async function pageOf(
  db: Db,
  { id }: Product,
  versions: Installations['versions'],
  after: InstallationPlace | null,
  limit: number,
): Promise<OwnedInstallation[]> {
  const names = versions.map(({ version }) => version);
  return names.length === 0 ? [] : db.read((tx) => pageOfInstallations(tx, id, names, after, limit));
}

async function versionsMeant(
  db: Db,
  product: Product,
  wish: InstallationWish,
): Promise<Pick<Installations, 'versions' | 'unknown'>> {
  const test = await testOf(db, product, wish);
  const all = await db.read((tx) => versionsInstalled(tx, product.id));
  const versions = test === null ? all : all.filter(({ version }) => version !== '' && test(version));
  return { versions, unknown: all.find(({ version }) => version === '')?.count ?? 0 };
}

/** All that is said must hold; null: nothing is said. */
async function testOf(db: Db, product: Product, wish: InstallationWish): Promise<VersionTest | null> {
  const { version, below, affectedBy } = wish;
  const tests = [
    version === null ? null : rangeOf(version, 'version'),
    below === null ? null : rangeOf(/[\s,]/.test(below) ? '' : `<${below}`, 'below'),
    affectedBy === null ? null : await affected(db, product, affectedBy),
  ].filter((test) => test !== null);
  return tests.length === 0 ? null : (each) => tests.every((test) => test(each));
}

function rangeOf(text: string, field: string): VersionTest {
  const test = parseVersionRange(text, comparePhpVersions);
  if (test !== null) return test;
  const detail = 'must be a version such as 1.2, or a range such as >=1.0 <1.3.1';
  throw problem('INVALID_REQUEST', `/query/${field}: ${detail}`, { errors: [{ pointer: `/query/${field}`, detail }] });
}

/** A security release mends every version before it; any other release that is asked about is the bad one itself. */
async function affected(db: Db, product: Product, text: string): Promise<VersionTest> {
  if (kindOfId(text) !== 'release') return rangeOf(text, 'affected_by');
  const release = await db.read((tx) => findRelease(tx, text));
  if (release?.productId !== product.id) throw problem('NOT_FOUND', 'the product has no such release');
  return rangeOf(`${release.security ? '<' : '='}${release.version}`, 'affected_by');
}

/** So many sites of a license are looked at for what came without a key. */
const MOST_SITES = 500;

/** What was refused of late: of a product, or of a key, there with what came without any key from the sites of its license. */
export async function readRefusals(
  db: Db,
  actor: Actor,
  of: { product: string } | { key: string },
  after: RefusalPlace | null,
  limit: number,
): Promise<Refusal[]> {
  if ('product' in of) {
    const { id } = await productOf(db, actor, of.product);
    return db.read((tx) => pageOfRefusals(tx, { productId: id }, after, limit));
  }
  const key = await readKey(db, actor, of.key);
  return db.read(async (tx) => {
    const license = await findLicense(tx, key.licenseId);
    const products = license === null ? [] : await productsOfOrganization(tx, license.organizationId);
    const sites = await activeHosts(tx, key.licenseId, MOST_SITES);
    const mine = { keyId: key.id, productIds: products.map(({ id }) => id), sites };
    return pageOfRefusals(tx, mine, after, limit);
  });
}
