import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TeamRole } from '../../src/accounts/role.ts';
import { MINUTE, toIso } from '../../src/clock.ts';
import { ensureRepository } from '../../src/forge/connect.ts';
import { RECONCILE } from '../../src/forge/hooks.ts';
import { listRepositories } from '../../src/forge/store.ts';
import { enqueue } from '../../src/jobs/store.ts';
import type { Browser } from '../support/browser.ts';
import { onEachDatabase } from '../support/databases.ts';
import { openPeople, type PeopleWorld } from '../support/people.ts';
import { seedPackage, seedProduct, seedSoldLicense } from '../support/seed.ts';

onEachDatabase('what people may do', (database) => {
  let world: PeopleWorld;
  let ids: Record<'product' | 'other' | 'ofRepository' | 'ofOrganization', string>;
  let support: number;
  let managers: number;

  beforeAll(async () => {
    world = await openPeople(database());
    const { core, organization, fake, hello, by } = world;
    const { db } = core;
    const remote = (one: typeof hello) => ({
      ...{ id: String(one.id), owner: 'acme', name: one.name, private: true },
      ...{ archived: false, webUrl: '', description: '' },
    });
    const repository = await ensureRepository(core.forge, organization, remote(hello), by());
    const more = await fake.createRepository({ owner: 'acme', name: 'more' });
    const second = await ensureRepository(core.forge, organization, remote(more), by());
    const shop = { forge: world.forge, organization, repository };
    const product = await seedProduct(db, organization, repository);
    const other = await seedProduct(db, organization, second);
    const whole = { ...shop, product, path: '' };
    const one = await seedSoldLicense(db, whole, { repository });
    const all = await seedSoldLicense(db, whole, {});
    ids = {
      product: product.id,
      other: other.id,
      ofRepository: one.license.id,
      ofOrganization: all.license.id,
    };
    await seedPackage(db, organization, { repository });
    for (const login of ['olga', 'rita', 'sam', 'mona', 'nora', 'root2', 'zed']) fake.createUser(login);
    fake.addOwner('acme', 'olga');
    hello.admins.add('rita');
    fake.makeSiteAdmin('root2');
    support = fake.createTeam('acme', { name: 'support', members: ['sam', 'mona'] }).id;
    managers = fake.createTeam('acme', { name: 'managers', members: ['mona'] }).id;
    fake.createTeam('acme', { name: 'unmapped', members: ['nora'] });
  });
  afterEach(() => {
    world.fake.clearFaults();
    world.time.now += 2 * MINUTE;
  });
  afterAll(() => world.close());

  const api = (path: string) => `${world.url}/api/v1${path}`;
  const org = () => `/organizations/${world.organization.slug}`;

  async function ask(browser: Browser, method: string, path: string, body?: unknown) {
    const page = await browser.ask(method, api(path), body);
    return { status: page.status, json: page.text === '' ? null : JSON.parse(page.text) };
  }
  const status = async (browser: Browser, method: string, path: string, body?: unknown) =>
    (await ask(browser, method, path, body)).status;

  async function giveTeams(...roles: { team_id: string; role: TeamRole }[]) {
    const owner = await world.signIn('olga');
    expect(await status(owner, 'PUT', `${org()}/team-roles`, { team_roles: roles })).toBe(200);
  }

  async function reconcileAll() {
    const { core, organization } = world;
    const at = toIso(world.time.now);
    for (const { id: subject } of await core.db.read((tx) => listRepositories(tx, organization.id)))
      await core.db.tx((tx) => enqueue(tx, { kind: RECONCILE, subject, runAt: at }, at));
    await core.worker.drain();
  }

  async function rolesOf(login: string) {
    const { json } = await ask(await world.signIn(login), 'GET', '/me');
    return json.organizations.map(({ role }: { role: string }) => role);
  }

  it('follows from what they are on the forge', async () => {
    await giveTeams({ team_id: String(support), role: 'viewer' }, { team_id: String(managers), role: 'manager' });
    expect(await rolesOf('root2')).toEqual(['site_admin']);
    expect(await rolesOf('olga')).toEqual(['admin']);
    expect(await rolesOf('sam')).toEqual(['viewer']);
    expect(await rolesOf('mona')).toEqual(['manager']);
    for (const login of ['rita', 'nora', 'zed']) expect(await rolesOf(login)).toEqual([]);
  });

  it('names the repositories of who administers no more than those', async () => {
    const own = async (login: string) => (await ask(await world.signIn(login), 'GET', '/me')).json;
    const rita = await own('rita');
    expect(rita.repositories).toMatchObject([{ organization: world.organization.slug, name: 'hello' }]);
    expect(rita.repositories_complete).toBe(true);
    for (const login of ['olga', 'nora', 'root2']) expect((await own(login)).repositories).toEqual([]);
  });

  it('is asked at each route', async () => {
    await giveTeams({ team_id: String(support), role: 'support' });
    const read = async (login: string) => {
      const browser = await world.signIn(login);
      const [whole, product, other, one, all] = [
        await status(browser, 'GET', org()),
        await status(browser, 'GET', `/products/${ids.product}`),
        await status(browser, 'GET', `/products/${ids.other}`),
        await status(browser, 'GET', `/licenses/${ids.ofRepository}`),
        await status(browser, 'GET', `/licenses/${ids.ofOrganization}`),
      ];
      const change = await status(browser, 'PATCH', `/products/${ids.product}`, { mode: 'listed' });
      return [whole, product, other, one, all, change];
    };
    expect(await read('root2')).toEqual([200, 200, 200, 200, 200, 200]);
    expect(await read('olga')).toEqual([200, 200, 200, 200, 200, 200]);
    expect(await read('sam')).toEqual([200, 200, 200, 200, 200, 403]);
    expect(await read('rita')).toEqual([404, 200, 404, 200, 404, 200]);
    expect(await read('nora')).toEqual([404, 404, 404, 404, 404, 404]);
  });

  it('holds in lists of everything', async () => {
    const listed = async (login: string) => {
      const { status: code, json } = await ask(await world.signIn(login), 'GET', '/organizations');
      return code === 200 ? json.items.map(({ slug }: { slug: string }) => slug) : code;
    };
    expect(await listed('olga')).toEqual([world.organization.slug]);
    expect(await listed('zed')).toBe(403);
  });

  it('is nothing for people of another forge, though they have the same login there', async () => {
    const other = await openPeople(database());
    try {
      other.fake.addOwner('acme', 'olga');
      const browser = await other.signIn('olga');
      const page = await browser.ask('GET', `${other.url}/api/v1${org()}`);
      expect(page.status).toBe(404);
      const mine = JSON.parse((await browser.ask('GET', `${other.url}/api/v1/me`)).text);
      expect(mine.organizations.map(({ slug }: { slug: string }) => slug)).toEqual([other.organization.slug]);
    } finally {
      await other.close();
    }
  });

  it('ends within a minute when they lose it', async () => {
    world.fake.createUser('otto');
    world.fake.addOwner('acme', 'otto');
    const browser = await world.signIn('otto');
    const path = `/products/${ids.product}`;
    expect(await status(browser, 'PATCH', path, { mode: 'strict' })).toBe(200);
    world.fake.removeOwner('acme', 'otto');
    world.time.now += MINUTE - 1;
    expect(await status(browser, 'GET', path)).toBe(200);
    world.time.now += 1;
    expect(await status(browser, 'PATCH', path, { mode: 'listed' })).toBe(404);
  });

  it('ends with the account, and does not pass to whoever takes the name', async () => {
    world.fake.createUser('pia');
    world.fake.addOwner('acme', 'pia');
    const browser = await world.signIn('pia');
    expect(await status(browser, 'GET', org())).toBe(200);
    world.fake.blockUser('pia');
    world.time.now += MINUTE;
    expect(await status(browser, 'GET', org())).toBe(404);

    world.fake.createUser('quinn');
    const old = await world.signIn('quinn');
    world.fake.renameUser('quinn', 'quinn-old');
    world.fake.createUser('quinn');
    world.fake.addOwner('acme', 'quinn');
    expect(await status(old, 'GET', org())).toBe(404);
  });

  it('stays with the organization that is renamed, and does not pass to whoever takes its name', async () => {
    const olga = await world.signIn('olga');
    expect(await status(olga, 'GET', org())).toBe(200);
    world.fake.renameUser('acme', 'acme-gmbh');
    world.time.now += 2 * MINUTE;
    expect(await status(olga, 'PATCH', `/products/${ids.product}`, { mode: 'strict' })).toBe(200);
    const taker = await world.signIn('acme');
    expect(await status(taker, 'GET', org())).toBe(404);
    expect(await status(taker, 'GET', `/products/${ids.product}`)).toBe(404);
    world.time.now += 2 * MINUTE;
    // The name leads to another one by now; its repositories tell.
    expect(await status(olga, 'GET', org())).toBe(200);
    expect(await status(taker, 'GET', org())).toBe(404);
    world.fake.renameUser('acme', 'taker');
    world.fake.renameUser('acme-gmbh', 'acme');
    await reconcileAll();
  });

  it('reaches to the audit of what they deleted, and no further', async () => {
    const olga = await world.signIn('olga');
    const hook = { url: 'https://hooks.example.com/', types: ['*'] };
    const { json: made } = await ask(olga, 'POST', `${org()}/webhooks`, hook);
    expect(await status(olga, 'DELETE', `/webhooks/${made.id}`)).toBe(204);
    const { json } = await ask(olga, 'GET', `/audit/${made.id}`);
    expect(json.items.map(({ action }: { action: string }) => action)).toEqual(['webhook.remove', 'webhook.create']);
    expect(await status(olga, 'GET', `/webhooks/${made.id}`)).toBe(404);
    for (const login of ['rita', 'zed'])
      expect(await status(await world.signIn(login), 'GET', `/audit/${made.id}`)).toBe(404);
  });

  it('is given to teams by the organization from the next request on', async () => {
    await giveTeams();
    const sam = await world.signIn('sam');
    expect(await status(sam, 'GET', org())).toBe(404);
    await giveTeams({ team_id: String(support), role: 'viewer' });
    expect(await status(sam, 'GET', org())).toBe(200);
    await giveTeams();
    expect(await status(sam, 'GET', org())).toBe(404);
  });

  describe('where the forge does not answer', () => {
    it('goes on for readers and stops for writers', async () => {
      const browser = await world.signIn('olga');
      const path = `/products/${ids.product}`;
      expect(await status(browser, 'GET', path)).toBe(200);
      world.fake.setFault('502', { path: /./ });
      world.time.now += MINUTE;
      expect(await status(browser, 'GET', path)).toBe(200);
      const write = await ask(browser, 'PATCH', path, { mode: 'strict' });
      expect([write.status, write.json.code]).toEqual([502, 'FORGE_TROUBLE']);
      world.time.now += 14 * MINUTE;
      expect(await status(browser, 'GET', path)).toBe(502);
      expect((await ask(browser, 'GET', '/me/sessions')).status).toBe(200);
    });

    it('makes nobody something', async () => {
      const browser = await world.signIn('zed');
      world.time.now += 20 * MINUTE;
      world.fake.setFault('502', { path: /api/ });
      expect(await status(browser, 'GET', org())).toBe(502);
      expect((await ask(browser, 'GET', '/me')).json.organizations).toBeUndefined();
    });
  });

  describe('team roles', () => {
    it('are shown with the teams that there are', async () => {
      await giveTeams({ team_id: String(support), role: 'support' });
      const { json } = await ask(await world.signIn('olga'), 'GET', `${org()}/team-roles`);
      expect(json.team_roles).toEqual([{ team_id: String(support), team_name: 'support', role: 'support' }]);
      expect(json.teams).toContainEqual({ id: String(managers), name: 'managers' });
      expect(json.teams_trouble).toBeNull();
    });

    it('are set by owners only', async () => {
      await giveTeams({ team_id: String(managers), role: 'manager' });
      const path = `${org()}/team-roles`;
      for (const [login, code] of [
        ['mona', 403],
        ['rita', 404],
        ['zed', 404],
      ] as const)
        expect([login, await status(await world.signIn(login), 'PUT', path, { team_roles: [] })]).toEqual([
          login,
          code,
        ]);
    });

    it.each<[string, (id: string) => unknown]>([
      ['a team that is not there', () => [{ team_id: '99999', role: 'viewer' }]],
      [
        'a team twice',
        (id) => [
          { team_id: id, role: 'viewer' },
          { team_id: id, role: 'support' },
        ],
      ],
      ['a role that no team can have', (id) => [{ team_id: id, role: 'admin' }]],
      ['a field too many', (id) => [{ team_id: id, role: 'viewer', x: 1 }]],
      ['too many', () => Array.from({ length: 201 }, (_, i) => ({ team_id: `${i}`, role: 'viewer' }))],
    ])('are refused for %s, and nothing is lost', async (_what, roles) => {
      await giveTeams({ team_id: String(support), role: 'viewer' });
      const owner = await world.signIn('olga');
      const refused = await ask(owner, 'PUT', `${org()}/team-roles`, { team_roles: roles(String(support)) });
      expect([refused.status, refused.json.code]).toEqual([400, 'INVALID_REQUEST']);
      expect(refused.json.errors[0].pointer).toMatch(/^\/team_roles/);
      const { json } = await ask(owner, 'GET', `${org()}/team-roles`);
      expect(json.team_roles).toHaveLength(1);
    });

    it('can be taken away, but not given, where the forge does not show its teams', async () => {
      await giveTeams({ team_id: String(support), role: 'viewer' });
      const operator = await world.signInAsOperator();
      world.fake.setFault('502', { path: /teams/ });
      const path = `${org()}/team-roles`;
      const shown = await ask(operator, 'GET', path);
      expect([shown.status, shown.json.teams, shown.json.teams_trouble]).toEqual([200, null, expect.any(String)]);
      const given = await ask(operator, 'PUT', path, { team_roles: [{ team_id: String(managers), role: 'viewer' }] });
      expect([given.status, given.json.code]).toEqual([502, 'FORGE_TROUBLE']);
      const kept = [{ team_id: String(support), role: 'manager' }];
      expect(await status(operator, 'PUT', path, { team_roles: kept })).toBe(200);
      expect(await status(operator, 'PUT', path, { team_roles: [] })).toBe(200);
    });

    it('leave a trace', async () => {
      await giveTeams({ team_id: String(support), role: 'viewer' });
      await giveTeams({ team_id: String(support), role: 'manager' });
      const rows = await database().db.read((tx) =>
        tx('audit_events').where({ action: 'organization.team_roles' }).orderBy('id', 'desc').select('*'),
      );
      expect(rows[0].actor).toMatch(/^usr_/);
      expect(JSON.parse(rows[0].changes)).toEqual({
        roles: { from: [`support (${support}): viewer`], to: [`support (${support}): manager`] },
      });
    });
  });

  it('may be said by the operator, where the forge does not tell', async () => {
    const other = await openPeople(database());
    try {
      other.core.config.siteAdmins.push(
        `${other.forge.name}/ADA`,
        `${other.forge.name}/id:${other.fake.createUser('bob')}`,
      );
      other.core.config.siteAdmins.push('another-forge/cleo');
      const roleOf = async (login: string) => {
        const page = await (await other.signIn(login)).ask('GET', `${other.url}/api/v1/me`);
        return JSON.parse(page.text).organizations.map(({ role }: { role: string }) => role);
      };
      expect([await roleOf('ada'), await roleOf('bob'), await roleOf('cleo')]).toEqual([
        ['site_admin'],
        ['site_admin'],
        [],
      ]);
    } finally {
      await other.close();
    }
  });
});
