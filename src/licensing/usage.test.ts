import { describe, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { SEED_NOW, seedShop, seedSite, seedSoldLicense } from '../../test/support/seed.ts';
import { DAY, dayOf, toIso } from '../clock.ts';
import { newId } from '../ids.ts';
import { saveRelease } from '../releases/store-releases.ts';
import { findActivation, releaseActivation } from './store-activations.ts';
import { appendUsage, type UsageRow } from './store-usage.ts';
import { rollUp } from './usage.ts';

function row(change: Partial<UsageRow> & { ms?: number }): UsageRow {
  const { ms = SEED_NOW, ...rest } = change;
  return {
    ...{ at: toIso(ms), day: dayOf(ms), product_id: '', key_id: '', license_id: '', site: '', kind: 'updates.xml' },
    ...{ platform_version: '', code: 'VALID', version: '', channel: '', refused: 0 },
    ...rest,
  };
}

onEachDatabase('the roll-up of usage', (database) => {
  const append = async (...rows: UsageRow[]) => {
    await database().db.tx((tx) => appendUsage(tx, rows));
    await rollUp(database().db);
  };
  const all = (table: string, product_id: string, ...columns: string[]) =>
    database().db.read((tx) => tx(table).where({ product_id }).select(columns).orderBy(columns));

  describe('of totals', () => {
    it('adds up what is alike, whoever asked, and how much of it was refused', async () => {
      const product_id = newId('product');
      const one = row({ product_id, key_id: 'key_1', version: '1.2.0', platform_version: 'joomla/5.4.1' });
      await append(one, { ...one, key_id: 'key_2' }, { ...one, refused: 1 }, row({ product_id, kind: 'download' }));
      await append({ ...one, at: toIso(SEED_NOW + 5_000) });
      const columns = ['kind', 'version', 'platform_version', 'count', 'refused', 'last_at'];
      expect(await all('usage_totals', product_id, ...columns)).toEqual([
        ...[{ kind: 'download', version: '', platform_version: '', count: 1, refused: 0, last_at: toIso(SEED_NOW) }],
        {
          ...{ kind: 'updates.xml', version: '1.2.0', platform_version: 'joomla/5.4.1', count: 4, refused: 1 },
          last_at: toIso(SEED_NOW + 5_000),
        },
      ]);
    });

    it('tells versions of askers without a key apart only where there is such a release', async () => {
      const { db } = database();
      const { product } = await seedShop(db);
      const at = toIso(SEED_NOW);
      await db.tx((tx) =>
        saveRelease(tx, {
          ...{ id: newId('release'), productId: product.id, version: '1.0.0', tag: '1.0.0', commitId: '', webUrl: '' },
          ...{
            forgeReleaseId: null,
            channel: 'stable',
            clientWord: 'stable',
            notes: '',
            changelog: [],
            security: false,
          },
          ...{ targets: {}, phpMinimum: null, state: 'listed', fingerprint: '', firstSeenAt: at, updatedAt: at },
          ...{ withdrawnAt: null, yankedAt: null, yankedBy: null, yankReason: null },
        }),
      );
      const mine = { product_id: product.id };
      await append(row({ ...mine, version: '1.0.0' }), ...['7', '8', '9'].map((version) => row({ ...mine, version })));
      expect(await all('usage_totals', product.id, 'version', 'count')).toEqual([
        { version: '', count: 3 },
        { version: '1.0.0', count: 1 },
      ]);
    });
  });

  it('keeps what was refused by itself', async () => {
    const product_id = newId('product');
    const refused = row({ product_id, kind: 'download', code: 'EXPIRED', key_id: 'key_1', refused: 1, version: '2.0' });
    await append(
      row({ product_id }),
      refused,
      { ...refused, at: toIso(SEED_NOW + 1) },
      row({ product_id, refused: 1 }),
    );
    expect(await all('usage_refusals', product_id, 'kind', 'code', 'version', 'count', 'last_at')).toEqual([
      { kind: 'download', code: 'EXPIRED', version: '2.0', count: 2, last_at: toIso(SEED_NOW + 1) },
      { kind: 'updates.xml', code: 'VALID', version: '', count: 1, last_at: toIso(SEED_NOW) },
    ]);
  });

  it('remembers which version runs where, and counts each installation once a day', async () => {
    const product_id = newId('product');
    const one = row({ product_id, key_id: 'key_1', license_id: 'lic_1', site: 'one.example', version: '1.2.0' });
    const two = { ...one, site: 'two.example' };
    const fetched = row({ product_id, key_id: 'key_2', kind: 'download', version: '1.1.0' });
    await append(one, one, two, fetched, row({ product_id, version: '' }));
    await append(one, { ...two, version: '1.3.0' }, { ...one, at: toIso(SEED_NOW + DAY), day: '2026-01-02' });
    const columns = ['key_id', 'site', 'version', 'version_from', 'last_seen_at'];
    const at = { last_seen_at: toIso(SEED_NOW) };
    expect(await all('installations', product_id, ...columns)).toEqual([
      {
        ...{ key_id: 'key_1', site: 'one.example', version: '1.2.0', version_from: 'reported' },
        last_seen_at: toIso(SEED_NOW + DAY),
      },
      { key_id: 'key_1', site: 'two.example', version: '1.3.0', version_from: 'reported', ...at },
      { key_id: 'key_2', site: '', version: '1.1.0', version_from: 'downloaded', ...at },
    ]);
    expect(await all('usage_versions', product_id, 'day', 'version', 'seen', 'first')).toEqual([
      { day: '2026-01-01', version: '1.1.0', seen: 1, first: 1 },
      { day: '2026-01-01', version: '1.2.0', seen: 2, first: 2 },
      { day: '2026-01-01', version: '1.3.0', seen: 1, first: 0 },
      { day: '2026-01-02', version: '1.2.0', seen: 1, first: 1 },
    ]);
  });

  it('tells the slots of a license when they were seen last', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const { license } = await seedSoldLicense(db, shop, { terms: { sites: 5 } });
    const sites = await Promise.all(['a.example', 'b.example'].map((host) => seedSite(db, license, host)));
    const seen = { product_id: shop.product.id, license_id: license.id, key_id: 'key_1' };
    await append(row({ ...seen, site: 'a.example', ms: SEED_NOW + 5 }), row({ ...seen, site: 'a.example' }));
    const last = await Promise.all(sites.map(({ id }) => db.read((tx) => findActivation(tx, id))));
    expect(last.map((each) => each?.lastSeenAt)).toEqual([toIso(SEED_NOW + 5), toIso(SEED_NOW)]);
  });

  it('notes the slot of each installation: its own before a wildcard, a new one after a release', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const { license } = await seedSoldLicense(db, shop, { terms: { sites: 5 } });
    const wide = await seedSite(db, license, '*.example.com', { covers: 'wildcard' });
    const own = await seedSite(db, license, 'a.example.com');
    const instance = await seedSite(db, license, 'c.example', { identity: `instance:${'a'.repeat(64)}` });
    const seen = { product_id: shop.product.id, license_id: license.id, key_id: 'key_1', version: '1.0' };
    const told = (...sites: string[]) => append(...sites.map((site) => row({ ...seen, site })));
    const slots = async () =>
      Object.fromEntries((await all('installations', shop.product.id, 'site', 'activation_id')).map(Object.values));
    await told('a.example.com', 'b.example.com', `instance:${'a'.repeat(64)}`, 'else.org');
    const before = {
      ...{ 'a.example.com': own.id, 'b.example.com': wide.id, [`instance:${'a'.repeat(64)}`]: instance.id },
      'else.org': null,
    };
    expect(await slots()).toEqual(before);
    await db.tx((tx) => releaseActivation(tx, own.id, 'test', toIso(SEED_NOW)));
    expect(await slots()).toEqual(before);
    const anew = await seedSite(db, license, 'else.org');
    await told('a.example.com', 'else.org');
    expect(await slots()).toEqual({ ...before, 'a.example.com': wide.id, 'else.org': anew.id });
  });

  it('counts an installation once, though two instances see its first sign of the day at once', async () => {
    const { db, another } = database();
    const product_id = newId('product');
    const sites = Array.from({ length: 40 }, (_, i) =>
      row({ product_id, key_id: 'k', site: `s${i % 20}`, version: '1' }),
    );
    await db.tx((tx) => appendUsage(tx, sites));
    const others = [another(), another(), db];
    await Promise.all(others.map((each) => rollUp(each)));
    expect(await all('usage_versions', product_id, 'seen', 'first')).toEqual([{ seen: 20, first: 20 }]);
    expect((await all('installations', product_id, 'site')).length).toBe(20);
  });
});
