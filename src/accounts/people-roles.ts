import { Problem } from '../errors.ts';
import { connectionOf } from '../forge/connections.ts';
import type { ForgeConnection } from '../forge/forge.ts';
import type { ForgePeople, RemotePerson } from '../forge/people.ts';
import {
  type ForgeRecord,
  findForge,
  findOrganization,
  findRepository,
  listOrganizations,
  type OrganizationRecord,
  type RepositoryRecord,
} from '../forge/store.ts';
import type { Standing, Wanted } from '../http/actor.ts';
import { type FactCache, makeFactCache } from './fact-cache.ts';
import { findOwner, type OwnerDeps } from './owners.ts';
import type { Person } from './person.ts';
import type { Place } from './place.ts';
import { higherRole, holdsRole, type Role } from './role.ts';
import { type TeamRoleRecord, teamRolesOf } from './store-team-roles.ts';

export interface StandingDeps extends OwnerDeps {
  /** From the configuration: `forge/login` or `forge/id:number`, for forges that do not tell who administers them. */
  siteAdmins: readonly string[];
}

export interface RoleIn {
  organization: OrganizationRecord;
  role: Role;
}

export interface Standings {
  of(person: Person, place: Place | null, wanted: Wanted, now: number): Promise<Standing>;
  /** Where a person has a role on an organization as a whole. `complete` false: of some the forge could not be asked. */
  all(person: Person, when: { now: number; isWrite: boolean }): Promise<{ roles: RoleIn[]; complete: boolean }>;
  /** Something about people changed on this forge: it is asked anew. */
  forget(forgeId: string): void;
}

/** How many organizations are asked about at a time. */
const AT_A_TIME = 8;

/**
 * What people may do, as their forge says it now. Site administrators of a forge are that for its organizations; owners administer
 * theirs; a repository's administrator what belongs to repositories of his alone; teams have what the organization gives them.
 * A person of another forge is nobody. The operator may do everything everywhere.
 */
export function makeStandings(deps: StandingDeps): Standings {
  const facts = makeFactCache();
  return {
    of: (person, place, wanted, now) =>
      place === null
        ? ofEverything(deps, facts, person, wanted, now)
        : ofPlace(deps, facts, person, place, wanted, now),
    all: (person, when) => rolesOf(deps, facts, person, when),
    forget: facts.forget,
  };
}

async function ofPlace(
  deps: StandingDeps,
  facts: FactCache,
  person: Person,
  place: Place,
  { role: wanted, isWrite }: Wanted,
  now: number,
): Promise<Standing> {
  if (person.forgeId === null) return { role: 'site_admin', organizations: null, repositoryIds: null };
  const found = await readGround(deps, place.organizationId, place.repositoryIds ?? []);
  const nothing = { role: null, organizations: [], repositoryIds: null };
  if (found === null) return nothing;
  const whole = await roleOn(deps, facts, person, { ...found, repositories: [] }, { now, isWrite });
  const organizations = [place.organizationId];
  if (whole !== null && holdsRole(whole, wanted)) return { role: whole, organizations, repositoryIds: null };
  const role = await roleOn(deps, facts, person, found, { now, isWrite });
  return role === null ? nothing : { role, organizations, repositoryIds: place.repositoryIds };
}

/**
 * Of a route of no place: the organizations in which he has the wanted role, so that what he may do in one is not done in another.
 * What concerns the whole installation is the operator's: no forge's administrator speaks for the others.
 */
async function ofEverything(
  deps: StandingDeps,
  facts: FactCache,
  person: Person,
  { role: wanted, isWrite }: Wanted,
  now: number,
): Promise<Standing> {
  if (person.forgeId === null) return { role: 'site_admin', organizations: null, repositoryIds: null };
  const { roles } = await rolesOf(deps, facts, person, { now, isWrite });
  const fitting = roles.filter(({ role }) => holdsRole(role, wanted));
  const highest = roles.reduce<Role | null>((best, { role }) => higherRole(best, role), null);
  const mine = fitting.length > 0 && wanted !== 'site_admin' ? wanted : highest;
  return {
    role: mine === 'site_admin' ? 'admin' : mine,
    organizations: fitting.map(({ organization }) => organization.id),
    repositoryIds: null,
  };
}

async function rolesOf(
  deps: StandingDeps,
  facts: FactCache,
  person: Person,
  when: { now: number; isWrite: boolean },
): Promise<{ roles: RoleIn[]; complete: boolean }> {
  const all = await deps.forge.db.read(listOrganizations);
  if (person.forgeId === null)
    return { roles: all.map((organization) => ({ organization, role: 'site_admin' })), complete: true };
  const asked = all.filter(({ forgeId }) => forgeId === person.forgeId);
  const roles: RoleIn[] = [];
  let trouble: Problem | null = null;
  for (let from = 0; from < asked.length; from += AT_A_TIME) {
    const answers = asked.slice(from, from + AT_A_TIME).map((each) => roleOrTrouble(deps, facts, person, each, when));
    for (const { organization, role } of await Promise.all(answers)) {
      if (role instanceof Problem) trouble = role;
      else if (role !== null) roles.push({ organization, role });
    }
  }
  // A write is done where he surely may; where nothing is sure, he is told so instead of that he may not.
  if (trouble !== null && roles.length === 0) throw trouble;
  return { roles, complete: trouble === null };
}

async function roleOrTrouble(
  deps: StandingDeps,
  facts: FactCache,
  person: Person,
  organization: OrganizationRecord,
  when: { now: number; isWrite: boolean },
): Promise<{ organization: OrganizationRecord; role: Role | Problem | null }> {
  try {
    const found = await readGround(deps, organization.id, []);
    return { organization, role: found && (await roleOn(deps, facts, person, found, when)) };
  } catch (error) {
    if (error instanceof Problem && error.code === 'FORGE_TROUBLE') return { organization, role: error };
    throw error;
  }
}

/** What is stored of a place, read at once. */
interface Ground {
  organization: OrganizationRecord;
  forge: ForgeRecord;
  teamRoles: TeamRoleRecord[];
  repositories: RepositoryRecord[];
}

async function readGround(
  { forge: { db } }: StandingDeps,
  organizationId: string,
  repositoryIds: readonly string[],
): Promise<Ground | null> {
  return db.read(async (tx) => {
    const organization = await findOrganization(tx, organizationId);
    const forge = organization && (await findForge(tx, organization.forgeId));
    if (!organization || !forge) return null;
    const repositories: RepositoryRecord[] = [];
    for (const id of repositoryIds) {
      const repository = await findRepository(tx, id);
      if (repository) repositories.push(repository);
    }
    // One that is gone can be nobody's: then it is not all his.
    const known = repositories.length === repositoryIds.length ? repositories : [];
    return { organization, forge, teamRoles: await teamRolesOf(tx, organizationId), repositories: known };
  });
}

async function roleOn(
  deps: StandingDeps,
  facts: FactCache,
  person: Person,
  { organization, forge, teamRoles, repositories }: Ground,
  when: { now: number; isWrite: boolean },
): Promise<Role | null> {
  const { forge: forgeDeps, siteAdmins } = deps;
  const people = forgeDeps.drivers[forge.kind].people;
  if (people === null || person.forgeId !== forge.id) return null;
  const connection = () => connectionOf(forgeDeps, forge);
  const ask = <T>(name: string, look: (people: ForgePeople, connection: ForgeConnection) => Promise<T>) =>
    facts.ask(forge.id, `${person.id} ${name}`, when, () => look(people, connection()));
  const now = await ask('person', (of, at) => of.person(at, person));
  if (now === null) return null;
  if (now.isSiteAdmin || isListed(siteAdmins, forge, person, now)) return 'site_admin';
  const { id, owner: noted, ownerId } = organization;
  const found = await facts.ask(forge.id, `owner of ${id}: ${ownerId} ${noted}`, when, () =>
    findOwner(deps, forge, organization, when.now),
  );
  // A name that a stranger has taken makes neither him nor his teams anything.
  const owner = found.kind === 'found' ? found.owner.name : null;
  if (owner !== null && (await ask(`owner ${id} ${owner}`, (of, at) => of.isOwner(at, owner, now.login))))
    return 'admin';
  const administers = await everyOne(repositories, (repository) =>
    ask(`repository ${repository.id}`, (of, at) => of.isRepositoryAdmin(at, { id: repository.remoteId }, now.login)),
  );
  if (administers) return 'admin';
  if (owner === null) return null;
  const given = await Promise.all(
    teamRoles.map(async ({ teamId, role }) => {
      const isMember = await ask(`team ${id} ${teamId}`, (of, at) => of.isTeamMember(at, owner, teamId, now.login));
      return isMember ? role : null;
    }),
  );
  return given.reduce<Role | null>(higherRole, null);
}

/** False for none at all. */
async function everyOne<T>(things: readonly T[], test: (thing: T) => Promise<boolean>): Promise<boolean> {
  for (const thing of things) if (!(await test(thing))) return false;
  return things.length > 0;
}

function isListed(list: readonly string[], { name }: ForgeRecord, { remoteId }: Person, { login }: RemotePerson) {
  const entries = [`${name}/${login}`, `${name}/id:${remoteId}`].map((each) => each.toLowerCase());
  return list.some((each) => entries.includes(each.toLowerCase()));
}
