import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedPackage, seedShop } from '../support/seed.ts';

onEachDatabase('channels of an organization', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let path: string;
  const channels = async () => (await api.get(`${path}/channels`)).json.items;
  const named = async (name: string) => (await channels()).find((each: { name: string }) => each.name === name);

  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db);
    path = `/organizations/${shop.organization.slug}`;
  });
  afterAll(() => api.close());

  it('are five at first, with the tags that move', async () => {
    const found = await channels();
    expect(found.map(({ name, client_word, own }: Record<string, unknown>) => [name, client_word, own])).toEqual([
      ...[
        ['stable', 'stable', false],
        ['rc', 'rc', false],
        ['beta', 'beta', false],
        ['alpha', 'alpha', false],
      ],
      ['dev', 'dev', false],
    ]);
    expect((await named('dev')).stream_tags).toEqual(expect.arrayContaining(['dev', 'development', 'nightly']));
    expect((await named('rc')).takes_prereleases).toBe(true);
    const used = { packages: [], products: [{ id: shop.product.id, path: shop.path }], new_products: true };
    expect((await named('stable')).used_by).toEqual(used);
  });

  it('are set in their order with own ones among them, the word for clients and what takes prereleases', async () => {
    const rules = {
      channels: [
        { name: 'stable', word: 'stable', tags: [] },
        { name: 'lts', word: 'stable', tags: ['*-lts'] },
      ],
      prerelease: 'beta',
    };
    expect((await api.put(`${path}/tag-rules`, rules)).status).toBe(200);
    expect((await channels()).map(({ name }: { name: string }) => name).slice(0, 3)).toEqual(['stable', 'lts', 'rc']);
    expect(await named('lts')).toMatchObject({
      ...{ client_word: 'stable', own: true, tags: ['*-lts'], stream_tags: ['lts'], takes_prereleases: false },
      releases: 0,
    });
    expect((await named('beta')).takes_prereleases).toBe(true);
  });

  it('say what uses them, and cannot go while anything does', async () => {
    const sold = await seedPackage(database().db, shop.organization, { terms: { channels: ['stable', 'lts'] } });
    expect((await named('lts')).used_by).toEqual({
      ...{ packages: [{ id: sold.id, name: sold.name }], products: [], new_products: false },
    });
    const none = { channels: [] };
    expect((await api.put(`${path}/tag-rules`, none)).json.detail).toContain(`the package "${sold.name}"`);
    await api.patch(`${path}/packages/${sold.id}`, { channels: ['stable'] });
    await api.patch(path, { new_products: { open_channels: ['stable', 'lts'] } });
    const refused = await api.put(`${path}/tag-rules`, none);
    expect([refused.json.code, refused.json.detail]).toEqual([
      'STILL_IN_USE',
      'the channel "lts" cannot go, it is named by the open channels of new products',
    ]);
    await api.patch(path, { new_products: { open_channels: ['stable'] } });
    expect((await api.put(`${path}/tag-rules`, none)).status).toBe(200);
  });
});
