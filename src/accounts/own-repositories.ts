import type { Db } from '../db/connect.ts';
import { Problem } from '../errors.ts';
import { findOrganization, listRepositories, type OrganizationRecord, type RepositoryRecord } from '../forge/store.ts';
import type { Standings } from './people-roles.ts';
import type { Person } from './person.ts';

/** A repository that a person administers, in an organization that as a whole is not his. */
export interface OwnRepository {
  organization: OrganizationRecord;
  repository: RepositoryRecord;
}

/** The forge is asked for each repository by itself, so only about so many, and so many at a time. */
const MOST = 200;
const AT_A_TIME = 8;

/**
 * What a person administers repository by repository; of organizations in `whole` it is his anyway. `complete` false: of some the
 * forge could not be asked, or there are too many.
 */
export async function repositoriesOf(
  { db, standings }: { db: Db; standings: Standings },
  person: Person,
  whole: ReadonlySet<string>,
  now: number,
): Promise<{ repositories: OwnRepository[]; complete: boolean }> {
  if (person.forgeId === null) return { repositories: [], complete: true };
  const all = await db.read((tx) => listRepositories(tx, null));
  const asked = all.filter((each) => each.forgeId === person.forgeId && !whole.has(each.organizationId));
  const repositories: OwnRepository[] = [];
  let complete = asked.length <= MOST;
  for (let from = 0; from < Math.min(asked.length, MOST); from += AT_A_TIME) {
    const slice = asked.slice(from, Math.min(from + AT_A_TIME, MOST));
    const answers = await Promise.all(slice.map((each) => administers(standings, person, each, now)));
    for (const [i, repository] of slice.entries()) {
      if (answers[i] === null) complete = false;
      if (answers[i] !== true) continue;
      const organization = await db.read((tx) => findOrganization(tx, repository.organizationId));
      if (organization) repositories.push({ organization, repository });
    }
  }
  return { repositories, complete };
}

/** null: the forge could not be asked. */
async function administers(
  standings: Standings,
  person: Person,
  { id, organizationId }: RepositoryRecord,
  now: number,
): Promise<boolean | null> {
  const place = { organizationId, repositoryIds: [id], productIds: null };
  try {
    const { role } = await standings.of(person, place, { role: 'admin', isWrite: false }, now);
    return role === 'admin';
  } catch (error) {
    if (error instanceof Problem && error.code === 'FORGE_TROUBLE') return null;
    throw error;
  }
}
