import type { Actor } from '../accounts/actor.ts';
import { requireWithin } from '../accounts/places.ts';
import { holdsScope } from '../accounts/scope.ts';
import type { Db } from '../db/connect.ts';
import { Problem, problem } from '../errors.ts';
import { findOrganization } from '../forge/store.ts';
import type { Level } from '../releases/level.ts';
import type { Secrets } from '../secrets.ts';
import type { GrantView } from './grant-view.ts';
import { changeEnd } from './grants.ts';
import { type By, changeDomains, keyText } from './keys.ts';
import { type KeySeen, keyAt } from './level-keys.ts';
import { grantsSeen, licenseOf, wholeLicense } from './licenses.ts';
import { type Sale, type Sold, sell } from './sales.ts';
import { findKey, type KeyRecord } from './store-keys.ts';
import { findGrant, type GrantRecord } from './store-licenses.ts';
import { type UsageCount, usageCounts } from './store-usage.ts';

export interface ShopDeps {
  db: Db;
  secrets: Secrets;
}

export type SaleWish = Omit<Sale, 'organization' | 'repositoryId'>;

/** Sells on a level's route; what the same payment line or Idempotency-Key sold before is told again. */
export async function sellAt({ db, secrets }: ShopDeps, level: Level, wish: SaleWish, by: By): Promise<Sold> {
  const sale: Sale = { ...wish, organization: level.organization, repositoryId: level.repository?.id ?? null };
  const run = () =>
    db.tx(async (tx) => {
      if (sale.customerId) await requireWithin(tx, by.actor, sale.customerId);
      return sell(tx, secrets, sale, by);
    });
  try {
    return await run();
  } catch (error) {
    // Of two requests with one payment line at the same moment the second finds, on another look, what the first has sold.
    if (!(error instanceof Problem) || error.code !== 'PAYMENT_LINE_CONFLICT') throw error;
    return run();
  }
}

export type GrantWish = Pick<Sale, 'packageId' | 'quantity' | 'source' | 'paymentRef' | 'line' | 'request'>;

/** One more line in the ledger of a license, from any level of its organization. */
export async function addGrant(
  deps: ShopDeps,
  licenseId: string,
  wish: GrantWish,
  by: By,
): Promise<{ grant: GrantView; replayed: boolean }> {
  const level = await deps.db.read(async (tx): Promise<Level> => {
    const { organizationId } = await licenseOf(tx, by.actor, licenseId);
    const organization = await findOrganization(tx, organizationId);
    if (!organization) throw new Error(`${organizationId} is missing`);
    return { organization, repository: null };
  });
  const sale = { ...wish, licenseId, customer: { name: '', email: '' }, domains: [] };
  const { grant, replayed } = await sellAt(deps, level, sale, by);
  const grants = await deps.db.read((tx) => grantsSeen(tx, licenseId, null));
  const made = grants.find(({ id }) => id === grant.id);
  if (!made) throw new Error(`${grant.id} is missing`);
  return { grant: made, replayed };
}

/**
 * The text of a key that a sale gave out: for the token whose sale made it, also when it asks again, and for whoever may see any
 * key. Other tokens get null, so that a payment reference that can be guessed opens nothing.
 */
export function textForSeller(
  secrets: Pick<Secrets, 'open'>,
  actor: Actor,
  key: KeyRecord,
  grant: Pick<GrantRecord, 'id' | 'createdBy' | 'createdAt'>,
): string | null {
  const isOwn = grant.createdBy === actor.id && isMadeBy(key, grant);
  if (key.sealed === null || !(isOwn || holdsScope(actor.scopes, 'licenses:write'))) return null;
  return keyText(secrets, key);
}

/** A sale stamps grant and key with one instant, the grant's id first; a later sale into the license comes after its key. */
function isMadeBy(key: KeyRecord, grant: Pick<GrantRecord, 'id' | 'createdAt'>): boolean {
  return key.createdAt === grant.createdAt && sortPart(grant.id) < sortPart(key.id);
}

function sortPart(id: string): string {
  return id.slice(id.indexOf('_') + 1);
}

/** The same for a reply that is repeated from memory, by the ids in it. */
export async function textForSellerAgain(
  { db, secrets }: ShopDeps,
  actor: Actor,
  keyId: string,
  grantId: string,
): Promise<string | null> {
  const { key, grant } = await db.read(async (tx) => ({
    key: await findKey(tx, keyId),
    grant: await findGrant(tx, grantId),
  }));
  return key && grant ? textForSeller(secrets, actor, key, grant) : null;
}

/** A key with its license and those lines of the ledger that the level may see. */
export interface KeyWithGrants extends KeySeen {
  grants: GrantView[];
}

export async function readKeyAt(db: Db, level: Level, id: string): Promise<KeyWithGrants> {
  return db.read(async (tx) => {
    const { key, license } = await keyAt(tx, level, id);
    const grants = await grantsSeen(tx, license.id, level.repository?.id ?? null);
    return { key, license: await wholeLicense(tx, license), grants };
  });
}

export interface KeyChange {
  /** ms UTC; null: without an end; undefined: as it is. */
  end: number | null | undefined;
  domains: readonly string[] | undefined;
  /** The payment that the new end was bought with. */
  paymentRef: string | null;
}

/** With a payment a new end is a renewal, which a refund closes; without one it is set by hand. */
export async function changeKeyAt(db: Db, level: Level, id: string, change: KeyChange, by: By): Promise<void> {
  const { end, domains, paymentRef } = change;
  await db.tx(async (tx) => {
    const { key, license } = await keyAt(tx, level, id);
    const repositoryId = level.repository?.id ?? null;
    if (end !== undefined) await changeEnd(tx, { licenseId: license.id, repositoryId, end, paymentRef }, by);
    if (domains !== undefined) await changeDomains(tx, key, domains, by);
  });
}

/** Where a page of usage ended. */
export type UsagePlace = [
  day: string,
  productId: string,
  site: string,
  kind: string,
  platformVersion: string,
  code: string,
];

export interface UsageRange {
  fromDay: string;
  toDay: string;
  limit: number;
  after: UsagePlace | null;
}

/** So many different counters a key can have on one day; more are not shown. */
const MOST_A_DAY = 10_000;

/** Day counters of a key, newest day first, one more than `limit`; a page begins behind `after`. */
export async function usageAt(db: Db, level: Level, id: string, range: UsageRange): Promise<UsageCount[]> {
  const { fromDay, toDay, limit, after } = range;
  return db.read(async (tx) => {
    await keyAt(tx, level, id);
    const filter = { keyId: id, fromDay, toDay: after === null ? toDay : after[0] };
    const rows = await usageCounts(tx, filter, after === null ? limit + 1 : MOST_A_DAY + limit + 1);
    const rest = after === null ? rows : rows.filter((row) => row.day < after[0] || isLater(placeOf(row), after));
    return rest.slice(0, limit + 1);
  });
}

export function placeOf(row: UsageCount): UsagePlace {
  return [row.day, row.product_id, row.site, row.kind, row.platform_version, row.code];
}

function isLater(place: UsagePlace, after: UsagePlace): boolean {
  const at = place.findIndex((part, i) => part !== after[i]);
  return at > 0 && (place[at] as string) > (after[at] as string);
}

/** Throws INVALID_REQUEST unless the days are in order and at most a year apart. */
export function requireRange(fromDay: string, toDay: string): void {
  const days = (Date.parse(toDay) - Date.parse(fromDay)) / 86_400_000;
  if (days >= 0 && days <= 366) return;
  const detail = 'must not come after `to`, and at most 366 days before it';
  throw problem('INVALID_REQUEST', `/query/from: ${detail}`, { errors: [{ pointer: '/query/from', detail }] });
}
