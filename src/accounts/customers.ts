import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { lockOrganization } from '../forge/store.ts';
import { COUNT_LIMIT, type Page, pageFrom } from '../http/paging.ts';
import { newId } from '../ids.ts';
import { type Actor, requireOrganization } from './actor.ts';
import {
  type CustomerFacts,
  type CustomerFilter,
  type CustomerSort,
  changedFacts,
  type FactsChange,
} from './customer.ts';
import { countCustomers, customerIdsSharing, customerPlaces, sharedAddresses } from './store-customer-search.ts';
import {
  type CustomerRecord,
  countLicensesOf,
  findCustomers,
  findSurvivor,
  insertCustomer,
  mergedInto,
  updateCustomer,
} from './store-customers.ts';

/** Who does it, for the audit and the `created_by` of rows. */
export interface By {
  actor: Actor;
  requestId: string | null;
  now: number;
}

export interface CustomerSeen {
  record: CustomerRecord;
  licenses: number;
  /** Ids of the doubles that were merged into it. */
  merged: string[];
}

/**
 * The customer that an id leads to, which of a merged double is another one. Throws NOT_FOUND, in the same words for a customer that
 * is not there and one that the actor may not touch.
 */
export async function customerOf(tx: Tx, actor: Actor, id: string): Promise<CustomerRecord> {
  const found = await findSurvivor(tx, id);
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}

async function seen(tx: Tx, record: CustomerRecord): Promise<CustomerSeen> {
  const licenses = (await countLicensesOf(tx, [record.id])).get(record.id) ?? 0;
  return { record, licenses, merged: await mergedInto(tx, record.id) };
}

export async function readCustomer(db: Db, actor: Actor, id: string): Promise<CustomerSeen> {
  return db.read(async (tx) => seen(tx, await customerOf(tx, actor, id)));
}

export interface CustomerQuery {
  sort: CustomerSort;
  limit: number;
  after: (string | null)[] | null;
  /** What the cursor of the next page begins with. */
  fingerprint: string;
}

/** `merged` of the items is left empty. */
export async function listCustomers(db: Db, filter: CustomerFilter, query: CustomerQuery): Promise<Page<CustomerSeen>> {
  return db.read(async (tx) => {
    const counted = await countCustomers(tx, filter, COUNT_LIMIT + 1);
    return customersFound(tx, filter, query, counted);
  });
}

/** One page without counting. */
export async function customersFound(
  tx: Tx,
  filter: CustomerFilter,
  { sort, limit, after, fingerprint }: CustomerQuery,
  counted = 0,
): Promise<Page<CustomerSeen>> {
  const places = await customerPlaces(tx, filter, sort, after, limit + 1);
  const page = pageFrom(places, limit, counted, (place) => [fingerprint, ...place]);
  const ids = page.items.map(([, id]) => id);
  return { ...page, items: await customersSeen(tx, ids) };
}

async function customersSeen(tx: Tx, ids: readonly string[]): Promise<CustomerSeen[]> {
  const records = await findCustomers(tx, ids);
  const licenses = await countLicensesOf(tx, ids);
  return ids.flatMap((id) => {
    const record = records.get(id);
    return record ? [{ record, licenses: licenses.get(id) ?? 0, merged: [] }] : [];
  });
}

/** Throws ALREADY_EXISTS where another customer has the external_customer_id; one address twice is allowed. */
export async function addCustomer(db: Db, organizationId: string, facts: CustomerFacts, by: By): Promise<CustomerSeen> {
  return db.tx(async (tx) => {
    await lockOrganization(tx, organizationId);
    const id = newId('customer', by.now);
    await insertCustomer(tx, { id, organizationId, ...facts, createdAt: toIso(by.now) }, by.actor.id);
    await note(tx, by, 'customer.create', id, { kind: facts.kind });
    return seen(tx, (await findSurvivor(tx, id)) as CustomerRecord);
  });
}

/** Throws NOT_FOUND, ALREADY_EXISTS, and CUSTOMER_ANONYMIZED for one of whom nothing is to be kept any more. */
export async function changeCustomer(db: Db, id: string, change: FactsChange, by: By): Promise<CustomerSeen> {
  return db.tx(async (tx) => {
    await lockOrganization(tx, (await customerOf(tx, by.actor, id)).organizationId);
    const record = await customerOf(tx, by.actor, id);
    if (record.anonymizedAt !== null) throw problem('CUSTOMER_ANONYMIZED');
    const { facts, changes } = changedFacts(record, change);
    if (Object.keys(changes).length === 0) return seen(tx, record);
    await updateCustomer(tx, record.id, facts);
    await note(tx, by, 'customer.change', record.id, changes);
    return seen(tx, { ...record, ...facts });
  });
}

function note(
  tx: Tx,
  by: By,
  action: string,
  entityId: string,
  changes: Parameters<typeof audit>[1]['changes'],
): Promise<void> {
  return audit(tx, { actor: by.actor, action, entity: 'customer', entityId, changes, requestId: by.requestId }, by.now);
}

export interface Doubles {
  /** The address that they share, `+tag` aside. */
  email: string;
  count: number;
  customers: CustomerSeen[];
}

const MOST_OF_ONE = 20;

/** Customers who may be one: the same address, whatever its case and tag. */
export async function listDoubles(
  db: Db,
  organizationId: string,
  { limit, after }: { limit: number; after: string | null },
): Promise<{ items: Doubles[]; next: string | null }> {
  return db.read(async (tx) => {
    const shared = await sharedAddresses(tx, organizationId, after ?? '', limit + 1);
    const items: Doubles[] = [];
    for (const { base, customers: count } of shared.slice(0, limit)) {
      const ids = await customerIdsSharing(tx, organizationId, base, MOST_OF_ONE);
      items.push({ email: base, count, customers: await customersSeen(tx, ids) });
    }
    return { items, next: shared.length > limit ? (items.at(-1)?.email ?? null) : null };
  });
}
