import type { Tx } from '../db/dialect.ts';

const TABLES: readonly (readonly [table: string, column: string])[] = [
  ['usage_log', 'at'],
  ['usage_daily', 'last_at'],
  ['audit_events', 'at'],
  ['releases', 'updated_at'],
  ['hook_deliveries', 'received_at'],
];

/** When anything was written last, ISO; null in an empty database. */
export async function newestInstant(tx: Tx): Promise<string | null> {
  let newest: string | null = null;
  for (const [table, column] of TABLES) {
    const row = await tx(table).max(`${column} as at`).first();
    const at = (row as { at: string | null } | undefined)?.at ?? null;
    if (at !== null && (newest === null || at > newest)) newest = at;
  }
  return newest;
}

export interface SealedText {
  purpose: 'license-key' | 'forge-token';
  id: string;
  sealed: string;
}

/** One sealed text of each kind, the newest, to try the encryption key on. */
export async function sealedSamples(tx: Tx): Promise<SealedText[]> {
  const key = await tx('license_keys').whereNotNull('sealed').orderBy('id', 'desc').first('id', 'sealed');
  const forge = await tx('forges').whereNotNull('token_sealed').orderBy('id', 'desc').first('id', 'token_sealed');
  return [
    ...(key ? [{ purpose: 'license-key' as const, id: String(key.id), sealed: String(key.sealed) }] : []),
    ...(forge ? [{ purpose: 'forge-token' as const, id: String(forge.id), sealed: String(forge.token_sealed) }] : []),
  ];
}

const PEPPER = 'pepper_fingerprint';

/** The fingerprint that was noted first, by an earlier call or by this one. */
export async function notePepper(tx: Tx, fingerprint: string): Promise<string> {
  await tx('settings').insert({ key: PEPPER, value: fingerprint }).onConflict('key').ignore();
  const row = await tx('settings').where({ key: PEPPER }).first('value');
  return String(row?.value);
}
