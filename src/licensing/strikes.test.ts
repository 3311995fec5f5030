import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { SEED_NOW } from '../../test/support/seed.ts';
import { DAY } from '../clock.ts';
import type { Problem } from '../errors.ts';
import { purgeStrikes, strike } from './strikes.ts';

onEachDatabase('misses in the database', (database) => {
  const outcome = (network: string, db = database().db, now = SEED_NOW) =>
    strike(db, network, now).then(
      () => 'let in',
      (error: Problem) => `${error.status} ${error.code} ${error.retryAfterSeconds}`,
    );

  it('are counted by all instances together, and for each network alone', async () => {
    const other = database().another();
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) => outcome('192.0.2.0/24', i % 2 ? other : database().db)),
    );
    expect(outcomes.filter((each) => each === 'let in')).toHaveLength(4);
    expect(outcomes.filter((each) => each === '429 LOCKED_OUT 30')).toHaveLength(4);
    expect(await outcome('198.51.100.0/24')).toBe('let in');
    expect(await outcome('2001:db8:1::/48')).toBe('let in');
  });

  it('are forgotten after days, and not before', async () => {
    const db = database().db;
    await outcome('203.0.113.0/24');
    await purgeStrikes(db, SEED_NOW + DAY);
    const known = () => db.read((tx) => tx('strikes').where({ network: '203.0.113.0/24' }).pluck('network'));
    expect(await known()).toHaveLength(1);
    await purgeStrikes(db, SEED_NOW + 3 * DAY);
    expect(await known()).toHaveLength(0);
  });
});
