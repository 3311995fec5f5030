import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';

/** The application that a forge knows us by. */
export interface ForgeLoginRecord {
  forgeId: string;
  clientId: string;
  secretSealed: string;
  createdAt: string;
  createdBy: string;
}

const COLUMNS = columnsOf('forgeId', 'clientId', 'secretSealed', 'createdAt', 'createdBy');

/** Replaces the one before. */
export async function saveForgeLogin(tx: Tx, login: ForgeLoginRecord): Promise<void> {
  await tx('forge_logins').insert(toRow(login)).onConflict('forge_id').merge();
}

export async function findForgeLogin(tx: Tx, forgeId: string): Promise<ForgeLoginRecord | null> {
  const row = await tx('forge_logins').where({ forge_id: forgeId }).first(COLUMNS);
  return row ? fromRow<ForgeLoginRecord>(row) : null;
}

export async function listForgeLogins(tx: Tx): Promise<ForgeLoginRecord[]> {
  return (await tx('forge_logins').orderBy('forge_id').select(COLUMNS)).map((row) => fromRow<ForgeLoginRecord>(row));
}

/** False: there was none. */
export async function deleteForgeLogin(tx: Tx, forgeId: string): Promise<boolean> {
  return (await tx('forge_logins').where({ forge_id: forgeId }).delete()) > 0;
}
