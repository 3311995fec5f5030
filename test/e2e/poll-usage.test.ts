import { beforeAll, describe, expect, it } from 'vitest';
import { usageCounts } from '../../src/licensing/store-usage.ts';
import { rollUp } from '../../src/licensing/usage.ts';
import { type Product, productPath } from '../../src/releases/product.ts';
import { seedForge, seedOrganization, seedProduct, seedSoldLicense } from '../support/seed.ts';
import { ask, onEachServer, seedRelease } from '../support/served.ts';

onEachServer('what is answered is recorded', (served) => {
  let organization: Awaited<ReturnType<typeof seedOrganization>>;

  beforeAll(async () => {
    const { core } = served();
    organization = await seedOrganization(core.db, await seedForge(core.db));
  });

  async function aShop(change: Partial<Product> = {}) {
    const { core } = served();
    const product = await seedProduct(core.db, organization, null, change);
    await seedRelease(core, product, { version: '1.0.0' });
    const { key } = await seedSoldLicense(core.db, { organization }, { terms: { sites: null } });
    return { product, key, at: `/${productPath(product)}` };
  }

  /** Count by kind, code, whose key and client. */
  async function countsOf(product: Product): Promise<Record<string, number>> {
    const filter = { productId: product.id, fromDay: '2000-01-01', toDay: '9999-12-31' };
    const rows = await served().core.db.read((tx) => usageCounts(tx, filter, 1_000));
    return Object.fromEntries(
      rows.map(({ kind, code, key_id, site, platform_version, count }) => [
        [kind, code, key_id === '' ? 'no key' : 'key', site, platform_version].filter((each) => each !== '').join(' '),
        count,
      ]),
    );
  }

  it('before the answer is sent: polls, refusals, 304, HEAD, downloads and what is not there', async () => {
    const { product, key, at } = await aShop();
    const seen: Record<string, number> = {};
    const poll = async (row: string, path: string, options: Parameters<typeof ask>[2] = {}) => {
      const answer = await ask(served(), `${at}/${path}`, options);
      seen[row] = (seen[row] ?? 0) + 1;
      expect(await countsOf(product)).toEqual(seen);
      return answer;
    };
    const dlid = `?dlid=${key.text}`;
    const joomla = { 'User-Agent': 'Mozilla/5.0 Joomla!/5.4.1 Joomla' };
    await poll('updates.xml NOT_FOUND no key', 'updates.xml');
    await poll('updates.xml NOT_FOUND no key', 'updates.xml?dlid=nobodys');
    await poll('updates.xml KEY_MALFORMED no key', 'updates.xml?dlid=FG1-nobodys');
    const { headers } = await poll('updates.xml VALID key', `updates.xml${dlid}`);
    const fresh = { 'If-None-Match': headers.get('etag') ?? '' };
    expect((await poll('updates.xml VALID key', `updates.xml${dlid}`, { headers: fresh })).status).toBe(304);
    expect((await poll('updates.xml VALID key', `updates.xml${dlid}`, { method: 'HEAD' })).status).toBe(200);
    await poll('updates.xml VALID key joomla/5.4.1', `updates.xml${dlid}`, { headers: joomla });
    await poll('updates.xml VALID key one.com', `updates.xml${dlid}&site=https://www.ONE.com:443/`);
    await poll('changelog.xml VALID key', `changelog.xml${dlid}`);
    await poll('dolibarr.txt VALID key dolibarr/22.0.1', `dolibarr.txt${dlid}&dolibarr=22.0.1`);
    await poll('download VALID key', `download/1.0.0/x.zip${dlid}`);
    await poll('download VALID key', `download/latest${dlid}`, { method: 'HEAD' });
    await poll('download VALID key', `download/latest${dlid}`, { headers: { Range: 'bytes=0-1' } });
    await poll('download NOT_FOUND no key', 'download/1.0.0/x.zip');
    await poll('missing VALID key', `download/9.9.9/x.zip${dlid}`);
    await rollUp(served().core.db);
    expect(await countsOf(product)).toEqual(seen);
    const left = await served().core.db.read((tx) => tx('usage_log').where({ product_id: product.id }));
    expect(left).toEqual([]);
  });

  it('not for a product that nobody has, and not for other methods', async () => {
    const rows = () => served().core.db.read((tx) => tx('usage_log').count({ n: '*' }).first());
    const { at } = await aShop();
    const before = await rows();
    await ask(served(), '/no/thing/updates.xml');
    await ask(served(), '/no/thing/download/latest');
    await ask(served(), `${at}/updates.xml`, { method: 'POST' });
    await ask(served(), `${at}/download/latest`, { method: 'POST' });
    expect(await rows()).toEqual(before);
  });

  it('tells a vendor nothing of the key of another one', async () => {
    const { core } = served();
    const { product, at } = await aShop();
    const stranger = await seedOrganization(core.db, await seedForge(core.db));
    const { key } = await seedSoldLicense(core.db, { organization: stranger });
    await ask(served(), `${at}/updates.xml?dlid=${key.text}&site=one.com`);
    expect(await countsOf(product)).toEqual({ 'updates.xml NOT_FOUND no key one.com': 1 });
  });

  it('for every one of many at once, also while the log is rolled up', async () => {
    const { product, key, at } = await aShop();
    const ups: Promise<number>[] = [];
    const polls = Array.from({ length: 600 }, async (_, i) => {
      if (i % 100 === 50) ups.push(rollUp(served().core.db));
      return ask(served(), `${at}/updates.xml${i % 3 === 0 ? '' : `?dlid=${key.text}`}`);
    });
    const codes = (await Promise.all(polls)).map(({ code }) => code);
    await Promise.all(ups);
    const answered = (code: string) => codes.filter((each) => each === code).length;
    expect([answered('VALID'), answered('NOT_FOUND')]).toEqual([400, 200]);
    const expected = { 'updates.xml VALID key': 400, 'updates.xml NOT_FOUND no key': 200 };
    expect(await countsOf(product)).toEqual(expected);
    await rollUp(served().core.db);
    expect(await countsOf(product)).toEqual(expected);
  });

  describe('in the log of the process', () => {
    it('there is no key, whatever its kind and wherever it was sent', async () => {
      const { key, at } = await aShop();
      const foreign = 'SecretMarker-of-another-shop';
      const basic = Buffer.from(`x:${foreign}`).toString('base64');
      for (const text of [key.text, foreign, 'fgt_0123456789abcdefghijklmnopqrstuvwxyzAB']) {
        for (const path of ['updates.xml', 'download/latest', 'nothing', 'download/9/x']) {
          await ask(served(), `/k/${text}${at}/${path}`);
          await ask(served(), `${at}/${path}?dlid=${text}&key=${text}&license_key=${text}&amp;dlid=${text}`);
          await ask(served(), `${at}/${path}`, { headers: { 'X-License-Key': text, Authorization: `Bearer ${text}` } });
          await ask(served(), `${at}/${path}`, { headers: { Authorization: `Basic ${basic}` } });
        }
        await ask(served(), `/k/${text}/x`);
        await ask(served(), `/api/v1/nothing?key=${text}`, { headers: { Authorization: `Bearer ${text}` } });
      }
      const log = served().lines.join('\n');
      expect(log).toContain('"request"');
      for (const text of [key.text, key.text.replaceAll('-', ''), 'SecretMarker', basic, 'fgt_01'])
        expect(log).not.toContain(text);
    });
  });
});
