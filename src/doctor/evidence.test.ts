import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { SEED_NOW, seedSecrets, seedShop, seedSoldLicense } from '../../test/support/seed.ts';
import { CLI_ACTOR } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { HOUR, toIso } from '../clock.ts';
import { enqueue } from '../jobs/store.ts';
import { appendUsage } from '../licensing/store-usage.ts';
import { makeSecrets } from '../secrets.ts';
import { jobsThatAreStuck, lastWritten, sealState } from './evidence.ts';

onEachDatabase('what the doctor reads', (database) => {
  it('finds nothing in an empty database', async () => {
    const { db } = database();
    expect(await lastWritten(db)).toBeNull();
    expect(await sealState(db, seedSecrets)).toBe('none');
    expect(await jobsThatAreStuck(db)).toEqual([]);
  });

  it('tells when anything was written last, whatever it was', async () => {
    const { db } = database();
    const event = { actor: CLI_ACTOR, action: 'a', entity: 'e', entityId: 'x', changes: {}, requestId: null };
    await db.tx((tx) => audit(tx, event, SEED_NOW));
    expect(await lastWritten(db)).toBe(toIso(SEED_NOW));
    const at = toIso(SEED_NOW + HOUR);
    const use = {
      at,
      day: at.slice(0, 10),
      product_id: 'p',
      key_id: '',
      license_id: '',
      site: '',
      kind: 'updates.xml',
    };
    await db.tx((tx) =>
      appendUsage(tx, [{ ...use, platform_version: '', code: 'OPEN', version: '', channel: '', refused: 0 }]),
    );
    expect(await lastWritten(db)).toBe(at);
  });

  it('tells whether a secret key is the one that the database was made under', async () => {
    const { db } = database();
    await seedSoldLicense(db, await seedShop(db));
    expect(await sealState(db, seedSecrets)).toBe('opens');
    expect(await sealState(db, makeSecrets(Buffer.alloc(32, 1), Buffer.alloc(32, 9)))).toBe('broken');
  });

  it('names jobs that failed again and again', async () => {
    const { db } = database();
    const now = toIso(SEED_NOW);
    await db.tx((tx) => enqueue(tx, { kind: 'reconcile', subject: 'rep_1', runAt: now }, now));
    expect(await jobsThatAreStuck(db)).toEqual([]);
    await db.tx((tx) => tx('jobs').update({ attempts: 20, last_error: 'the forge is down' }));
    expect(await jobsThatAreStuck(db)).toMatchObject([{ subject: 'rep_1', lastError: 'the forge is down' }]);
  });
});
