import { describe, expect, it } from 'vitest';
import { checkForUpdates } from './check.ts';
import { type InstallVerdict, installUpdate } from './install.ts';
import type { JoomlaSite } from './site.ts';
import { aFeed, anEntry, aSite, aWorld, aZip, type EntryParts, hashOf, MANIFEST, type Route } from './test-world.ts';

const PACKAGE = 'https://updates.test/dl/ex.zip';
const ZIP = await aZip();

interface Scene {
  site?: Partial<JoomlaSite>;
  routes?: Record<string, Route | string>;
}

/** Check, then install what was offered, against one feed. */
async function update(feed: string, { site: change = {}, routes = {} }: Scene = {}) {
  const site = aSite(change);
  const { http, asked } = aWorld({ [site.feedUrl]: feed, [PACKAGE]: { body: ZIP }, ...routes });
  const result = await checkForUpdates(site, http);
  const [row] = result.offered;
  if (row === undefined) throw new Error('nothing is offered');
  const verdict = await installUpdate(site, row, http);
  return { verdict, downloads: asked.slice(2).map((request) => request.url) };
}

async function outcomeOf(feed: string, scene: Scene = {}): Promise<InstallVerdict['outcome']> {
  return (await update(feed, scene)).verdict.outcome;
}

const stabilityTag = '<stability>stable</stability>';
const download = (url: string): EntryParts => ({
  downloads: `<downloads><downloadurl>${url}</downloadurl></downloads>`,
});

describe('the cases of pass 2, the document', () => {
  it('installs what the check offered', async () => {
    const { verdict } = await update(aFeed(anEntry({ more: `<sha256>${hashOf('sha256', ZIP)}</sha256>` })));
    expect(verdict).toMatchObject({
      outcome: 'installed',
      version: '1.2.0',
      fileName: 'ex.zip',
      checksum: 'validated',
    });
  });

  it.each([
    ['30 root feed', `<feed>${anEntry()}</feed>`],
    ['30 an element before the first update', aFeed('<foo/>', anEntry())],
    ['32 tags, then stability', aFeed(anEntry({ more: stabilityTag }))],
    ['an extra_query of the feed', aFeed(anEntry({ more: '<extra_query>a=b</extra_query>' }))],
  ])('%s: PHP dies', async (_, feed) => {
    expect(await outcomeOf(feed)).toBe('fatal');
  });

  it('29 a stray version counts here too', async () => {
    expect((await update(aFeed(anEntry(), '<version>7.0.0</version>'))).verdict.version).toBe('7.0.0');
  });

  it.each([
    [4, 'invalid-update'],
    [3, 'invalid-update'],
    [2, 'invalid-update'],
    [1, 'installed'],
    [0, 'installed'],
  ] as const)('31 a stability element alone, at minimum %i: %s', async (minStability, expected) => {
    expect(await outcomeOf(aFeed(anEntry({ tags: stabilityTag })), { site: { minStability } })).toBe(expected);
  });

  it('32 stability, then tags: healed', async () => {
    const feed = aFeed(anEntry({ tags: `${stabilityTag}<tags><tag>stable</tag></tags>` }));
    expect(await outcomeOf(feed)).toBe('installed');
  });

  it('33 a feed cut before its end is offered and then finds nothing', async () => {
    expect(await outcomeOf(aFeed(anEntry()).slice(0, -10))).toBe('invalid-update');
  });

  it('37 of two download addresses the last is taken, and downloadsource is no element of the entry', async () => {
    const urls = `<downloads><downloadurl>https://a.test/1.zip</downloadurl><downloadurl>${PACKAGE}</downloadurl>
      <downloadsource>https://mirror.test/ex.zip</downloadsource></downloads>`;
    const { downloads } = await update(aFeed('<downloadsource>x</downloadsource>', anEntry({ downloads: urls })));
    expect(downloads).toEqual([PACKAGE]);
  });

  it('13 of two equal versions the first one is downloaded', async () => {
    const feed = aFeed(anEntry(), anEntry(download('https://a.test/second.zip')));
    expect((await update(feed)).downloads).toEqual([PACKAGE]);
  });

  it('does not look at the element: a higher one of another extension is installed', async () => {
    const site = aSite();
    const offer = aWorld({ [site.feedUrl]: aFeed(anEntry()) });
    const row = (await checkForUpdates(site, offer.http)).offered[0];
    if (row === undefined) throw new Error('nothing is offered');
    const other = aFeed(
      anEntry(),
      anEntry({ element: '<element>com_other</element>', version: '<version>9.0.0</version>' }),
    );
    const later = aWorld({ [site.feedUrl]: other, [PACKAGE]: { body: ZIP } });
    expect(await installUpdate(site, row, later.http)).toMatchObject({ outcome: 'installed', version: '9.0.0' });
  });

  it('an empty downloadurl is a failed download, a missing one an invalid update (42)', async () => {
    expect(await outcomeOf(aFeed(anEntry(download(''))))).toBe('download-failed');
    expect(await outcomeOf(aFeed(anEntry({ downloads: '' })))).toBe('invalid-update');
  });
});

describe('the cases of pass 2, hashes', () => {
  const right = hashOf('sha256', ZIP);

  it.each([
    ['38 right', right, 'installed'],
    ['38 upper case', right.toUpperCase(), 'installed'],
    ['39 blanks round it', ` ${right} `, 'checksum-wrong'],
    ['39 newline', `${right}\n`, 'checksum-wrong'],
    ['39 empty', '', 'checksum-wrong'],
    ['39 wrong', hashOf('sha256', Buffer.from('other')), 'checksum-wrong'],
  ])('%s', async (_, hash, expected) => {
    expect(await outcomeOf(aFeed(anEntry({ more: `<sha256>${hash}</sha256>` })))).toBe(expected);
  });

  it('every hash that is there must match', async () => {
    const more = `<sha256>${right}</sha256><sha512>${hashOf('sha512', ZIP)}</sha512><sha384></sha384>`;
    expect(await outcomeOf(aFeed(anEntry({ more })))).toBe('checksum-wrong');
    expect(await outcomeOf(aFeed(anEntry({ more: more.replace('<sha384></sha384>', '') })))).toBe('installed');
  });
});

describe('the cases of pass 2, the download', () => {
  const named = { 'content-disposition': 'attachment; filename="com_example-1.2.0.zip"' };

  it('40 the key joins a query that is there, and without a hash there is a warning', async () => {
    const asked = 'https://updates.test/dl?id=1&x=2&dlid=KEY1';
    const { verdict, downloads } = await update(aFeed(anEntry(download('https://updates.test/dl?id=1&amp;x=2'))), {
      site: { extraQuery: 'dlid=KEY1' },
      routes: { [asked]: { body: ZIP, headers: named } },
    });
    expect(downloads).toEqual([asked]);
    expect(verdict).toMatchObject({ outcome: 'installed', fileName: 'com_example-1.2.0.zip', checksum: 'missing' });
  });

  it.each([
    ['dlid=KEY1', 'pkg.zip_dlid_KEY1', 'unpack-error'],
    ['dlid=KEY1&dummy=my.zip', 'pkg.zip_dlid_KEY1_dummy_my.zip', 'installed'],
  ])('41 without a disposition the query %s makes the name %s', async (extraQuery, fileName, outcome) => {
    const { verdict } = await update(aFeed(anEntry(download('https://updates.test/pkg.zip'))), {
      site: { extraQuery },
      routes: { [`https://updates.test/pkg.zip?${extraQuery}`]: { body: ZIP } },
    });
    expect(verdict).toMatchObject({ outcome, fileName });
  });

  it('42 a 302 leads to a file with a disposition; the key is not carried along', async () => {
    const { verdict, downloads } = await update(aFeed(anEntry(download('https://updates.test/go'))), {
      site: { extraQuery: 'dlid=KEY1' },
      routes: {
        'https://updates.test/go?dlid=KEY1': { status: 302, headers: { location: 'https://cdn.test/blob' } },
        'https://cdn.test/blob': { body: ZIP, headers: named },
      },
    });
    expect(verdict.outcome).toBe('installed');
    expect(downloads).toEqual(['https://updates.test/go?dlid=KEY1', 'https://cdn.test/blob']);
  });

  it.each([403, 404, 410, 500])('42 status %i: download failed', async (status) => {
    const { verdict } = await update(aFeed(anEntry()), { routes: { [PACKAGE]: { status, body: ZIP } } });
    expect(verdict).toMatchObject({ outcome: 'download-failed', downloadUrl: PACKAGE });
    expect(verdict.words).toContain(String(status));
  });

  it('a redirect without end is a failed download', async () => {
    const routes = { [PACKAGE]: { status: 302, headers: { location: PACKAGE } } };
    expect(await outcomeOf(aFeed(anEntry()), { routes })).toBe('download-failed');
  });

  it.each([
    ['HTML', '<html>please log in</html>'],
    ['a zip without a manifest', { 'readme.txt': 'x' }],
    ['a manifest with another root', { 'a.xml': '<install type="component"/>' }],
    ['a manifest two folders deep', { 'readme.txt': 'x', 'a/b/c.xml': MANIFEST }],
    ['a manifest without a type', { 'a.xml': '<extension/>' }],
    ['a broken manifest', { 'a.xml': '<extension type="component">' }],
  ])('%s is an unpack error', async (_, content) => {
    const body = typeof content === 'string' ? content : await aZip(content);
    expect(await outcomeOf(aFeed(anEntry()), { routes: { [PACKAGE]: { body } } })).toBe('unpack-error');
  });

  it.each([
    ['beside other files', { 'readme.txt': 'x', 'a.xml': MANIFEST }],
    ['one folder deep', { 'readme.txt': 'x', 'admin/a.xml': MANIFEST }],
    ['in a sole folder', { 'repo-1.2.0/a.xml': MANIFEST }],
    ['one folder deep in a sole folder', { 'repo-1.2.0/admin/a.xml': MANIFEST, 'repo-1.2.0/x.txt': 'x' }],
    ['behind another XML file', { 'access.xml': '<access/>', 'b.xml': MANIFEST }],
  ])('a manifest %s is found', async (_, files) => {
    expect(await outcomeOf(aFeed(anEntry()), { routes: { [PACKAGE]: { body: await aZip(files) } } })).toBe('installed');
  });

  it('does not pretend to know archives that it can not open', async () => {
    const headers = { 'content-disposition': 'attachment; filename="x.tar.gz"' };
    expect(await outcomeOf(aFeed(anEntry()), { routes: { [PACKAGE]: { body: ZIP, headers } } })).toBe('not-modelled');
  });

  it('a feed that fails the second time is an invalid update', async () => {
    const site = aSite();
    const row = (await checkForUpdates(site, aWorld({ [site.feedUrl]: aFeed(anEntry()) }).http)).offered[0];
    if (row === undefined) throw new Error('nothing is offered');
    expect((await installUpdate(site, row, aWorld({}).http)).outcome).toBe('invalid-update');
    expect((await installUpdate(site, row, aWorld({ [site.feedUrl]: '<updates></b>' }).http)).outcome).toBe(
      'invalid-update',
    );
    expect((await installUpdate(site, row, aWorld({ [site.feedUrl]: '<updates/>' }).http)).outcome).toBe(
      'invalid-update',
    );
  });
});
