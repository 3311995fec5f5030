import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { newKeyText, newTokenText } from '../licensing/license-key.ts';
import { type AuditEvent, audit } from './audit.ts';
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
});
