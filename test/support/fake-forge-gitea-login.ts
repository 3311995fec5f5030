import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { type GiteaCall, notFound } from './fake-forge-gitea-calls.ts';
import type { FakeAnswer, FakeRequest } from './fake-forge-server.ts';
import { type FakeWorld, moveRepository, ownerOf } from './fake-forge-world.ts';

/** What a bad forge, or somebody in between, makes of an identity token. */
interface TokenTwist {
  /** `HS256` signs with the public key as the secret, `none` with nothing. */
  alg?: 'RS256' | 'HS256' | 'none';
  /** Signs with a key that the forge does not show, under the name of one that it does. */
  foreignKey?: boolean;
  /** Take the place of the right ones; undefined leaves one out. */
  claims?: Record<string, unknown>;
}

interface SigningKey {
  kid: string;
  private: KeyObject;
}

interface FakeCode {
  login: string;
  clientId: string;
  redirectUri: string;
  nonce: string;
  challenge: string;
  scope: string;
}

/** The Open ID side of a fake Gitea or Forgejo. */
export interface FakeLogin {
  apps: Map<string, { name: string; secret: string; redirectUris: string[] }>;
  codes: Map<string, FakeCode>;
  /** Every exchange that was asked for, as it was sent. */
  exchanges: Record<string, string>[];
  /** Tokens that sign-ins gave. */
  given: string[];
  keys: SigningKey[];
  twist: TokenTwist;
  /** True: the person says no. */
  denies: boolean;
}

let known: SigningKey | null = null;

export function newSigningKey(): SigningKey {
  return { kid: randomUUID(), private: generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey };
}

export function createLogin(): FakeLogin {
  known ??= newSigningKey();
  const empty = { apps: new Map(), codes: new Map(), exchanges: [], given: [] };
  return { ...empty, keys: [known], twist: {}, denies: false };
}

export function answerLogin(call: GiteaCall, path: string): Promise<FakeAnswer> | FakeAnswer | null {
  switch (path) {
    case '.well-known/openid-configuration':
      return { status: 200, body: discovery(call.root) };
    case 'login/oauth/authorize':
      return authorize(call.login, call.request);
    case 'login/oauth/keys':
      return { status: 200, body: { keys: call.login.keys.map(jwkOf) } };
    case 'login/oauth/access_token':
      return exchange(call);
    case 'login/oauth/userinfo':
      return userinfo(call);
    default:
      return null;
  }
}

/** Built from ROOT_URL, without a slash at its end. */
function discovery(root: string) {
  return {
    issuer: root,
    authorization_endpoint: `${root}/login/oauth/authorize`,
    token_endpoint: `${root}/login/oauth/access_token`,
    jwks_uri: `${root}/login/oauth/keys`,
    userinfo_endpoint: `${root}/login/oauth/userinfo`,
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['plain', 'S256'],
  };
}

function jwkOf(key: SigningKey) {
  return { ...createPublicKey(key.private).export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: key.kid };
}

/** The person is whom the cookie of the browser names; the consent page is pressed at once. */
export function authorize(login: FakeLogin, request: FakeRequest): FakeAnswer {
  const query = request.url.searchParams;
  const person = /(?:^|; )forge_user=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
  const app = login.apps.get(query.get('client_id') ?? '');
  const redirectUri = query.get('redirect_uri') ?? '';
  if (!app?.redirectUris.includes(redirectUri))
    return { status: 400, headers: { 'content-type': 'text/html' }, body: 'Unregistered Redirect URI' };
  if (person === undefined) return { status: 303, headers: { location: '/user/login' } };
  const back = new URL(redirectUri);
  back.searchParams.set('state', query.get('state') ?? '');
  if (login.denies) back.searchParams.set('error', 'access_denied');
  else {
    const code = `gta_${randomUUID()}`;
    const challenge = query.get('code_challenge') ?? '';
    const said = { nonce: query.get('nonce') ?? '', challenge, scope: query.get('scope') ?? '' };
    login.codes.set(code, { login: person, clientId: query.get('client_id') ?? '', redirectUri, ...said });
    back.searchParams.set('code', code);
  }
  return { status: 303, headers: { location: back.href } };
}

/** Measured: a code is good for once, and a verifier was not checked. */
async function exchange(call: GiteaCall): Promise<FakeAnswer> {
  const { login, world, request } = call;
  const form = Object.fromEntries(new URLSearchParams(request.body));
  login.exchanges.push(form);
  const code = login.codes.get(form['code'] ?? '');
  const app = login.apps.get(form['client_id'] ?? '');
  if (app?.secret !== form['client_secret'])
    return { status: 400, body: { error: 'unauthorized_client', error_description: 'invalid client secret' } };
  login.codes.delete(form['code'] ?? '');
  if (code === undefined || code.clientId !== form['client_id'] || code.redirectUri !== form['redirect_uri'])
    return { status: 400, body: { error: 'unauthorized_client', error_description: 'client is not authorized' } };
  const token = `oauth-${randomUUID()}`;
  login.given.push(token);
  world.tokens.set(token, { login: code.login, siteAdmin: false, readsUser: true });
  const id_token = await identityToken(call, code);
  return { status: 200, body: { access_token: token, token_type: 'bearer', expires_in: 3_600, id_token } };
}

async function identityToken({ login, world, root }: GiteaCall, code: FakeCode): Promise<string> {
  const { twist, keys } = login;
  const at = Math.floor(world.now() / 1_000);
  const user = ownerOf(world, code.login, 'user');
  const claims = {
    ...{ iss: root, sub: String(user.id), aud: [code.clientId], iat: at, exp: at + 3_600, nonce: code.nonce },
    ...{ name: `${code.login} in full`, preferred_username: user.login, groups: [] },
    ...twist.claims,
  };
  const key = keys.at(-1) as SigningKey;
  const header = { alg: twist.alg ?? 'RS256', kid: key.kid, typ: 'JWT' };
  if (twist.alg === 'none') {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${part({ ...header, alg: 'none' })}.${part(claims)}.`;
  }
  const publicText = createPublicKey(key.private).export({ format: 'pem', type: 'spki' });
  const signer = twist.foreignKey ? newSigningKey().private : key.private;
  const jwt = new SignJWT(JSON.parse(JSON.stringify(claims)) as Record<string, unknown>).setProtectedHeader(header);
  return jwt.sign(twist.alg === 'HS256' ? Buffer.from(publicText) : signer);
}

function userinfo({ world, who }: GiteaCall): FakeAnswer {
  if (who === null) return { status: 401, body: { error: 'invalid_token' } };
  const user = ownerOf(world, who.login, 'user');
  return { status: 200, body: { sub: String(user.id), name: user.login, preferred_username: user.login } };
}

/** `POST /user/applications/oauth2`: the secret is shown this once. */
export function registerApp(call: GiteaCall): FakeAnswer {
  const { login, who, request } = call;
  if (who === null) return { status: 401, body: { message: 'token is required' } };
  if (who.writesUser === false) {
    const message =
      'token does not have at least one of required scope(s), required=[write:user], token scope=read:user';
    return { status: 403, body: { message } };
  }
  const { name, redirect_uris: redirectUris } = JSON.parse(request.body) as { name: string; redirect_uris: string[] };
  const [clientId, secret] = [randomUUID(), `gto_${randomUUID()}`];
  login.apps.set(clientId, { name, secret, redirectUris });
  const body = {
    id: 4,
    name,
    client_id: clientId,
    client_secret: secret,
    confidential_client: true,
    redirect_uris: redirectUris,
  };
  return { status: 201, body };
}

/** `/users/{login}`: an old login redirects until somebody takes it; who administers the forge is shown to administrators only. */
export function answerUserNamed(
  call: GiteaCall,
  login: string,
  bodyOf: (login: string, id: number) => object,
): FakeAnswer {
  const { world, who } = call;
  const moved = world.movedUsers.get(login.toLowerCase());
  const user = world.owners.get(login.toLowerCase());
  if (!user && moved !== undefined)
    return { status: 301, headers: { location: `/api/v1/users/${encodeURIComponent(moved)}` }, body: {} };
  if (!user) return notFound(call);
  const isAdmin = who?.siteAdmin === true && world.siteAdmins.has(user.login);
  const facts = { is_admin: isAdmin, prohibit_login: world.blocked.has(user.login) };
  return { status: 200, body: { ...bodyOf(user.login, user.id), ...facts } };
}

/** A person or an organization. Everything that knows the login goes along; the old one leads to the new one. */
export function renameUser(world: FakeWorld, from: string, to: string): void {
  const user = ownerOf(world, from, 'user');
  world.owners.delete(from.toLowerCase());
  user.login = to;
  world.owners.set(to.toLowerCase(), user);
  world.movedUsers.set(from.toLowerCase(), to);
  const move = (set: Set<string>) => set.delete(from) && set.add(to);
  for (const team of world.teams) move(team.members);
  for (const team of world.teams) if (team.organization === from) team.organization = to;
  for (const repository of world.repositories) {
    move(repository.admins);
    if (repository.owner === from) moveRepository(world, repository, { owner: to });
  }
  for (const set of [world.siteAdmins, world.blocked]) move(set);
}
