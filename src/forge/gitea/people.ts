import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import type { ForgeFetchOptions } from '../fetch.ts';
import type { ForgeConnection } from '../forge.ts';
import type { BlindToken, ForgePeople, RemoteOwner, RemotePerson, RemoteTeam } from '../people.ts';
import { apiPath, type GiteaApi, giteaApi } from './client.ts';
import { readRepository } from './schema.ts';

const userSchema = z.object({
  id: z.int().positive().transform(String),
  login: z.string().min(1),
  is_admin: z.boolean().catch(false),
  prohibit_login: z.boolean().catch(false),
});
const teamSchema = z.object({ id: z.int().positive().transform(String), name: z.string().min(1) });

const repositorySchema = z.object({ owner: userSchema });

/**
 * Who is what on a Gitea or Forgejo. A member of a team that has only units reads `none` at a repository's permission and
 * `can_read: false` at the organization's, so ownership and administration alone are asked there, and teams by the team's own route.
 */
export function giteaPeople(options: ForgeFetchOptions): ForgePeople {
  const api = (forge: ForgeConnection) => giteaApi(forge, options);
  return {
    person: (forge, who) => person(api(forge), who),
    isOwner: (forge, owner, login) => isOwner(api(forge), owner, login),
    isRepositoryAdmin: (forge, { id }, login) => isRepositoryAdmin(api(forge), id, login),
    teams: (forge, owner) => teams(api(forge), owner),
    isTeamMember: (forge, _owner, teamId, login) => isTeamMember(api(forge), teamId, login),
    owner: (forge, name) => ownerNamed(api(forge), name),
    // No route takes the id of an organization.
    ownerById: null,
    ownerOfRepository: (forge, { id }) => ownerOfRepository(api(forge), id),
    blindness: (forge, owner) => blindness(api(forge), owner),
  };
}

/** An old login leads to the person who had it, unless somebody took it; the id tells. Only an administrator's token sees `is_admin`. */
async function person(api: GiteaApi, who: { remoteId: string; login: string }): Promise<RemotePerson | null> {
  const user = await userNamed(api, who.login);
  if (user === null || user.id !== who.remoteId || user.prohibit_login) return null;
  return { login: user.login, isSiteAdmin: user.is_admin };
}

async function userNamed(api: GiteaApi, login: string): Promise<z.infer<typeof userSchema> | null> {
  const path = apiPath('users', login);
  const data = path && (await api.ask(`GET ${path}`));
  if (data === null) return null;
  const user = userSchema.safeParse(data);
  if (!user.success) throw new ForgeTrouble('bad_answer', `GET ${path} did not answer with a user`);
  return user.data;
}

/** A person owns what stands under his own login. */
async function isOwner(api: GiteaApi, owner: string, login: string): Promise<boolean> {
  if (owner.toLowerCase() === login.toLowerCase()) return true;
  const path = apiPath('users', login, 'orgs', owner, 'permissions');
  const data = path && (await api.ask(`GET ${path}`));
  if (data === null) return false;
  const rights = z.object({ is_owner: z.boolean() }).safeParse(data);
  if (!rights.success) throw new ForgeTrouble('bad_answer', `GET ${path} did not say who owns it`);
  return rights.data.is_owner;
}

/** By id first: a name may meanwhile belong to another repository. */
async function isRepositoryAdmin(api: GiteaApi, id: string, login: string): Promise<boolean> {
  const byId = apiPath('repositories', id);
  const repository = byId && readRepository(await api.ask(`GET ${byId}`));
  const path = repository && apiPath('repos', repository.owner, repository.name, 'collaborators', login, 'permission');
  const data = path && (await api.ask(`GET ${path}`));
  if (data === null) return false;
  const said = z.object({ permission: z.string() }).safeParse(data);
  if (!said.success) throw new ForgeTrouble('bad_answer', `GET ${path} did not say the permission`);
  return said.data.permission === 'owner' || said.data.permission === 'admin';
}

async function teams(api: GiteaApi, owner: string): Promise<RemoteTeam[] | null> {
  const path = apiPath('orgs', owner, 'teams');
  return path === null ? null : api.list(path, (entry) => teamSchema.safeParse(entry).data ?? null);
}

async function isTeamMember(api: GiteaApi, teamId: string, login: string): Promise<boolean> {
  const path = /^\d+$/.test(teamId) ? apiPath('teams', teamId, 'members', login) : null;
  const data = path && (await api.ask(`GET ${path}`));
  if (data === null) return false;
  const member = userSchema.safeParse(data);
  if (!member.success) throw new ForgeTrouble('bad_answer', `GET ${path} did not answer with a user`);
  return member.data.login.toLowerCase() === login.toLowerCase();
}

/** Organizations and persons share ids and names, and this route shows both. An old name leads on until somebody takes it. */
async function ownerNamed(api: GiteaApi, name: string): Promise<RemoteOwner | null> {
  const user = await userNamed(api, name);
  return user && { id: user.id, name: user.login };
}

async function ownerOfRepository(api: GiteaApi, id: string): Promise<RemoteOwner | null> {
  const path = apiPath('repositories', id);
  const data = path && (await api.ask(`GET ${path}`));
  if (data === null) return null;
  const repository = repositorySchema.safeParse(data);
  if (!repository.success) throw new ForgeTrouble('bad_answer', `GET ${path} did not say whose it is`);
  return { id: repository.data.owner.id, name: repository.data.owner.login };
}

/** Of a person nothing is asked but his name. */
async function blindness(api: GiteaApi, owner: string): Promise<BlindToken | null> {
  const me = userSchema.safeParse(await api.ask('GET /user'));
  if (!me.success) throw new ForgeTrouble('bad_answer', 'GET /user did not answer with a user');
  const { login, is_admin: isAdmin } = me.data;
  const path = apiPath('orgs', owner);
  if (isAdmin || path === null || (await api.ask(`GET ${path}`)) === null) return null;
  if (await isOwner(api, owner, login)) return null;
  return {
    detail: `the token belongs to ${login}, who is neither a site administrator nor an owner of ${owner}: whoever asks for owners and teams without being one is told that there are none, so nobody has a role by them`,
    fix: `On the forge: ${owner} → Teams → Owners → add ${login}. Or use the token of a site administrator.`,
  };
}
