import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, productPath } from '../../src/releases/product.ts';
import { seedForge, seedOrganization, seedProduct, seedSoldLicense } from '../support/seed.ts';
import { ask, type Ground, openGround, type Served, seedRelease, startServed } from '../support/served.ts';
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts';

interface World {
  /** Paths with what belongs to them. */
  allowed: string;
  keyed: string;
  refused: string;
  revoked: string;
  listed: string;
  listedBadKey: string;
  file: string;
  module: string;
}

async function makeWorld({ core }: Served): Promise<World> {
  const { db } = core;
  const organization = await seedOrganization(db, await seedForge(db));
  const product = async (change: Partial<Product>) => {
    const made = await seedProduct(db, organization, null, change);
    await seedRelease(core, made, { version: '1.0.0' });
    return `/${productPath(made)}`;
  };
  const strict = await product({});
  const listed = await product({ mode: 'listed' });
  const { key } = await seedSoldLicense(db, { organization }, { terms: { sites: null } });
  const ended = await seedSoldLicense(db, { organization }, { given: Date.UTC(2024, 0, 1) });
  const revoked = await seedSoldLicense(db, { organization }, { terms: { sites: null } });
  return {
    allowed: `${strict}/updates.xml?dlid=${key.text}`,
    keyed: `/k/${key.text}${strict}/updates.xml`,
    refused: `${strict}/updates.xml?dlid=${ended.key.text}`,
    revoked: `${strict}/updates.xml?dlid=${revoked.key.text}`,
    listed: `${listed}/updates.xml`,
    listedBadKey: `${listed}/updates.xml?dlid=nobodys`,
    file: `${strict}/download/1.0.0/x.zip?dlid=${key.text}`,
    module: `${strict}/dolibarr.txt?key=${key.text}`,
  };
}

/** What everyone sees who is known, or like nobody, while nothing can be recorded. */
async function expectMemory(served: Served, world: World): Promise<void> {
  const versions = Object.fromEntries(
    await Promise.all(
      Object.entries(world)
        .filter(([name]) => name !== 'file')
        .map(async ([name, path]) => {
          const answer = await ask(served, path);
          expect([name, answer.status, answer.code]).toEqual([name, 200, 'UNAVAILABLE']);
          return [name, name === 'module' ? answer.text : answer.versions] as const;
        }),
    ),
  );
  expect(versions).toEqual({
    allowed: ['1.0.0'],
    keyed: ['1.0.0'],
    refused: [],
    revoked: [],
    listed: ['1.0.0'],
    listedBadKey: ['1.0.0'],
    module: '',
  });
}

async function pollAll(served: Served, world: World): Promise<Record<string, string | null>> {
  const { db } = served.core;
  await ask(served, world.revoked);
  const revoked = { revoked_at: '2026-01-01T00:00:00.000Z' };
  const hint = world.revoked.slice(-4);
  await db.tx((tx) => tx('license_keys').where('hint', 'like', `%${hint}`).update(revoked));
  const codes = Object.entries(world).map(async ([name, path]) => [name, (await ask(served, path)).code]);
  return Object.fromEntries(await Promise.all(codes));
}

const CODES = {
  allowed: 'VALID',
  keyed: 'VALID',
  refused: 'EXPIRED',
  revoked: 'KEY_REVOKED',
  listed: 'OPEN',
  listedBadKey: 'NOT_FOUND',
  file: 'VALID',
  module: 'VALID',
};

const complaints = (served: Served) => served.lines.filter((line) => line.includes('could not be answered')).length;

describe('a PostgreSQL that goes away', () => {
  let ground: Ground;
  let proxy: TcpProxy;
  let served: Served;
  let world: World;

  beforeAll(async () => {
    ground = await openGround('postgres');
    const url = new URL(ground.databaseUrl ?? '');
    proxy = await tcpProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    served = await startServed({ ...ground, databaseUrl: url.href });
    world = await makeWorld(served);
  });
  afterAll(async () => {
    await proxy.mend();
    await served.stop();
    await proxy.close();
    await ground.drop();
  });

  it('is there at first', async () => {
    expect(await pollAll(served, world)).toEqual(CODES);
  });

  it('and refuses connections: polls are answered from memory, once complained about; files and readiness with 503', async () => {
    await proxy.cut();
    await expectMemory(served, world);
    await expectMemory(served, world);
    expect(complaints(served)).toBe(1);
    const file = await ask(served, world.file);
    expect([file.status, file.code, file.headers.get('retry-after')]).toEqual([503, 'UNAVAILABLE', '60']);
    expect((await ask(served, '/readyz')).status).toBe(503);
    expect((await ask(served, '/healthz')).status).toBe(200);
    await proxy.mend();
    expect(await pollAll(served, world)).toEqual(CODES);
    expect((await ask(served, '/readyz')).status).toBe(200);
  });

  it('and says nothing more: polls are answered from memory after some seconds', async () => {
    proxy.hold();
    await expectMemory(served, world);
    await proxy.mend();
    expect(await pollAll(served, world)).toEqual(CODES);
  });

  it('and throws out its clients: the next poll is answered as ever', async () => {
    const name = new URL(ground.databaseUrl ?? '').pathname.slice(1);
    const { core } = served;
    await core.db
      .read((tx) =>
        tx.raw('select pg_terminate_backend(pid) from pg_stat_activity where datname = ? and pid <> pg_backend_pid()', [
          name,
        ]),
      )
      .catch(() => undefined);
    // A connection that died in the pool may cost one poll its answer, never its status.
    const first = await ask(served, world.allowed);
    expect([first.status, first.versions]).toEqual([200, ['1.0.0']]);
    expect(await pollAll(served, world)).toEqual(CODES);
  });
});

describe('an SQLite that another process writes to', () => {
  let ground: Ground;
  let served: Served;
  let world: World;
  let other: BetterSqlite3.Database;

  beforeAll(async () => {
    ground = await openGround('sqlite');
    served = await startServed(ground);
    world = await makeWorld(served);
    other = new BetterSqlite3(join(ground.dataDir, 'feedgate.db'));
  });
  afterAll(async () => {
    other.close();
    await served.stop();
    await ground.drop();
  });

  const recorded = async () =>
    Number((await served.core.db.read((tx) => tx('usage_log').count({ n: '*' }).first()))?.['n']) +
    Number((await served.core.db.read((tx) => tx('usage_daily').sum({ n: 'count' }).first()))?.['n'] ?? 0);

  it('for a moment: polls wait for it, and each is recorded', async () => {
    expect(await pollAll(served, world)).toEqual(CODES);
    const before = await recorded();
    other.exec('begin immediate');
    const polls = Array.from({ length: 40 }, () => ask(served, world.allowed));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await recorded()).toBe(before);
    other.exec('commit');
    const codes = (await Promise.all(polls)).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set(['VALID']));
    expect(await recorded()).toBe(before + 40);
  });

  it('for long: polls are answered from memory, and none that was answered otherwise is missing', async () => {
    const before = await recorded();
    other.exec('begin immediate');
    await expectMemory(served, world);
    other.exec('rollback');
    expect(await pollAll(served, world)).toEqual(CODES);
    // Those that were answered from memory waited on and were recorded when it was possible again; the rest before the answer.
    expect(await recorded()).toBeGreaterThanOrEqual(before + Object.keys(CODES).length);
  });
});
