import type { Tx } from '../db/dialect.ts';
import { toRow } from '../db/rows.ts';
import { identityOf, type Person } from './person.ts';

/**
 * The user that stands for a person, made with `id` at his first sign-in. Login and name become what the forge says now. Gives the
 * id that he has.
 */
export async function saveUser(tx: Tx, user: Person, nowIso: string): Promise<string> {
  const row = { ...toRow(user), identity: identityOf(user), last_seen_at: nowIso };
  const [saved] = await tx('users')
    .insert({ ...row, created_at: nowIso, created_by: user.id })
    .onConflict('identity')
    .merge({ login: user.login, name: user.name, last_seen_at: nowIso })
    .returning('id');
  return saved.id as string;
}

export async function touchUser(tx: Tx, id: string, nowIso: string): Promise<void> {
  await tx('users').where({ id }).update({ last_seen_at: nowIso });
}
