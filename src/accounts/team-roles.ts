import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import { type FieldError, ForgeTrouble, problem } from '../errors.ts';
import { connectionOf, type ForgeDeps } from '../forge/connections.ts';
import type { RemoteTeam } from '../forge/people.ts';
import { findForge, lockOrganization, type OrganizationRecord } from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import type { TeamRole } from './role.ts';
import { replaceTeamRoles, type TeamRoleRecord, teamRolesOf } from './store-team-roles.ts';

export interface TeamRoles {
  roles: TeamRoleRecord[];
  /** The teams of the organization on its forge; null: it has none, or they could not be read. */
  teams: RemoteTeam[] | null;
  /** Why they could not be read, in words. */
  trouble: string | null;
}

/** What the organization lets its teams do, and which teams there are. A forge that does not answer leaves the first part. */
export async function readTeamRoles(deps: ForgeDeps, organization: OrganizationRecord): Promise<TeamRoles> {
  const roles = await deps.db.read((tx) => teamRolesOf(tx, organization.id));
  return { roles, ...(await askForTeams(deps, organization)) };
}

async function askForTeams(deps: ForgeDeps, organization: OrganizationRecord): Promise<Omit<TeamRoles, 'roles'>> {
  const forge = await deps.db.read((tx) => findForge(tx, organization.forgeId));
  const people = forge && deps.drivers[forge.kind].people;
  if (!forge || !people) return { teams: null, trouble: null };
  if (organization.ownerLostSince !== null)
    return {
      teams: null,
      trouble: 'the name of the owner leads to somebody else or to nobody, so its teams are not asked for',
    };
  try {
    return { teams: await people.teams(connectionOf(deps, forge), organization.owner), trouble: null };
  } catch (error) {
    if (!(error instanceof ForgeTrouble)) throw error;
    return { teams: null, trouble: `the forge could not be asked for its teams (${error.reason})` };
  }
}

export interface TeamRoleWish {
  team_id: string;
  role: TeamRole;
}

/**
 * Replaces what the organization lets its teams do; it holds from the next request on. Only teams that the forge shows can be
 * named, and those that were named before. Throws INVALID_REQUEST, and FORGE_TROUBLE where a new one is named and the forge does
 * not answer.
 */
export async function setTeamRoles(
  deps: ForgeDeps,
  organization: OrganizationRecord,
  wish: readonly TeamRoleWish[],
  by: By,
): Promise<TeamRoles> {
  const { teams, trouble } = await askForTeams(deps, organization);
  const roles = await deps.db.tx(async (tx) => {
    await lockOrganization(tx, organization.id);
    const before = await teamRolesOf(tx, organization.id);
    const isNew = wish.some(({ team_id }) => before.every(({ teamId }) => teamId !== team_id));
    if (trouble !== null && isNew) throw problem('FORGE_TROUBLE', trouble);
    const after = namedRoles(wish, teams ?? [], before);
    const changes = { roles: { from: inWords(before), to: inWords(after) } };
    if (changes.roles.from.join() === changes.roles.to.join()) return before;
    await replaceTeamRoles(tx, organization.id, after, { at: toIso(by.now), by: by.actor.id });
    const event = { actor: by.actor, action: 'organization.team_roles', entity: 'organization' };
    await audit(tx, { ...event, entityId: organization.id, changes, requestId: by.requestId }, by.now);
    return after;
  });
  return { roles, teams, trouble };
}

function namedRoles(
  wish: readonly TeamRoleWish[],
  teams: readonly RemoteTeam[],
  before: readonly TeamRoleRecord[],
): TeamRoleRecord[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  const roles = wish.flatMap(({ team_id: teamId, role }, index) => {
    const pointer = `/team_roles/${index}/team_id`;
    const teamName =
      teams.find(({ id }) => id === teamId)?.name ?? before.find((each) => each.teamId === teamId)?.teamName;
    if (teamName === undefined) errors.push({ pointer, detail: 'is no team of the organization on its forge' });
    if (seen.has(teamId)) errors.push({ pointer, detail: 'is named twice' });
    seen.add(teamId);
    return teamName === undefined ? [] : [{ teamId, teamName, role }];
  });
  if (errors.length > 0) throw problem('INVALID_REQUEST', 'a team is not known or named twice', { errors });
  return roles.sort((a, b) => (a.teamId < b.teamId ? -1 : 1));
}

function inWords(roles: readonly TeamRoleRecord[]): string[] {
  return roles.map(({ teamId, teamName, role }) => `${teamName} (${teamId}): ${role}`);
}
