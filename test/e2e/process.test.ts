import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectSqlite } from '../../src/db/connect.ts';
import { productPath } from '../../src/releases/product.ts';
import { type Started, startCli, until } from '../support/demo-process.ts';
import { seedForge, seedOrganization, seedProduct, seedSoldLicense } from '../support/seed.ts';
import {
  ask,
  freePort,
  type Ground,
  openGround,
  SEED_SECRET_KEY,
  seedRelease,
  startServed,
} from '../support/served.ts';

interface Prepared {
  ground: Ground;
  /** A feed whose every poll with a site claims a slot. */
  feed: string;
  key: string;
}

async function prepare(): Promise<Prepared> {
  const ground = await openGround('sqlite');
  const served = await startServed(ground);
  const { db } = served.core;
  const organization = await seedOrganization(db, await seedForge(db));
  const product = await seedProduct(db, organization, null, { claimOn: 'feed' });
  await seedRelease(served.core, product, { version: '1.0.0' });
  const { key } = await seedSoldLicense(db, { organization }, { terms: { sites: null, length: null } });
  await served.stop();
  return { ground, key: key.text, feed: `/${productPath(product)}/updates.xml?dlid=${key.text}` };
}

async function startServer(
  ground: Ground,
  env: Record<string, string> = {},
): Promise<{ started: Started; url: string }> {
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const base = { PUBLIC_URL: url, PORT: port, HOST: '127.0.0.1', DATA_DIR: ground.dataDir, LOG_LEVEL: 'debug' };
  const started = startCli(['serve'], { ...base, SECRET_KEY: SEED_SECRET_KEY, ...env });
  await until(started, ({ stdout }) => (stdout.includes('"msg":"ready"') ? stdout : null));
  return { started, url };
}

describe('a server process', () => {
  let prepared: Prepared;
  beforeAll(async () => {
    prepared = await prepare();
  });
  afterAll(() => prepared.ground.drop());

  it('that is killed in the middle of polls has recorded every one that it answered', async () => {
    const { ground, feed, key } = prepared;
    const answered: string[] = [];
    for (const round of [1, 2]) {
      const { started, url } = await startServer(ground);
      let asked = 0;
      let killed = false;
      const client = async () => {
        while (!killed) {
          const site = `round-${round}-site-${asked++}.com`;
          const answer = await ask({ url }, `${feed}&site=${site}`).catch(() => null);
          if (answer === null) return;
          expect([answer.status, answer.code, answer.versions]).toEqual([200, 'VALID', ['1.0.0']]);
          answered.push(site);
          if (answered.length >= 150 * round) {
            killed = true;
            started.child.kill('SIGKILL');
          }
        }
      };
      await Promise.all(Array.from({ length: 20 }, client));
      expect(await started.ended).toBeNull();
      expect(started.out.stdout + started.out.stderr).not.toContain(key);
    }
    const db = connectSqlite(join(ground.dataDir, 'feedgate.db'));
    const sites = await db.read(async (tx) => ({
      log: (await tx('usage_log').pluck('site')) as string[],
      daily: (await tx('usage_daily').pluck('site')) as string[],
      slots: (await tx('activations').where({ released_at: null }).pluck('host')) as string[],
      counted: Number((await tx('licenses').max('counted_sites as n').first())?.['n']),
    }));
    await db.close();
    const recorded = new Set([...sites.log, ...sites.daily]);
    expect(answered.length).toBeGreaterThanOrEqual(300);
    expect(answered.filter((site) => !recorded.has(site))).toEqual([]);
    expect(answered.filter((site) => !sites.slots.includes(site))).toEqual([]);
    expect(sites.counted).toBe(sites.slots.length);
  });

  it('ends with 0 when it is told to, and leaves no answer half said', async () => {
    const { ground, feed } = prepared;
    const { started, url } = await startServer(ground);
    // A connection that it has not taken yet when it stops is reset.
    const polls = Array.from({ length: 20 }, (_, i) => ask({ url }, `${feed}&site=last-${i}.com`).catch(() => null));
    await Promise.race(polls);
    expect(await started.stop()).toBe(0);
    const answers = (await Promise.all(polls)).filter((answer) => answer !== null);
    expect(answers.length).toBeGreaterThan(0);
    for (const { code, versions } of answers) expect([code, versions]).toEqual(['VALID', ['1.0.0']]);
  });
});

describe('a server without its secret key', () => {
  let prepared: Prepared;
  beforeAll(async () => {
    prepared = await prepare();
  });
  afterAll(() => prepared.ground.drop());

  /** The end of a start that must not come up. */
  async function refusal(env: Record<string, string>): Promise<{ code: number | null; said: string }> {
    const port = String(await freePort());
    const started = startCli(['serve'], { PUBLIC_URL: 'http://localhost', PORT: port, HOST: '127.0.0.1', ...env });
    const code = await started.ended;
    const said = started.out.stdout + started.out.stderr;
    for (const secret of [SEED_SECRET_KEY, ...Object.values(env).filter((each) => each.length > 100)])
      expect(said).not.toContain(secret);
    return { code, said };
  }

  it('is refused where another one is given', async () => {
    const { code, said } = await refusal({
      DATA_DIR: prepared.ground.dataDir,
      SECRET_KEY: `${'0a'.repeat(32)}:${'0b'.repeat(32)}`,
    });
    expect(code).toBe(1);
    expect(said).toContain('this database was made under another secret key');
  });

  it('is refused where the file of the key is gone', async () => {
    const { code, said } = await refusal({ DATA_DIR: prepared.ground.dataDir });
    expect(code).toBe(1);
    expect(said).toContain('there is no secret key');
    expect(existsSync(join(prepared.ground.dataDir, 'secret.key'))).toBe(false);
  });

  it('is refused where it is no key', async () => {
    const { code, said } = await refusal({ DATA_DIR: prepared.ground.dataDir, SECRET_KEY: 'hunter2' });
    expect(code).not.toBe(0);
    expect(said).toMatch(/secret key must be|SECRET_KEY/);
    expect(said).not.toContain('hunter2');
  });

  it('is refused with a database that several servers share', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'feedgate-no-key-'));
    const { code, said } = await refusal({ DATA_DIR: folder, DATABASE_URL: 'postgres://localhost:1/none' });
    rmSync(folder, { recursive: true, force: true });
    expect(code).toBe(3);
    expect(said).toContain('SECRET_KEY is required with DATABASE_URL');
  });
});
