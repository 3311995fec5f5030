import { afterEach, beforeEach, expect, it } from 'vitest';
import { onOneDatabase, openTestCore, type TestCore } from '../test/support/core.ts';
import { insertReplyRow } from './accounts/store-idempotency.ts';
import { choresOf } from './chores.ts';
import { DAY, toIso } from './clock.ts';

onOneDatabase('the chores', (database) => {
  let test: TestCore;
  beforeEach(async () => {
    test = await openTestCore(database());
  });
  afterEach(() => test.close());

  it('are each done, whatever goes wrong with those before', async () => {
    const { core, time } = test;
    const old = { token_id: 'tok_1', route: 'r', key: 'k', body_sha256: '', status: null, response: null };
    const at = toIso(time.now - 2 * DAY);
    await core.db.tx((tx) => insertReplyRow(tx, { ...old, expires_at: at, created_at: at, created_by: 'tok_1' }));
    const rename = (from: string, to: string) => core.db.tx((tx) => tx.schema.renameTable(from, to));
    await rename('forges', 'gone');
    try {
      await choresOf(core).daily();
    } finally {
      await rename('gone', 'forges');
    }
    expect(await core.db.read((tx) => tx('idempotency_keys'))).toEqual([]);
    expect(test.lines.filter((line) => line.includes('the hooks'))).toHaveLength(1);
  });
});
