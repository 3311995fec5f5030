import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { on } from '../../test/support/seed-ledger.ts';
import { forgetOldUsage } from './retention.ts';
import { deleteInstallations } from './store-retention.ts';

onEachDatabase('old usage', (database) => {
  it('loses the names of sites and keeps its sums', async () => {
    const { db } = database();
    const row = (day: string, site: string, count: number, change: object = {}) => ({
      ...{
        product_id: 'prd',
        day,
        key_id: 'key_1',
        site,
        kind: 'download',
        platform_version: '',
        code: 'VALID',
        count,
      },
      last_at: `${day}T10:00:00.000Z`,
      ...change,
    });
    const old = '2025-02-27';
    await db.tx((tx) =>
      tx('usage_daily').insert([
        ...[row(old, '', 1), row(old, 'a.example', 2), row(old, 'b.example', 3, { last_at: `${old}T11:00:00.000Z` })],
        ...[row(old, 'a.example', 4, { code: 'EXPIRED' }), row(old, 'a.example', 5, { key_id: 'key_2' })],
        ...[row('2024-01-01', 'a.example', 6), row('2025-02-28', 'a.example', 7)],
      ]),
    );
    const refusal = { version: '', ...row(old, 'a.example', 1) };
    await db.tx((tx) => tx('usage_refusals').insert([refusal, { ...refusal, day: '2025-03-01' }]));
    const seen = { product_id: 'prd', license_id: 'lic', version: '1', version_from: 'reported', platform_version: '' };
    const installation = (key: string, at: string) => ({
      ...seen,
      key_id: key,
      site: 's',
      first_seen_at: at,
      changed_at: at,
      last_seen_at: at,
    });
    await db.tx((tx) =>
      tx('installations').insert([
        installation('key_1', `${old}T00:00:00.000Z`),
        installation('key_2', '2025-03-01T00:00:00.000Z'),
      ]),
    );
    // A few rows a call, so that polls are written in between.
    await db.tx(async (tx) => {
      await tx('installations').insert(['a', 'b', 'c'].map((key) => installation(key, '2024-01-01T00:00:00.000Z')));
      expect(await deleteInstallations(tx, '2024-12-31', 2)).toBe(true);
      expect(await tx('installations').where('last_seen_at', '<', '2024-12-31').pluck('key_id')).toHaveLength(1);
    });
    for (let twice = 0; twice < 2; twice++) {
      await forgetOldUsage(db, on('2026-02-28'), 12);
      const left = await db.read((tx) =>
        tx('usage_daily')
          .orderBy(['day', 'key_id', 'code'])
          .select('day', 'key_id', 'site', 'code', 'count', 'last_at'),
      );
      expect(left.map(({ day, key_id, site, code, count }) => [day, key_id, site, code, count])).toEqual([
        ['2024-01-01', 'key_1', '', 'VALID', 6],
        [old, 'key_1', '', 'EXPIRED', 4],
        [old, 'key_1', '', 'VALID', 6],
        [old, 'key_2', '', 'VALID', 5],
        ['2025-02-28', 'key_1', 'a.example', 'VALID', 7],
      ]);
      expect(left[2]?.last_at).toBe(`${old}T11:00:00.000Z`);
      expect(await db.read((tx) => tx('usage_refusals').pluck('day'))).toEqual(['2025-03-01']);
      expect(await db.read((tx) => tx('installations').pluck('key_id'))).toEqual(['key_2']);
    }
  });
});
