import { type Actor, requireOrganization } from '../accounts/actor.ts';
import { findCustomers } from '../accounts/store-customers.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { COUNT_LIMIT, type Page, pageFrom } from '../http/paging.ts';
import { subscriptionsOfLicenses } from '../payments/store-license-subscriptions.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import { type GrantView, grantViews } from './grant-view.ts';
import { closeGrant } from './grants.ts';
import type { By } from './keys.ts';
import { type LicenseFilter, type LicenseSort, listFingerprint } from './license-filter.ts';
import type { WholeLicense } from './license-view.ts';
import { settleStandings } from './standings.ts';
import { countOfSearch, type Place, pageOfSearch, prepareSearch, type Search } from './store-license-search.ts';
import {
  closingsOf,
  findGrant,
  findLicense,
  findLicenses,
  grantsOf,
  type LicenseRecord,
  updateLicense,
} from './store-licenses.ts';
import { ledgersOf } from './store-lookup.ts';

export type PageQuery = { limit: number; cursor?: string | undefined };

/** Throws NOT_FOUND, in the same words for a license that is not there and one that the actor may not touch. */
export async function licenseOf(tx: Tx, actor: Actor, id: string): Promise<LicenseRecord> {
  const found = await findLicense(tx, id);
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}

/** The licenses of one organization with all that is shown of them: five statements, whatever their number. */
export async function wholeLicenses(
  tx: Tx,
  organizationId: string,
  records: readonly LicenseRecord[],
): Promise<Map<string, WholeLicense>> {
  const ids = [...new Set(records.map(({ id }) => id))];
  const ledgers = await ledgersOf(tx, ids);
  const customers = await findCustomers(tx, [...new Set(records.map(({ customerId }) => customerId))]);
  const products = await productsOfOrganization(tx, organizationId);
  const paying = await subscriptionsOfLicenses(tx, ids);
  return new Map(
    records.map((record) => {
      const customer = customers.get(record.customerId);
      if (!customer) throw new Error(`the customer of ${record.id} is missing`);
      const subscriptions = paying.filter(({ licenseId }) => licenseId === record.id);
      return [record.id, { record, customer, products, ledger: ledgers.get(record.id) ?? [], subscriptions }];
    }),
  );
}

export async function wholeLicense(tx: Tx, record: LicenseRecord): Promise<WholeLicense> {
  const whole = (await wholeLicenses(tx, record.organizationId, [record])).get(record.id);
  if (!whole) throw new Error(`${record.id} is missing`);
  return whole;
}

export async function readLicense(db: Db, actor: Actor, id: string): Promise<WholeLicense> {
  return db.read(async (tx) => wholeLicense(tx, await licenseOf(tx, actor, id)));
}

/** One page of a list that is sorted and filtered. */
export interface ListQuery<S extends string> {
  sort: S;
  limit: number;
  after: Place | null;
  /** ms UTC: statuses are those of this instant. */
  now: number;
}

/** Licenses in the order wanted; `next` is what the cursor of the next page holds. */
export async function listLicenses(
  db: Db,
  filter: LicenseFilter,
  query: ListQuery<LicenseSort>,
): Promise<Page<WholeLicense>> {
  await settleStandings(db, query.now);
  return db.read(async (tx) => {
    const search = await prepareSearch(tx, 'licenses', filter, toIso(query.now));
    return licensesFound(tx, search, filter, query, await countOfSearch(tx, search, COUNT_LIMIT + 1));
  });
}

/** One page of what a search finds, without counting. */
export async function licensesFound(
  tx: Tx,
  search: Search,
  filter: LicenseFilter,
  { sort, limit, after }: Omit<ListQuery<LicenseSort>, 'now'>,
  counted = 0,
): Promise<Page<WholeLicense>> {
  const places = await pageOfSearch(tx, search, sort, after, limit + 1);
  const page = pageFrom(places, limit, counted, (place) => [listFingerprint(filter, sort), ...place]);
  const ids = page.items.map((place) => place.at(-1) as string);
  const whole = await wholeLicenses(tx, filter.organizationId, await findLicenses(tx, ids));
  return { ...page, items: [...whole.values()] };
}

export async function changeNotes(db: Db, id: string, notes: string, by: By): Promise<void> {
  await db.tx(async (tx) => {
    await licenseOf(tx, by.actor, id);
    await updateLicense(tx, id, { notes });
    const event = { actor: by.actor, action: 'license.notes', entity: 'license', entityId: id, changes: {} };
    await audit(tx, { ...event, requestId: by.requestId }, by.now);
  });
}

/** The whole ledger of a license, or the lines of one repository's packages, oldest first. */
export async function grantsSeen(tx: Tx, licenseId: string, repositoryId: string | null): Promise<GrantView[]> {
  const records = await grantsOf(tx, licenseId);
  const ledger = (await ledgersOf(tx, [licenseId])).get(licenseId) ?? [];
  const closings = await closingsOf(
    tx,
    records.map(({ id }) => id),
  );
  const mine = new Set(
    ledger.filter((each) => repositoryId === null || each.package.repositoryId === repositoryId).map(({ id }) => id),
  );
  return grantViews(records, ledger, closings).filter(({ id }) => mine.has(id));
}

/** The ledger of one license, each line with what it means. */
export async function readGrants(db: Db, actor: Actor, licenseId: string): Promise<GrantView[]> {
  return db.read(async (tx) => {
    await licenseOf(tx, actor, licenseId);
    return grantsSeen(tx, licenseId, null);
  });
}

/** Closes or reopens one line. Throws NOT_FOUND and MASTER_IS_FIXED. */
export async function changeGrant(
  db: Db,
  id: string,
  kind: 'close' | 'reopen',
  reason: string,
  by: By,
): Promise<GrantView> {
  return db.tx(async (tx) => {
    const grant = await findGrant(tx, id);
    if (!grant) throw problem('NOT_FOUND');
    requireOrganization(by.actor, grant.organizationId);
    await closeGrant(tx, id, kind, reason, by);
    const changed = (await grantsSeen(tx, grant.licenseId, null)).find((each) => each.id === id);
    if (!changed) throw new Error(`${id} is missing`);
    return changed;
  });
}
