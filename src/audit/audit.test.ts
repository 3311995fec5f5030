import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { seedShop, seedSite, seedSoldLicense } from '../../test/support/seed.ts';
import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { DAY, toIso } from '../clock.ts';
import { newId } from '../ids.ts';
import { newKeyText, newTokenText } from '../licensing/license-key.ts';
import { type AuditEvent, audit } from './audit.ts';
import { purgeAudit, readAudit } from './audit-reads.ts';
import { auditRowsOf } from './store-audit.ts';

const NOW = Date.parse('2026-11-20T10:00:00.000Z');

onEachDatabase('the audit log', (database) => {
  const event = (entityId: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
    actor: SYSTEM_ACTOR,
    action: 'license.suspend',
    entity: 'license',
    entityId,
    changes: { suspended: { from: false, to: true } },
    requestId: null,
    ...more,
  });

  it('says who did what, newest first', async () => {
    const { db } = database();
    await db.tx((tx) => audit(tx, event('lic_1'), NOW));
    await db.tx((tx) => audit(tx, event('lic_1', { action: 'license.resume', requestId: 'req_1' }), NOW));
    await db.tx((tx) => audit(tx, event('lic_2'), NOW));
    const rows = await db.read((tx) => auditRowsOf(tx, 'lic_1', 10));
    expect(rows.map(({ action, request_id }) => [action, request_id])).toEqual([
      ['license.resume', 'req_1'],
      ['license.suspend', null],
    ]);
    expect(rows[1]).toMatchObject({
      at: '2026-11-20T10:00:00.000Z',
      actor: 'system',
      entity: 'license',
      changes: '{"suspended":{"from":false,"to":true}}',
    });
    expect(await db.read((tx) => auditRowsOf(tx, 'lic_1', 1))).toHaveLength(1);
  });

  it('is undone with what it tells of', async () => {
    const { db } = database();
    const undone = db.tx(async (tx) => {
      await audit(tx, event('lic_3'), NOW);
      throw new Error('stop');
    });
    await expect(undone).rejects.toThrow('stop');
    expect(await db.read((tx) => auditRowsOf(tx, 'lic_3', 10))).toEqual([]);
  });

  it('keeps no key, even where a caller slips', async () => {
    const { db } = database();
    const changes = {
      note: { from: `was ${newKeyText()}`, to: 'a "quoted" text' },
      list: [newTokenText(), 'https://x/k/abc/y'],
    };
    await db.tx((tx) => audit(tx, event('lic_4', { changes }), NOW));
    const [row] = await db.read((tx) => auditRowsOf(tx, 'lic_4', 10));
    expect(JSON.parse(row?.changes ?? '')).toEqual({
      note: { from: 'was ***', to: 'a "quoted" text' },
      list: ['***', 'https://x/k/***/y'],
    });
  });

  it('knows by itself whose affair it is', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const sold = await seedSoldLicense(db, shop, { repository: shop.repository });
    const site = await seedSite(db, sold.license, 'one.example.com');
    const things: [string, string][] = [
      ['organization', shop.organization.id],
      ['repository', shop.repository.id],
      ['product', shop.product.id],
      ['package', sold.package.id],
      ['license', sold.license.id],
      ['grant', sold.grant.id],
      ['key', sold.key.id],
      ['site', site.id],
      ['customer', sold.license.customerId],
    ];
    for (const [entity, id] of things) {
      await db.tx((tx) => audit(tx, event(id, { entity }), NOW));
      const [row] = await db.read((tx) => auditRowsOf(tx, id, 1));
      expect([entity, row?.organization_id, row?.actor_kind]).toEqual([entity, shop.organization.id, 'system']);
    }
    for (const id of [shop.forge.id, newId('token'), newId('license'), 'nothing']) {
      await db.tx((tx) => audit(tx, event(id), NOW));
      expect((await db.read((tx) => auditRowsOf(tx, id, 1)))[0]?.organization_id).toBeNull();
    }
    const gone = newId('key');
    await db.tx((tx) => audit(tx, event(gone, { organizationId: shop.organization.id }), NOW));
    expect((await db.read((tx) => auditRowsOf(tx, gone, 1)))[0]?.organization_id).toBe(shop.organization.id);
  });

  it('is taken away by age alone', async () => {
    const { db } = database();
    const id = newId('license');
    for (const days of [400, 366, 364, 1]) await db.tx((tx) => audit(tx, event(id), NOW - days * DAY));
    expect(await purgeAudit(db, NOW - 365 * DAY)).toBe(2);
    expect(await purgeAudit(db, NOW - 365 * DAY)).toBe(0);
    expect((await readAudit(db, { entityId: id }, { limit: 10 })).items.map(({ at }) => at)).toEqual(
      [1, 364].map((days) => toIso(NOW - days * DAY)),
    );
  });
});

it('no code of ours deletes a row of the log but for its age, or changes one but to forget a person', () => {
  const root = join(import.meta.dirname, '..');
  const stores = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /(^|\/)store(-[a-z-]+)?\.ts$/.test(path),
  );
  expect(stores.length).toBeGreaterThan(10);
  const changes = stores.flatMap((path) =>
    [
      ...readFileSync(join(root, path), 'utf8').matchAll(
        /audit_events'\)[^;]*?\.(update|merge|delete|del|truncate)\(/g,
      ),
    ].map(([, word]) => `${path}: ${word}`),
  );
  expect(changes).toEqual(['audit/store-audit.ts: delete', 'licensing/store-anonymize.ts: update']);
});
