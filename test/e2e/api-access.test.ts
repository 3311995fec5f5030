import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdsScope, SCOPES, type Scope } from '../../src/accounts/scope.ts';
import { apiRoutes } from '../../src/api-routes.ts';
import type { Route } from '../../src/http/route.ts';
import { type Answer, type ApiServer, startApi } from '../support/api-server.ts';
import { addressOf, bodyFor, seedThings } from '../support/api-things.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type FakeForge, startFakeForge } from '../support/fake-forge.ts';
import { playedForge, type Shop, seedShop } from '../support/seed.ts';

const PUBLIC = [
  ...['activateLicense', 'cancelOwnSubscription', 'deactivateLicense', 'getOpenapi', 'listOwnSites', 'listPlans'],
  ...['openOwnPortal', 'startCheckout'],
  'validateLicense',
];
/** What answers everybody with what is his own. */
const isOwn = ({ operationId, role }: Route) => operationId === 'listOrganizations' || role === 'self';

onEachDatabase('who may call the API', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let remote: FakeForge;
  let stranger: string;
  let routes: Route[];
  /** Ids of things that exist, by the path that names them. */
  let ids: Record<string, string>;

  beforeAll(async () => {
    const { db } = database();
    api = await startApi(database());
    routes = apiRoutes(api.core);
    remote = await startFakeForge();
    shop = await seedShop(db, {}, playedForge(remote));
    stranger = (await seedShop(db)).organization.id;
    ids = await seedThings(db, api, shop);
  });
  afterAll(async () => {
    await api.close();
    await remote.close();
  });

  async function call(route: Route, token: string | null): Promise<Answer> {
    const caller = api.as(token);
    if (route.method === 'get' || route.method === 'delete')
      return caller[route.method](addressOf(route, { shop, ids }));
    return caller[route.method as 'post' | 'put' | 'patch'](
      addressOf(route, { shop, ids }),
      await bodyFor(database().db, route, { shop, ids }),
    );
  }

  const guarded = () => routes.filter(({ operationId }) => !PUBLIC.includes(operationId));

  it('has no other public route than those that are meant to be', () => {
    const open = routes.filter(({ scope }) => scope === 'public').map(({ operationId }) => operationId);
    expect(open.sort()).toEqual(PUBLIC);
    expect(guarded().length).toBeGreaterThan(50);
  });

  it('asks every other caller for a token', async () => {
    for (const route of guarded()) {
      for (const token of [null, 'FG1-0000000-0000000-0000000-0000000', 'fgt_nothing']) {
        const { status, json } = await call(route, token);
        expect([route.operationId, status, json.code]).toEqual([route.operationId, 401, 'UNAUTHENTICATED']);
      }
    }
  });

  it('asks for the scope that the route names, or one that includes it', async () => {
    for (const route of guarded().filter(({ scope }) => scope !== 'any')) {
      const scopes = SCOPES.filter((scope) => !holdsScope(new Set([scope]), route.scope as Scope));
      const token = await api.token({ scopes });
      const { status, json } = await call(route, token);
      expect([route.operationId, status, json.code]).toEqual([route.operationId, 403, 'FORBIDDEN']);
      expect(json.detail).toContain(route.scope);
    }
  });

  it('tells the token of another organization that there is no such thing, as for what is not there', async () => {
    const token = await api.token({ organizationId: stranger });
    const mine = await api.token({ organizationId: shop.organization.id });
    for (const route of guarded().filter((each) => !isOwn(each) && each.role !== 'site_admin')) {
      const refused = await call(route, token);
      expect([route.operationId, refused.status, refused.json?.code]).toEqual([route.operationId, 404, 'NOT_FOUND']);
      const missing = await missingTwin(route, mine);
      const same = ({ json: { request_id: _, ...rest } }: Answer) => rest;
      expect(same(refused)).toEqual(same(missing));
    }
  });

  /** The same route asked for something that does not exist, by somebody who may see all of his organization. */
  async function missingTwin(route: Route, token: string): Promise<Answer> {
    const before = { shop, ids };
    const gone = { ...shop.organization, slug: 'nobody' };
    shop = { ...shop, organization: gone };
    ids = Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, `${id.slice(0, 4)}${'0'.repeat(26)}`]));
    try {
      const caller = api.as(token);
      const address = addressOf(route, { shop, ids });
      if (route.method === 'get' || route.method === 'delete') return await caller[route.method](address);
      const { ids: real } = before;
      ids = { ...ids, packages: real['packages'] ?? '' };
      shop = before.shop;
      return await caller[route.method as 'post' | 'put' | 'patch'](
        address,
        await bodyFor(database().db, route, { shop, ids }),
      );
    } finally {
      ({ shop, ids } = before);
    }
  }

  it('asks for a token that is bound to nothing where only a site administrator may do it', async () => {
    const mine = await api.token({ organizationId: shop.organization.id });
    for (const route of guarded().filter(({ role }) => role === 'site_admin')) {
      const { status, json } = await call(route, mine);
      expect([route.operationId, status, json.code]).toEqual([route.operationId, 403, 'FORBIDDEN']);
    }
  });

  it('lets in whoever has the scope, for the organization or for all', async () => {
    const mine = await api.token({ organizationId: shop.organization.id });
    for (const route of guarded().filter(({ method }) => method === 'get')) {
      for (const token of [
        mine,
        await api.token({ scopes: [route.scope === 'any' ? 'releases:write' : (route.scope as Scope)] }),
      ]) {
        expect([route.operationId, (await call(route, token)).status]).toEqual([route.operationId, 200]);
      }
    }
    const listed = await api.as(mine).get('/organizations');
    expect(listed.json.items.map(({ id }: { id: string }) => id)).toEqual([shop.organization.id]);
    expect((await api.get('/organizations')).json.total).toBe(2);
  });

  describe('every change', () => {
    it('is done by a token of the organization', async () => {
      const mine = await api.token({ organizationId: shop.organization.id });
      const order = [
        'removePaymentAccount',
        'removeWebhook',
        'retireProduct',
        'revokeLicense',
        'revokeKey',
        'closeGrant',
      ];
      const last = (route: Route) => order.indexOf(route.operationId);
      const changes = guarded().filter((each) => each.method !== 'get' && !isOwn(each) && each.role !== 'site_admin');
      for (const route of changes.sort((a, b) => last(a) - last(b))) {
        const { status } = await call(route, mine);
        // What the state of things forbids is another test's matter: nobody was turned away at the door.
        expect([route.operationId, [200, 201, 202, 204, 400, 409, 422].includes(status)]).toEqual([
          route.operationId,
          true,
        ]);
      }
    });
  });
});
