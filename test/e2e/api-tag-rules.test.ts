import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedPackage, seedProduct, seedRepository, seedShop } from '../support/seed.ts';

const DEFAULTS = {
  channels: [],
  prefixes: ['v', 'release-', 'release/', '{repository}-'],
  ignore: [],
  prerelease: 'rc',
};
const LTS = { name: 'lts', word: 'stable', tags: ['*-lts'] };

onEachDatabase('channels and rules for tags', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let ofOrganization: string;
  let ofRepository: string;

  beforeAll(async () => {
    api = await startApi(database());
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    shop = await seedShop(database().db);
    ofOrganization = `/organizations/${shop.organization.slug}/tag-rules`;
    ofRepository = `/repos/${shop.organization.slug}/${shop.repository.name}/tag-rules`;
  });

  const looks = async (repository: { id: string }) =>
    (await database().db.read((tx) => tx('jobs').where({ subject: repository.id }).select('kind'))).length;
  const audited = (id: string) =>
    database().db.read((tx) => tx('audit_events').where({ entity_id: id }).orderBy('id').select('action', 'changes'));
  const terms = (channels: string[]) => ({ terms: { channels } });

  it('shows the defaults of what was never set', async () => {
    expect((await api.get(ofOrganization)).json).toEqual(DEFAULTS);
    expect((await api.get(ofRepository)).json).toEqual({ tags: {}, prefixes: [], ignore: [], prerelease: null });
  });

  it('sets those of an organization, writes it down and looks at every repository of it, not at others', async () => {
    const second = await seedRepository(database().db, shop.organization);
    const foreign = await seedShop(database().db);
    const answer = await api.put(ofOrganization, { channels: [LTS], ignore: ['test-*'] });
    expect([answer.status, answer.json]).toEqual([200, { ...DEFAULTS, channels: [LTS], ignore: ['test-*'] }]);
    expect((await api.get(ofOrganization)).json).toEqual(answer.json);
    const { channels } = (await api.get(`/organizations/${shop.organization.slug}`)).json;
    expect(channels).toEqual(['lts', 'stable', 'rc', 'beta', 'alpha', 'dev']);
    expect(await Promise.all([shop.repository, second, foreign.repository].map(looks))).toEqual([1, 1, 0]);
    const [entry, ...more] = await audited(shop.organization.id);
    expect([entry.action, more]).toEqual(['organization.rules', []]);
    expect(JSON.parse(entry.changes)).toEqual({
      channels: { from: '[]', to: JSON.stringify([LTS]) },
      ignore: { from: '[]', to: '["test-*"]' },
    });
  });

  it('replaces the whole, and does nothing where nothing changes', async () => {
    await api.put(ofOrganization, DEFAULTS);
    expect([await looks(shop.repository), await audited(shop.organization.id)]).toEqual([0, []]);
    await api.put(ofOrganization, { channels: [LTS], prerelease: 'lts' });
    expect((await api.put(ofOrganization, { ignore: ['x'] })).json).toEqual({ ...DEFAULTS, ignore: ['x'] });
  });

  it('sets those of one repository, and looks at that one only', async () => {
    const second = await seedRepository(database().db, shop.organization);
    const rules = { tags: { beta: ['next-*'] }, prefixes: ['shop-'], ignore: [], prerelease: 'beta' };
    const answer = await api.put(ofRepository, rules);
    expect([answer.status, answer.json]).toEqual([200, rules]);
    expect((await api.get(ofRepository)).json).toEqual(rules);
    expect(await Promise.all([shop.repository, second].map(looks))).toEqual([1, 0]);
    const [entry] = await audited(shop.repository.id);
    expect(entry.action).toBe('repository.rules');
    await api.put(ofRepository, rules);
    expect(await audited(shop.repository.id)).toHaveLength(1);
  });

  it('lets a repository name channels of its organization only, own ones too', async () => {
    const typo = await api.put(ofRepository, { tags: { lts: ['*-x'], rc: ['*-y'] }, prerelease: 'betas' });
    expect([typo.status, typo.json.errors.map(({ pointer }: { pointer: string }) => pointer)]).toEqual([
      400,
      ['/tags/lts', '/prerelease'],
    ]);
    expect(typo.json.errors[0].detail).toContain('stable, rc, beta');
    expect(await looks(shop.repository)).toBe(0);
    await api.put(ofOrganization, { channels: [LTS] });
    expect((await api.put(ofRepository, { tags: { lts: ['*-x'] }, prerelease: 'lts' })).status).toBe(200);
    // A channel that goes takes its tags along.
    expect((await api.put(ofOrganization, {})).status).toBe(200);
  });

  it.each([
    [{ channels: [{ name: 'LTS', word: 'stable' }] }, '/channels/0/name'],
    [{ channels: [{ name: 'lts', word: 'security' }] }, '/channels/0/word'],
    [{ channels: [{ name: 'lts', word: 'stable', glob: '*' }] }, '/channels/0/glob'],
    [{ channels: [LTS, { name: 'lts', word: 'rc' }] }, '/channels/1/name'],
    [{ channels: [{ name: 'beta', word: 'stable' }] }, '/channels/0/word'],
    [{ ignore: ['a b'] }, '/ignore/0'],
    [{ prerelease: 'lts' }, '/prerelease'],
    [{ tags: {} }, '/tags'],
  ])('refuses rules like %j', async (rules, pointer) => {
    const answer = await api.put(ofOrganization, rules);
    expect([answer.status, answer.json.errors.map((each: { pointer: string }) => each.pointer)]).toEqual([
      400,
      [pointer],
    ]);
    expect((await api.get(ofOrganization)).json).toEqual(DEFAULTS);
  });

  it('keeps a channel that a package of the organization or of a repository names', async () => {
    const { db } = database();
    await api.put(ofOrganization, { channels: [LTS, { name: 'vip', word: 'stable' }] });
    const wide = await seedPackage(db, shop.organization, terms(['stable', 'lts']));
    const narrow = await seedPackage(db, shop.organization, { repository: shop.repository, ...terms(['vip']) });
    for (const [channels, name, holder] of [
      [[{ name: 'vip', word: 'stable' }], 'lts', wide.name],
      [[LTS], 'vip', narrow.name],
    ] as const) {
      const refused = await api.put(ofOrganization, { channels });
      expect([refused.status, refused.json.code]).toEqual([409, 'STILL_IN_USE']);
      expect(refused.json.detail).toContain(`"${name}"`);
      expect(refused.json.detail).toContain(`the package "${holder}"`);
    }
    expect((await api.get(ofOrganization)).json.channels).toHaveLength(2);
    const tags = [
      { ...LTS, tags: ['lts/*'] },
      { name: 'vip', word: 'beta' },
    ];
    expect((await api.put(ofOrganization, { channels: tags })).status).toBe(200);
  });

  it('keeps a channel that is open, of a retired product too, and lets it go when none names it', async () => {
    const { db } = database();
    await api.put(ofOrganization, { channels: [LTS] });
    const open = { openChannels: ['stable', 'lts'] };
    const gone = await seedProduct(db, shop.organization, null, { ...open, retiredAt: '2026-01-01T00:00:00.000Z' });
    const refused = await api.put(ofOrganization, {});
    expect(refused.json).toMatchObject({ code: 'STILL_IN_USE' });
    expect(refused.json.detail).toContain(`the open channels of ${shop.organization.slug}/${gone.slug}`);
    expect((await api.patch(`/products/${gone.id}`, { open_channels: ['stable'] })).status).toBe(200);
    expect((await api.put(ofOrganization, {})).json).toEqual(DEFAULTS);
  });

  it('names some of many users and counts the others; those of another organization do not matter', async () => {
    const { db } = database();
    await api.put(ofOrganization, { channels: [LTS] });
    const other = await seedShop(db);
    await api.put(`/organizations/${other.organization.slug}/tag-rules`, { channels: [LTS] });
    for (let i = 0; i < 7; i++) await seedPackage(db, shop.organization, terms(['lts']));
    expect((await api.put(ofOrganization, {})).json.detail).toMatch(/and 2 more$/);
    expect((await api.put(`/organizations/${other.organization.slug}/tag-rules`, {})).status).toBe(200);
  });

  it('knows no rules of what is not there', async () => {
    expect((await api.put(`/organizations/${newId('organization')}/tag-rules`, {})).status).toBe(404);
    expect((await api.put(`/repos/${shop.organization.slug}/nothing/tag-rules`, {})).status).toBe(404);
  });
});
