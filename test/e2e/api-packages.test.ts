import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { auditRowsOf } from '../../src/audit/store-audit.ts';
import { ensureMaster } from '../../src/licensing/packages.ts';
import { findMasterPackage, findPackage } from '../../src/licensing/store-packages.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import {
  SEED_NOW,
  type Shop,
  seedClosing,
  seedGrant,
  seedLicense,
  seedPackage,
  seedProduct,
  seedRepository,
  seedSecrets,
  seedShop,
} from '../support/seed.ts';

type Item = Record<string, unknown>;

/** What nobody said of a price. */
const UNKNOWN = { amount_minor: null, currency: null, interval: null, duration: null };

onEachDatabase('packages', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let base: string;
  let ofRepository: string;

  beforeAll(async () => {
    api = await startApi(database());
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    shop = await seedShop(database().db);
    base = `/organizations/${shop.organization.slug}/packages`;
    ofRepository = `/repos/${shop.organization.slug}/${shop.repository.name}/packages`;
  });

  const year = { name: 'One year', duration: { value: 1, unit: 'year' }, sites: 3 };
  const make = async (body: object = {}, path = base) => (await api.post(path, { ...year, ...body })).json;
  const pointers = (json: { errors: { pointer: string }[] }) => json.errors.map(({ pointer }) => pointer).sort();
  const names = async (query: string, path = base) =>
    (await api.get(`${path}?${query}`)).json.items.map(({ name }: { name: string }) => name);

  describe('hold', () => {
    it('everything that is sent, and it is read back the same', async () => {
      const body = {
        ...{
          name: 'Pro',
          description: 'For agencies',
          kind: 'base',
          position: 7,
          duration: { value: 6, unit: 'month' },
        },
        ...{ starts_on: 'first_use', channels: ['stable', 'beta'], sites: null, devices: 1, seats: 2, sessions: 3 },
        ...{ site_unit: 'registrable', grace_days: 14, after_end: 'owned', products: [shop.product.id] },
        ...{
          entitlements: { support: true, tier: 'gold' },
          overage: { mode: 'allow', percent: 20 },
          takeover_days: 30,
        },
        prices: [
          {
            ...UNKNOWN,
            provider: 'stripe',
            external_id: 'price_1',
            code: 'pro-half-eur',
            interval: { value: 6, unit: 'month' },
          },
          {
            ...UNKNOWN,
            provider: 'paypal',
            external_id: 'P-1',
            code: 'pro-half-pp',
            amount_minor: 4900,
            currency: 'EUR',
          },
        ],
      };
      const made = await api.post(base, body);
      expect(made.status).toBe(201);
      expect(made.json).toMatchObject({ ...body, version: 1, active: true, repository_id: null, price_troubles: [] });
      expect((await api.get(`${base}/${made.json.id}`)).json).toEqual(made.json);
      expect((await make()).overage).toEqual({ mode: 'deny' });
    });

    it('lifetimes, days, months, years and fixed dates', async () => {
      expect(await make({ duration: null })).toMatchObject({ duration: null, fixed_from: null });
      for (const unit of ['day', 'month', 'year'])
        expect((await make({ duration: { value: 2, unit } })).duration).toEqual({ value: 2, unit });
      const fixed = { duration: null, fixed_from: '2026-06-01T00:00:00+02:00', fixed_until: '2027-06-01T00:00:00Z' };
      expect(await make(fixed)).toMatchObject({
        ...{ fixed_from: '2026-05-31T22:00:00.000Z', fixed_until: '2027-06-01T00:00:00.000Z' },
      });
    });

    it('stable always, and no channel that the organization does not have', async () => {
      expect((await make({ channels: ['beta'] })).channels).toEqual(['stable', 'beta']);
      const { id } = await make();
      expect((await api.patch(`${base}/${id}`, { channels: ['rc', 'rc'] })).json.channels).toEqual(['stable', 'rc']);
      for (const answer of [
        await api.post(base, { ...year, channels: ['stable', 'gold'] }),
        await api.patch(`${base}/${id}`, { channels: ['gold'] }),
      ]) {
        expect([answer.status, answer.json.errors[0].detail]).toEqual([
          400,
          'is no channel of the organization; it has stable, rc, beta, alpha, dev',
        ]);
      }
      expect((await api.post(base, { ...year, channels: ['*'] })).status).toBe(400);
    });
  });

  it.each<[string, object, string[]]>([
    [
      'an end in the past',
      { duration: null, fixed_from: '2020-01-01T00:00:00Z', fixed_until: '2021-01-01T00:00:00Z' },
      ['/fixed_until'],
    ],
    [
      'the year 20000',
      { duration: null, fixed_from: '2026-01-01T00:00:00Z', fixed_until: '20000-01-01T00:00:00Z' },
      ['/fixed_until'],
    ],
    [
      'a year past 9999 by its zone',
      { duration: null, fixed_from: '2026-01-01T00:00:00Z', fixed_until: '9999-12-31T23:59:59-01:00' },
      ['/fixed_until'],
    ],
    [
      'a date without zone',
      { duration: null, fixed_from: '2026-01-01T00:00:00', fixed_until: '2027-01-01' },
      ['/fixed_from', '/fixed_until'],
    ],
    [
      'dates the wrong way round',
      { duration: null, fixed_from: '2028-01-01T00:00:00Z', fixed_until: '2027-01-01T00:00:00Z' },
      ['/fixed_until'],
    ],
    [
      'dates that begin at first use',
      {
        duration: null,
        starts_on: 'first_use',
        fixed_from: '2026-01-01T00:00:00Z',
        fixed_until: '2027-01-01T00:00:00Z',
      },
      ['/starts_on'],
    ],
    ['one date', { duration: null, fixed_from: '2026-01-01T00:00:00Z' }, ['/fixed_until']],
    ['dates and a length', { fixed_from: '2026-01-01T00:00:00Z', fixed_until: '2027-01-01T00:00:00Z' }, ['/duration']],
    ['unknown fields', { colour: 'red', overage: { mode: 'deny', percent: 5 } }, ['/colour', '/overage/percent']],
    ['an overage without a number', { overage: { mode: 'allow' } }, ['/overage/percent']],
    [
      'numbers out of bounds',
      { sites: -1, grace_days: 4_000, takeover_days: 0, position: -1 },
      ['/grace_days', '/position', '/sites', '/takeover_days'],
    ],
    ['0 for unlimited time', { duration: { value: 0, unit: 'year' } }, ['/duration/value']],
    ['the kind master', { kind: 'master' }, ['/kind']],
    ['no products', { products: [] }, ['/products']],
    [
      'a price of rubbish',
      { prices: [{ provider: 'Stripe!', external_id: '', code: 'a b' }] },
      ['/prices/0/code', '/prices/0/external_id', '/prices/0/provider'],
    ],
    [
      'an amount without its currency, and the other way round',
      {
        prices: [
          { provider: 'x', external_id: '1', code: 'a', amount_minor: 1 },
          { provider: 'x', external_id: '2', code: 'b', currency: 'EUR' },
        ],
      },
      ['/prices/0/currency', '/prices/1/amount_minor'],
    ],
    [
      'a price that recurs and has a duration of its own',
      {
        prices: [
          {
            ...{ provider: 'x', external_id: '1', code: 'a' },
            ...{ interval: { value: 1, unit: 'month' }, duration: { value: 1, unit: 'year' } },
          },
        ],
      },
      ['/prices/0/duration'],
    ],
    [
      'an amount below nothing and a currency in small letters',
      { prices: [{ provider: 'x', external_id: '1', code: 'a', amount_minor: -1, currency: 'eur' }] },
      ['/prices/0/amount_minor', '/prices/0/currency'],
    ],
  ])('refuse %s', async (_, body, expected) => {
    const { status, json } = await api.post(base, { ...year, ...body });
    expect([status, json.code]).toEqual([400, 'INVALID_REQUEST']);
    expect(pointers(json)).toEqual(expected);
    expect((await api.get(base)).json.total).toBe(0);
  });

  it('cover products of their own level only', async () => {
    const stranger = await seedShop(database().db);
    const app = await seedProduct(database().db, shop.organization, null);
    expect((await api.post(base, { ...year, products: [app.id, stranger.product.id] })).json.errors[0].pointer).toBe(
      '/products/1',
    );
    expect((await api.post(ofRepository, { ...year, products: [app.id] })).json.errors[0].pointer).toBe('/products/0');
    expect((await api.post(ofRepository, { ...year, products: [shop.product.id] })).status).toBe(201);
  });

  describe('in versions', () => {
    it('are changed for what is sold from now on; each says who made it, when, and how often it was sold', async () => {
      const { db } = database();
      const { id } = await make();
      const license = await seedLicense(db, shop.organization);
      const sold = await seedGrant(db, license, { ...(await seededPackage(id)), version: 1 });
      await seedGrant(db, license, { ...(await seededPackage(id)), version: 1 });
      await seedClosing(db, sold, 'close');
      api.pass(60_000);
      const token = api.as(await api.token({ organizationId: shop.organization.id }));
      expect((await token.patch(`${base}/${id}`, { sites: 1, name: 'Less' })).json).toMatchObject({
        version: 2,
        sites: 1,
      });
      await seedGrant(db, license, { ...(await seededPackage(id)), version: 2 });
      const { items } = (await api.get(`${base}/${id}/versions`)).json;
      expect(items).toMatchObject([
        { version: 2, current: true, sites: 1, grants: 1, open_grants: 1, created_by: expect.stringMatching(/^tok_/) },
        { version: 1, current: false, sites: 3, grants: 2, open_grants: 1 },
      ]);
      expect(Date.parse(items[0].created_at)).toBe(Date.parse(items[1].created_at) + 60_000);
      const kept = await db.read((tx) => tx('grants').where({ package_id: id }).orderBy('id').pluck('package_version'));
      expect(kept).toEqual([1, 1, 2]);
      const [row] = await db.read((tx) => auditRowsOf(tx, id, 1));
      expect(JSON.parse(row?.changes ?? '')).toEqual({
        ...{ name: { from: 'One year', to: 'Less' }, sites: { from: 3, to: 1 }, version: { from: 1, to: 2 } },
      });
    });

    it('make none where no term changes', async () => {
      const { id } = await make();
      const change = { name: 'Other', description: 'd', position: 3, active: false, sites: 3, channels: ['stable'] };
      expect((await api.patch(`${base}/${id}`, change)).json).toMatchObject({ ...change, version: 1 });
      expect((await api.get(`${base}/${id}/versions`)).json.items).toHaveLength(1);
    });

    it('follow each other without a gap, and lose none of many changes at once', async () => {
      const { id } = await make({ sites: 100, channels: ['stable', 'rc', 'beta'], grace_days: 30, devices: 9 });
      const changes: Item[] = [{ sites: 5 }, { channels: ['stable'] }, { grace_days: 1 }, { devices: 2 }, { seats: 1 }];
      const answers = await Promise.all(changes.map((change) => api.patch(`${base}/${id}`, change)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
      expect(answers.map(({ json }) => json.version).sort()).toEqual([2, 3, 4, 5, 6]);
      expect((await api.get(`${base}/${id}`)).json).toMatchObject({ version: 6, ...Object.assign({}, ...changes) });
      const { items } = (await api.get(`${base}/${id}/versions`)).json;
      expect(items.map(({ version }: Item) => version)).toEqual([6, 5, 4, 3, 2, 1]);
    });

    it('tell the second of two that shrink one list, with If-Match', async () => {
      const { id } = await make({ channels: ['stable', 'rc', 'beta'] });
      const tag = (await api.get(`${base}/${id}`)).headers.get('etag') ?? '';
      const ask = { headers: { 'If-Match': tag } };
      const answers = await Promise.all([
        api.patch(`${base}/${id}`, { channels: ['stable', 'rc'] }, ask),
        api.patch(`${base}/${id}`, { channels: ['stable', 'beta'] }, ask),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
      expect((await api.get(`${base}/${id}`)).json.version).toBe(2);
    });
  });

  async function seededPackage(id: string) {
    const found = await database().db.read((tx) => findPackage(tx, id));
    if (!found) throw new Error(`${id} is missing`);
    return found;
  }

  describe('in a list', () => {
    it('stand by position, the older first, page by page', async () => {
      const made = [];
      for (const position of [5, 1, 5, 2]) made.push((await make({ name: `p${position}`, position })).id);
      const [five, one, five2, two] = made;
      const first = await api.get(`${base}?limit=3&kind=base`);
      expect(first.json.items.map(({ id }: Item) => id)).toEqual([one, two, five]);
      expect(first.json.total).toBe(4);
      const rest = await api.get(`${base}?limit=3&kind=base&cursor=${first.json.next_cursor}`);
      expect([rest.json.items.map(({ id }: Item) => id), rest.json.next_cursor]).toEqual([[five2], null]);
      expect((await make({ name: 'last' })).position).toBe(6);
    });

    it('are narrowed by state, kind, level, product and text', async () => {
      const { db } = database();
      const app = await seedProduct(db, shop.organization, null);
      const other = await seedRepository(db, shop.organization);
      await make({ name: 'For all', description: '100 % of it' });
      await make({ name: 'App only', products: [app.id] });
      await make({ name: 'Addon', kind: 'addon' });
      await make({ name: 'Of the repository' }, ofRepository);
      await seedPackage(db, shop.organization, { repository: other });
      const { id } = await make({ name: 'Gone' });
      await api.patch(`${base}/${id}`, { active: false });
      expect(await names('active=false')).toEqual(['Gone']);
      expect(await names('kind=addon')).toEqual(['Addon']);
      expect(await names('kind=master')).toHaveLength(2);
      expect(await names('level=repository&kind=base')).toEqual([expect.any(String), 'Of the repository']);
      expect(await names('level=organization&kind=base')).toEqual(['For all', 'App only', 'Gone']);
      expect(await names(`product=${app.id}&kind=base`)).toEqual(['For all', 'App only', 'Gone']);
      expect(await names(`product=${shop.product.id}&kind=base`)).toEqual(['For all', 'Of the repository', 'Gone']);
      expect(await names('text=REPOS')).toEqual(['Of the repository']);
      expect(await names('text=100%20%25')).toEqual(['For all']);
      expect(await names('text=_')).toEqual([]);
      expect(await names('kind=base', ofRepository)).toEqual(['Of the repository']);
    });

    it('of a repository take no level, and none takes a product of others', async () => {
      expect((await api.get(`${ofRepository}?level=repository`)).status).toBe(400);
      const stranger = await seedShop(database().db);
      expect((await api.get(`${base}?product=${stranger.product.id}`)).json.errors[0].pointer).toBe('/query/product');
      expect((await api.get(`${base}?product=${shop.organization.id}`)).json.code).toBe('WRONG_ID_KIND');
      expect((await api.get(`${base}?active=yes`)).status).toBe(400);
    });
  });

  describe('with prices', () => {
    const price = (change: object = {}) => ({ provider: 'stripe', external_id: 'price_1', code: 'a', ...change });

    it('lead to one package of the organization', async () => {
      const { id } = await make({ prices: [price()] });
      const other = await make();
      for (const [taken, pointer] of [
        [price({ external_id: 'price_2' }), '/prices/1/code'],
        [price({ code: 'b' }), '/prices/1/external_id'],
      ] as const) {
        const free = price({ external_id: 'x', code: 'x' });
        const { status, json } = await api.patch(`${base}/${other.id}`, { prices: [free, taken] });
        expect([status, json.code, json.errors]).toEqual([
          ...[409, 'ALREADY_EXISTS'],
          [{ pointer, detail: `belongs to the package ${id}` }],
        ]);
      }
      expect((await api.get(`${base}/${other.id}`)).json.prices).toEqual([]);
      const stranger = await seedShop(database().db);
      const theirs = `/organizations/${stranger.organization.slug}/packages`;
      expect((await make({ prices: [price()] }, theirs)).prices).toEqual([{ ...price(), ...UNKNOWN }]);
      const twice = await api.patch(`${base}/${id}`, { prices: [price(), price({ external_id: 'price_2' })] });
      expect([twice.status, pointers(twice.json)]).toEqual([400, ['/prices/1/code']]);
    });

    it('are replaced whole, and make no new version', async () => {
      const { id } = await make({ prices: [price(), price({ external_id: 'price_2', code: 'b' })] });
      const prices = [price({ external_id: 'price_2', code: 'b' }), price({ external_id: 'price_3', code: 'a' })];
      expect((await api.patch(`${base}/${id}`, { prices })).json).toMatchObject({ prices, version: 1 });
      expect((await api.patch(`${base}/${id}`, { prices: [] })).json.prices).toEqual([]);
    });

    it('are given to one of two that want the same at once', async () => {
      const both = await Promise.all([1, 2].map((n) => api.post(base, { ...year, name: `${n}`, prices: [price()] })));
      expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    });
  });

  describe('are deleted', () => {
    it('by a site administrator only, and only where nothing was ever sold', async () => {
      const { db } = database();
      const { id } = await make({ prices: [{ provider: 'x', external_id: 'y', code: 'z' }] });
      const owner = api.as(await api.token({ organizationId: shop.organization.id }));
      expect((await owner.delete(`${base}/${id}`)).json.code).toBe('FORBIDDEN');
      const license = await seedLicense(db, shop.organization);
      const other = await seedPackage(db, shop.organization);
      const grant = await seedGrant(db, license, other);
      await seedClosing(db, grant, 'close');
      const sold = await api.delete(`${base}/${other.id}`);
      expect([sold.status, sold.json.code, sold.json.detail]).toEqual([
        ...[409, 'STILL_IN_USE', 'the package was sold once; make it inactive instead'],
      ]);
      await api.patch(`/organizations/${shop.organization.slug}`, { test_key: { package_id: id } });
      expect((await api.delete(`${base}/${id}`)).json.code).toBe('STILL_IN_USE');
      await api.patch(`/organizations/${shop.organization.slug}`, { test_key: { package_id: null } });
      expect((await api.delete(`${base}/${id}`)).status).toBe(204);
      expect((await api.delete(`${base}/${id}`)).status).toBe(404);
      expect((await api.get(`${base}/${other.id}`)).status).toBe(200);
    });

    it('or are sold, never both', async () => {
      for (let i = 0; i < 4; i++) {
        const { id } = await make();
        const sale = { customer_name: 'Ada', customer_email: 'ada@example.com', package_id: id };
        const keys = `/organizations/${shop.organization.slug}/license-keys`;
        const [sold, gone] = await Promise.all([api.post(keys, sale), api.delete(`${base}/${id}`)]);
        expect([
          [201, 409],
          [404, 204],
        ]).toContainEqual([sold.status, gone.status]);
      }
    });
  });

  it('of the kind master are never changed, deleted or sold', async () => {
    const { db } = database();
    const by = { actor: CLI_ACTOR, requestId: null, now: SEED_NOW };
    await db.tx((tx) => ensureMaster(tx, seedSecrets, shop.organization, null, by));
    await db.tx((tx) => ensureMaster(tx, seedSecrets, shop.organization, shop.repository.id, by));
    const ids = await Promise.all(
      [null, shop.repository.id].map((of) => db.read((tx) => findMasterPackage(tx, shop.organization.id, of))),
    );
    const sale = { customer_name: 'Ada', customer_email: 'ada@example.com' };
    for (const master of ids) {
      const paths = master?.repositoryId === null ? [base] : [base, ofRepository];
      for (const path of paths) {
        const before = (await api.get(`${path}/${master?.id}`)).json;
        for (const change of [{ name: 'x' }, { active: false }, { sites: 1 }, { prices: [] }, {}])
          expect((await api.patch(`${path}/${master?.id}`, change)).json.code).toBe('MASTER_IS_FIXED');
        expect((await api.delete(`${path}/${master?.id}`)).json.code).toBe('MASTER_IS_FIXED');
        const keys = path.replace(/packages$/, 'license-keys');
        expect((await api.post(keys, { ...sale, package_id: master?.id })).json.code).toBe('MASTER_IS_FIXED');
        expect((await api.get(`${path}/${master?.id}`)).json).toEqual(before);
      }
    }
  });

  it('are nothing to others', async () => {
    const { id } = await make();
    const stranger = await seedShop(database().db);
    const theirs = api.as(await api.token({ organizationId: stranger.organization.id }));
    const own = `/organizations/${stranger.organization.slug}/packages/${id}`;
    for (const path of [`${base}/${id}`, own]) {
      expect((await theirs.get(path)).status).toBe(404);
      expect((await theirs.get(`${path}/versions`)).status).toBe(404);
      expect((await theirs.patch(path, { name: 'x' })).status).toBe(404);
    }
    const seller = api.as(await api.token({ scopes: ['licenses:write'] }));
    expect((await seller.patch(`${base}/${id}`, { name: 'x' })).json.code).toBe('FORBIDDEN');
    expect((await seller.post(base, year)).json.code).toBe('FORBIDDEN');
  });
});
