import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR, MINUTE } from '../../src/clock.ts';
import { connect } from '../../src/db/connect.ts';
import type { Engine } from '../../src/db/dialect.ts';
import { LEASE_MS } from '../../src/jobs/worker.ts';
import { type ArtifactStore, makeArtifactStore } from '../../src/releases/artifact-store-io.ts';
import { TEST_SECRET_KEY, type TestCoreOptions } from '../support/core.ts';
import type { FakeRequest } from '../support/fake-forge-server.ts';
import { type Ground, openGround } from '../support/served.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { joomlaFiles, joomlaZip } from '../support/site-archives.ts';
import { openVendor, type Vendor } from '../support/vendor.ts';

/** kill -9 and a full disk: whatever the moment, nothing is half-done and the next start goes on. */

const FILES = /\/attachments\//;
const VERSIONS = ['1.0.0', '1.1.0', '1.2.0', '1.3.0', '1.4.0'];

let vendor: Vendor;
let ground: Ground;
const processes: ServerProcess[] = [];

/** What is under way to the store. */
function incoming(): string[] {
  const folder = join(ground.dataDir, 'artifacts', 'incoming');
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

async function open(engine: Engine, core: TestCoreOptions = {}): Promise<void> {
  ground = await openGround(engine);
  const { databaseUrl, dataDir } = ground;
  const database = { another: () => connect(databaseUrl, join(dataDir, 'feedgate.db')) };
  vendor = await openVendor(database, { core: { dataDir, ...core } });
}

afterEach(async () => {
  for (const each of processes.splice(0)) await each.kill();
  await vendor.close();
  await ground.drop();
});

async function publish(version: string) {
  const assets = { [`hello-${version}.zip`]: await joomlaZip({ version }) };
  return vendor.forge.publishRelease(vendor.repo, { tag: `v${version}`, assets });
}

/** The real server on the same database and folder. */
async function startServer(): Promise<ServerProcess> {
  const { dataDir, databaseUrl } = ground;
  const url: Record<string, string> = databaseUrl === null ? {} : { DATABASE_URL: databaseUrl };
  const server = await startServerProcess({ DATA_DIR: dataDir, SECRET_KEY: TEST_SECRET_KEY, ...url });
  processes.push(server);
  return server;
}

/** Resolves at the nth request that fits. */
function nthRequest(fits: (request: FakeRequest) => boolean, n: number): Promise<void> {
  let seen = 0;
  return new Promise((resolve) => {
    vendor.forge.onRequest((request) => {
      if (fits(request) && ++seen === n) resolve();
    });
  });
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Every release is there with a file whose bytes are those of its hash, or not at all. */
async function expectWhole(): Promise<number> {
  const { releases, artifacts, errors } = await vendor.known();
  expect(errors).toEqual([]);
  for (const { id, state, fingerprint } of releases) {
    expect([state, fingerprint.length]).toEqual(['listed', 64]);
    const [file, ...more] = artifacts.filter(({ releaseId }) => releaseId === id);
    const bytes = readFileSync(vendor.test.core.store.pathOf(file?.sha256 ?? ''));
    expect([createHash('sha256').update(bytes).digest('hex'), more]).toEqual([file?.sha256, []]);
  }
  return releases.length;
}

describe.each(['sqlite', 'postgres'] as const)('kill -9 (%s)', (engine) => {
  beforeEach(() => open(engine, { time: { now: Date.now() } }));

  it('in the middle of a download leaves a lease that runs out and a file that is swept', async () => {
    await publish('1.0.0');
    vendor.forge.setFault('stall', { path: FILES });
    const server = await startServer();
    await nthRequest(({ path }) => FILES.test(path), 1);
    await until(async () => incoming().length === 1);
    await server.kill();
    vendor.forge.clearFaults();

    const { core, time } = vendor.test;
    expect((await vendor.known()).releases).toEqual([]);
    // Beside it the look that the start itself has planned may wait.
    const leased = (await vendor.jobs()).filter(({ leaseId }) => leaseId !== null);
    expect(leased).toMatchObject([{ kind: 'reconcile', attempts: 1 }]);
    time.now = Date.now();
    expect(await core.worker.drain()).toBe(0);
    time.now += LEASE_MS + MINUTE;
    expect(await core.worker.drain()).toBe(1);
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect(await expectWhole()).toBe(1);

    const [left] = incoming();
    expect(incoming()).toHaveLength(1);
    const old = (Date.now() - 2 * HOUR) / 1_000;
    utimesSync(left ?? '', old, old);
    const next = await startServer();
    await next.ready();
    expect(incoming()).toEqual([]);
    expect((await vendor.repository()).syncError).toBeNull();
  });

  it('between any two releases leaves whole ones, and the next start brings the others', async () => {
    for (const version of VERSIONS) await publish(version);
    for (const nth of [1, 3]) {
      const server = await startServer();
      await nthRequest(({ path }) => FILES.test(path), nth);
      // Somewhere between the request and the commit after it; wherever it is, what follows must hold.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      await server.kill();
      await expectWhole();
      // Two minutes later.
      const past = new Date(Date.now() - MINUTE).toISOString();
      await vendor.test.core.db.tx((tx) => tx('jobs').whereNotNull('lease_id').update({ lease_until: past }));
    }
    const server = await startServer();
    await until(async () => (await vendor.feed()).length === VERSIONS.length);
    await server.kill();
    expect(await expectWhole()).toBe(VERSIONS.length);
  });
});

describe('a disk that is full', () => {
  /** The store of a disk that has no room left for one of its acts. */
  function fullStore(act: 'receive' | 'keep' | 'scratch') {
    const folder = mkdtempSync(join(tmpdir(), 'feedgate-full-'));
    const store = makeArtifactStore(folder);
    const disk = { full: true };
    const refuse = async () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
    };
    const real = store[act].bind(store) as (...args: unknown[]) => Promise<never>;
    const sometimes = (...args: unknown[]) => (disk.full ? refuse() : real(...args));
    return { folder, disk, store: { ...store, [act]: sometimes } as ArtifactStore };
  }

  it.each([
    ['while a file comes in', 'receive', true],
    ['when it is put in its place', 'keep', true],
    ['while an archive is packed anew', 'scratch', false],
  ] as const)('%s is told, tried again, and leaves nothing behind', async (_when, act, attached) => {
    const { folder, disk, store } = fullStore(act);
    await open('sqlite', { store });
    const files = joomlaFiles({ version: '1.0.0' });
    const assets = attached ? { 'hello.zip': await joomlaZip({ version: '1.0.0' }) } : {};
    await vendor.forge.publishRelease(vendor.repo, { tag: 'v1.0.0', files, assets });
    await vendor.test.core.worker.drain();
    expect((await vendor.repository()).syncError).toBe('the disk that keeps the files of releases is full');
    expect((await vendor.known()).releases).toEqual([]);
    const left = existsSync(join(folder, 'incoming')) ? readdirSync(join(folder, 'incoming')) : [];
    expect(left).toEqual([]);
    const [job] = await vendor.jobs();
    expect(job).toMatchObject({ attempts: 1, leaseId: null });
    disk.full = false;
    vendor.test.time.now = Date.parse(job?.runAt ?? '');
    expect(await vendor.test.core.worker.drain()).toBe(1);
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.repository()).syncError).toBeNull();
    rmSync(folder, { recursive: true, force: true });
  });

  it('never makes half a file count as a whole one', async () => {
    await open('sqlite');
    const code = `
      import { makeArtifactStore } from './src/releases/artifact-store-io.ts';
      const store = makeArtifactStore(${JSON.stringify(join(ground.dataDir, 'artifacts'))});
      async function* bytes() { yield Buffer.alloc(3 * 2 ** 20, 7); }
      const end = await store.receive(bytes(), 2 ** 30).then(() => 'taken', (error) => error.code);
      process.stdout.write(end);`;
    // No file may have more than two megabytes there: the system takes a part of a write and says so only if it is asked.
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', code];
    const cwd = fileURLToPath(new URL('../../', import.meta.url));
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'ulimit -f 4096; exec "$0" "$@"', ...node], { cwd });
    expect(stdout).toBe('EFBIG');
    expect(incoming()).toEqual([]);
  });
});
