import type { ForgeDeps } from '../forge/connections.ts';
import type { ForgeConnection } from '../forge/forge.ts';
import type { ForgePeople } from '../forge/people.ts';
import { type OrganizationRecord, ownersOfRepositories, rememberOwner } from '../forge/store.ts';

/**
 * What the owner of an organization is called on its forge now. A name that is given up may be taken by anybody, who must not become
 * the owner of what was sold under it: the id tells, which is remembered from the first look on. Where the old name leads nowhere,
 * the repositories know the new one. null: it is not to be found, so that nobody is anything by it. Throws ForgeTrouble.
 */
export async function ownerNow(
  { db }: Pick<ForgeDeps, 'db'>,
  people: Pick<ForgePeople, 'account'>,
  connection: ForgeConnection,
  { id, owner, ownerId }: Pick<OrganizationRecord, 'id' | 'owner' | 'ownerId'>,
): Promise<string | null> {
  const named = await people.account(connection, owner);
  if (ownerId === null) {
    if (named !== null) await db.tx((tx) => rememberOwner(tx, id, named.id));
    return named?.login ?? null;
  }
  if (named?.id === ownerId) return named.login;
  for (const name of await db.read((tx) => ownersOfRepositories(tx, id))) {
    const other = await people.account(connection, name);
    if (other?.id === ownerId) return other.login;
  }
  return null;
}
