import { describe, expect, it } from 'vitest';
import { readChangelog } from './changelog.ts';
import { checkForUpdates } from './check.ts';
import { preUpdateCheck } from './pre-update-check.ts';
import type { JoomlaSite } from './site.ts';
import { aFeed, anEntry, anExtension, aSite, aWorld } from './test-world.ts';

const LIST = 'https://updates.test/list.xml';

async function checkList(lines: string, extensions: JoomlaSite['extensions']) {
  const site = aSite({ feedUrl: LIST, feedType: 'collection', extensions });
  const { http, asked } = aWorld({ [LIST]: `<extensionset name="x">${lines}</extensionset>` });
  return { result: await checkForUpdates(site, http), asked };
}

describe('45 collections', () => {
  const component = 'name="x" element="com_example" type="component" detailsurl="https://d.test/x.xml"';
  const plugin = 'name="p" element="p" folder="system" type="plugin" version="2.0" detailsurl="https://d.test/p.xml"';

  it('two lines of one element are two rows', async () => {
    const lines = `<extension ${component} client="administrator" version="1.2.0"/><extension ${component} client="administrator" version="1.3.0"/>`;
    const { result } = await checkList(lines, [anExtension()]);
    expect(result.offered.map((row) => [row.version, row.detailsUrl])).toEqual([
      ['1.2.0', 'https://d.test/x.xml'],
      ['1.3.0', 'https://d.test/x.xml'],
    ]);
  });

  it('a missing client is the site: right for a plugin, wrong for a component', async () => {
    const installed = [anExtension(), anExtension({ type: 'plugin', element: 'p', folder: 'system', clientId: 0 })];
    const { result } = await checkList(`<extension ${plugin}/><extension ${component} version="1.2.0"/>`, installed);
    expect(result.offered.map((row) => row.element)).toEqual(['p']);
    expect(result.rows).toHaveLength(2);
  });

  it('a number is no client here', async () => {
    const { result } = await checkList(`<extension ${component} client="1" version="1.2.0"/>`, [anExtension()]);
    expect([result.offered, result.rows.length]).toEqual([[], 1]);
  });

  it('a category with a reference is not followed', async () => {
    const { result, asked } = await checkList('<category name="c" ref="https://updates.test/more.xml"/>', [
      anExtension(),
    ]);
    expect([result.rows, asked.length]).toEqual([[], 1]);
  });

  it.each([
    ['targetplatformversion="5.2"', 1],
    ['targetplatformversion="5"', 1],
    ['targetplatformversion="4"', 0],
    ['targetplatformversion="(4"', 0],
    ['targetplatform="joomla"', 1],
    ['targetplatform="other"', 0],
    ['', 1],
  ])('with %j there are %i offers', async (target, offers) => {
    const { result } = await checkList(`<extension ${component} client="administrator" version="1.2.0" ${target}/>`, [
      anExtension(),
    ]);
    expect(result.offered).toHaveLength(offers);
  });

  it('malformed: the parse warning', async () => {
    const { result } = await checkList('<b>', [anExtension()]);
    expect(result.warnings).toMatchObject([{ code: 'parse' }]);
  });
});

const CHANGES = 'https://updates.test/changelog.xml';

async function changes(body: string, version = '1.2.0') {
  return readChangelog(CHANGES, version, aWorld({ [CHANGES]: `<changelogs>${body}</changelogs>` }).http);
}

function aChangelog(version: string, sections: string): string {
  return `<changelog><element>x</element><type>component</type><version>${version}</version>${sections}</changelog>`;
}

describe('46 changelogs', () => {
  it('of two entries of a version the last is shown', async () => {
    const body = aChangelog('1.2.0', '<fix><item>a</item></fix>') + aChangelog('1.2.0', '<note><item>b</item></note>');
    expect(await changes(body)).toEqual({ failure: null, sections: [{ word: 'note', bullets: ['b'] }] });
  });

  it.each([
    ['one &amp; two', ['one ', '&', ' two']],
    ['one <![CDATA[two]]> three', ['one ', 'two', ' three']],
    ['<![CDATA[one & two für drei]]>', ['one & two für drei']],
    ['Übersetzung', ['Übersetzung']],
    ['Fix für drei', ['Fix f', 'ür drei']],
  ])('the item %s has the bullets %j', async (item, bullets) => {
    const result = await changes(aChangelog('1.2.0', `<fix><item>${item}</item></fix>`));
    expect(result.sections).toEqual([{ word: 'fix', bullets }]);
  });

  it('shows the words in an order of its own, and a repeated word only the last time', async () => {
    const sections =
      '<note><item>n</item></note><fix><item>1</item></fix><fix><item>2</item><item>3</item></fix><security><item>s</item></security>';
    const result = await changes(aChangelog('1.2.0', sections));
    expect(result.sections).toEqual([
      { word: 'security', bullets: ['s'] },
      { word: 'fix', bullets: ['2', '3'] },
      { word: 'note', bullets: ['n'] },
    ]);
  });

  it('equal is what version_compare calls equal', async () => {
    expect((await changes(aChangelog('1.2.0rc1', '<fix/>'), '1.2.0-rc.1')).sections).toEqual([
      { word: 'fix', bullets: [] },
    ]);
    expect((await changes(aChangelog('1.2', '<fix/>'))).sections).toBeNull();
  });

  it('another root hands nothing over', async () => {
    const { http } = aWorld({ [CHANGES]: `<log>${aChangelog('1.2.0', '<fix><item>a</item></fix>')}</log>` });
    expect(await readChangelog(CHANGES, '1.2.0', http)).toEqual({ failure: null, sections: null });
  });

  it.each([
    [{ status: 404 }, 'open'],
    [{ body: '<changelogs></x>' }, 'parse'],
    [{ body: '<a><changelogs/><version>1</version></a>' }, 'fatal'],
    [{ body: '' }, null],
  ])('the answer %j ends as %s', async (route, failure) => {
    expect(await readChangelog(CHANGES, '1.2.0', aWorld({ [CHANGES]: route }).http)).toEqual({
      failure,
      sections: null,
    });
  });
});

describe('the pre-update check', () => {
  function entry(version: string, target: string, more = ''): string {
    return anEntry({
      version: `<version>${version}</version>`,
      target: `<targetplatform name="joomla" version="${target}"/>`,
      more,
    });
  }

  async function toSix(feed: string, change: Partial<JoomlaSite> = {}) {
    const site = aSite({ extraQuery: 'dlid=K', ...change });
    const world = aWorld({ [site.feedUrl]: feed });
    return { result: await preUpdateCheck(site, '6.0.0', world.http), asked: world.asked };
  }

  it('an installed version that is listed is fit', async () => {
    const { result } = await toSix(aFeed(entry('1.1.0', '[56]'), entry('1.0.0', '[56]')));
    expect(result).toMatchObject({ verdict: 'fit', forTarget: ['1.0.0', '1.1.0'], forCurrent: ['1.0.0', '1.1.0'] });
  });

  it('a feed with only the newest entry makes a fit version look unfit', async () => {
    expect((await toSix(aFeed(entry('1.1.0', '[56]')))).result.verdict).toBe('update-first');
  });

  it('not listed but above the oldest listed one is fit', async () => {
    const feed = aFeed(entry('0.9.0', '[56]'), entry('1.1.0', '[56]'));
    expect((await toSix(feed)).result.verdict).toBe('fit');
  });

  it('versions for both Joomlas go before those for the target alone', async () => {
    const feed = aFeed(entry('0.9.0', '6'), entry('1.1.0', '[56]'));
    expect((await toSix(feed)).result.verdict).toBe('update-first');
  });

  it.each([
    ['nothing for the target', aFeed(entry('1.0.0', '5'))],
    [
      'an entry without download',
      aFeed(anEntry({ target: '<targetplatform name="joomla" version="6"/>', downloads: '' })),
    ],
    ['an entry that needs a newer PHP', aFeed(entry('1.0.0', '[56]', '<php_minimum>9</php_minimum>'))],
    ['the empty feed of a strict product', '<updates/>'],
  ])('%s: unknown', async (_, feed) => {
    expect((await toSix(feed)).result.verdict).toBe('unknown');
  });

  it('loads the bare address twice, without key and plugin', async () => {
    const plugin = (url: string) => ({ url: `${url}?dlid=K`, headers: {} });
    const { asked } = await toSix(aFeed(entry('1.0.0', '[56]')), { joomla: '5.4.0', plugin });
    const url = 'https://updates.test/feed.xml';
    const headers = { 'User-Agent': 'Mozilla/5.0 Joomla!/5.4.0 Joomla', Accept: '*/*' };
    expect(asked).toEqual([
      { url, headers, timeoutMs: null },
      { url, headers, timeoutMs: null },
    ]);
  });
});
