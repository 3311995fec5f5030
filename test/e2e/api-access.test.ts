import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { holdsScope, SCOPES, type Scope } from '../../src/accounts/scope.ts';
import { createToken } from '../../src/accounts/tokens.ts';
import { apiRoutes } from '../../src/api-routes.ts';
import type { Route } from '../../src/http/route.ts';
import { newId } from '../../src/ids.ts';
import { saveRelease } from '../../src/releases/store-releases.ts';
import { type Answer, type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedPackage, seedSecrets, seedShop, seedSite, seedSoldLicense } from '../support/seed.ts';
import { seedDelivery, seedWebhook } from '../support/seed-webhooks.ts';

const PUBLIC = ['activateLicense', 'deactivateLicense', 'getOpenapi', 'listOwnSites', 'validateLicense'];
/** What answers everybody with what is his own. */
const isOwn = ({ operationId, role }: Route) => operationId === 'listOrganizations' || role === 'self';

onEachDatabase('who may call the API', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let stranger: string;
  let routes: Route[];
  /** Ids of things that exist, by the path that names them. */
  let ids: Record<string, string>;

  beforeAll(async () => {
    const { db } = database();
    api = await startApi(database());
    routes = apiRoutes(api.core);
    shop = await seedShop(db);
    stranger = (await seedShop(db)).organization.id;
    const sold = await seedSoldLicense(db, shop, { repository: shop.repository });
    const site = await seedSite(db, sold.license, 'one.example.com');
    const release = newId('release');
    const at = '2026-01-01T00:00:00.000Z';
    await db.tx((tx) =>
      saveRelease(tx, {
        ...{ id: release, productId: shop.product.id, version: '1.0.0', tag: '1.0.0', commitId: '', webUrl: '' },
        ...{ forgeReleaseId: null, channel: 'stable', clientWord: 'stable', notes: '', changelog: [], security: false },
        ...{ targets: {}, phpMinimum: null, state: 'listed', fingerprint: '', firstSeenAt: at, updatedAt: at },
        ...{ withdrawnAt: null, yankedAt: null, yankedBy: null, yankReason: null },
      }),
    );
    const batch = await api.post(`/organizations/${shop.organization.slug}/license-keys/batch`, {
      ...{ package_id: sold.package.id, count: 1 },
    });
    const bulk = await api.post(`/organizations/${shop.organization.slug}/bulk`, {
      ...{ action: 'suspend', selection: { license_ids: [sold.license.id] } },
    });
    ids = {
      batches: batch.json.id,
      bulk: bulk.json.id,
      imports: await seedImportId(),
      packages: sold.package.id,
      'license-keys': sold.key.id,
      keys: sold.key.id,
      licenses: sold.license.id,
      customers: sold.license.customerId,
      grants: sold.grant.id,
      products: shop.product.id,
      releases: release,
      audit: sold.license.id,
      ...(await seedWebhookIds()),
      tokens: await seedTokenId(),
      site_id: site.id,
      sessions: newId('session'),
    };
  });
  afterAll(() => api.close());

  async function seedTokenId(): Promise<string> {
    const wish = { name: 't', organizationId: shop.organization.id, scopes: [...SCOPES], expiresAt: null };
    return (await createToken({ db: database().db, secrets: seedSecrets }, wish, CLI_ACTOR, api.now())).token.id;
  }

  async function seedWebhookIds(): Promise<Record<string, string>> {
    const { db } = database();
    const { organization } = shop;
    const webhook = await seedWebhook(db, organization, { url: 'http://127.0.0.1:1/' });
    return { webhooks: webhook.id, 'webhook-deliveries': await seedDelivery(db, webhook) };
  }

  /** A right address of the route; everything that it names exists. */
  function addressOf({ path, operationId }: Route): string {
    const address = path
      .replace('/api/v1', '')
      .replace('{org}', shop.organization.slug)
      .replace('{repo}', shop.repository.name)
      .replace('{site_id}', ids['site_id'] ?? '')
      .replace(/([a-z-]+)\/\{id\}/, (_, kind: string) => `${kind}/${ids[kind]}`);
    return operationId === 'removeAlias' ? `${address}?path=${shop.path}` : address;
  }

  async function call(route: Route, token: string | null): Promise<Answer> {
    const caller = api.as(token);
    if (route.method === 'get' || route.method === 'delete') return caller[route.method](addressOf(route));
    return caller[route.method as 'post' | 'put' | 'patch'](addressOf(route), await bodyFor(route));
  }

  async function seedImportId(): Promise<string> {
    const csv = 'key,package\nold,None';
    const wish = { kind: 'keys', csv, source: 'old shop' };
    return (await api.post(`/organizations/${shop.organization.slug}/imports`, wish)).json.import.id;
  }

  /** A right body, so that nothing but the token decides. */
  async function bodyFor({ operationId }: Route): Promise<object> {
    if (operationId === 'createImport') return { kind: 'keys', csv: 'key,package\nold,None', source: 'old shop' };
    const buyer = { customer_name: 'Ada', customer_email: 'ada@example.com' };
    const repository = shop.repository;
    if (/^create\w+Package$/.test(operationId)) return { name: 'New', duration: null, sites: 1 };
    if (/^sell\w+LicenseKey$|^createLicense$/.test(operationId))
      return { ...buyer, package_id: (await seedPackage(database().db, shop.organization, { repository })).id };
    if (operationId === 'addGrant') return { package_id: ids['packages'] };
    if (operationId === 'createProduct') return { slug: `app-${newId('job')}`, platforms: ['joomla'] };
    if (operationId === 'setBridge') return { branch: 'main', path: 'updates.xml' };
    if (operationId === 'addSite') return { site: 'two.example.com' };
    if (operationId === 'addAlias') return { path: `${shop.organization.slug}/${newId('job')}` };
    if (operationId === 'validateOrganizationLicenseKey') return { product: shop.product.id };
    if (/^search\w+LicenseKeys$/.test(operationId)) return { key: 'nobodys' };
    if (operationId === 'createCustomer') return { name: 'Ada' };
    if (operationId === 'anonymizeCustomer') return { dry_run: true };
    if (operationId === 'mergeCustomer') return { into: ids['customers'] };
    if (operationId === 'createWebhook') return { url: 'https://hooks.example.com/', types: ['*'] };
    if (/^create\w+Token$/.test(operationId)) return { name: 'CI', scopes: ['licenses:read'] };
    if (operationId === 'setTeamRoles') return { team_roles: [] };
    if (operationId === 'changeLicense') return { notes: 'n' };
    if (/^(extend|shorten)License$/.test(operationId)) return { days: 1 };
    if (/KeyBatch$/.test(operationId)) return { package_id: ids['packages'], count: 1 };
    if (operationId === 'planBulk') return { action: 'resume', selection: { license_ids: [ids['licenses']] } };
    if (operationId === 'switchLicense') return { package_id: ids['packages'] };
    return {};
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
      const address = addressOf(route);
      if (route.method === 'get' || route.method === 'delete') return await caller[route.method](address);
      const { ids: real } = before;
      ids = { ...ids, packages: real['packages'] ?? '' };
      shop = before.shop;
      return await caller[route.method as 'post' | 'put' | 'patch'](address, await bodyFor(route));
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
      const order = ['removeWebhook', 'retireProduct', 'revokeLicense', 'revokeKey', 'closeGrant'];
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
