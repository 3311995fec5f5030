import { DAY } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { Level } from '../releases/level.ts';
import { findProduct, productsOfOrganization } from '../releases/store-products.ts';
import type { Secrets } from '../secrets.ts';
import type { By } from './keys.ts';
import { whyNotSold } from './license-change.ts';
import { wholeTerms } from './license-status.ts';
import { ownCustomer } from './own-customers.ts';
import { covers, type Grant, type ScopedProduct } from './package-terms.ts';
import { packageHere, type Sale, type Sold, sell } from './sales.ts';
import type { ShopDeps } from './shop.ts';
import { type PackageRecord, packagesOf } from './store-packages.ts';

/** What is left out is as the organization has it by default. */
export interface TestKeyWish {
  productId: string | null;
  packageId: string | null;
  days: number | null;
  /** undefined: the default; null: as many as the package gives. */
  sites: number | null | undefined;
  label: string;
  request: Sale['request'];
  /** Of a test order: its payment line, which makes one key for ever. */
  payment?: { ref: string; line: string };
}

const MOST_PACKAGES = 10_000;

/** A key to try things out with: a license of its own of the customer "Test keys", which ends after some days. */
export async function makeTestKey({ db, secrets }: ShopDeps, level: Level, wish: TestKeyWish, by: By): Promise<Sold> {
  return db.tx((tx) => sellTestKey(tx, secrets, level, wish, by));
}

export async function sellTestKey(tx: Tx, secrets: Secrets, level: Level, wish: TestKeyWish, by: By): Promise<Sold> {
  const { organization, repository } = level;
  const { testKey } = organization.settings;
  const { ref = null, line = '1' } = wish.payment ?? {};
  const packageId = await packageFor(tx, level, wish, by.now);
  const sold = await packageHere(tx, { organization, repositoryId: repository?.id ?? null, packageId }, by.now);
  const customerId = await ownCustomer(tx, organization.id, 'test', by);
  const sale: Sale = {
    ...{ organization, repositoryId: repository?.id ?? null, packageId, licenseId: null, quantity: 1, customerId },
    customer: { name: '', email: '' },
    ...{ domains: [], source: 'admin', paymentRef: ref, line, request: wish.request },
    ...{ label: wish.label, purpose: 'test', end: by.now + (wish.days ?? testKey.days) * DAY },
    siteLimit: wish.sites === undefined ? await defaultSites(tx, sold, testKey.sites, by.now) : wish.sites,
  };
  return sell(tx, secrets, sale, by);
}

/** A default never asks for more than the package gives. */
async function defaultSites(tx: Tx, sold: PackageRecord, sites: number | null, now: number): Promise<number | null> {
  const { id, kind, repositoryId, terms } = sold;
  const grant: Grant = {
    ...{ id: '', package: { id, kind, repositoryId, terms }, source: 'admin', givenAt: now, length: null },
    ...{
      endsAt: now + DAY,
      quantity: 1,
      paymentRef: null,
      supersedes: [],
      firstUsedAt: null,
      closedAt: null,
      subscription: null,
    },
  };
  const most = wholeTerms([grant], await productsOfOrganization(tx, sold.organizationId), now).limits.sites;
  return sites === null || (most !== null && sites > most) ? null : sites;
}

async function packageFor(tx: Tx, level: Level, wish: TestKeyWish, now: number): Promise<string> {
  const product = wish.productId === null ? null : await productHere(tx, level, wish.productId);
  const repositoryId = level.repository?.id;
  const offers = await packagesOf(tx, { organizationId: level.organization.id, repositoryId }, null, MOST_PACKAGES);
  const fits = (each: PackageRecord) => product === null || covers(each, product);
  if (wish.packageId !== null) {
    const named = offers.find(({ id }) => id === wish.packageId);
    if (named && !fits(named)) throw unfit('/package_id', `"${named.name}" does not cover the product`);
    return wish.packageId;
  }
  const usual = offers.find(({ id }) => id === level.organization.settings.testKey.packageId);
  const sold = offers.filter((each) => each.kind === 'base' && whyNotSold(each, now) === null && fits(each));
  const chosen = usual && fits(usual) && whyNotSold(usual, now) === null ? usual : sold.at(-1);
  if (!chosen) throw unfit('/package_id', 'no package that is sold fits; name one');
  return chosen.id;
}

async function productHere(tx: Tx, { organization, repository }: Level, id: string): Promise<ScopedProduct> {
  const found = await findProduct(tx, id);
  const isHere = found?.organizationId === organization.id;
  if (isHere && (repository === null || found.repositoryId === repository.id)) return found;
  const detail = 'is no product of this place';
  throw problem('NOT_FOUND', `${id} ${detail}`, { errors: [{ pointer: '/product_id', detail }] });
}

function unfit(pointer: string, detail: string) {
  return problem('PACKAGE_UNCLEAR', detail, { errors: [{ pointer, detail }] });
}
