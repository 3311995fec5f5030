import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deploy } from '../../feeds/dolibarr/model/deploy.ts';
import { dolibarrHttp } from '../../feeds/dolibarr/model/http-io.ts';
import { checkForUpdate } from '../../feeds/dolibarr/model/update-check.ts';
import { openArchive } from '../../feeds/joomla/model/archive-io.ts';
import { readChangelog } from '../../feeds/joomla/model/changelog.ts';
import { checkForUpdates } from '../../feeds/joomla/model/check.ts';
import { joomlaHttp } from '../../feeds/joomla/model/http-io.ts';
import { installUpdate } from '../../feeds/joomla/model/install.ts';
import { preUpdateCheck } from '../../feeds/joomla/model/pre-update-check.ts';
import type { JoomlaSite } from '../../feeds/joomla/model/site.ts';
import { connectSqlite, type Db } from '../../src/db/connect.ts';
import { findProductByName } from '../../src/releases/store-products.ts';
import { problemsOfProduct } from '../../src/releases/store-releases.ts';
import { type DemoReady, type Started, startCli, startDemo } from '../support/demo-process.ts';
import { ask, freePort } from '../support/served.ts';

type Who = keyof DemoReady['keys'] | 'nobody';

const BETA = '1.3.0-beta.1';
const RC = '1.2.0-rc.1';
const STABLE = '1.1.0';
const WHO: Who[] = ['valid', 'master', 'stable_only', 'sites_full', 'expired', 'revoked', 'nobody'];
const INSTANCE = 'ab'.repeat(32);

/** What a site that takes this stability and better is offered; null: nothing. */
function expectedFor(who: Who, minStability: number, site: string | null): string | null {
  if (who === 'nobody' || who === 'expired' || who === 'revoked') return null;
  if (who === 'sites_full' && site !== null && site !== 'one.example.com') return null;
  if (who === 'stable_only' || minStability === 4) return STABLE;
  return minStability === 3 ? RC : BETA;
}

let dataDir: string;
let started: Started;
let ready: DemoReady;
let db: Db;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'feedgate-demo-test-'));
  const port = String(await freePort());
  ({ started, ready } = await startDemo({ DATA_DIR: dataDir, PORT: port }));
  db = connectSqlite(join(dataDir, 'feedgate.db'));
});
afterAll(async () => {
  await db.close();
  started.child.kill('SIGKILL');
  await started.ended;
  rmSync(dataDir, { recursive: true, force: true });
});

const keyOf = (who: Who) => (who === 'nobody' ? '' : ready.keys[who]);

function siteWith(change: Partial<JoomlaSite>): JoomlaSite {
  return {
    joomla: '5.4.1',
    php: '8.3.10',
    db: { type: 'mysql', version: '8.0.36' },
    minStability: 4,
    extensions: [{ type: 'plugin', element: 'hello', folder: 'system', clientId: 0, version: '0.5.0' }],
    extraQuery: '',
    feedUrl: ready.products.joomla.feed,
    ...change,
  };
}

const http = joomlaHttp();

/** Looks for updates and installs what is offered: its version, or null. Nothing but a whole and checked file will do. */
async function update(site: JoomlaSite): Promise<string | null> {
  const { offered, warnings, fatal } = await checkForUpdates(site, http);
  expect({ warnings, fatal }).toEqual({ warnings: [], fatal: null });
  const [row] = offered;
  if (row === undefined) return null;
  const { outcome, checksum, version } = await installUpdate(site, row, http);
  expect({ outcome, checksum }).toEqual({ outcome: 'installed', checksum: 'validated' });
  expect(version).toBe(row.version);
  return version;
}

const JOOMLAS = ['4.4.9', '5.4.1', '6.0.0'];
const STABILITIES = [0, 1, 2, 3, 4] as const;

describe.each(JOOMLAS)('a Joomla %s', (joomla) => {
  describe.each(WHO)('with the key of "%s"', (who) => {
    const paths = () => new URL(ready.products.joomla.feed).pathname;

    it('in the address of the feed: is offered what the key opens, and needs no key for the file', async () => {
      for (const minStability of STABILITIES) {
        const feedUrl = `${ready.url}/k/${keyOf(who)}${paths()}`;
        expect([minStability, await update(siteWith({ joomla, minStability, feedUrl }))]).toEqual([
          minStability,
          expectedFor(who, minStability, null),
        ]);
      }
    });

    it('as download key: is sent with the file, and in the query of the feed too where somebody put it there', async () => {
      const extraQuery = `dlid=${keyOf(who)}`;
      for (const minStability of STABILITIES) {
        const feedUrl = `${ready.products.joomla.feed}?${extraQuery}&x=.xml`;
        const site = siteWith({ joomla, minStability, feedUrl, extraQuery });
        expect([minStability, await update(site)]).toEqual([minStability, expectedFor(who, minStability, null)]);
      }
    });

    it.each(['one.example.com', 'two.example.com'])('by the kit, on %s', async (host) => {
      const claim = `site=${host}&instance=${INSTANCE.replace('ab', host.slice(0, 1) === 'o' ? '01' : '02')}`;
      const downloadPlugin: JoomlaSite['downloadPlugin'] = (url, headers) => ({ url: `${url}?${claim}`, headers });
      for (const minStability of STABILITIES) {
        const feedUrl = `${ready.url}/k/${keyOf(who)}${paths()}?${claim}&x=.xml`;
        const site = siteWith({ joomla, minStability, feedUrl, downloadPlugin });
        expect([minStability, await update(site)]).toEqual([minStability, expectedFor(who, minStability, host)]);
      }
    });
  });
});

describe('the demo for Joomla', () => {
  const keyed = (who: Who, rest: string) => `${ready.url}/k/${keyOf(who)}/acme/hello/${rest}`;

  it('has counted sites for the keys that were used on two sites, and none for the master key', async () => {
    const rows = await db.read((tx) => tx('licenses').select('master', 'counted_sites'));
    expect(rows.find(({ master }) => Boolean(master))?.counted_sites).toBe(0);
    expect(rows.map((row) => row.counted_sites as number).sort()).toEqual([0, 0, 0, 1, 2, 2]);
  });

  it('gives the bytes of a tag that was moved', async () => {
    const { pathname } = new URL(keyed('valid', 'download/latest'));
    const { bytes, headers } = await ask(ready, pathname);
    expect(headers.get('content-disposition')).toBe('attachment; filename="plg_system_hello-1.1.0.zip"');
    const archive = await openArchive(bytes);
    const path = archive?.paths.find((each) => each.endsWith('hello.php')) ?? '';
    expect(Buffer.from((await archive?.read(path)) ?? []).toString()).toContain('Good night is right now.');
  });

  it('lists the four good tags newest first; the one that calls itself otherwise is a problem in words', async () => {
    const { versions } = await ask(ready, new URL(keyed('valid', 'updates.xml')).pathname);
    expect(versions).toEqual([BETA, RC, STABLE, '1.0.0']);
    const product = await db.read((tx) => findProductByName(tx, 'acme/hello'));
    const problems = await db.read((tx) => problemsOfProduct(tx, product?.id ?? ''));
    expect(problems.filter(({ tag }) => tag !== '0.9.0')).toEqual([]);
    expect(problems.map(({ severity }) => severity)).toContain('error');
    for (const { detail, fix } of problems)
      expect([detail, fix]).toEqual([expect.stringMatching(/\w{3}/), expect.stringMatching(/\w{3}/)]);
  });

  it('shows what changed', async () => {
    const { sections, failure } = await readChangelog(keyed('valid', 'changelog.xml'), STABLE, http);
    expect(failure).toBeNull();
    expect(sections?.map(({ word, bullets }) => [word, bullets.map((text) => text.trim())])).toEqual([
      ['fix', ['The greeting of the night']],
      ['addition', ['Says hello in two languages']],
    ]);
    const feed = await ask(ready, new URL(keyed('valid', 'updates.xml')).pathname);
    expect(feed.text).toContain(`<changelogurl>${keyed('valid', 'changelog.xml')}</changelogurl>`);
    const nobody = await readChangelog(ready.products.joomla.changelog, STABLE, http);
    expect(nobody).toEqual({ failure: null, sections: null });
  });

  it('is fit for the next Joomla in the eyes of the check before an update, where the address holds the key', async () => {
    const installed = (version: string) => ({
      type: 'plugin',
      element: 'hello',
      folder: 'system',
      clientId: 0,
      version,
    });
    const look = async (feedUrl: string, version: string, target: string) => {
      const site = siteWith({ feedUrl, extensions: [installed(version)] });
      return (await preUpdateCheck(site, target, http)).verdict;
    };
    expect(await look(keyed('valid', 'updates.xml'), '1.0.0', '6.0.0')).toBe('fit');
    expect(await look(keyed('valid', 'updates.xml'), '0.5.0', '6.0.0')).toBe('update-first');
    expect(await look(keyed('valid', 'updates.xml'), '1.0.0', '7.0.0')).toBe('unknown');
    expect(await look(ready.products.joomla.feed, '1.0.0', '6.0.0')).toBe('unknown');
  });
});

describe('the demo for Dolibarr', () => {
  const dolibarr = dolibarrHttp({ guard: false });
  const check = (query: string, version = '0.5.0') =>
    checkForUpdate({ version, urlLastVersion: `${ready.products.dolibarr.txt}${query}` }, dolibarr);

  it.each(WHO)('answers the key of "%s"', async (who) => {
    const expected = expectedFor(who, 0, null);
    const { result, lastVersion, cause } = await check(`?key=${keyOf(who)}`);
    expect({ result, lastVersion }).toEqual({ result: expected === null ? 0 : 1, lastVersion: expected ?? '' });
    expect(cause).toBe(expected === null ? 'empty' : 'newer');
    const { text } = await ask(ready, `/acme/hellobox/dolibarr.xml?key=${keyOf(who)}`);
    const numbers = [...text.matchAll(/<version number="([^"]+)"/g)].map(([, number]) => number);
    const all = who === 'stable_only' ? [STABLE, '1.0.0'] : [BETA, RC, STABLE, '1.0.0'];
    expect(numbers).toEqual(expected === null ? [] : all);
  });

  it('knows the one site of the key whose sites are full', async () => {
    expect((await check(`?key=${ready.keys.sites_full}&site=one.example.com`)).lastVersion).toBe(BETA);
    expect((await check(`?key=${ready.keys.sites_full}&site=two.example.com`)).lastVersion).toBe('');
  });

  it('says nothing new to who has it, and nothing to a Dolibarr that is too old', async () => {
    expect((await check(`?key=${ready.keys.stable_only}`, STABLE)).result).toBe(0);
    expect((await check(`?key=${ready.keys.valid}&dolibarr=22.0.1`)).lastVersion).toBe(BETA);
    expect((await check(`?key=${ready.keys.valid}&dolibarr=17.0.1`)).lastVersion).toBe('');
  });

  it.each([
    ['stable', 'module_hellobox-1.1.0.zip'],
    ['beta', /^module_hellobox-1\.3\.0\.[\d.]+\.zip$/],
  ])('gives a file that the deploy page takes: %s', async (channel, name) => {
    const path = `/acme/hellobox/download/latest?key=${ready.keys.valid}&channel=${channel}`;
    const { bytes, headers } = await ask(ready, path);
    const fileName = /filename="([^"]+)"/.exec(headers.get('content-disposition') ?? '')?.[1] ?? '';
    expect(fileName).toMatch(name);
    const deployed = await deploy(fileName, bytes);
    expect(deployed).toMatchObject({ ok: true, module: 'hellobox', folders: ['hellobox'], dropped: [] });
    expect(deployed.ok && deployed.files.map(({ path: file }) => file)).toEqual([
      'hellobox/core/modules/modHellobox.class.php',
    ]);
  });
});

describe('the process of the demo', () => {
  it('has said one line of JSON and no word of a key beside it', () => {
    const { stdout, stderr } = started.out;
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    for (const key of Object.values(ready.keys)) expect(stderr).not.toContain(key);
  });

  it('says in words that its port is taken', async () => {
    const other = mkdtempSync(join(tmpdir(), 'feedgate-demo-taken-'));
    const { port } = new URL(ready.url);
    const taken = startCli(['demo', '--json'], { DATA_DIR: other, PORT: port });
    expect(await taken.ended).toBe(1);
    expect(taken.out.stderr).toContain(`port ${port} is taken`);
    expect(taken.out.stdout).not.toContain('"keys"');
    rmSync(other, { recursive: true, force: true });
  });

  it('ends with 0 when it is told to, and has the same keys at the next start, on a free port if 8080 is taken', async () => {
    await db.close();
    expect(await started.stop()).toBe(0);
    const occupied = await occupy(8080);
    const again = await startDemo({ DATA_DIR: dataDir });
    expect(again.ready.keys).toEqual(ready.keys);
    expect(new URL(again.ready.url).port).not.toBe('8080');
    const feed = await ask(again.ready, `/acme/hello/updates.xml?dlid=${ready.keys.valid}`);
    expect(feed.versions).toEqual([BETA, RC, STABLE, '1.0.0']);
    expect(await again.started.stop()).toBe(0);
    occupied?.close();
  });
});

/** null: somebody else has it, which is just as good. */
function occupy(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
