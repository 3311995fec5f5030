import type { Knex } from 'knex';
import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow } from '../db/rows.ts';
import type { SlotNotes } from './slot-notes.ts';

/** A site as it is shown: its slot, the key that claimed it, and what it is beside of. */
export interface SiteRecord extends SlotNotes {
  id: string;
  licenseId: string;
  keyId: string | null;
  keyHint: string | null;
  identity: string;
  host: string;
  instance: string | null;
  counted: boolean;
  exemptReason: string | null;
  besideSite: string | null;
  firstSeenAt: string;
  lastSeenAt: string;
  releasedAt: string | null;
  releasedBy: string | null;
}

const COLUMNS = columnsOf(
  ...['id', 'licenseId', 'keyId', 'identity', 'host', 'instance', 'counted', 'exemptReason', 'firstSeenAt'],
  ...['lastSeenAt', 'releasedAt', 'releasedBy', 'label', 'covers', 'besideId', 'overLimit', 'releaseReason'],
).map((name) => `a.${name}`);

const SITE_STATES = ['active', 'released', 'all'] as const;

export interface SiteFilter {
  /** Exactly one of these three says whose sites. */
  licenseId?: string | undefined;
  organizationId?: string | undefined;
  productId?: string | undefined;
  /** Those that this key claimed. */
  keyId?: string | undefined;
  state: (typeof SITE_STATES)[number];
  /** A part of the host name. */
  search?: string | undefined;
}

/** The sites of a product are found by the product, so that a page costs what it shows and not what there is. */
function filtered(tx: Tx, filter: SiteFilter): Knex.QueryBuilder {
  const { productId, organizationId, licenseId, keyId, state, search } = filter;
  const query =
    productId === undefined
      ? tx('activations as a').select('a.id as id')
      : tx('installations as i')
          .join('activations as a', 'a.id', 'i.activation_id')
          .where('i.product_id', productId)
          .distinct('i.activation_id as id');
  query.where('a.kind', 'site');
  if (organizationId !== undefined) query.where('a.organization_id', organizationId);
  if (licenseId !== undefined) query.where('a.license_id', licenseId);
  if (keyId !== undefined) query.where('a.key_id', keyId);
  if (state === 'active') query.whereNull('a.released_at');
  if (state === 'released') query.whereNotNull('a.released_at');
  if (search !== undefined && search !== '')
    query.whereRaw("a.host like ? escape '\\'", [`%${search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`]);
  return query;
}

/** In the order in which they were first seen. */
export async function pageOfSites(
  tx: Tx,
  filter: SiteFilter,
  after: string | null,
  limit: number,
): Promise<SiteRecord[]> {
  const column = filter.productId === undefined ? 'a.id' : 'i.activation_id';
  const page = filtered(tx, filter).orderBy(column).limit(limit);
  const ids: string[] = await (after === null ? page : page.where(column, '>', after)).pluck('id');
  return sites(whole(tx('activations as a')).whereIn('a.id', ids).orderBy('a.id'));
}

export async function findSite(tx: Tx, id: string): Promise<SiteRecord | null> {
  return (await sites(whole(tx('activations as a')).where('a.id', id)))[0] ?? null;
}

/** The counted sites of a license that have been silent the longest. */
export async function silentSites(tx: Tx, licenseId: string, most: number): Promise<SiteRecord[]> {
  const query = whole(tx('activations as a'))
    .where({ 'a.license_id': licenseId, 'a.kind': 'site', 'a.counted': true })
    .whereNull('a.released_at')
    .orderBy(['a.last_seen_at', 'a.id'])
    .limit(most);
  return sites(query);
}

function whole(query: Knex.QueryBuilder): Knex.QueryBuilder {
  return query
    .leftJoin('license_keys as k', 'k.id', 'a.key_id')
    .leftJoin('activations as b', 'b.id', 'a.beside_id')
    .select([...COLUMNS, 'k.hint as key_hint', 'b.identity as beside_site']);
}

async function sites(query: Knex.QueryBuilder): Promise<SiteRecord[]> {
  const rows: object[] = await query;
  return rows.map((row) => fromRow<SiteRecord>(row, { booleans: ['counted', 'overLimit'] }));
}

/** Exact up to `most`; counting stops there. */
export async function countSites(tx: Tx, filter: SiteFilter, most: number): Promise<number> {
  return (await filtered(tx, filter).limit(most)).length;
}
