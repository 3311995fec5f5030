import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { MINUTE, toIso } from '../../src/clock.ts';
import { addForge, ensureOrganization, ensureRepository } from '../../src/forge/connect.ts';
import { hookSecretsOf } from '../../src/forge/connections.ts';
import { ensureRepositoryHook, RECONCILE } from '../../src/forge/hooks.ts';
import { callbackUrl, registerForgeLogin, setForgeLogin } from '../../src/forge/login-apps.ts';
import type { ForgeRecord, OrganizationRecord } from '../../src/forge/store.ts';
import { enqueue } from '../../src/jobs/store.ts';
import { type Browser, newBrowser } from '../support/browser.ts';
import { onOneDatabase, openTestCore, type TestCore } from '../support/core.ts';
import { type FakeGitHub, gitHubDelivery, startFakeGitHub } from '../support/fake-github.ts';
import { deleteOrganization, renameOrganization } from '../support/fake-github-people.ts';

onOneDatabase('people of GitHub', (database) => {
  let fake: FakeGitHub;
  let test: TestCore;
  let forge: ForgeRecord;
  let organization: OrganizationRecord;
  let repositoryId: string;
  let count = 0;
  const by = () => ({ actor: CLI_ACTOR, requestId: null, now: test.time.now });

  beforeEach(async () => {
    fake = await startFakeGitHub();
    fake.organizations.set('acme', []);
    const stored = fake.addRepository('acme', 'hello');
    test = await openTestCore(database());
    const { core } = test;
    count += 1;
    const wish = { kind: 'github', name: `github${count}`, baseUrl: fake.url, token: fake.tokens.admin } as const;
    forge = await addForge(core.forge, wish, by());
    const owner = { forge, owner: 'acme', slug: `acme-github${count}`, hookScope: 'organization' } as const;
    organization = await ensureOrganization(core.forge, owner, by());
    const remote = await core.forge.drivers.github.repository(
      { ...wish, id: forge.id, cacheDir: '' },
      { owner: 'acme', name: 'hello' },
    );
    if (remote === null) throw new Error(`${stored.name} is not there`);
    repositoryId = (await ensureRepository(core.forge, organization, remote, by())).id;
    const app = { clientId: 'Iv1.client', clientSecret: 'secret-of-the-app' };
    fake.people.apps.set(app.clientId, {
      secret: app.clientSecret,
      redirectUri: callbackUrl(core.config.publicUrl, forge.id),
    });
    await setForgeLogin(core.forge, forge, app, by());
  });
  afterEach(async () => {
    await test.close();
    await fake.close();
  });

  async function signIn(login: string): Promise<Browser> {
    fake.people.users.set(login, fake.people.users.get(login) ?? fake.nextId());
    const browser = newBrowser();
    browser.cookies.set(new URL(fake.url).host, new Map([['forge_user', login]]));
    const page = await browser.follow(`${test.url}/login/${forge.name}`);
    expect([page.status, page.text]).toEqual([200, expect.stringContaining(login)]);
    return browser;
  }

  const status = async (browser: Browser) =>
    (await browser.ask('GET', `${test.url}/api/v1/organizations/${organization.slug}`)).status;

  it('sign in without a scope, and the token is used for one question', async () => {
    await signIn('ada');
    const [exchange = {}] = fake.people.exchanges;
    expect(exchange).toMatchObject({ client_id: 'Iv1.client', code_verifier: expect.any(String) });
    const [token = ''] = fake.people.given.keys();
    const asked = fake.requests.filter(({ authorization }) => authorization?.includes(token));
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /user']);
    expect(fake.leaks).toEqual([]);
    const begun = await newBrowser().open(`${test.url}/login/${forge.id}`);
    const sent = new URL(begun.location ?? '').searchParams;
    expect([sent.get('scope'), sent.get('code_challenge_method')]).toEqual([null, 'S256']);
    expect(sent.get('code_challenge')).not.toBe(
      createHash('sha256')
        .update(exchange['code_verifier'] ?? '')
        .digest('base64url'),
    );
  });

  it('are told in words that GitHub does not take a code or that they said no', async () => {
    fake.people.apps.set('Iv1.client', {
      secret: 'another-secret',
      redirectUri: callbackUrl(test.core.config.publicUrl, forge.id),
    });
    const browser = newBrowser();
    browser.cookies.set(new URL(fake.url).host, new Map([['forge_user', 'ada']]));
    const page = await browser.follow(`${test.url}/login/${forge.id}`);
    expect([page.status, page.text]).toEqual([502, expect.stringContaining('GitHub refused the sign-in')]);
    fake.people.denies = true;
    expect((await browser.follow(`${test.url}/login/${forge.id}`)).status).toBe(403);
  });

  it("are no site administrators for being GitHub's staff, and invited owners are none yet", async () => {
    expect(await status(await signIn('staff'))).toBe(404);
    fake.people.owners.set('acme', new Set(['ina']));
    fake.people.invited.add('ina');
    expect(await status(await signIn('ina'))).toBe(404);
  });

  it('own nothing by a name that the organization gave up', async () => {
    fake.people.owners.set('acme', new Set(['olga']));
    expect(await status(await signIn('olga'))).toBe(200);
    fake.organizations.set('acme-gmbh', fake.organizations.get('acme') ?? []);
    fake.organizations.delete('acme');
    fake.people.users.set('acme-gmbh', fake.people.users.get('acme') ?? 0);
    fake.people.users.delete('acme');
    fake.people.owners.set('acme-gmbh', new Set(['olga']));
    fake.people.owners.delete('acme');
    test.time.now += 2 * MINUTE;
    expect(await status(await signIn('acme'))).toBe(404);
    fake.organizations.set('acme', []);
    fake.people.owners.set('acme', new Set(['mallory']));
    expect(await status(await signIn('mallory'))).toBe(404);
    const [repository] = fake.repositories;
    if (repository) fake.rename(repository, 'acme-gmbh', 'hello');
    const at = toIso(test.time.now);
    await test.core.db.tx((tx) => enqueue(tx, { kind: RECONCILE, subject: repositoryId, runAt: at }, at));
    await test.core.worker.drain();
    test.time.now += 2 * MINUTE;
    expect(await status(await signIn('olga'))).toBe(200);
    expect(await status(await signIn('mallory'))).toBe(404);
  });

  it('keep their roles through a rename, and strangers who take the name get none', async () => {
    fake.people.owners.set('acme', new Set(['olga']));
    const [olga, stranger] = [await signIn('olga'), await signIn('stranger')];
    expect(await status(olga)).toBe(200);
    renameOrganization(fake, 'acme', 'acme-new');
    fake.organizations.set('acme', []);
    fake.people.owners.set('acme', new Set(['stranger']));
    test.time.now += MINUTE;
    expect([await status(olga), await status(stranger)]).toEqual([200, 404]);
    deleteOrganization(fake, 'acme-new');
    fake.organizations.set('acme-new', []);
    fake.people.owners.set('acme-new', new Set(['stranger']));
    test.time.now += MINUTE;
    expect([await status(olga), await status(stranger)]).toEqual([404, 404]);
  });

  it('cannot have an application made by itself', async () => {
    await expect(registerForgeLogin(test.core.forge, forge, null, by())).rejects.toThrow('register it there by hand');
  });

  it.each(['organization', 'membership', 'team', 'member'])('lose a right at once with the hook %s', async (event) => {
    fake.people.owners.set('acme', new Set(['olga']));
    const browser = await signIn('olga');
    expect(await status(browser)).toBe(200);
    fake.people.owners.clear();
    expect(await status(browser)).toBe(200);
    const [secret = ''] = hookSecretsOf(test.core.forge, forge);
    const forged = gitHubDelivery(event, { action: 'member_removed' }, 'another-secret');
    const url = `${test.url}/hooks/${forge.id}`;
    const deliver = (delivery: typeof forged) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...delivery.headers },
        body: delivery.body,
      });
    expect((await deliver(forged)).status).toBe(401);
    expect(await status(browser)).toBe(200);
    const answer = await deliver(
      gitHubDelivery(event, { action: 'member_added', membership: { role: 'admin' } }, secret),
    );
    expect([answer.status, await answer.json()]).toMatchObject([202, { state: 'done' }]);
    expect(await status(browser)).toBe(404);
  });

  it('are heard of by the hook of the organization, while a repository hears of its own only', async () => {
    await ensureRepositoryHook(test.core.forge, repositoryId);
    const [hook] = fake.organizations.get('acme') ?? [];
    expect(hook?.events).toEqual(expect.arrayContaining(['member', 'membership', 'organization', 'team', 'release']));
    await test.core.db.tx((tx) =>
      tx('organizations').where({ id: organization.id }).update({ hook_scope: 'repository' }),
    );
    await ensureRepositoryHook(test.core.forge, repositoryId);
    expect(fake.repositories[0]?.hooks[0]?.events.sort()).toEqual([
      'create',
      'delete',
      'member',
      'push',
      'release',
      'repository',
    ]);
  });
});
