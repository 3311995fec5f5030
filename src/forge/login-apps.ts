import { endSessionsOfForge } from '../accounts/store-sessions.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import type { By } from '../licensing/keys.ts';
import { connectionOf } from './connections.ts';
import type { ForgeConnection } from './forge.ts';
import type { HookDeps } from './hooks.ts';
import type { ForgeLogin, LoginApp } from './people.ts';
import { type ForgeRecord, findForge, listForges } from './store.ts';
import {
  deleteForgeLogin,
  type ForgeLoginRecord,
  findForgeLogin,
  listForgeLogins,
  saveForgeLogin,
} from './store-logins.ts';

const SEALED_AS = 'forge-login';

/** Where the forge sends people back to. Registered there to the letter, so that it holds the id: a name may change. */
export function callbackUrl(publicUrl: string, forgeId: string): string {
  return `${publicUrl}/login/${forgeId}/callback`;
}

/** Lets people sign in with a forge, by an application that was registered there. Replaces the one before. */
export async function setForgeLogin(
  deps: HookDeps,
  forge: ForgeRecord,
  { clientId, clientSecret }: Pick<LoginApp, 'clientId' | 'clientSecret'>,
  by: By,
): Promise<void> {
  requireLogin(deps, forge);
  if (!/^[\x21-\x7e]{1,200}$/.test(clientId))
    throw problem('INVALID_REQUEST', 'the client id is no text of 1 to 200 signs');
  if (!/^[\x21-\x7e]{8,500}$/.test(clientSecret))
    throw problem('INVALID_REQUEST', 'the client secret is too short or too long');
  const login: ForgeLoginRecord = {
    forgeId: forge.id,
    clientId,
    secretSealed: deps.secrets.seal(SEALED_AS, forge.id, clientSecret),
    createdAt: toIso(by.now),
    createdBy: by.actor.id,
  };
  await deps.db.tx(async (tx) => {
    await saveForgeLogin(tx, login);
    const event = { actor: by.actor, action: 'forge.login', entity: 'forge', entityId: forge.id };
    await audit(tx, { ...event, changes: { client_id: clientId }, requestId: by.requestId }, by.now);
  });
}

/** Registers our application on the forge, by the connection's own token or as a user with his password, and keeps it. */
export async function registerForgeLogin(
  deps: HookDeps,
  forge: ForgeRecord,
  as: { user: string; password: string } | null,
  by: By,
): Promise<void> {
  const { register } = requireLogin(deps, forge);
  if (register === null)
    throw problem('INVALID_REQUEST', `a ${forge.kind} takes no application by API; register it there by hand`);
  const app = await register(connectionOf(deps, forge), callbackUrl(deps.publicUrl, forge.id), as);
  await setForgeLogin(deps, forge, app, by);
}

/** Nobody signs in with the forge any more, and whoever did is signed out. False: nobody could before. */
export async function dropForgeLogin(deps: Pick<HookDeps, 'db'>, forge: ForgeRecord, by: By): Promise<boolean> {
  return deps.db.tx(async (tx) => {
    if (!(await deleteForgeLogin(tx, forge.id))) return false;
    const ended = await endSessionsOfForge(tx, forge.id, toIso(by.now));
    const event = { actor: by.actor, action: 'forge.login_off', entity: 'forge', entityId: forge.id };
    await audit(tx, { ...event, changes: { sessions_ended: ended }, requestId: by.requestId }, by.now);
    return true;
  });
}

/** The forges that people may sign in with. */
export async function loginForges(db: Db): Promise<ForgeRecord[]> {
  return db.read(async (tx) => {
    const withLogin = new Set((await listForgeLogins(tx)).map(({ forgeId }) => forgeId));
    return (await listForges(tx)).filter(({ id }) => withLogin.has(id));
  });
}

export interface LoginSide {
  forge: ForgeRecord;
  login: ForgeLogin;
  connection: ForgeConnection;
  app: LoginApp;
}

/** A forge with which people may sign in, by id or name; null: there is none. */
export async function loginSide(deps: HookDeps, idOrName: string): Promise<LoginSide | null> {
  const found = await deps.db.read(async (tx) => {
    const forge = await findForge(tx, idOrName);
    const stored = forge && (await findForgeLogin(tx, forge.id));
    return forge && stored ? { forge, stored } : null;
  });
  const login = found && deps.drivers[found.forge.kind].login;
  if (!found || !login) return null;
  const { forge, stored } = found;
  const app = {
    clientId: stored.clientId,
    clientSecret: deps.secrets.open(SEALED_AS, forge.id, stored.secretSealed),
    redirectUrl: callbackUrl(deps.publicUrl, forge.id),
  };
  return { forge, login, connection: connectionOf(deps, forge), app };
}

function requireLogin({ drivers }: HookDeps, { kind }: ForgeRecord): ForgeLogin {
  const { login } = drivers[kind];
  if (login === null) throw problem('INVALID_REQUEST', `nobody can sign in with a forge of kind "${kind}"`);
  return login;
}
