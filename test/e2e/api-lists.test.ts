import { afterAll, beforeAll, expect, it } from 'vitest';
import { SCOPES } from '../../src/accounts/scope.ts';
import { toIso } from '../../src/clock.ts';
import { newId } from '../../src/ids.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { SEED_NOW, type Shop, seedKey, seedLicense, seedShop, seedSoldLicense } from '../support/seed.ts';

onEachDatabase('lists of licenses and keys', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let base: string;
  let repo: string;
  let sold: Awaited<ReturnType<typeof seedSoldLicense>>[];
  beforeAll(async () => {
    const { db } = database();
    api = await startApi(database());
    shop = await seedShop(db);
    base = `/organizations/${shop.organization.slug}`;
    repo = `/repos/${shop.organization.slug}/${shop.repository.name}`;
    sold = [];
    for (let i = 0; i < 5; i++)
      sold.push(await seedSoldLicense(db, shop, i === 0 ? { repository: shop.repository } : {}));
  });
  afterAll(() => api.close());

  type Listed = { json: { items: { id: string }[]; next_cursor: string | null } };
  const idsOf = ({ json }: Listed) => json.items.map(({ id }) => id);
  const all = () => sold.map(({ key }) => key.id);

  it('are paged in any order, on both levels, and a cursor belongs to its own list', async () => {
    for (const path of [`${base}/keys`, `${base}/license-keys`, `${base}/licenses`]) {
      for (const sort of ['created', '-created', 'valid_until', '-customer']) {
        const seen: string[] = [];
        let cursor = '';
        for (;;) {
          const page = await api.get(`${path}?sort=${sort}&limit=2${cursor}`);
          expect(page.json.total).toBe(5);
          seen.push(...idsOf(page));
          if (page.json.next_cursor === null) break;
          expect(page.headers.get('link')).toContain('rel="next"');
          cursor = `&cursor=${page.json.next_cursor}`;
          const other = await api.get(`${path}?sort=${sort}&limit=2&status=active${cursor}`);
          expect([other.status, other.json.errors[0].pointer]).toEqual([400, '/query/cursor']);
        }
        expect(new Set(seen).size).toBe(5);
      }
    }
    expect(idsOf(await api.get(`${repo}/license-keys`))).toEqual([sold[0]?.key.id]);
    expect(idsOf(await api.get(`${repo}/licenses`))).toEqual([sold[0]?.license.id]);
    expect((await api.get(`${base}/licenses?sort=last_used`)).status).toBe(400);
    expect((await api.get(`${base}/license-keys?domain=not+a+host`)).json.errors[0].pointer).toBe('/query/domain');
    expect((await api.get(`${base}/license-keys?expiring_before=2027-01-01`)).status).toBe(400);
  });

  it('find a key by its text, which stands in no address', async () => {
    const [{ key }] = sold as [(typeof sold)[number]];
    const found = await api.post(`${base}/license-keys/search`, { key: ` ${key.text.toLowerCase()} ` });
    expect(found.json.items.map(({ id }: { id: string }) => id)).toEqual([key.id]);
    expect(found.text).not.toContain(key.text);
    expect((await api.post(`${repo}/license-keys/search`, { key: sold[1]?.key.text })).json.items).toEqual([]);
    expect((await api.post(`${repo}/license-keys/search`, { key: key.text })).json.items).toHaveLength(1);
    expect((await api.post(`${base}/license-keys/search`, { key: 'nobodys' })).json.items).toEqual([]);
    const wrong = await api.post(`${base}/license-keys/search`, {
      key: `${key.text.slice(0, -1)}${key.text.endsWith('0') ? '1' : '0'}`,
    });
    expect([wrong.status, wrong.json.code]).toEqual([400, 'KEY_MALFORMED']);
    const other = await seedShop(database().db);
    expect(
      (await api.post(`/organizations/${other.organization.slug}/license-keys/search`, { key: key.text })).json.items,
    ).toEqual([]);
    expect(api.lines.join()).not.toContain(key.text);
  });

  it('are exported with the same filters; texts of keys for managers, which is remembered', async () => {
    const [{ key, license }] = sold as [(typeof sold)[number]];
    const csv = await api.get(`${repo}/license-keys/export`);
    const [head, row, end] = csv.text.split('\r\n');
    expect(head).toMatch(/^key_id,hint,label,/);
    expect([row?.startsWith(`${key.id},${key.hint},`), end]).toEqual([true, '']);
    expect(csv.text).not.toContain(key.text);
    const whole = await api.get(`${base}/license-keys/export?format=json&include_keys=true&license_id=${license.id}`);
    expect(whole.json).toMatchObject([{ key_id: key.id, key: key.text, license_id: license.id, status: 'active' }]);
    const reader = api.as(await api.token({ scopes: SCOPES.filter((scope) => scope === 'licenses:read') }));
    expect((await reader.get(`${base}/license-keys/export?include_keys=true`)).status).toBe(403);
    expect((await reader.get(`${base}/license-keys/export`)).status).toBe(200);
    const events = await database().db.read((tx) => tx('audit_events').where({ action: 'key.export' }));
    expect(events).toHaveLength(1);
    expect(events[0].entity_id).toBe(shop.organization.id);
    const licenses = await api.get(`${base}/licenses/export?format=json&status=active`);
    expect(licenses.json.map((each: { license_id: string }) => each.license_id)).toEqual(
      sold.map((each) => each.license.id),
    );
  });

  it('are exported whole, ten thousand rows too, each once', async () => {
    const { db } = database();
    const big = await seedShop(db);
    const license = await seedLicense(db, big.organization);
    const first = await seedKey(db, license);
    const row = await db.read((tx) => tx('license_keys').where({ id: first.id }).first());
    for (let part = 0; part < 20; part++) {
      const rows = Array.from({ length: 500 }, (_, i) => ({
        ...{ ...row, id: newId('key'), hash: `h${part}-${i}`, label: `=row ${part * 500 + i} – ü` },
        created_at: toIso(SEED_NOW + (i % 7)),
      }));
      // In parts: one statement has so many values at most.
      for (let from = 0; from < 500; from += 50)
        await db.tx((tx) => tx('license_keys').insert(rows.slice(from, from + 50)));
    }
    const csv = await api.get(`/organizations/${big.organization.slug}/license-keys/export`);
    const lines = csv.text.trimEnd().split('\r\n');
    expect(lines).toHaveLength(10_002);
    expect(new Set(lines.map((line) => line.split(',')[0])).size).toBe(10_002);
    expect(lines.filter((line) => /,'=row \d+ – ü,/.test(line))).toHaveLength(10_000);
    const json = await api.get(`/organizations/${big.organization.slug}/license-keys/export?format=json`);
    expect(json.json).toHaveLength(10_001);
    const listed = await api.get(`/organizations/${big.organization.slug}/license-keys?limit=1`);
    expect(listed.json).toMatchObject({ total_at_least: 1_000 });
    expect(listed.json.total).toBeUndefined();
  });

  it('of keys see at once what a refund and a change make of their license', async () => {
    const { db } = database();
    const own = await seedShop(db);
    const path = `/organizations/${own.organization.slug}/license-keys`;
    const refunded = await seedSoldLicense(db, own);
    const ended = await seedSoldLicense(db, own);
    expect(idsOf(await api.get(`${path}?status=active`))).toEqual([refunded.key.id, ended.key.id]);
    expect((await api.post(`/grants/${refunded.grant.id}/close`, { reason: 'refund' })).status).toBeLessThan(300);
    expect((await api.post(`/licenses/${ended.license.id}/shorten`, { end_now: true })).status).toBeLessThan(300);
    expect(idsOf(await api.get(`${path}?status=active`))).toEqual([]);
    expect(idsOf(await api.get(`${path}?status=canceled`))).toEqual([refunded.key.id]);
    expect(idsOf(await api.get(`${path}?status=expired`))).toEqual([ended.key.id]);
  });

  it('tell statuses of the moment', async () => {
    expect(idsOf(await api.get(`${base}/license-keys?status=expired`))).toEqual([]);
    api.pass(366 * 86_400_000);
    expect(idsOf(await api.get(`${base}/license-keys?status=expired`))).toEqual(all());
    expect(idsOf(await api.get(`${base}/license-keys?status=active`))).toEqual([]);
  });
});
