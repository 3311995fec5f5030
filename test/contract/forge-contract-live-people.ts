import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Call } from './forge-contract-live.ts';
import type { StagePeople } from './people-contract.ts';

const Numbered = z.object({ id: z.number() });

/**
 * People on a real Gitea or Forgejo that is there for tests only: they are called ada, bob and the like, and are deleted at the end,
 * as is whoever was called so before.
 */
export function livePeople(
  baseUrl: string,
  owner: string,
  call: Call,
  pathOf: (repository: { name: string }) => Promise<string>,
): StagePeople & { close(): Promise<void> } {
  const password = randomBytes(18).toString('base64url');
  const made = new Map<string, number>();
  const teams = new Map<string, number>();
  const ownersTeam = async () => {
    const all = z.array(Numbered.extend({ name: z.string() })).parse(await call('GET', `/orgs/${owner}/teams`));
    return all.find(({ name }) => name === 'Owners')?.id;
  };
  /** A name that somebody gave up leads to whoever had it, for DELETE too. */
  const remove = async (login: string) => {
    const found = z.object({ login: z.string() }).safeParse(await call('GET?', `/users/${login}`));
    if (found.data?.login === login) await call('DELETE', `/admin/users/${login}?purge=true`);
  };
  return {
    user: async (login) => {
      const known = made.get(login);
      if (known !== undefined) return { remoteId: String(known), login };
      await remove(login);
      const email = `${login}-${randomBytes(6).toString('hex')}@example.test`;
      const body = { username: login, email, password, must_change_password: false };
      const { id } = Numbered.parse(await call('POST', '/admin/users', body));
      made.set(login, id);
      return { remoteId: String(id), login };
    },
    rename: async (from, to) => {
      await remove(to);
      await call('POST', `/admin/users/${from}/rename`, { new_username: to });
      made.set(to, made.get(from) as number);
      made.delete(from);
    },
    makeOwner: async (login) => void (await call('PUT', `/teams/${await ownersTeam()}/members/${login}`)),
    makeRepositoryAdmin: async (repository, login) => {
      await call('PUT', `${await pathOf(repository)}/collaborators/${login}`, { permission: 'admin' });
    },
    makeTeam: async (name, members) => {
      const units_map = { 'repo.code': 'read', 'repo.releases': 'write' };
      const body = { name, permission: 'read', includes_all_repositories: true, units_map };
      const id = teams.get(name) ?? Numbered.parse(await call('POST', `/orgs/${owner}/teams`, body)).id;
      teams.set(name, id);
      for (const login of members) await call('PUT', `/teams/${id}/members/${login}`);
      return String(id);
    },
    makeOrganization: async (name) => void (await call('POST', '/orgs', { username: name })),
    renameOrganization: async (from, to) => void (await call('POST', `/orgs/${from}/rename`, { new_name: to })),
    deleteOrganization: async (name) => void (await call('DELETE', `/orgs/${name}`)),
    app: async (redirectUrl) => {
      const body = { name: 'Contract', redirect_uris: [redirectUrl], confidential_client: true };
      const app = z
        .object({ client_id: z.string(), client_secret: z.string() })
        .parse(await call('POST', '/user/applications/oauth2', body));
      return { clientId: app.client_id, clientSecret: app.client_secret, redirectUrl };
    },
    visit: (url, login) => visit(baseUrl, url, { login, password }),
    close: async () => {
      for (const login of made.keys()) await remove(login);
      await call('DELETE?', '/orgs/fleeting');
    },
  };
}

/** As a browser does it: signs in at the forge, opens the address and presses the button that says yes. */
async function visit(baseUrl: string, url: string, who: { login: string; password: string }): Promise<URL> {
  const cookies = new Map<string, string>();
  const ask = async (address: string, form?: Record<string, string>): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(address, {
      redirect: 'manual',
      headers: { cookie, origin: new URL(baseUrl).origin, 'sec-fetch-site': 'same-origin' },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    return response;
  };
  const { login, password } = who;
  const first = await (await ask(`${baseUrl}/user/login`)).text();
  await ask(`${baseUrl}/user/login`, { ...fieldsOf(first), user_name: login, password });
  const page = await ask(url);
  const at = page.headers.get('location');
  if (at !== null) return new URL(at, url);
  const form = /<form[^>]*action="([^"]*oauth\/grant)"[\s\S]*?<\/form>/.exec(await page.text());
  if (!form?.[1]) throw new Error(`no form to say yes in at ${url} (${page.status})`);
  const answer = await ask(new URL(form[1], baseUrl).href, { ...fieldsOf(form[0]), granted: 'true' });
  return new URL(answer.headers.get('location') ?? '', url);
}

/** The hidden fields of a form. */
function fieldsOf(html: string): Record<string, string> {
  const hidden = [...html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
    /name="([^"]*)"/.exec(input)?.[1] ?? '',
    (/value="([^"]*)"/.exec(input)?.[1] ?? '').replaceAll('&#43;', '+').replaceAll('&amp;', '&'),
  ]);
  return Object.fromEntries(hidden.filter(([name]) => name !== ''));
}
