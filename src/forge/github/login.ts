import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import { forgeFetch } from '../fetch.ts';
import type { ForgeConnection } from '../forge.ts';
import type { ForgeLogin, LoginApp, LoginReturn, LoginStart, RemoteIdentity } from '../people.ts';
import { webUrl } from './address.ts';
import { ask } from './client.ts';

const userSchema = z.object({ id: z.int().positive(), login: z.string().min(1), name: z.string().nullish() });
const answerSchema = z.object({
  access_token: z.string().min(1).optional(),
  error: z.string().optional(),
  error_description: z.string().optional(),
});

/** OAuth of GitHub: there is no identity token, so who it is is asked with the token, which has no scope and is then dropped. */
export const githubLogin: ForgeLogin = { authorizeUrl, exchange, register: null };

/** https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps */
async function authorizeUrl(forge: ForgeConnection, app: LoginApp, { state, challenge }: LoginStart): Promise<string> {
  const url = new URL(`${webUrl(forge)}/login/oauth/authorize`);
  const query = {
    ...{ client_id: app.clientId, redirect_uri: app.redirectUrl, state, allow_signup: 'false' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

async function exchange(forge: ForgeConnection, app: LoginApp, back: LoginReturn): Promise<RemoteIdentity> {
  const token = await tokenFor(forge, app, back);
  const found = await ask({ ...forge, token }, 'GET /user');
  const user = userSchema.safeParse(found?.data);
  if (!user.success) throw new ForgeTrouble('bad_answer', 'GitHub did not say who signed in');
  const { id, login, name } = user.data;
  return { remoteId: String(id), login, name: name?.trim() || login };
}

/** GitHub answers 200 to a code that it does not take, with an `error` in the body. */
async function tokenFor(forge: ForgeConnection, app: LoginApp, { code, verifier }: LoginReturn): Promise<string> {
  const baseUrl = webUrl(forge);
  const form = new URLSearchParams({
    ...{ client_id: app.clientId, client_secret: app.clientSecret, code },
    ...{ redirect_uri: app.redirectUrl, code_verifier: verifier },
  });
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
  const fetch = forgeFetch({ baseUrl, token: null });
  const response = await fetch(`${baseUrl}/login/oauth/access_token`, {
    method: 'POST',
    headers,
    body: form.toString(),
  });
  const said = answerSchema.safeParse(await response.json().catch(() => null));
  const { access_token: token, error, error_description: words } = said.data ?? {};
  if (token !== undefined && error === undefined && response.ok) return token;
  const why = words || error || `it answered ${response.status}`;
  throw new ForgeTrouble('refused', `GitHub refused the sign-in: ${why.slice(0, 200)}`);
}
