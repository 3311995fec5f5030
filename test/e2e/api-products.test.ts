import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { replaceArtifacts, replaceProblems, saveRelease } from '../../src/releases/store-releases.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type FakeForge, startFakeForge } from '../support/fake-forge.ts';
import { type Shop, seedForge, seedOrganization, seedProduct, seedSecrets, seedShop } from '../support/seed.ts';

const AT = '2026-01-01T12:00:00.000Z';

onEachDatabase('organizations, products, releases and packages', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let forge: FakeForge;
  let base: string;
  /** An organization on a forge that answers. */
  let live: string;

  beforeAll(async () => {
    const { db } = database();
    api = await startApi(database());
    shop = await seedShop(db);
    base = `/organizations/${shop.organization.slug}`;
    forge = await startFakeForge();
    const id = newId('forge');
    const seal = (purpose: string, text: string) => seedSecrets.seal(purpose, id, text);
    const record = await seedForge(db, {
      ...{ id, baseUrl: forge.url, tokenSealed: seal('forge-token', forge.token) },
      hookSecretsSealed: seal('forge-hooks', JSON.stringify(['s'.repeat(64)])),
    });
    const organization = await seedOrganization(db, record, { owner: 'acme', slug: `acme-${id.slice(-6)}` });
    live = `/organizations/${organization.slug}`;
    await forge.createRepository({ owner: 'acme', name: 'com_demo' });
  });
  afterAll(async () => {
    await api.close();
    await forge.close();
  });

  const jobs = (subject: string) => database().db.read((tx) => tx('jobs').where({ subject }).select('kind'));

  it('shows organizations by slug and by id', async () => {
    const answer = await api.get(base);
    expect(answer.json).toMatchObject({
      id: shop.organization.id,
      slug: shop.organization.slug,
      key_prefix: 'FG1',
      channels: ['stable', 'rc', 'beta', 'alpha', 'dev'],
    });
    expect((await api.get(`/organizations/${shop.organization.id}`)).json).toEqual(answer.json);
    expect((await api.get('/organizations/nobody')).status).toBe(404);
  });

  it('makes a product of a repository: hook, first look and no warning where nothing is amiss', async () => {
    const made = await api.post(`${live}/products`, { repository: 'com_demo', platforms: ['joomla'] });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      id: expect.stringMatching(/^prd_/),
      path: expect.stringMatching(/\/com_demo$/),
      mode: 'listed',
      require_key: true,
      warnings: [],
    });
    const registered = forge.requests.some(({ method, path }) => method === 'POST' && /com_demo\/hooks/.test(path));
    expect(registered).toBe(true);
    expect(await jobs(made.json.repository_id)).toEqual([{ kind: 'reconcile' }]);
    const twice = await api.post(`${live}/products`, { repository: 'com_demo', platforms: ['joomla'] });
    expect([twice.status, twice.json.code]).toEqual([409, 'ALREADY_EXISTS']);
    const edition = {
      repository: 'com_demo',
      edition: 'pro',
      platforms: ['joomla'],
      settings: { assets: { joomla: '*-pro.zip' } },
    };
    const pro = await api.post(`${live}/products`, edition);
    expect([pro.status, pro.json.repository_id]).toEqual([201, made.json.repository_id]);
    expect(pro.json.settings.assets).toEqual({ joomla: '*-pro.zip' });
  });

  it('warns of the mode strict at once, and offers listed', async () => {
    const app = await api.post(`${live}/products`, { slug: 'app', platforms: ['joomla'], require_key: true });
    expect(app.json.mode).toBe('strict');
    const [warning] = app.json.warnings;
    expect(`${warning.detail} ${warning.fix}`).toMatch(/sees no update at all.*"listed"/s);
    expect((await api.get(`/products/${app.json.id}`)).json.warnings).toEqual(app.json.warnings);
    const listed = await api.patch(`/products/${app.json.id}`, { mode: 'listed' });
    expect(listed.json.warnings).toEqual([]);
    expect((await api.patch(`/products/${app.json.id}`, { require_key: true })).json.mode).toBe('listed');
    expect((await api.patch(`/products/${app.json.id}`, { require_key: false })).json).toMatchObject({
      mode: 'open',
      require_key: false,
    });
    expect((await api.patch(`/products/${app.json.id}`, { require_key: true })).json.mode).toBe('strict');
    const denies = await api.patch(`/products/${app.json.id}`, { missing_site: 'deny' });
    expect(denies.json.warnings).toHaveLength(2);
  });

  it('warns where the hook could not be made, and makes the product all the same', async () => {
    await forge.createRepository({ owner: 'acme', name: 'com_second' });
    forge.setFault('500', { path: /com_second\/hooks/ });
    const made = await api.post(`${live}/products`, { repository: 'com_second', platforms: ['joomla'] });
    forge.clearFaults();
    expect(made.status).toBe(201);
    expect(made.json.warnings.map(({ code }: { code: string }) => code)).toEqual(['HOOK_MISSING']);
  });

  it('tells a repository that the forge does not show from a forge in trouble', async () => {
    const missing = await api.post(`${live}/products`, { repository: 'com_nothing', platforms: ['joomla'] });
    expect([missing.status, missing.json.code]).toEqual([404, 'NOT_FOUND']);
    forge.setFault('500', { path: /com_demo/ });
    const trouble = await api.post(`${live}/products`, { repository: 'com_demo', edition: 'x', platforms: ['joomla'] });
    forge.clearFaults();
    expect([trouble.status, trouble.json.code]).toEqual([502, 'FORGE_TROUBLE']);
  });

  it('tells every wrong field of a product', async () => {
    const answer = await api.post(`${base}/products`, {
      platforms: ['drupal'],
      mode: 'free',
      settings: { renew_url: 'javascript:alert(1)', phpMinimum: '8' },
    });
    expect(answer.json.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/mode',
      '/platforms/0',
      '/settings/phpMinimum',
      '/settings/renew_url',
    ]);
    const both = await api.post(`${base}/products`, {
      slug: 'x',
      platforms: ['joomla'],
      mode: 'open',
      require_key: true,
    });
    expect(both.json.errors[0].pointer).toBe('/require_key');
    expect((await api.post(`${base}/products`, { platforms: ['joomla'] })).json.errors[0].pointer).toBe('/slug');
    const reserved = await api.post(`${base}/products`, { slug: 'a', edition: 'download', platforms: ['joomla'] });
    expect(reserved.status).toBe(400);
  });

  it('changes the settings that are sent and leaves the others', async () => {
    const path = `/products/${shop.product.id}`;
    const before = (await api.get(path)).json;
    await api.patch(path, { settings: { renew_url: 'https://shop.example/', hints: { joomla: 'com_demo' } } });
    const after = await api.patch(path, {
      name: 'Demo',
      settings: { php_minimum: '8.1' },
      open_channels: ['stable', 'rc'],
    });
    expect(after.json).toMatchObject({
      name: 'Demo',
      open_channels: ['stable', 'rc'],
      settings: { renew_url: 'https://shop.example/', hints: { joomla: 'com_demo' }, php_minimum: '8.1' },
    });
    expect(after.json.revision).toBeGreaterThan(before.revision);
    const typo = await api.patch(path, { open_channels: ['stable', 'betas'] });
    expect([typo.status, typo.json.errors[0].pointer]).toEqual([400, '/open_channels/1']);
    expect(typo.json.errors[0].detail).toContain('stable, rc, beta');
  });

  it('retires a product and brings it back', async () => {
    const product = await seedProduct(database().db, shop.organization, null);
    const path = `/products/${product.id}`;
    const listed = async (query = '') =>
      (await api.get(`${base}/products${query}`)).json.items.map(({ id }: { id: string }) => id);
    expect(await listed()).toContain(product.id);
    expect((await api.delete(path)).status).toBe(204);
    expect((await api.delete(path)).status).toBe(204);
    expect(await listed()).not.toContain(product.id);
    expect(await listed('?retired=true')).toContain(product.id);
    expect((await api.get(path)).json.retired_at).toBe(AT);
    expect((await api.post(`${path}/unretire`)).json.retired_at).toBeNull();
  });

  it('keeps old addresses, of files too, and refuses those of others', async () => {
    const path = `/products/${shop.product.id}/aliases`;
    const whole = await api.post(path, { path: 'Updates/Old.xml', document: 'updates.xml' });
    expect(whole.status).toBe(201);
    expect(whole.json.items).toContainEqual({ path: 'updates/old.xml', kind: 'manual', document: 'updates.xml' });
    expect((await api.get(path)).json.items[0]).toEqual({ path: shop.path, kind: 'current', document: null });
    expect((await api.post(path, { path: 'x', document: 'drupal.xml' })).json.errors[0].pointer).toBe('/document');
    expect((await api.post(path, { path: '/API/v1/x' })).json.errors[0].pointer).toBe('/path');
    const other = await seedShop(database().db);
    const taken = await api.post(path, { path: other.path });
    expect([taken.status, taken.json.code]).toEqual([409, 'ALREADY_EXISTS']);
    const bound = api.as(await api.token({ organizationId: shop.organization.id }));
    const squat = await bound.post(path, { path: `${other.organization.slug}/new` });
    expect([squat.status, squat.json.code]).toEqual([409, 'ALREADY_EXISTS']);
    expect((await api.post(path, { path: `${other.organization.slug}/moved` })).status).toBe(201);
  });

  it('plans a look at the repository', async () => {
    const answer = await api.post(`/products/${shop.product.id}/sync`);
    expect([answer.status, answer.json]).toEqual([202, { product_id: shop.product.id, queued: true }]);
    expect(await jobs(shop.repository.id)).toEqual([{ kind: 'reconcile' }]);
    const app = await seedProduct(database().db, shop.organization, null);
    expect((await api.post(`/products/${app.id}/sync`)).status).toBe(400);
  });

  it('shows releases newest first with files and problems, yanks one and puts it back', async () => {
    const product = await seedProduct(database().db, shop.organization, null);
    const ids = [];
    for (const version of ['1.0.0', '1.1.0', '2.0.0']) ids.push(await saveVersion(product.id, version));
    const [, middle, newest] = ids;
    const list = await api.get(`/products/${product.id}/releases?limit=2`);
    expect(list.json.total).toBe(3);
    expect(list.json.items.map(({ version }: { version: string }) => version)).toEqual(['2.0.0', '1.1.0']);
    expect(list.json.items[0]).toMatchObject({
      state: 'listed',
      artifacts: [{ platform: 'joomla', file_name: 'demo.zip', size: 7, repacked: false }],
      problems: [{ code: 'DLID_MISSING', severity: 'warning', tag: '2.0.0' }],
    });
    expect(list.text).not.toContain('locator');
    const rest = await api.get(`/products/${product.id}/releases?limit=2&cursor=${list.json.next_cursor}`);
    expect(rest.json.items.map(({ version }: { version: string }) => version)).toEqual(['1.0.0']);
    const yanked = await api.post(`/releases/${middle}/yank`, { reason: 'eats data' });
    expect(yanked.json).toMatchObject({ state: 'yanked', yank_reason: 'eats data', yanked_at: AT });
    expect((await api.get(`/releases/${middle}`)).json.state).toBe('yanked');
    expect((await api.post(`/releases/${middle}/unyank`)).json).toMatchObject({ state: 'listed', yank_reason: null });
    expect((await api.get(`/products/${product.id}/problems`)).json.items).toHaveLength(3);
    expect((await api.get(`/releases/${newest}`)).json.problems).toHaveLength(1);
  });

  async function saveVersion(productId: string, version: string): Promise<string> {
    const id = newId('release');
    const hash = { sha256: 'a'.repeat(64), sha384: 'b'.repeat(96), sha512: 'c'.repeat(128) };
    const source = { kind: 'asset' as const, id: '1', locator: 'https://git.example.com/secret', name: 'demo.zip' };
    const found = {
      ...{ id: newId('problem'), code: 'DLID_MISSING' as const, severity: 'warning' as const },
      ...{ platform: 'joomla' as const, detail: 'd', fix: 'f' },
    };
    await database().db.tx(async (tx) => {
      await saveRelease(tx, {
        ...{ id, productId, version, tag: version, commitId: '', webUrl: '', forgeReleaseId: null, channel: 'stable' },
        ...{ clientWord: 'stable', notes: '', changelog: [], security: false, targets: {}, phpMinimum: null },
        ...{ state: 'listed', fingerprint: '', firstSeenAt: AT, updatedAt: AT, withdrawnAt: null, yankedAt: null },
        ...{ yankedBy: null, yankReason: null },
      });
      const facts = { platform: 'joomla' } as never;
      const file = { fileName: 'demo.zip', size: 7, ...hash, facts, source, repack: null, listed: true, createdAt: AT };
      await replaceArtifacts(
        tx,
        id,
        [{ id: newId('artifact'), releaseId: id, platform: 'joomla', ...file }],
        'test',
        AT,
      );
      await replaceProblems(tx, { productId, releaseId: id, tag: version }, [found], AT);
    });
    return id;
  }

  it('makes packages on both levels, with the master of the level', async () => {
    const { organization, repository } = await seedShop(database().db);
    const own = `/organizations/${organization.slug}/packages`;
    const level = `/repos/${organization.slug}/${repository.name}/packages`;
    const body = { name: 'Pro', duration: { value: 1, unit: 'year' }, sites: null, channels: ['rc'] };
    const wide = await api.post(own, body);
    expect(wide.status).toBe(201);
    expect(wide.json).toMatchObject({
      ...{ name: 'Pro', kind: 'base', active: true, version: 1, repository_id: null, sites: null, devices: 0 },
      ...{ duration: { value: 1, unit: 'year' }, channels: ['stable', 'rc'], starts_on: 'issue', after_end: 'nothing' },
      ...{ fixed_from: null, products: null, entitlements: {} },
    });
    const narrow = await api.post(level, { ...body, kind: 'trial', entitlements: { support: true, seats: 3 } });
    expect(narrow.json).toMatchObject({ kind: 'trial', repository_id: repository.id });
    const kinds = async (path: string) =>
      (await api.get(path)).json.items.map(({ kind }: { kind: string }) => kind).sort();
    expect(await kinds(level)).toEqual(['master', 'trial']);
    expect(await kinds(own)).toEqual(['base', 'master', 'master', 'trial']);
    expect((await api.get(`${level}/${wide.json.id}`)).status).toBe(404);
    expect((await api.get(`${own}/${narrow.json.id}`)).json).toEqual(narrow.json);
  });

  it('changes terms by a new version, and only what was sent', async () => {
    const body = { name: 'Pro', duration: null, sites: 3, grace_days: 7 };
    const { json } = await api.post(`${base}/packages`, body);
    const path = `${base}/packages/${json.id}`;
    expect((await api.patch(path, { name: 'Pro 2', active: false })).json).toMatchObject({ version: 1, active: false });
    const changed = await api.patch(path, { sites: 5, active: true });
    expect(changed.json).toMatchObject({ name: 'Pro 2', version: 2, sites: 5, grace_days: 7, active: true });
    const dated = { fixed_from: '2026-05-01T00:00:00+02:00', fixed_until: '2026-08-31T23:59:59Z' };
    expect((await api.patch(path, dated)).json).toMatchObject({ version: 3, fixed_from: '2026-04-30T22:00:00.000Z' });
    const answers = await Promise.all([1, 2, 3].map((sites) => api.patch(path, { sites })));
    expect(answers.map(({ json: { version } }) => version).sort()).toEqual([4, 5, 6]);
    const [master] = (await api.get(`${base}/packages`)).json.items.filter(
      ({ kind }: { kind: string }) => kind === 'master',
    );
    expect((await api.patch(`${base}/packages/${master.id}`, { sites: 1 })).json.code).toBe('MASTER_IS_FIXED');
    expect((await api.patch(path, { kind: 'addon' })).json.errors[0].pointer).toBe('/kind');
  });

  it.each([
    [{ duration: { value: 0, unit: 'week' }, sites: -1 }, ['/duration/unit', '/duration/value', '/sites']],
    [{ name: ' ', duration: null }, ['/name', '/sites']],
    [{ channels: ['stable', 'nope'] }, ['/channels/1']],
    [{ products: ['prd_unknown'] }, ['/products/0']],
    [{ fixed_from: '2027-01-01T00:00:00Z' }, ['/fixed_until']],
    [{ fixed_from: '2027-01-01T00:00:00Z', fixed_until: '2026-01-01T00:00:00Z' }, ['/fixed_until']],
    [
      { duration: { value: 1, unit: 'day' }, fixed_from: '2026-01-01T00:00:00Z', fixed_until: '2027-01-01T00:00:00Z' },
      ['/duration'],
    ],
    [{ entitlements: { __proto__x: true } }, ['/entitlements/__proto__x']],
    [{ kind: 'master' }, ['/kind']],
  ])('refuses a package of %j', async (change, pointers) => {
    const whole = 'name' in change ? change : { name: 'Pro', duration: null, sites: 1, ...change };
    const answer = await api.post(`${base}/packages`, whole);
    expect(answer.status).toBe(400);
    expect(answer.json.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual(pointers);
  });
});
