import { randomUUID } from 'node:crypto';
import {
  type Answer,
  accountJson,
  type Call,
  type FakeGitHubWorld,
  MISSING,
  ok,
  refusal,
} from './fake-github-world.ts';

interface FakeGitHubTeam {
  id: number;
  organization: string;
  name: string;
  slug: string;
  members: Set<string>;
}

/** Who is who on a fake GitHub, and its OAuth. */
export interface FakeGitHubPeople {
  /** Ids by login, of organizations too. */
  users: Map<string, number>;
  /** Logins of owners by organization; an invited one has not accepted yet. */
  owners: Map<string, Set<string>>;
  invited: Set<string>;
  teams: FakeGitHubTeam[];
  /** Logins of administrators by repository id. */
  admins: Map<number, Set<string>>;
  apps: Map<string, { secret: string; redirectUri: string }>;
  codes: Map<string, { login: string; challenge: string; redirectUri: string }>;
  /** Logins by the tokens that sign-ins gave. */
  given: Map<string, string>;
  exchanges: Record<string, string>[];
  denies: boolean;
}

export function newPeople(): FakeGitHubPeople {
  const maps = {
    users: new Map(),
    owners: new Map(),
    admins: new Map(),
    apps: new Map(),
    codes: new Map(),
    given: new Map(),
  };
  return { ...maps, invited: new Set(), teams: [], exchanges: [], denies: false };
}

/** The old name leads nowhere by API; repositories redirect. */
export function renameOrganization(world: FakeGitHubWorld, from: string, to: string): void {
  const id = accountJson(world, from)?.id ?? 0;
  world.organizations.set(to, world.organizations.get(from) ?? []);
  world.people.users.set(to, id);
  world.people.owners.set(to, world.people.owners.get(from) ?? new Set());
  for (const team of world.people.teams) if (team.organization === from) team.organization = to;
  for (const repository of world.repositories) {
    if (repository.owner !== from) continue;
    world.renamed.set(`${from}/${repository.name}`, repository.id);
    repository.owner = to;
  }
  forgetOrganization(world, from);
}

export function deleteOrganization(world: FakeGitHubWorld, name: string): void {
  world.repositories = world.repositories.filter(({ owner }) => owner !== name);
  world.people.teams = world.people.teams.filter(({ organization }) => organization !== name);
  forgetOrganization(world, name);
}

function forgetOrganization({ organizations, people }: FakeGitHubWorld, name: string): void {
  organizations.delete(name);
  people.users.delete(name);
  people.owners.delete(name);
}

/** `/users/{login}`, `/user/{id}`, and what `/orgs` and `/repos` tell about people; null: another route. */
export function answerPeople(world: FakeGitHubWorld, call: Call, path: readonly string[]): Answer | null {
  const [kind, first = '', second, third = '', fourth, fifth = ''] = path;
  const { people } = world;
  if (kind === 'user' && first !== '' && path.length === 2 && /^\d+$/.test(first)) {
    const found = [...people.users].find(([, id]) => String(id) === first);
    return found ? ok({ ...accountJson(world, found[0]), site_admin: true }) : MISSING;
  }
  if (kind === 'users' && path.length === 2) {
    const account = accountJson(world, first);
    return account ? ok(account) : MISSING;
  }
  if (kind !== 'orgs' || (second !== 'memberships' && second !== 'teams')) return null;
  if (!call.token?.admin) return MISSING;
  if (second === 'memberships') {
    const isOwner = people.owners.get(first)?.has(third) === true;
    const isMember = isOwner || people.teams.some((team) => team.organization === first && team.members.has(third));
    const state = people.invited.has(third) ? 'pending' : 'active';
    return isMember ? ok({ state, role: isOwner ? 'admin' : 'member' }) : MISSING;
  }
  const teams = people.teams.filter((team) => team.organization === first);
  if (path.length === 3)
    return world.organizations.has(first) ? ok(teams.map(({ members: _, ...team }) => team)) : MISSING;
  const team = teams.find(({ slug }) => slug === third);
  const isMember = fourth === 'memberships' && team?.members.has(fifth) === true;
  return isMember ? ok({ state: 'active', role: 'member', url: '' }) : MISSING;
}

/** `/repos/{owner}/{name}/collaborators/{login}/permission` */
export function answerPermission(world: FakeGitHubWorld, call: Call, repositoryId: number, login: string): Answer {
  if (!call.token?.admin) return refusal(403, 'Must have push access to view repository collaborators.');
  const isAdmin = world.people.admins.get(repositoryId)?.has(login) === true;
  return ok({ permission: isAdmin ? 'admin' : 'read', role_name: isAdmin ? 'admin' : 'read', user: { login } });
}

/** The pages below `/login/oauth`; null: another one. Faults of a code are told with 200. */
export function answerOauth(world: FakeGitHubWorld, call: Call, cookie: string): Answer | null {
  const { people } = world;
  if (call.path === '/login/oauth/authorize') {
    const app = people.apps.get(call.query.get('client_id') ?? '');
    const redirectUri = call.query.get('redirect_uri') ?? '';
    const login = /(?:^|; )forge_user=([^;]+)/.exec(cookie)?.[1];
    if (app?.redirectUri !== redirectUri || login === undefined) return MISSING;
    const back = new URL(redirectUri);
    back.searchParams.set('state', call.query.get('state') ?? '');
    if (people.denies) back.searchParams.set('error', 'access_denied');
    else {
      const code = randomUUID();
      people.codes.set(code, { login, challenge: call.query.get('code_challenge') ?? '', redirectUri });
      back.searchParams.set('code', code);
    }
    return { status: 302, headers: { location: back.href } };
  }
  return call.path === '/login/oauth/access_token' && call.method === 'POST' ? exchange(people, call) : null;
}

function exchange(people: FakeGitHubPeople, { form }: Call): Answer {
  people.exchanges.push(form);
  const app = people.apps.get(form['client_id'] ?? '');
  const code = people.codes.get(form['code'] ?? '');
  people.codes.delete(form['code'] ?? '');
  if (app?.secret !== form['client_secret'])
    return ok({
      error: 'incorrect_client_credentials',
      error_description: 'The client_id and/or client_secret passed are incorrect.',
    });
  if (code === undefined || code.redirectUri !== form['redirect_uri'])
    return ok({ error: 'bad_verification_code', error_description: 'The code passed is incorrect or expired.' });
  const token = `gho_${randomUUID()}`;
  people.given.set(token, code.login);
  return ok({ access_token: token, token_type: 'bearer', scope: '' });
}
