import { describe, expect, it } from 'vitest';
import { type CheckResult, checkForUpdates } from './check.ts';
import type { JoomlaSite } from './site.ts';
import { aFeed, anEntry, anExtension, aSite, aWorld, type EntryParts } from './test-world.ts';

type SiteChange = Partial<JoomlaSite>;

async function check(feed: string, change: SiteChange = {}): Promise<CheckResult> {
  const site = aSite(change);
  return checkForUpdates(site, aWorld({ [site.feedUrl]: feed }).http);
}

/** `none`, `row` (stored, never shown), or the versions offered. */
function outcome(result: CheckResult): string {
  if (result.offered.length > 0) return result.offered.map((row) => `${row.element} ${row.version}`).join(', ');
  return result.rows.length > 0 ? 'row' : 'none';
}

const NEW = 'com_example 1.2.0';

type Case = [what: string, parts: EntryParts, expected: string, site?: SiteChange];

function target(version: string): EntryParts {
  return { target: `<targetplatform name="joomla" version="${version}"/>` };
}

function tags(...words: string[]): EntryParts {
  return { tags: `<tags>${words.map((word) => `<tag>${word}</tag>`).join('')}</tags>` };
}

function client(text: string): EntryParts {
  return { client: `<client>${text}</client>` };
}

function version(text: string): EntryParts {
  return { version: `<version>${text}</version>` };
}

function kindOf(type: string, clientId: number): { parts: EntryParts; site: SiteChange } {
  const folder = type === 'plugin' ? 'system' : '';
  return {
    parts: {
      type: `<type>${type}</type>`,
      element: '<element>thing</element>',
      folder: folder === '' ? '' : `<folder>${folder}</folder>`,
    },
    site: { extensions: [anExtension({ type, element: 'thing', folder, clientId })] },
  };
}

const { parts: module1, site: moduleSite1 } = kindOf('module', 1);
const { parts: plugin, site: pluginSite } = kindOf('plugin', 0);
const SITE_ONLY = ['plugin', 'package', 'library', 'file', 'template', 'language', 'module'];
const DEV = { minStability: 0 } as const;

const cases: Case[] = [
  ['1 the base', {}, NEW],
  ['2 no targetplatform', { target: '' }, 'none'],
  ['2 platform Joomla', { target: '<targetplatform name="Joomla" version="5.*"/>' }, 'none'],
  ['3 targetplatform without version', { target: '<targetplatform name="joomla"/>' }, NEW],
  ['4 target 5', target('5'), NEW],
  ['4 target 5.2 on 5.20.0', target('5.2'), NEW, { joomla: '5.20.0' }],
  ['4 target 4|5 on 6.5.0', target('4|5'), NEW, { joomla: '6.5.0' }],
  ['5 target (4|5) on 6.5.0', target('(4|5)'), 'none', { joomla: '6.5.0' }],
  ...['(5', '5/6', '5.0', '5$'].map((text): Case => [`5 target ${text}`, target(text), 'none']),
  [
    '6 targets 4 then 5',
    { target: '<targetplatform name="joomla" version="4"/><targetplatform name="joomla" version="5"/>' },
    NEW,
  ],
  [
    '6 targets 5 then 4',
    { target: '<targetplatform name="joomla" version="5"/><targetplatform name="joomla" version="4"/>' },
    'none',
  ],
  ...['beta', 'BETA', 'rc', 'dev', 'alpha'].map((tag): Case => [`7 tag ${tag}`, tags(tag), 'none']),
  ...[' beta', '\nbeta', 'release-candidate', 'development', 'nightly', 'security', ''].map(
    (tag): Case => [`8 tag ${JSON.stringify(tag)}`, tags(tag), NEW],
  ),
  ['8 no tag', { tags: '' }, NEW],
  ['9 tags beta, stable', tags('beta', 'stable'), NEW],
  ['9 tags stable, beta', tags('stable', 'beta'), 'none'],
  ['10 tag beta, minimum beta', tags('beta'), NEW, { minStability: 2 }],
  ['14 no client', { client: '' }, NEW],
  ...['', '1', ' 1 ', 'Administrator'].map((text): Case => [`14 client ${JSON.stringify(text)}`, client(text), NEW]),
  ...['site', '0', 'api', '3', 'backend', '\n administrator \n'].map(
    (text): Case => [`15 client ${JSON.stringify(text)}`, client(text), 'row'],
  ),
  ...SITE_ONLY.flatMap((type): Case[] => {
    const { parts, site } = kindOf(type, 0);
    return [
      [`16 ${type} without client`, { ...parts, client: '' }, 'row', site],
      [`16 ${type} for administrator`, parts, 'row', site],
      [`17 ${type} for site`, { ...parts, ...client('site') }, 'thing 1.2.0', site],
    ];
  }),
  ['18 module of client 1 without client', { ...module1, client: '' }, 'thing 1.2.0', moduleSite1],
  ['18 module of client 1 for administrator', module1, 'thing 1.2.0', moduleSite1],
  ['18 module of client 1 for site', { ...module1, ...client('site') }, 'row', moduleSite1],
  ['19 plugin without folder', { ...plugin, ...client('site'), folder: '' }, 'row', pluginSite],
  ['19 component with folder x', { folder: '<folder>x</folder>' }, 'row'],
  ['19 component with an empty folder', { folder: '<folder></folder>' }, NEW],
  ...['0.9.0', '1.0.0', '1.0', '01.00.00'].map((text): Case => [`20 version ${text}`, version(text), 'none']),
  ...['v1.2.0', 'V1.1', ' 1.2.0 ', '1.0.0-beta1', '1.0.0-rc1', '1.0.0-dev', '1.0.0-stable', '1.0.0-security.1'].map(
    (text): Case => [`21 version ${JSON.stringify(text)}`, version(text), 'none'],
  ),
  ...['1.0.0b', '1.0.0+build5'].map((text): Case => [`21 version ${text}`, version(text), 'none']),
  ...['1.2.0-rc.1', '1.0.1-dev', '1.0.0-1', '1.0.0p1', '1.0.0pl1', '1.0.0.1', '1.0.0+1', '1.1', '2024.01.05'].map(
    (text): Case => [`22 version ${text}`, version(text), `com_example ${text}`],
  ),
  ['23 php_minimum empty', { more: '<php_minimum></php_minimum>' }, NEW],
  ['25 supported_databases ok', { more: '<supported_databases mysql="5.7" mariadb="10.4"/>' }, NEW],
  [
    '25 MariaDB is told by its version',
    { more: '<supported_databases mariadb="10.4"/>' },
    NEW,
    { db: { type: 'mysql', version: '5.5.5-10.11.6-MariaDB' } },
  ],
  ['26 not installed', {}, 'row', { extensions: [] }],
  ['31 a stability element alone counts as stable', { tags: '<stability>stable</stability>' }, NEW],
  ['34 element with blanks', { element: '<element> com_example </element>' }, 'row'],
  ['34 type Component', { type: '<type>Component</type>' }, 'row'],
  [
    '36 name in CDATA, infourl with a reference',
    { name: '<name><![CDATA[A & B]]></name><infourl>https://v.test/?a=1&amp;b=2</infourl>' },
    NEW,
  ],
  ['36 version with a character reference', version('1.2&#46;0'), NEW],
  ['37 two versions', version('9.0.0</version><version>1.2.0'), NEW],
];

describe('the cases of pass 1, one entry', () => {
  it.each(cases)('%s', async (_, parts, expected, site) => {
    const result = await check(aFeed(anEntry(parts)), site);
    expect(result.fatal).toBeNull();
    expect(outcome(result)).toBe(expected);
    expect(result.warnings.filter((warning) => warning.kind === 'message')).toEqual([]);
  });

  it('1 names in upper case', async () => {
    const feed = aFeed(anEntry()).replace(/<\/?[a-z]+|[a-z]+(?==")/g, (name) => name.toUpperCase());
    expect(feed).toContain('<UPDATE>');
    expect(outcome(await check(feed.replace('<?xml VERSION="1.0" ENCODING', '<?xml version="1.0" encoding')))).toBe(
      NEW,
    );
  });
});

describe('the cases of pass 1, warnings of the entry', () => {
  it.each([
    ['23 php_minimum 9.0', '<php_minimum>9.0</php_minimum>', 'php-minimum'],
    ['25 without the type of the site', '<supported_databases postgresql="12"/>', 'database'],
    ['25 too high', '<supported_databases mysql="9.0"/>', 'database'],
  ])('%s', async (_, more, code) => {
    const result = await check(aFeed(anEntry({ more })));
    expect(outcome(result)).toBe('none');
    expect(result.warnings).toMatchObject([{ kind: 'message', code }]);
  });

  it('24 an older entry that fits is offered, with the warning of the newer', async () => {
    const newer = anEntry({ more: '<php_minimum>9.0</php_minimum>' });
    const result = await check(aFeed(anEntry(version('1.1.0')), newer));
    expect(outcome(result)).toBe('com_example 1.1.0');
    expect(result.warnings).toMatchObject([{ code: 'php-minimum' }]);
  });

  it('15 an unknown client is told to PHP only', async () => {
    expect((await check(aFeed(anEntry(client('backend'))))).warnings).toMatchObject([{ kind: 'php', code: 'client' }]);
  });
});

describe('the cases of pass 1, several entries', () => {
  const pair = [anEntry(), anEntry({ ...version('1.3.0-beta1'), ...tags('beta') })];

  it.each([
    [2, 'com_example 1.3.0-beta1'],
    [4, NEW],
  ] as const)('11 stable and beta at minimum %i', async (minStability, expected) => {
    expect(outcome(await check(aFeed(...pair), { minStability }))).toBe(expected);
    expect(outcome(await check(aFeed(...pair.toReversed()), { minStability }))).toBe(expected);
  });

  it('12 one entry of the whole document wins, whatever its element', async () => {
    const other = anEntry({ element: '<element>com_other</element>', ...version('9.0.0') });
    const extensions = [anExtension(), anExtension({ element: 'com_other' })];
    expect(outcome(await check(aFeed(anEntry(), other), { extensions }))).toBe('com_other 9.0.0');
  });

  it('13 of two equal versions the first wins', async () => {
    const result = await check(
      aFeed(anEntry({ name: '<name>first</name>' }), anEntry({ name: '<name>second</name>' })),
    );
    expect(result.offered).toMatchObject([{ name: 'first', version: '1.2.0' }]);
    expect(result.evaluations.map((entry) => entry.outcome)).toEqual(['offered', 'not-newest']);
  });

  it('32 at the check a stability element beside tags does nothing', async () => {
    const both = `${tags('stable').tags}<stability>stable</stability>`;
    expect(outcome(await check(aFeed(anEntry({ tags: both }))))).toBe(NEW);
  });
});

describe('the cases of pass 1, the document', () => {
  it.each([
    ['27 name before the first update', aFeed('<name>x</name>', anEntry())],
    ['27 RSS with a description', '<rss><channel><title>t</title><description>d</description></channel></rss>'],
    ['2 a tag text before the first update', aFeed('<tag>stable</tag>', anEntry())],
    ['2 a targetplatform before the first update', aFeed('<targetplatform name="joomla"/>', anEntry())],
  ])('%s: the check dies', async (_, feed) => {
    const result = await check(feed);
    expect(result.fatal).not.toBeNull();
    expect(outcome(result)).toBe('none');
  });

  it.each([
    ['28 RSS without recognised names', '<rss><channel><title>t</title></channel></rss>'],
    ['33 cut before the first </update>', aFeed(anEntry()).slice(0, 200)],
    ['35 unescaped ampersand with no semicolon behind it', aFeed(anEntry({ name: '<name>A & B</name>' }))],
    ['an empty body', ''],
    ['empty updates', '<updates/>'],
    ['a prefix is part of the name', '<j:updates xmlns:j="u"><j:update></j:update></j:updates>'],
  ])('%s: nothing, and no message', async (_, feed) => {
    const result = await check(feed);
    expect([outcome(result), result.fatal, result.warnings]).toEqual(['none', null, []]);
  });

  it.each([
    ['35 blank before the declaration', ` ${aFeed(anEntry())}`],
    ['35 text after the root', `${aFeed(anEntry())}trailing`],
    [
      'an unescaped ampersand with a semicolon somewhere behind it',
      aFeed(anEntry({ name: '<name>A & B &lt;</name>' })),
    ],
    ['HTML', '<html><head><meta charset="utf-8"></head></html>'],
    ['JSON', '{"error":"not found"}'],
    ['gzip', '\u001f\u008b\b\u0000 compressed'],
    ['an unknown entity', aFeed(anEntry({ name: '<name>&nbsp;</name>' }))],
    ['more than 10 MB', aFeed(anEntry({ more: `<!--${'x'.repeat(10_000_000)}-->` }))],
  ])('%s: a parse warning', async (_, feed) => {
    const result = await check(feed);
    expect(outcome(result)).toBe('none');
    expect(result.warnings).toMatchObject([{ kind: 'message', code: 'parse', url: 'https://updates.test/feed.xml' }]);
  });

  it('29 a stray version after an entry becomes its version', async () => {
    expect(outcome(await check(aFeed(anEntry(), '<version>7.0.0</version>')))).toBe('com_example 7.0.0');
  });

  it('30 the check accepts another root and unknown elements', async () => {
    const feed = `<feed><foo/>${anEntry()}</feed>`;
    expect(outcome(await check(feed))).toBe(NEW);
  });

  it('33 cut before </updates>: offered all the same', async () => {
    expect(outcome(await check(aFeed(anEntry()).slice(0, -10)))).toBe(NEW);
  });

  it('36 an entity of the document in the version', async () => {
    const feed = aFeed(anEntry(version('&v;'))).replace(
      '<updates>',
      '<!DOCTYPE updates [<!ENTITY v "1.2.0">]><updates>',
    );
    expect(outcome(await check(feed))).toBe(NEW);
  });

  it('a byte order mark does no harm', async () => {
    expect(outcome(await check(`\ufeff${aFeed(anEntry())}`))).toBe(NEW);
  });

  it('the tag is what the last piece of its text says', async () => {
    expect(outcome(await check(aFeed(anEntry(tags('be&#116;a')))))).toBe(NEW);
    expect(outcome(await check(aFeed(anEntry(tags('beta'))), DEV))).toBe(NEW);
  });
});
