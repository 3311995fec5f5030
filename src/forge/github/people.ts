import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import type { ForgeConnection, RemoteRepository } from '../forge.ts';
import type { BlindToken, ForgePeople, RemoteOwner, RemotePerson, RemoteTeam } from '../people.ts';
import { repositoryPath } from './address.ts';
import { readRepository } from './answers.ts';
import { ask, askAll } from './client.ts';

const teamSchema = z.object({ id: z.int().positive().transform(String), name: z.string().min(1), slug: z.string() });
type Team = z.infer<typeof teamSchema>;
const accountSchema = z.object({
  id: z.int().positive().transform(String),
  login: z.string().min(1),
  type: z.string(),
});

/** Who is what on GitHub. `site_admin` in its answers marks GitHub's own staff, so it counts for nothing here. */
export const githubPeople: ForgePeople = {
  ...{ person, isOwner, isRepositoryAdmin, teams, isTeamMember },
  ...{ owner, ownerById, ownerOfRepository, blindness },
};

async function person(forge: ForgeConnection, { remoteId }: { remoteId: string }): Promise<RemotePerson | null> {
  if (!/^\d+$/.test(remoteId)) return null;
  const found = await ask(forge, 'GET /user/{id}', { id: remoteId });
  if (found === null) return null;
  const user = z.object({ id: z.int(), login: z.string().min(1) }).safeParse(found.data);
  if (!user.success || String(user.data.id) !== remoteId)
    throw new ForgeTrouble('bad_answer', 'GitHub did not answer with the user');
  return { login: user.data.login, isSiteAdmin: false };
}

/** A person owns what stands under his own login. An invitation that is not accepted is no membership yet. */
async function isOwner(forge: ForgeConnection, owner: string, login: string): Promise<boolean> {
  if (owner.toLowerCase() === login.toLowerCase()) return true;
  const found = await ask(forge, 'GET /orgs/{owner}/memberships/{login}', { owner, login });
  if (found === null) return false;
  const { state, role } = membershipIn(found.data);
  return state === 'active' && role === 'admin';
}

/** By id first: an old name redirects only until somebody takes it for another repository. */
async function isRepositoryAdmin(
  forge: ForgeConnection,
  { id }: Pick<RemoteRepository, 'id'>,
  login: string,
): Promise<boolean> {
  const repository = /^\d+$/.test(id) ? await ask(forge, 'GET /repositories/{id}', { id }) : null;
  const path = repository && repositoryPath(readRepository(repository.data), 'collaborators', login, 'permission');
  const found = path === null ? null : await ask(forge, `GET ${path}`);
  if (found === null) return false;
  const said = z.object({ permission: z.string() }).safeParse(found.data);
  if (!said.success) throw new ForgeTrouble('bad_answer', 'GitHub did not say the permission');
  return said.data.permission === 'admin';
}

async function teams(forge: ForgeConnection, owner: string): Promise<RemoteTeam[] | null> {
  return (await teamsOf(forge, owner))?.map(({ id, name }) => ({ id, name })) ?? null;
}

/** GitHub asks for the team by its slug, which changes with its name. Members of a team below it are members, too. */
async function isTeamMember(forge: ForgeConnection, owner: string, teamId: string, login: string): Promise<boolean> {
  const team = (await teamsOf(forge, owner))?.find(({ id }) => id === teamId);
  if (team === undefined) return false;
  const route = 'GET /orgs/{owner}/teams/{slug}/memberships/{login}';
  const found = await ask(forge, route, { owner, slug: team.slug, login });
  return found !== null && membershipIn(found.data).state === 'active';
}

/** Organizations and persons share ids and names, and this route shows both. No old name leads on. */
async function owner(forge: ForgeConnection, name: string): Promise<RemoteOwner | null> {
  const found = isSegment(name) ? await ask(forge, 'GET /users/{name}', { name }) : null;
  return found && ownerIn(found.data);
}

async function ownerById(forge: ForgeConnection, id: string): Promise<RemoteOwner | null> {
  if (!/^\d+$/.test(id)) return null;
  const found = (await ask(forge, 'GET /user/{id}', { id })) ?? (await ask(forge, 'GET /organizations/{id}', { id }));
  const account = found && ownerIn(found.data);
  if (account !== null && account.id !== id) throw new ForgeTrouble('bad_answer', 'GitHub answered with another owner');
  return account;
}

async function ownerOfRepository(
  forge: ForgeConnection,
  { id }: Pick<RemoteRepository, 'id'>,
): Promise<RemoteOwner | null> {
  const found = /^\d+$/.test(id) ? await ask(forge, 'GET /repositories/{id}', { id }) : null;
  return found && ownerIn(z.object({ owner: z.unknown() }).safeParse(found.data).data?.owner);
}

/** Memberships and teams are shown to members of the organization whose token has read:org. Of a person nothing is asked. */
async function blindness(forge: ForgeConnection, name: string): Promise<BlindToken | null> {
  const found = isSegment(name) ? await ask(forge, 'GET /users/{name}', { name }) : null;
  if (found === null || accountIn(found.data).type !== 'Organization') return null;
  if ((await teamsOf(forge, name)) !== null) return null;
  return {
    detail: `the token may not see the teams and members of ${name}, so nobody has a role by them`,
    fix: `Use a token with the scope read:org of somebody who is an owner of ${name}.`,
  };
}

function ownerIn(data: unknown): RemoteOwner {
  const { id, login } = accountIn(data);
  return { id, name: login };
}

function accountIn(data: unknown): z.infer<typeof accountSchema> {
  const account = accountSchema.safeParse(data);
  if (!account.success) throw new ForgeTrouble('bad_answer', 'GitHub did not answer with a person or an organization');
  return account.data;
}

/** A URL would resolve the others to somewhere else. */
function isSegment(name: string): boolean {
  return !['', '.', '..'].includes(name);
}

async function teamsOf(forge: ForgeConnection, owner: string): Promise<Team[] | null> {
  const entries = await askAll(forge, 'GET /orgs/{owner}/teams', { owner });
  return entries?.flatMap((entry) => teamSchema.safeParse(entry).data ?? []) ?? null;
}

function membershipIn(data: unknown): { state: string; role: string } {
  const said = z.object({ state: z.string(), role: z.string() }).safeParse(data);
  if (!said.success) throw new ForgeTrouble('bad_answer', 'GitHub did not answer with a membership');
  return said.data;
}
