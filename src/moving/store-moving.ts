import type { Tx } from '../db/dialect.ts';
import { fromRow, toRow } from '../db/rows.ts';
import type { AddressCount } from './address-count.ts';

/** A feed file that is kept current on a branch, for sites that ask its raw address. */
export interface BridgeRecord {
  productId: string;
  branch: string;
  path: string;
  /** The feed that stands in it. */
  document: string;
  /** Of the product, when the file was last compared; null: never. */
  revision: number | null;
  checkedAt: string | null;
  writtenAt: string | null;
  error: string | null;
  createdAt: string;
  createdBy: string;
}

export async function findBridge(tx: Tx, productId: string): Promise<BridgeRecord | null> {
  const row = await tx('bridges').where({ product_id: productId }).first();
  return row ? fromRow<BridgeRecord>(row) : null;
}

export async function saveBridge(tx: Tx, bridge: BridgeRecord): Promise<void> {
  await tx('bridges').insert(toRow(bridge)).onConflict('product_id').merge();
}

/** Only where it is still the same bridge; false: it was changed or removed meanwhile. */
export async function noteBridge(
  tx: Tx,
  { productId, branch, path }: Pick<BridgeRecord, 'productId' | 'branch' | 'path'>,
  change: Partial<Pick<BridgeRecord, 'revision' | 'checkedAt' | 'writtenAt' | 'error'>>,
): Promise<boolean> {
  return (await tx('bridges').where({ product_id: productId, branch, path }).update(toRow(change))) > 0;
}

export async function removeBridge(tx: Tx, productId: string): Promise<boolean> {
  return (await tx('bridges').where({ product_id: productId }).delete()) > 0;
}

/** Products of a repository (or one product) whose bridge was last compared with another revision. */
export async function bridgesOutOfDate(
  tx: Tx,
  of: { repositoryId: string } | { productId: string },
): Promise<string[]> {
  const where = 'repositoryId' in of ? { 'p.repository_id': of.repositoryId } : { 'p.id': of.productId };
  const rows = await tx('bridges as b')
    .join('products as p', 'p.id', 'b.product_id')
    .where(where)
    .whereNull('p.retired_at')
    .where((either) => either.whereNull('b.revision').orWhereRaw('b.revision <> p.revision'))
    .select('p.id');
  return rows.map(({ id }) => id as string);
}

export async function addAddressCounts(tx: Tx, counts: readonly AddressCount[]): Promise<void> {
  for (const { productId, path, day, count, lastAt } of counts)
    await tx.raw(
      `insert into address_polls (product_id, path, day, count, last_at) values (?, ?, ?, ?, ?)
       on conflict (product_id, path, day) do update
         set count = address_polls.count + excluded.count,
             last_at = case when excluded.last_at > address_polls.last_at then excluded.last_at else address_polls.last_at end`,
      [productId, path, day, count, lastAt],
    );
}

/** Polls by address since a day, most first. */
export async function addressCounts(
  tx: Tx,
  productId: string,
  fromDay: string,
): Promise<{ path: string; polls: number; lastAt: string }[]> {
  const rows = await tx('address_polls')
    .where({ product_id: productId })
    .where('day', '>=', fromDay)
    .groupBy('path')
    .select('path')
    .sum('count as polls')
    .max('last_at as last_at')
    .orderBy('path');
  return rows.map(({ path, polls, last_at }) => ({
    path: String(path),
    polls: Number(polls),
    lastAt: String(last_at),
  }));
}
