import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, errors as joseErrors, jwtVerify } from 'jose';
import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import { type ForgeFetchOptions, forgeFetch } from '../fetch.ts';
import type { ForgeConnection } from '../forge.ts';
import type { ForgeLogin, LoginApp, LoginReturn, LoginStart, RemoteIdentity } from '../people.ts';

/**
 * `openid` with the rest gives the identity token; `read:user` and `read:organization` are there because without them the token
 * would have all rights of the person (Gitea from 1.23 narrows it by them). https://docs.gitea.com/development/oauth2-provider
 */
const SCOPES = 'openid profile email groups read:user read:organization';

/** What a forge may sign with: public keys only, so that nobody can sign with what everybody knows. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const CLOCK_TOLERANCE_SECONDS = 60;

const discoverySchema = z.object({
  issuer: z.url({ protocol: /^https?$/ }),
  authorization_endpoint: z.url({ protocol: /^https?$/ }),
});
const keysSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });
const tokenSchema = z.object({ access_token: z.string().min(1), id_token: z.string().min(1) });
const claimsSchema = z.object({
  sub: z.string().regex(/^[1-9]\d{0,18}$/),
  nonce: z.string(),
  azp: z.string().optional(),
  preferred_username: z.string().min(1).optional(),
  name: z.string().nullish(),
});
const appSchema = z.object({ client_id: z.string().min(1), client_secret: z.string().min(1) });

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

/**
 * Open ID of Gitea and Forgejo. Who issues is taken from discovery, since versions differ by a slash; of its addresses only the one
 * that the browser goes to is used: what we call ourselves is called where we call the forge, so that code and secret stay there.
 */
export function giteaLogin(options: ForgeFetchOptions): ForgeLogin {
  const asker = (forge: ForgeConnection): Ask => {
    const fetch = forgeFetch({ baseUrl: forge.baseUrl, token: null }, options);
    return (path, init = {}) => fetch(forge.baseUrl + path, init);
  };
  return {
    authorizeUrl: (forge, app, start) => authorizeUrl(asker(forge), app, start),
    exchange: (forge, app, back) => exchange(asker(forge), app, back),
    register: (forge, redirectUrl, as) => register(forge, redirectUrl, as, options),
  };
}

async function authorizeUrl(ask: Ask, app: LoginApp, { state, nonce, challenge }: LoginStart): Promise<string> {
  const url = new URL((await discover(ask)).authorization_endpoint);
  const query = {
    ...{ client_id: app.clientId, redirect_uri: app.redirectUrl, response_type: 'code', scope: SCOPES },
    ...{ state, nonce, code_challenge: challenge, code_challenge_method: 'S256' },
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

async function discover(ask: Ask): Promise<z.infer<typeof discoverySchema>> {
  const found = discoverySchema.safeParse(await jsonOf(await ask('/.well-known/openid-configuration')));
  if (!found.success) throw new ForgeTrouble('bad_answer', 'the forge does not say how to sign in (Open ID discovery)');
  return found.data;
}

async function exchange(ask: Ask, app: LoginApp, back: LoginReturn): Promise<RemoteIdentity> {
  const { issuer } = await discover(ask);
  const form = new URLSearchParams({
    ...{ grant_type: 'authorization_code', code: back.code, redirect_uri: app.redirectUrl },
    ...{ client_id: app.clientId, client_secret: app.clientSecret, code_verifier: back.verifier },
  });
  const tokens = await tokensFor(ask, form);
  const keys = keysSchema.safeParse(await jsonOf(await ask('/login/oauth/keys')));
  if (!keys.success) throw new ForgeTrouble('bad_answer', 'the forge does not show the keys that it signs with');
  const claims = await verified(tokens.id_token, keys.data, { issuer, clientId: app.clientId, now: back.now });
  if (claims.nonce !== back.nonce) throw foreign('it belongs to another sign-in');
  const login = claims.preferred_username ?? (await loginOf(ask, tokens.access_token, claims.sub));
  return { remoteId: claims.sub, login, name: claims.name?.trim() || login };
}

async function tokensFor(ask: Ask, form: URLSearchParams): Promise<z.infer<typeof tokenSchema>> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  const response = await ask('/login/oauth/access_token', { method: 'POST', headers, body: form.toString() });
  const body = await jsonOf(response);
  if (!response.ok)
    throw new ForgeTrouble('refused', `the forge refused the sign-in: ${wordsOf(body, response.status)}`);
  const tokens = tokenSchema.safeParse(body);
  if (!tokens.success) throw new ForgeTrouble('bad_answer', 'the forge gave no identity token');
  return tokens.data;
}

/** Fetched anew at each sign-in, which is rare, so that new keys of the forge are known at once. */
async function verified(
  token: string,
  keys: z.infer<typeof keysSchema>,
  { issuer, clientId, now }: { issuer: string; clientId: string; now: number },
): Promise<z.infer<typeof claimsSchema>> {
  const claims = claimsSchema.safeParse(await payloadOf(token, keys, issuer, clientId, now));
  if (!claims.success) throw foreign('it does not say who signed in');
  const { azp } = claims.data;
  if (azp !== undefined && azp !== clientId) throw foreign('it was made for another application');
  return claims.data;
}

async function payloadOf(
  token: string,
  keys: z.infer<typeof keysSchema>,
  issuer: string,
  audience: string,
  now: number,
): Promise<JWTPayload> {
  const set = createLocalJWKSet(keys as JSONWebKeySet);
  const rules = { issuer, audience, algorithms: ALGORITHMS, clockTolerance: CLOCK_TOLERANCE_SECONDS };
  const requiredClaims = ['sub', 'exp', 'iat', 'nonce'];
  try {
    return (await jwtVerify(token, set, { ...rules, requiredClaims, currentDate: new Date(now) })).payload;
  } catch (error) {
    // Of what is wrong only the kind is told: the token itself names a person.
    if (error instanceof joseErrors.JOSEError) throw foreign(WORDS[error.code] ?? 'it cannot be read');
    throw error;
  }
}

const WORDS: Record<string, string> = {
  ERR_JWT_EXPIRED: 'it has expired',
  ERR_JWT_CLAIM_VALIDATION_FAILED: 'it was made by or for somebody else',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'its signature is wrong',
  ERR_JWKS_NO_MATCHING_KEY: 'it is signed with a key that the forge does not show',
  ERR_JOSE_ALG_NOT_ALLOWED: 'it is signed in a way that is not taken',
};

function foreign(why: string): ForgeTrouble {
  return new ForgeTrouble('bad_answer', `the identity token of the forge is not taken: ${why}`);
}

/** Where the identity token has no login; the answer must be about the same person. */
async function loginOf(ask: Ask, token: string, sub: string): Promise<string> {
  const response = await ask('/login/oauth/userinfo', { headers: { authorization: `Bearer ${token}` } });
  const said = z
    .object({ sub: z.string(), preferred_username: z.string().min(1) })
    .safeParse(response.ok ? await jsonOf(response) : null);
  if (!said.success || said.data.sub !== sub) throw foreign('the forge does not name the person');
  return said.data.preferred_username;
}

async function register(
  forge: ForgeConnection,
  redirectUrl: string,
  as: { user: string; password: string } | null,
  options: ForgeFetchOptions,
): Promise<LoginApp> {
  const basic = as && `Basic ${Buffer.from(`${as.user}:${as.password}`).toString('base64')}`;
  const headers = { 'content-type': 'application/json', ...(basic === null ? {} : { authorization: basic }) };
  const body = JSON.stringify({ name: 'Feedgate', redirect_uris: [redirectUrl], confidential_client: true });
  const url = `${forge.baseUrl}/api/v1/user/applications/oauth2`;
  const response = await forgeFetch(forge, options)(url, { method: 'POST', headers, body });
  const made = await jsonOf(response);
  if (!response.ok) {
    const words = `the forge does not let ${as?.user ?? "this connection's token"} register an application: ${wordsOf(made, response.status)}`;
    throw new ForgeTrouble('refused', words);
  }
  const app = appSchema.safeParse(made);
  if (!app.success) throw new ForgeTrouble('bad_answer', 'the forge did not answer with an application');
  return { clientId: app.data.client_id, clientSecret: app.data.client_secret, redirectUrl };
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

function wordsOf(body: unknown, status: number): string {
  const said = z
    .object({ error_description: z.string().optional(), error: z.string().optional(), message: z.string().optional() })
    .safeParse(body);
  const { error_description, error, message } = said.data ?? {};
  return (error_description || error || message || `it answered ${status}`).slice(0, 200);
}
