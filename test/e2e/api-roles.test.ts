import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { SCOPES } from '../../src/accounts/scope.ts';
import { createToken } from '../../src/accounts/tokens.ts';
import { apiRoutes } from '../../src/app.ts';
import { ensureRepository, findRemote } from '../../src/forge/connect.ts';
import type { Route } from '../../src/http/route.ts';
import { CALLERS, mayCall, type TableCaller } from '../support/access-table.ts';
import { type Caller, callerOf } from '../support/api-server.ts';
import { addressOf, bodyFor, seedThings, type Things } from '../support/api-things.ts';
import type { Browser } from '../support/browser.ts';
import { onEachDatabase } from '../support/databases.ts';
import { openPeople, type PeopleWorld } from '../support/people.ts';
import { type Shop, seedPackage, seedProduct, seedSoldLicense } from '../support/seed.ts';

const LOGINS: Record<TableCaller, string> = {
  viewer: 'vera',
  support: 'sam',
  manager: 'mona',
  'repository admin': 'rita',
  'organization owner': 'olga',
  'site administrator': 'root2',
};

onEachDatabase('the table of who may call what', (database) => {
  let world: PeopleWorld;
  let shop: Shop;
  let routes: Route[];
  let operator: Caller;
  let editions = 0;
  const browsers = new Map<TableCaller | 'stranger', Browser>();

  beforeAll(async () => {
    world = await openPeople(database());
    const { core, fake, hello, organization, by, forge } = world;
    // Last comes what takes the teams their roles.
    const last = ({ operationId }: Route) => Number(operationId === 'setTeamRoles');
    const asked = apiRoutes(core).filter(({ role }) => role !== null && role !== 'self');
    routes = asked.sort((a, b) => last(a) - last(b));
    const remote = await findRemote(core.forge, forge, 'acme', 'hello');
    const repository = await ensureRepository(core.forge, organization, remote, by());
    const product = await seedProduct(core.db, organization, repository);
    shop = { forge, organization, repository, product, path: `${organization.slug}/hello` };
    const wish = { name: 'test', organizationId: null, scopes: [...SCOPES], expiresAt: null };
    operator = callerOf(world.url, (await createToken(core, wish, CLI_ACTOR, world.time.now)).text);
    await peopleAtWork();
    hello.admins.add(LOGINS['repository admin']);
    fake.makeSiteAdmin(LOGINS['site administrator']);
    fake.addOwner('acme', LOGINS['organization owner']);
    for (const caller of CALLERS) browsers.set(caller, await world.signIn(LOGINS[caller]));
    browsers.set('stranger', await world.signIn('nora'));
  });
  afterAll(() => world.close());

  /** A team for each of the roles that teams may have. */
  async function peopleAtWork(): Promise<void> {
    const roles = (['viewer', 'support', 'manager'] as const).map((role) => {
      const team = world.fake.createTeam('acme', { name: role, members: [LOGINS[role]] });
      return { team_id: String(team.id), role };
    });
    const answer = await operator.put(`/organizations/${shop.organization.slug}/team-roles`, { team_roles: roles });
    expect(answer.status).toBe(200);
  }

  async function call(route: Route, caller: TableCaller | 'stranger', things: Things): Promise<number> {
    const browser = browsers.get(caller);
    if (!browser) throw new Error(`${caller} is not signed in`);
    const hasBody = route.method !== 'get' && route.method !== 'delete';
    const body = hasBody ? await bodyFor(world.core.db, route, things) : undefined;
    const method = route.method.toUpperCase();
    return (await browser.ask(method, `${world.url}/api/v1${addressOf(route, things)}`, body)).status;
  }

  /** Things that no other call has touched; the product is one more edition, so that it can be retired. */
  async function fresh(): Promise<Things> {
    editions += 1;
    const product = await seedProduct(world.core.db, shop.organization, shop.repository, { edition: `e${editions}` });
    const own: Shop = { ...shop, product, path: `${shop.path}/e${editions}` };
    return { shop: own, ids: await seedThings(world.core.db, operator, own) };
  }

  it('turns away whoever the table does not name, and strangers from everything', async () => {
    const things = await fresh();
    const wrong: string[] = [];
    for (const route of routes) {
      const isList = !route.path.includes('{');
      const others = CALLERS.filter((caller) => !mayCall(route, caller));
      for (const caller of isList ? others : [...others, 'stranger' as const]) {
        const status = await call(route, caller, things);
        if (status !== 403 && status !== 404) wrong.push(`${route.operationId} let ${caller} in: ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  }, 120_000);

  it('lets everybody see what the table says', async () => {
    const things = await fresh();
    const wrong: string[] = [];
    for (const route of routes.filter(({ method }) => method === 'get')) {
      for (const caller of CALLERS.filter((each) => mayCall(route, each))) {
        const status = await call(route, caller, things);
        if (status !== 200) wrong.push(`${route.operationId} answered ${status} to ${caller}`);
      }
    }
    expect(wrong).toEqual([]);
  }, 120_000);

  it('does not reach beyond its repository by what a body names', async () => {
    const { core, organization } = { core: world.core, organization: shop.organization };
    const { ids } = await fresh();
    const whole = await seedPackage(core.db, organization);
    const strange = (await seedSoldLicense(core.db, shop, {})).license;
    const rita = browsers.get('repository admin') as Browser;
    const tried = async (who: (path: string, body: object) => Promise<number>) => [
      await who(`/licenses/${ids['licenses']}/grants`, { package_id: whole.id }),
      await who(`/licenses/${ids['licenses']}/switch`, { package_id: whole.id }),
      await who(`/repos/${organization.slug}/hello/license-keys`, {
        package_id: ids['packages'],
        license_id: strange.id,
      }),
      await who(`/repos/${organization.slug}/hello/license-keys`, {
        ...{ package_id: ids['packages'], customer_id: ids['customers'] },
      }),
    ];
    const asRita = async (path: string, body: object) =>
      (await rita.ask('POST', `${world.url}/api/v1${path}`, body)).status;
    expect(await tried(asRita)).toEqual([404, 404, 404, 404]);
    expect(await asRita(`/licenses/${ids['licenses']}/grants`, { package_id: ids['packages'] })).toBe(201);
    const own = await openWith({ organizationId: organization.id, productId: shop.product.id });
    expect(await tried(async (path, body) => (await own.post(path, body)).status)).not.toContain(201);
  });

  async function openWith(binding: { organizationId: string; productId: string }): Promise<Caller> {
    const wish = { name: 'bound', ...binding, scopes: [...SCOPES], expiresAt: null };
    return callerOf(world.url, (await createToken(world.core, wish, CLI_ACTOR, world.time.now)).text);
  }

  describe('and every change', () => {
    it('is open to whoever the table names', async () => {
      const wrong: string[] = [];
      for (const route of routes.filter(({ method }) => method !== 'get')) {
        let things = await fresh();
        for (const caller of CALLERS.filter((each) => mayCall(route, each))) {
          // What was deleted is not there for the next caller; any other change leaves its thing to be changed again.
          if (route.method === 'delete') things = await fresh();
          const status = await call(route, caller, things);
          // What the state of things forbids is another test's matter: nobody was turned away at the door.
          if ([401, 403, 404].includes(status) || status >= 500)
            wrong.push(`${route.operationId} answered ${status} to ${caller}`);
        }
      }
      expect(wrong).toEqual([]);
    }, 300_000);
  });
});
