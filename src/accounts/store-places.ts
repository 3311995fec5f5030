import type { Tx } from '../db/dialect.ts';
import type { IdKind } from '../ids.ts';
import type { Place } from './place.ts';

interface Row {
  organization_id: string;
  repository_id?: string | null;
  product_id?: string | null;
}

/** Where a stored thing belongs, by its id; null: there is none, or it belongs to no organization. */
export async function placeOfThing(tx: Tx, kind: IdKind, id: string): Promise<Place | null> {
  const table = OF_ORGANIZATION[kind];
  if (table) return whole(await tx(table).where({ id }).first('organization_id'));
  const find = FINDERS[kind];
  return find ? find(tx, id) : null;
}

/** Where what is deleted belonged, as its last audit event says: to its organization as a whole, since more is not known. */
export async function placeOfGone(tx: Tx, id: string): Promise<Place | null> {
  const last = await tx('audit_events').where({ entity_id: id }).orderBy('id', 'desc').first('organization_id');
  return last?.organization_id ? whole(last) : null;
}

type Asked = Promise<{ organization_id: string | null } | undefined>;

/** Kinds that belong to an organization as a whole, with their tables: all of money is so. */
const OF_ORGANIZATION: Partial<Record<IdKind, string>> = {
  order: 'orders',
  subscription: 'subscriptions',
  payment: 'payments',
  refund: 'refunds',
  dispute: 'disputes',
  payment_account: 'payment_accounts',
  payment_event: 'payment_events',
  payment_alert: 'payment_alerts',
  withdrawal: 'withdrawals',
};

/** Kinds whose organization one statement tells. */
const OWNERS: Partial<Record<IdKind, (tx: Tx, id: string) => Asked>> = {
  repository: (tx, id) => tx('repositories').where({ id }).first('organization_id'),
  product: (tx, id) => tx('products').where({ id }).first('organization_id'),
  release: (tx, id) =>
    tx('releases as r').join('products as p', 'p.id', 'r.product_id').where('r.id', id).first('p.organization_id'),
  package: (tx, id) => tx('packages').where({ id }).first('organization_id'),
  license: (tx, id) => tx('licenses').where({ id }).first('organization_id'),
  grant: (tx, id) => tx('grants').where({ id }).first('organization_id'),
  key: (tx, id) => ofLicense(tx, 'license_keys', id),
  activation: (tx, id) => ofLicense(tx, 'activations', id),
  token: (tx, id) => tx('api_tokens').where({ id }).first('organization_id'),
};

function ofLicense(tx: Tx, table: 'license_keys' | 'activations', id: string): Asked {
  return tx(`${table} as t`).join('licenses as l', 'l.id', 't.license_id').where('t.id', id).first('l.organization_id');
}

/** The organization alone, which costs less than the whole place; null: as there. */
export async function organizationOfThing(tx: Tx, kind: IdKind, id: string): Promise<string | null> {
  const owner = OWNERS[kind];
  if (owner) return (await owner(tx, id))?.organization_id ?? null;
  return (await placeOfThing(tx, kind, id))?.organizationId ?? null;
}

type Finder = (tx: Tx, id: string) => Promise<Place | null>;

/** Kinds that no route names by its id are missing. */
const FINDERS: Partial<Record<IdKind, Finder>> = {
  organization: async (tx, id) => whole(await tx('organizations').where({ id }).first('id as organization_id')),
  product: (tx, id) => placeOfProduct(tx, id),
  async release(tx, id) {
    const row = await tx('releases').where({ id }).first('product_id');
    return row ? placeOfProduct(tx, row.product_id) : null;
  },
  async package(tx, id) {
    const row = await tx('packages').where({ id }).first('organization_id');
    return row ? joined(row.organization_id, await placesOfPackages(tx, [id])) : null;
  },
  license: (tx, id) => placeOfLicense(tx, id),
  async grant(tx, id) {
    const row = await tx('grants').where({ id }).first('organization_id', 'package_id');
    return row ? joined(row.organization_id, await placesOfPackages(tx, [row.package_id])) : null;
  },
  async key(tx, id) {
    const row = await tx('license_keys').where({ id }).first('license_id');
    return row ? placeOfLicense(tx, row.license_id) : null;
  },
  async batch(tx, id) {
    const row = await tx('key_batches').where({ id }).first('organization_id', 'package_id');
    return row ? joined(row.organization_id, await placesOfPackages(tx, [row.package_id])) : null;
  },
  bulk: async (tx, id) => whole(await tx('bulk_runs').where({ id }).first('organization_id')),
  async activation(tx, id) {
    const row = await tx('activations').where({ id }).first('license_id');
    return row ? placeOfLicense(tx, row.license_id) : null;
  },
  customer: async (tx, id) => whole(await tx('customers').where({ id }).first('organization_id')),
  webhook: async (tx, id) => whole(await tx('webhook_endpoints').where({ id }).first('organization_id')),
  async webhook_delivery(tx, id) {
    const query = tx('webhook_deliveries as d').join('webhook_endpoints as e', 'e.id', 'd.endpoint_id');
    return whole(await query.where('d.id', id).first('e.organization_id'));
  },
  mail: async (tx, id) => whole(await tx('mails').where({ id }).first('organization_id')),
  async token(tx, id) {
    const row: Row | undefined = await tx('api_tokens').where({ id }).first('organization_id', 'product_id');
    if (!row?.organization_id) return null;
    return row.product_id ? placeOfProduct(tx, row.product_id) : whole(row);
  },
};

function whole(row: Row | undefined): Place | null {
  return row ? { organizationId: row.organization_id, repositoryIds: null, productIds: null } : null;
}

async function placeOfProduct(tx: Tx, id: string): Promise<Place | null> {
  const row: Row | undefined = await tx('products').where({ id }).first('organization_id', 'repository_id');
  if (!row) return null;
  const repositoryIds = row.repository_id ? [row.repository_id] : null;
  return { organizationId: row.organization_id, repositoryIds, productIds: [id] };
}

async function placeOfLicense(tx: Tx, id: string): Promise<Place | null> {
  const row: Row | undefined = await tx('licenses').where({ id }).first('organization_id');
  if (!row) return null;
  const sold = await tx('grants').where({ license_id: id }).distinct('package_id');
  const places = await placesOfPackages(
    tx,
    sold.map((each) => each.package_id as string),
  );
  return joined(row.organization_id, places);
}

/** The ids of all products of a repository, retired ones too. */
export async function productIdsOfRepository(tx: Tx, repositoryId: string): Promise<string[]> {
  const rows = await tx('products').where({ repository_id: repositoryId }).orderBy('id').select('id');
  return rows.map(({ id }) => id as string);
}

type Part = Pick<Place, 'repositoryIds' | 'productIds'>;

/** A package as it is sold now tells what it is about; what an earlier version covered makes no difference to who manages it. */
async function placesOfPackages(tx: Tx, ids: readonly string[]): Promise<Part[]> {
  const rows = await tx('packages as p')
    .join('package_versions as v', (join) => join.on('v.package_id', 'p.id').andOn('v.version', 'p.version'))
    .whereIn('p.id', ids)
    .select('p.repository_id', 'v.terms');
  const parts: Part[] = [];
  for (const { repository_id: repositoryId, terms } of rows as { repository_id: string | null; terms: string }[]) {
    const named = (JSON.parse(terms) as { products: string[] | null }).products;
    const productIds = named ?? (repositoryId === null ? null : await productIdsOfRepository(tx, repositoryId));
    parts.push({ repositoryIds: repositoryId === null ? null : [repositoryId], productIds });
  }
  return parts;
}

/** All that the parts belong to; nothing at all belongs to the organization. */
function joined(organizationId: string, parts: readonly Part[]): Place {
  const all = (of: (part: Part) => readonly string[] | null) => {
    const lists = parts.map(of);
    if (lists.length === 0 || lists.includes(null)) return null;
    return [...new Set(lists.flatMap((list) => list ?? []))];
  };
  return {
    organizationId,
    repositoryIds: all(({ repositoryIds }) => repositoryIds),
    productIds: all(({ productIds }) => productIds),
  };
}
