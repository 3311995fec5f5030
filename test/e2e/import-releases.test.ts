import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { oldDocuments } from '../../feeds/index.ts';
import { checkForUpdates } from '../../feeds/joomla/model/check.ts';
import { joomlaHttp } from '../../feeds/joomla/model/http-io.ts';
import { installUpdate } from '../../feeds/joomla/model/install.ts';
import type { JoomlaSite } from '../../feeds/joomla/model/site.ts';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { MINUTE } from '../../src/clock.ts';
import { bringReleases, type ReleasesSummary } from '../../src/imports/bring-releases.ts';
import type { ReleaseReport } from '../../src/imports/old-release.ts';
import { onEachDatabase } from '../support/databases.ts';
import { joomlaZip } from '../support/site-archives.ts';
import { openVendor, pathOf, type Vendor } from '../support/vendor.ts';

/** Versions that only an old feed knows: fetched once, served from here, and left alone by what the forge says. */

type Answer = Buffer | number | { to: string };

let vendor: Vendor;
let old: { server: Server; port: number; files: Map<string, Answer>; asked: IncomingHttpHeaders[] };

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const address = (path: string) => `http://127.0.0.1:${old.port}/${path}`;

async function startOld(): Promise<typeof old> {
  const files = new Map<string, Answer>();
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer((req, res) => {
    asked.push(req.headers);
    const answer = files.get((req.url ?? '/').slice(1)) ?? 404;
    if (Buffer.isBuffer(answer)) res.writeHead(200, { 'content-type': 'application/zip' }).end(answer);
    else if (typeof answer === 'number') res.writeHead(answer).end('no');
    else res.writeHead(302, { location: answer.to }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port, files, asked };
}

interface Entry {
  version: string;
  url: string;
  hash?: string;
  word?: string;
}

function documentOf(entries: readonly Entry[]): Buffer {
  const written = entries.map(
    ({ version, url, hash, word = 'stable' }) => `<update><name>Hello</name><description>Says hello.</description>
    <element>hello</element><type>plugin</type><folder>system</folder><client>site</client><version>${version}</version>
    <infourl>https://old.example.com/${version}</infourl><downloads><downloadurl>${url}</downloadurl></downloads>
    ${hash === undefined ? '' : `<sha256>${hash}</sha256>`}<tags><tag>${word}</tag></tags><php_minimum>7.4</php_minimum>
    <targetplatform name="joomla" version="(5|6)\\..*"/></update>`,
  );
  return Buffer.from(`<?xml version="1.0"?><updates>${written.join('\n')}</updates>`);
}

async function bring(
  entries: readonly Entry[],
  { isDry = false, trusted = [] as string[], core = vendor.test.core } = {},
): Promise<ReleasesSummary & { rows: ReleaseReport[]; codes: string[] }> {
  const document = oldDocuments[0]?.read(documentOf(entries));
  if (!document?.ok) throw new Error(document?.detail ?? 'no reader');
  const rows: ReleaseReport[] = [];
  const wish = { product: vendor.product, platform: 'joomla', element: null, isDry, trusted } as const;
  const by = { actor: CLI_ACTOR, requestId: null, now: vendor.test.time.now };
  const summary = await bringReleases(core.reconcile, { ...wish, releases: document.releases }, by, (row) =>
    rows.push(row),
  );
  return { ...summary, rows, codes: rows.map(({ version, code }) => `${version} ${code}`) };
}

async function put(version: string, note = ''): Promise<Entry> {
  const zip = await joomlaZip({ version, note });
  old.files.set(`hello-${version}.zip`, zip);
  return { version, url: address(`hello-${version}.zip`), hash: sha256(zip) };
}

onEachDatabase('versions of an old feed', (database) => {
  beforeEach(async () => {
    vendor = await openVendor(database());
    old = await startOld();
  });
  afterEach(async () => {
    await vendor.close();
    await new Promise((resolve) => old.server.close(resolve));
  });

  it('are told first, then brought in with their files, once, and installed by a site', async () => {
    const entries = [await put('1.0.0'), await put('1.1.0-beta1'), await put('0.9.0')].map((each) =>
      each.version.includes('beta') ? { ...each, word: 'beta' } : each,
    );
    const looked = await bring(entries, { isDry: true });
    expect([looked.created, looked.codes, old.asked.length]).toEqual([
      3,
      ['1.1.0-beta1 NEW', '1.0.0 NEW', '0.9.0 NEW'],
      0,
    ]);
    expect((await vendor.known()).releases).toEqual([]);

    expect(await bring(entries)).toMatchObject({ created: 3, unchanged: 0, refused: 0, proposals: [] });
    const known = await vendor.known();
    expect(known.release('1.1.0-beta1')).toMatchObject({ channel: 'beta', clientWord: 'beta', state: 'listed' });
    expect(known.release('1.0.0')).toMatchObject({
      ...{ tag: 'import:1.0.0', channel: 'stable', notes: 'Says hello.', webUrl: 'https://old.example.com/1.0.0' },
      ...{ phpMinimum: '7.4', targets: { joomla: { min: '5.0', max: '6' } } },
      firstSeenAt: new Date(vendor.test.time.now).toISOString(),
    });
    expect(known.artifact('1.0.0').source).toEqual({
      ...{ kind: 'import', from: `127.0.0.1:${old.port}`, name: 'hello-1.0.0.zip' },
    });
    expect(await vendor.feed()).toEqual(['1.0.0', '0.9.0']);
    expect(old.asked.every(({ authorization }) => authorization === undefined)).toBe(true);

    const asked = old.asked.length;
    expect(await bring(entries)).toMatchObject({ created: 0, unchanged: 3, refused: 0 });
    expect([old.asked.length, (await vendor.known()).product.revision]).toEqual([asked, known.product.revision]);

    old.files.clear();
    const site: JoomlaSite = {
      ...{ joomla: '5.4.0', php: '8.3.0', db: { type: 'mysql', version: '8.0.36' }, minStability: 4, extraQuery: '' },
      extensions: [{ type: 'plugin', element: 'hello', folder: 'system', clientId: 0, version: '0.9.0' }],
      feedUrl: `${vendor.test.url}${pathOf(vendor.product)}/updates.xml`,
    };
    const { offered } = await checkForUpdates(site, joomlaHttp());
    expect(offered.map(({ version }) => version)).toEqual(['1.0.0']);
    const [row] = offered;
    expect(row && (await installUpdate(site, row, joomlaHttp())).outcome).toBe('installed');
  });

  it('stay while the forge does not have them, and give way to its own release', async () => {
    const bytes = await joomlaZip({ version: '2.0.0' });
    await vendor.forge.publishRelease(vendor.repo, { tag: 'v2.0.0', assets: { 'hello.zip': bytes } });
    await vendor.sync();
    const entry = await put('1.0.0');
    const other = { version: '2.0.0', url: address('never.zip'), hash: 'a'.repeat(64), word: 'rc' };
    const brought = await bring([entry, other]);
    expect(brought.codes).toEqual(['2.0.0 DIFFERS', '1.0.0 NEW']);
    expect(brought.rows[0]?.words).toMatch(
      /channel: stable here, rc there; sha256: [0-9a-f]{64} here, a{64} there; targets: /,
    );
    const imported = (await vendor.known()).release('1.0.0');
    vendor.test.time.now += MINUTE;
    await vendor.sync();
    await vendor.sync();
    expect((await vendor.known()).release('1.0.0')).toEqual(imported);
    expect((await vendor.known()).warnings).toContain('import:1.0.0 UPDATE_SERVER_MISSING');

    const assets = { 'hello.zip': Buffer.from('no zip') };
    const onForge = await vendor.forge.publishRelease(vendor.repo, { tag: 'v1.0.0', assets });
    await vendor.sync();
    expect((await vendor.known()).release('1.0.0')).toEqual(imported);
    expect((await vendor.known()).errors).toEqual(['v1.0.0 ARCHIVE_NOT_ZIP']);

    const own = await joomlaZip({ version: '1.0.0', note: 'of the forge' });
    const [broken] = onForge.assets;
    if (!broken) throw new Error('the release has no file');
    await vendor.forge.replaceAsset(vendor.repo, onForge, broken, own);
    await vendor.sync();
    const { id, firstSeenAt } = imported;
    const known = await vendor.known();
    expect(known.release('1.0.0')).toMatchObject({ id, firstSeenAt, tag: 'v1.0.0', state: 'listed' });
    expect([known.artifact('1.0.0').sha256, known.errors]).toEqual([sha256(own), []]);
    expect((await bring([entry])).codes).toEqual(['1.0.0 DIFFERS']);
    expect(known.warnings.some((each) => each.startsWith('import:'))).toBe(false);
  });

  it('whose files cannot be had as the document says are told and not stored; the others are', async () => {
    const good = await put('1.0.0');
    const word = { ...(await put('1.0.1')), word: 'lts' };
    const foreign = await put('1.0.2');
    old.files.set('mismatch.zip', await joomlaZip({ version: '9.9.9' }));
    old.files.set('page.zip', Buffer.from('<html>'));
    const entries: Entry[] = [
      good,
      word,
      { version: '1.1.0', url: address('gone.zip?dlid=SECRET') },
      { version: '1.2.0', url: foreign.url, hash: 'b'.repeat(64) },
      { version: '1.3.0', url: address('mismatch.zip') },
      { version: '1.4.0', url: address('page.zip') },
      { version: '1.5.0', url: 'file:///etc/passwd' },
      { version: 'development', url: foreign.url },
    ];
    const brought = await bring(entries);
    expect([...brought.codes].sort()).toEqual([
      '1.0.0 NEW',
      '1.0.1 CHANNEL_UNKNOWN',
      '1.1.0 FILE_MISSING',
      '1.2.0 HASH_MISMATCH',
      '1.3.0 FILE_UNFIT',
      '1.4.0 FILE_UNFIT',
      '1.5.0 FILE_MISSING',
      'development VERSION_UNFIT',
    ]);
    expect(JSON.stringify(brought)).not.toContain('SECRET');
    expect(brought.proposals).toEqual([
      `feedgate rules set ${vendor.product.organizationSlug} --channel lts:stable:*-lts`,
    ]);
    expect((await vendor.known()).releases.map(({ version }) => version)).toEqual(['1.0.0']);
    old.files.set('gone.zip?dlid=SECRET', await joomlaZip({ version: '1.1.0' }));
    expect(
      (await bring(entries)).rows.filter(({ outcome }) => outcome === 'created').map(({ version }) => version),
    ).toEqual(['1.1.0']);
  });

  it('are not fetched from addresses that are not public, by redirects neither, unless the operator names the host', async () => {
    const { version, hash } = await put('1.0.0');
    const inside = `http://localhost:${old.port}/hello-1.0.0.zip`;
    old.files.set('away.zip', { to: inside });
    for (const url of [inside, address('away.zip'), 'http://169.254.169.254/latest', 'http://[::1]/x.zip']) {
      const { rows } = await bring([{ version, url, hash: hash ?? '' }]);
      expect(rows[0]).toMatchObject({ outcome: 'refused', code: 'FILE_MISSING' });
      expect(rows[0]?.words).toContain('is not a public address');
    }
    const allowed = await bring([{ version, url: address('away.zip'), hash: hash ?? '' }], { trusted: ['localhost'] });
    expect(allowed.codes).toEqual(['1.0.0 NEW']);
  });

  it('whose stored file is lost leave the feed with a word, and come back with the file', async () => {
    const entry = await put('1.0.0');
    await bring([entry]);
    const jobs = await vendor.jobs();
    const blob = vendor.test.core.store.pathOf((await vendor.known()).artifact('1.0.0').sha256);
    const file = `${pathOf(vendor.product)}/download/1.0.0/hello.zip`;
    expect((await vendor.get(file)).status).toBe(200);
    rmSync(blob);
    expect((await vendor.get(file)).status).toBe(503);
    expect(await vendor.feed()).toEqual([]);
    expect((await vendor.known()).errors).toEqual(['import:1.0.0 ASSET_MISSING']);
    expect(await vendor.jobs()).toEqual(jobs);
    await vendor.sync();
    expect((await vendor.known()).release('1.0.0').state).toBe('withheld');

    const bytes = old.files.get('hello-1.0.0.zip') as Buffer;
    old.files.clear();
    expect((await bring([entry])).codes).toEqual(['1.0.0 FILE_MISSING']);
    writeFileSync(blob, bytes);
    expect((await bring([entry])).codes).toEqual(['1.0.0 RESTORED']);
    expect([await vendor.feed(), (await vendor.known()).errors]).toEqual([['1.0.0'], []]);
    rmSync(blob);
    old.files.set('hello-1.0.0.zip', bytes);
    expect((await bring([entry])).codes).toEqual(['1.0.0 RESTORED']);
    expect((await vendor.get(file)).bytes.equals(bytes)).toBe(true);
  });

  it('that two imports bring in at once are there once', async () => {
    const entries = [await put('1.0.0'), await put('1.1.0')];
    const both = await Promise.all([bring(entries), bring(entries)]);
    expect(both.map(({ refused }) => refused)).toEqual([0, 0]);
    expect((await vendor.known()).releases.map(({ version }) => version).sort()).toEqual(['1.0.0', '1.1.0']);
  });
});
