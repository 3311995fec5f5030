import { describe, expect, it } from 'vitest';
import type { JoomlaFacts } from '../../src/releases/release.ts';
import type { LintContext } from '../../src/updates/feed-format.ts';
import { exampleContext, exampleFacts } from './fixtures/example.ts';
import { lintJoomla } from './lint.ts';

/** `CODE severity` of every problem. */
function problems(changes: Partial<LintContext>, facts: Partial<JoomlaFacts> = {}): string[] {
  return lintJoomla(exampleContext({ facts: exampleFacts(facts), ...changes })).map(
    ({ code, severity }) => `${code} ${severity}`,
  );
}

function detail(changes: Partial<LintContext>, facts: Partial<JoomlaFacts> = {}): string {
  const found = lintJoomla(exampleContext({ facts: exampleFacts(facts), ...changes }));
  return found.map((problem) => problem.detail).join('\n');
}

it('finds nothing in a good release', () => {
  expect(problems({ earlier: exampleFacts({ version: '1.1.0', manifestPath: 'other/example.xml' }) })).toEqual([]);
});

it('refuses facts of another platform', () => {
  const facts = { platform: 'dolibarr' } as unknown as LintContext['facts'];
  expect(() => lintJoomla(exampleContext({ facts }))).toThrow(TypeError);
});

describe('identity', () => {
  it.each([
    ['type', 'module', 'type "component" became "module"'],
    ['element', 'com_other', 'element "com_example" became "com_other"'],
    ['element', 'com_Example', 'element "com_example" became "com_Example"'],
    ['folder', 'system', 'group "" became "system"'],
    ['client', 'site', 'client "administrator" became "site"'],
  ] as const)('%s that became %s', (field, value, words) => {
    const changed = { [field]: value } as Partial<JoomlaFacts>;
    expect(problems({ earlier: exampleFacts() }, changed)).toEqual(['IDENTITY_CHANGED error']);
    expect(detail({ earlier: exampleFacts() }, changed)).toContain(words);
  });
});

describe('version', () => {
  it.each([
    ['1.2.0', []],
    ['1.1.9', ['VERSION_MISMATCH error']],
    ['1.2', ['VERSION_MISMATCH error']],
    ['1.3.0', ['VERSION_MISMATCH error']],
    ['1.2.0-rc1', ['VERSION_MISMATCH error']],
  ])('a manifest of %s', (version, expected) => {
    expect(problems({}, { version })).toEqual(expected);
  });

  it('does not mind another spelling of the same', () => {
    expect(problems({ version: '1.2.0-rc1', clientWord: 'rc' }, { version: '1.2.0RC1' })).toEqual([]);
  });

  it('says what would happen', () => {
    expect(detail({}, { version: '1.1.0' })).toContain('again after every installation');
    expect(detail({}, { version: '2.0.0' })).toContain('skip the versions between');
  });

  it('reports a version that Joomla orders otherwise', () => {
    expect(problems({ version: '1.2.0-stable' }, { version: '1.2.0-stable' })).toEqual(['VERSION_UNFIT error']);
    expect(problems({ version: '1.2.0-Beta', clientWord: 'beta' }, { version: '1.2.0-Beta' })).toEqual([
      'VERSION_UNFIT warning',
    ]);
  });
});

describe('target', () => {
  it('is an error if nobody names it, a warning if only the product does', () => {
    expect(problems({ target: null, targetDeclared: false })).toEqual(['TARGET_PLATFORM_MISSING error']);
    expect(problems({ targetDeclared: false })).toEqual(['TARGET_PLATFORM_MISSING warning']);
  });
});

describe('update server', () => {
  it.each([
    ['https://updates.example.org/acme/shop/updates.xml'],
    ['http://Updates.Example.org/acme/shop/updates.xml?x=.xml'],
    ['https://updates.example.org/k/FG-ABC-123/acme/shop/updates.xml'],
    ['https://updates.example.org/acme/shop/updates.xml/extension.xml'],
    ['https://updates.example.org//acme/shop/updates.xml'],
    ['https://old.example.org:8443/feeds/shop.xml'],
  ])('%s is ours', (url) => {
    expect(problems({}, { updateServers: [url] })).toEqual([]);
  });

  it.each([
    ['https://updates.example.org/acme/other/updates.xml'],
    ['https://updates.example.org/acme/shop/Updates.xml'],
    ['https://old.example.org/feeds/shop.xml'],
    ['https://elsewhere.example.org/acme/shop/updates.xml?key=SECRET'],
    ['not an address'],
  ])('%s is not', (url) => {
    expect(problems({}, { updateServers: [url] })).toEqual(['UPDATE_SERVER_FOREIGN warning']);
    expect(detail({}, { updateServers: [url] })).not.toContain('SECRET');
  });

  it('knows a repository that is called k', () => {
    const feedUrls = ['https://updates.example.org/acme/k/pro/updates.xml'];
    expect(problems({ feedUrls }, { updateServers: feedUrls })).toEqual([]);
  });

  it('is missing, or stands beside another', () => {
    const ours = 'https://updates.example.org/acme/shop/updates.xml';
    expect(problems({}, { updateServers: [] })).toEqual(['UPDATE_SERVER_MISSING warning']);
    expect(problems({}, { updateServers: ['https://a.example.org/x.xml', ours] })).toEqual([
      'UPDATE_SERVER_FOREIGN warning',
    ]);
    expect(detail({}, { updateServers: [ours, 'https://a.example.org/x.xml'] })).toContain('a.example.org');
  });

  it('is no matter while there is no address to compare with', () => {
    expect(problems({ feedUrls: [] }, { updateServers: [] })).toEqual([]);
  });
});

describe('key field', () => {
  it.each([
    ['listed', null, ['DLID_MISSING warning']],
    ['strict', null, ['DLID_MISSING warning']],
    ['open', null, []],
    ['open', { prefix: 'dlid=', suffix: '' }, ['DLID_UNNEEDED warning']],
    ['open', { prefix: '&dlid=', suffix: '' }, ['DLID_UNNEEDED warning']],
    ['strict', { prefix: 'dlid=', suffix: '' }, []],
    ['strict', { prefix: 'dlid=', suffix: '&dummy=my.zip' }, []],
    ['strict', { prefix: '&dlid=', suffix: '' }, ['DLID_PREFIX warning']],
    ['strict', { prefix: '', suffix: '' }, ['DLID_PREFIX warning']],
    ['strict', { prefix: 'dlid=', suffix: 'x' }, ['DLID_PREFIX warning']],
  ] as const)('%s with %j', (mode, dlid, expected) => {
    expect(problems({ mode }, { dlid })).toEqual(expected);
  });

  it('is not needed where the address holds the key', () => {
    const updateServers = ['https://updates.example.org/k/FG-ABC/acme/shop/updates.xml'];
    expect(problems({ mode: 'strict' }, { dlid: null, updateServers })).toEqual([]);
  });
});

describe('what a package installs', () => {
  const child = (file: string) => ({ type: 'plugin', id: 'x', client: '', group: 'system', file });
  const pack = (...files: string[]): Partial<JoomlaFacts> => ({
    type: 'package',
    element: 'pkg_example',
    client: 'site',
    manifestPath: 'suite/pkg_example.xml',
    children: files.map(child),
  });
  const files = ['suite/pkg_example.xml', 'suite/packages/a.zip', 'suite/b/b.xml', 'suite/c.txt'].map((path) => ({
    path,
    size: 1,
  }));

  it.each([
    [['packages/a.zip', 'b', 'b/'], []],
    [['packages/A.zip'], ['CHILD_MISSING error']],
    [['a.zip'], ['CHILD_MISSING error']],
    [['c.txt'], ['CHILD_MISSING error']],
    [['\n packages/a.zip'], ['CHILD_MISSING error']],
    [[], ['CHILD_MISSING error']],
  ])('%j', (names, expected) => {
    expect(problems({ files }, pack(...names))).toEqual(expected);
  });

  it('names five at most', () => {
    const words = detail({ files }, pack('1.zip', '2.zip', '3.zip', '4.zip', '5.zip', '6.zip', '7.zip'));
    expect(words).toContain('"5.zip" and 2 more');
    expect(words).not.toContain('6.zip');
  });
});

describe('file name', () => {
  it.each([
    ['x.ZIP', []],
    ['x.tar.gz', ['FILE_NAME_UNFIT warning']],
    ['package', ['FILE_NAME_UNFIT warning']],
  ])('%s', (fileName, expected) => {
    expect(problems({ fileName })).toEqual(expected);
  });
});

it('says for every problem what was found and what to do, in a sentence', () => {
  const found = [
    ...lintJoomla(
      exampleContext({
        facts: exampleFacts({ version: 'v1', dlid: null, updateServers: [] }),
        version: 'v2',
        target: null,
        fileName: 'x',
        earlier: exampleFacts({ element: 'com_y' }),
      }),
    ),
    ...lintJoomla(
      exampleContext({
        facts: exampleFacts({ type: 'package', dlid: { prefix: '', suffix: '' }, updateServers: ['x'] }),
        targetDeclared: false,
      }),
    ),
  ];
  expect(found).toHaveLength(11);
  for (const problem of found) {
    expect(problem.platform).toBe('joomla');
    expect(problem.detail).toMatch(/^[A-Z].{20,}\.$/);
    expect(problem.fix).toMatch(/^[A-Z].{15,}\.$/);
  }
});
