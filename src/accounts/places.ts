import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { findOrganization } from '../forge/store.ts';
import { kindOfId } from '../ids.ts';
import { findRepositoryAt } from '../releases/level.ts';
import type { Actor } from './actor.ts';
import { type Place, reachOf } from './place.ts';
import { placeOfGone, placeOfThing, productIdsOfRepository } from './store-places.ts';

/**
 * Where the parameters of a path lead: `org` with or without `repo`, else the thing with this `id`, or where it was until it was
 * deleted: whoever looks after a place may ask who did that. null: nowhere.
 */
export async function placeOf(db: Db, params: Readonly<Record<string, unknown>>): Promise<Place | null> {
  const { org, repo, id } = params;
  return db.read(async (tx) => {
    if (typeof org === 'string') return placeAtPath(tx, org, typeof repo === 'string' ? repo : null);
    const kind = typeof id === 'string' ? kindOfId(id) : null;
    if (kind === null) return null;
    return (await placeOfThing(tx, kind, id as string)) ?? placeOfGone(tx, id as string);
  });
}

async function placeAtPath(tx: Tx, org: string, repo: string | null): Promise<Place | null> {
  const organization = await findOrganization(tx, org);
  if (!organization) return null;
  const organizationId = organization.id;
  if (repo === null) return { organizationId, repositoryIds: null, productIds: null };
  const repository = await findRepositoryAt(tx, organization, repo);
  if (!repository) return null;
  const productIds = await productIdsOfRepository(tx, repository.id);
  return { organizationId, repositoryIds: [repository.id], productIds };
}

/**
 * For a thing that a body names, since the door only looks at the path. Throws NOT_FOUND for what is out of the actor's reach, as for
 * what is not there.
 */
export async function requireWithin(tx: Tx, actor: Actor, id: string): Promise<void> {
  const { organizations, repositoryIds, productId } = actor;
  if (repositoryIds === null && productId === null) return;
  const kind = kindOfId(id);
  const place = kind === null ? null : await placeOfThing(tx, kind, id);
  const binding = { organizationId: organizations?.[0] ?? null, repositoryIds, productId };
  if (place === null || reachOf(binding, place) !== 'within') throw problem('NOT_FOUND', `there is no ${id}`);
}
