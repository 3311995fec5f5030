import { type FakeTeam, hasRepository, isOwner, mayAdminister, teamsOf } from './fake-forge-access.ts';
import { userBody } from './fake-forge-gitea-bodies.ts';
import { type GiteaCall, notFound, page } from './fake-forge-gitea-calls.ts';
import { answerUserNamed } from './fake-forge-gitea-login.ts';
import type { FakeAnswer } from './fake-forge-server.ts';
import type { FakeOwner, FakeRepository } from './fake-forge-world.ts';

/** `/user/…`, `/users/…` without repositories, `/teams/…`, and the parts of `/orgs/…` that tell about people. */
export function answerPeople(call: GiteaCall, path: string[]): FakeAnswer | null {
  const [first, second, third, fourth, fifth] = path;
  const { world, who } = call;
  if (first === 'user' && (second === 'orgs' || second === 'teams') && path.length === 2)
    return ownGroups(call, second);
  if (first === 'users' && third === 'orgs' && fifth === 'permissions')
    return organizationRights(call, second ?? '', fourth ?? '');
  if (first === 'users' && path.length === 2)
    return answerUserNamed(call, second ?? '', (login, id) => userBody({ login, id }, call.root));
  if (first === 'orgs' && path.length === 2) {
    const organization = world.owners.get(second?.toLowerCase() ?? '');
    return organization?.kind === 'organization'
      ? { status: 200, body: organizationBody(organization) }
      : notFound(call);
  }
  if (first === 'orgs' && third === 'teams') return listTeams(call, second ?? '');
  if (first === 'orgs' && third === 'members' && path.length === 4) {
    const isMember = teamsOf(world, fourth ?? '', second).length > 0;
    return who !== null && isMember ? { status: 204 } : notFound(call);
  }
  if (first === 'teams') return answerTeam(call, second ?? '', path.slice(2));
  return null;
}

/** As measured, a member of a team that has only units reads `none` here. */
export function answerPermission(call: GiteaCall, repository: FakeRepository, login: string): FakeAnswer {
  const { world, who, root } = call;
  const user = world.owners.get(login.toLowerCase());
  if (!user) return notFound(call);
  if (!mayAdminister(world, who, repository) && who?.login !== login)
    return { status: 403, body: { message: 'no right' } };
  const owner = isOwner(world, login, repository.owner);
  const admin = repository.admins.has(login);
  const permission = owner ? 'owner' : admin ? 'admin' : repository.readers.has(login) ? 'read' : 'none';
  return { status: 200, body: { permission, role_name: permission, user: userBody(user, root) } };
}

export function repositoryTeams(call: GiteaCall, repository: FakeRepository): FakeAnswer {
  return {
    status: 200,
    body: call.world.teams.filter((team) => hasRepository(team, repository)).map((team) => teamBody(team)),
  };
}

function ownGroups(call: GiteaCall, what: 'orgs' | 'teams'): FakeAnswer {
  const { world, who } = call;
  if (who === null) return { status: 401, body: { message: 'token is required' } };
  const teams = teamsOf(world, who.login);
  if (what === 'teams') {
    const bodies = teams.map((team) => teamBody(team, world.owners.get(team.organization.toLowerCase())));
    return paged(call, bodies);
  }
  const names = new Set(teams.map((team) => team.organization.toLowerCase()));
  return paged(
    call,
    [...world.owners.values()].filter((one) => names.has(one.login.toLowerCase())).map(organizationBody),
  );
}

/** Nothing but ownership shows: `can_read` is false for a member of a team that has only units. */
function organizationRights(call: GiteaCall, login: string, organization: string): FakeAnswer {
  const { world, who } = call;
  const owner = isOwner(world, login, organization);
  const mayAsk = who !== null && (who.siteAdmin || who.login === login || isOwner(world, who.login, organization));
  if (!world.owners.has(organization.toLowerCase()) || !mayAsk) return notFound(call);
  const rights = { is_owner: owner, is_admin: owner, can_write: owner, can_read: owner, can_create_repository: owner };
  return { status: 200, body: rights };
}

function listTeams(call: GiteaCall, organization: string): FakeAnswer {
  const { world, request } = call;
  const query = request.url.searchParams.get('q')?.toLowerCase() ?? '';
  const teams = world.teams.filter(
    (team) => team.organization === organization && team.name.toLowerCase().includes(query),
  );
  if (!request.url.pathname.endsWith('/search'))
    return paged(
      call,
      teams.map((team) => teamBody(team)),
    );
  return { status: 200, body: { ok: true, data: teams.map((team) => teamBody(team)) } };
}

function answerTeam(call: GiteaCall, id: string, rest: string[]): FakeAnswer {
  const { world, root } = call;
  const team = world.teams.find((one) => String(one.id) === id);
  if (!team) return notFound(call);
  if (rest.length === 0) return { status: 200, body: teamBody(team) };
  const user = world.owners.get(rest[1]?.toLowerCase() ?? '');
  const isMember = rest[0] === 'members' && user !== undefined && team.members.has(user.login);
  return isMember ? { status: 200, body: userBody(user, root) } : notFound(call);
}

/** `permission` is left over from old times; what a team may do stands in `units_map`. */
function teamBody(team: FakeTeam, organization?: FakeOwner) {
  return {
    id: team.id,
    name: team.name,
    description: '',
    organization: organization ? organizationBody(organization) : null,
    includes_all_repositories: team.includesAll,
    permission: team.name === 'Owners' ? 'owner' : 'none',
    units: Object.keys(team.units),
    units_map: team.units,
    can_create_org_repo: team.name === 'Owners',
  };
}

function organizationBody(organization: FakeOwner) {
  return { id: organization.id, name: organization.login, username: organization.login, visibility: 'public' };
}

function paged(call: GiteaCall, all: readonly unknown[]): FakeAnswer {
  const slice = page(call, all);
  return { status: 200, headers: slice.headers, body: slice.entries };
}
