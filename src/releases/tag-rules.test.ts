import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIENT_WORDS } from './release.ts';
import {
  DEFAULT_TAG_RULES,
  interpretTag,
  mergeRules,
  repositoryTagRulesSchema,
  type TagContext,
  type TagRules,
  tagRulesSchema,
} from './tag-rules.ts';
import { comparePhpVersions } from './version-order.ts';

const CONTEXT: TagContext = { repository: 'my-ext', prerelease: false };

/** `version channel`, or `stream channel`, or the code of what is wrong. */
function read(tag: string, rules: TagRules = DEFAULT_TAG_RULES, context: Partial<TagContext> = {}): string {
  const reading = interpretTag(tag, rules, { ...CONTEXT, ...context });
  if (reading.kind === 'release') return `${reading.version} ${reading.channel}`;
  if (reading.kind === 'stream') return `stream ${reading.channel}`;
  return reading.kind === 'ignored' ? 'ignored' : reading.code;
}

function rulesOf(organization: unknown, repository: unknown = null): TagRules {
  const own = repository === null ? null : repositoryTagRulesSchema.parse(repository);
  return mergeRules(tagRulesSchema.parse(organization), own);
}

describe('a tag with a version', () => {
  it.each([
    ['1.2.3', '1.2.3 stable'],
    ['v1.2.3', '1.2.3 stable'],
    ['V1.2.3', '1.2.3 stable'],
    ['release-1.2.3', '1.2.3 stable'],
    ['release/1.2.3', '1.2.3 stable'],
    ['release/v1.2.3', '1.2.3 stable'],
    ['my-ext-1.2.3', '1.2.3 stable'],
    ['My-Ext-v1.2.3', '1.2.3 stable'],
    ['02.05.02', '02.05.02 stable'],
    ['1.2.3.4', '1.2.3.4 stable'],
    ['2026.01.05', '2026.01.05 stable'],
    ['2026-01-05', '2026-01-05 stable'],
    ['20260105', '20260105 stable'],
    ['v5', '5 stable'],
    ['1.2.3+build.5', '1.2.3 stable'],
    ['1.2.3-rc.1+sha.abc', '1.2.3-rc.1 rc'],
    ['1.0.0-1', '1.0.0-1 stable'],
    ['1.0.0-pl1', '1.0.0-pl1 stable'],
    ['1.0.0p1', '1.0.0p1 stable'],
    ['1.0.0-patch.2', '1.0.0-patch.2 stable'],
  ])('%j is %s', (tag, expected) => {
    expect(read(tag)).toBe(expected);
  });

  it.each([
    ['v1.2.3-rc.1', '1.2.3-rc.1 rc'],
    ['v1.2.3-RC1', '1.2.3-rc1 rc'],
    ['1.2.3rc1', '1.2.3rc1 rc'],
    ['1.2.3-beta', '1.2.3-beta beta'],
    ['1.2.3-Beta2', '1.2.3-beta2 beta'],
    ['1.2.3b2', '1.2.3b2 beta'],
    ['1.2.3-alpha.1', '1.2.3-alpha.1 alpha'],
    ['1.2.3a1', '1.2.3a1 alpha'],
    ['1.2.3-dev', '1.2.3-dev dev'],
    ['1.2.3-development.4', '1.2.3-development.4 dev'],
    ['1.2.3-dev202601051200-revabc123', '1.2.3-dev202601051200-revabc123 dev'],
    ['1.2.3-nightly.20260105', '1.2.3-nightly.20260105 dev'],
    ['1.2.3-SNAPSHOT', '1.2.3-snapshot dev'],
    ['1.2.3-foo.1', '1.2.3-foo.1 dev'],
    ['1.2.3-arm64', '1.2.3-arm64 dev'],
    ['1.2.3-1-rc2', '1.2.3-1-rc2 rc'],
  ])('%j is %s by its suffix', (tag, expected) => {
    expect(read(tag)).toBe(expected);
    expect(read(tag, DEFAULT_TAG_RULES, { prerelease: true })).toBe(expected);
  });

  it.each([
    ['beta/1.2.3', '1.2.3 beta'],
    ['dev/2.0', '2.0 dev'],
    ['development-v2.0', '2.0 dev'],
    ['rc-1.2.3', '1.2.3 rc'],
    ['release-candidate-1.2.3', '1.2.3 rc'],
    ['my-ext-alpha-1.2.3', '1.2.3 alpha'],
    ['stable/1.2.3', '1.2.3 stable'],
    ['stable/1.2.3-beta1', '1.2.3-beta1 beta'],
    ['beta/1.2.3-rc1', '1.2.3-rc1 beta'],
  ])('%j is %s by the word in front, and the least stable word wins', (tag, expected) => {
    expect(read(tag)).toBe(expected);
  });

  it("takes the forge's mark only where all else says stable", () => {
    const marked = { prerelease: true };
    expect(read('v1.2.3', DEFAULT_TAG_RULES, marked)).toBe('1.2.3 rc');
    expect(read('1.2.3-pl1', DEFAULT_TAG_RULES, marked)).toBe('1.2.3-pl1 rc');
    expect(read('stable/1.2.3', rulesOf({ prerelease: 'beta' }), marked)).toBe('1.2.3 beta');
    expect(read('1.2.3-rc1', rulesOf({ prerelease: 'dev' }), marked)).toBe('1.2.3-rc1 rc');
  });

  it.each([
    ['1.0.0-pre1', 'above 1.0.0'],
    ['1.0.0-preview', 'above 1.0.0'],
    ['1.0.0-poc', 'above 1.0.0'],
    ['1.0.0-security.1', 'below 1.0.0'],
    ['1.0.0-hotfix1', 'below 1.0.0'],
    ['1.0.0-final', 'below 1.0.0'],
    ['1.0.0-stable', 'below 1.0.0'],
    ['1.0.0-build5', 'below 1.0.0'],
    ['1.0.0-post1', null],
    ['5.0.1-lts', 'below 5.0.1'],
    ['1.x', 'below 1'],
    ['1..2', 'no version'],
    ['1.2-', 'no version'],
    ['1.2 3', 'no version'],
    ['1.0~rc1', 'no version'],
    ['1.0.0/2', 'no version'],
    ['1.2.3-ünï', 'no version'],
    [`1.${'2'.repeat(19)}`, 'too long'],
    [`1.0-rc${'.1'.repeat(40)}`, 'too long'],
  ])('%j is refused in words: %j', (tag, words) => {
    const reading = interpretTag(tag, DEFAULT_TAG_RULES, CONTEXT);
    if (words === null) return expect(reading).toMatchObject({ kind: 'release', channel: 'stable' });
    expect(reading).toMatchObject({ kind: 'unreadable', code: 'VERSION_UNFIT' });
    expect(reading.kind === 'unreadable' ? reading.reason : '').toContain(words);
  });

  it.each(['', 'vnext', 'latest', 'some-branch', 'v', 'release-', 'my-ext-', '-1.0', 'x'.repeat(256)])(
    '%j names no version',
    (tag) => {
      expect(read(tag)).toBe('TAG_WITHOUT_VERSION');
    },
  );
});

describe('a tag that moves', () => {
  it.each([
    ['stable', 'stable'],
    ['rc', 'rc'],
    ['release-candidate', 'rc'],
    ['beta', 'beta'],
    ['alpha', 'alpha'],
    ['dev', 'dev'],
    ['Development', 'dev'],
    ['nightly', 'dev'],
    ['snapshot', 'dev'],
    ['release/stable', 'stable'],
    ['my-ext-beta', 'beta'],
  ])('%j is the stream %s', (tag, channel) => {
    expect(read(tag)).toBe(`stream ${channel}`);
  });

  it.each([
    ['stable', '02.19.00', '02.19.00 stable'],
    ['stable', 'v2.0.0', '2.0.0 stable'],
    ['development', '02.19.00', '02.19.00 dev'],
    ['stable', '2.0.0-beta1', '2.0.0-beta1 beta'],
    ['dev', '2.0.0-beta1', '2.0.0-beta1 dev'],
    ['stable', '2.0.0-pre1', 'VERSION_UNFIT'],
    ['stable', '', 'stream stable'],
  ])('%j with the file version %j is %s', (tag, assetVersion, expected) => {
    expect(read(tag, DEFAULT_TAG_RULES, { assetVersion })).toBe(expected);
  });

  it('does not take the version of the file where the tag has its own', () => {
    expect(read('v1.0', DEFAULT_TAG_RULES, { assetVersion: '9.9' })).toBe('1.0 stable');
  });
});

describe("an organization's own channels", () => {
  const rules = rulesOf({
    channels: [
      { name: 'security', word: 'stable' },
      { name: 'lts', word: 'stable', tags: ['5.4.*', 'lts/*'] },
      { name: 'early', word: 'beta', tags: ['early-*'] },
      { name: 'nightly', word: 'dev' },
      { name: 'dev', word: 'dev', tags: ['latest', 'build-*'] },
    ],
    ignore: ['test-*', 'ci/*'],
  });

  it.each([
    ['1.2.4-security', '1.2.4 security'],
    ['security/1.2.4', '1.2.4 security'],
    ['security-v1.2.4', '1.2.4 security'],
    ['1.2.4-security.1', 'VERSION_UNFIT'],
    ['5.4.3', '5.4.3 lts'],
    ['lts/v5.3.1', '5.3.1 lts'],
    ['5.3.1-lts', '5.3.1 lts'],
    ['5.4.3-rc1', '5.4.3-rc1 rc'],
    ['early-2.0.0', '2.0.0 early'],
    ['early-2.0.0-rc1', '2.0.0-rc1 early'],
    ['early-2.0.0-alpha1', '2.0.0-alpha1 alpha'],
    ['2.0.0-nightly.5', '2.0.0-nightly.5 nightly'],
    ['2.0.0-nightly', '2.0.0-nightly nightly'],
    ['nightly', 'stream nightly'],
    ['lts', 'stream lts'],
    ['latest', 'stream dev'],
    ['build-77', '77 dev'],
    ['1.2.4', '1.2.4 stable'],
    ['test-1.2.4', 'ignored'],
    ['ci/1', 'ignored'],
  ])('%j is %s', (tag, expected) => {
    expect(read(tag, rules)).toBe(expected);
  });

  it('turns a prerelease of a stable channel away from stable sites', () => {
    expect(read('5.4.3', rules, { prerelease: true })).toBe('5.4.3 rc');
    expect(read('early-2.0.0', rules, { prerelease: true })).toBe('2.0.0 early');
  });

  it('tells clients the word of the channel', () => {
    const word = (tag: string) => {
      const reading = interpretTag(tag, rules, CONTEXT);
      return 'clientWord' in reading ? reading.clientWord : reading.kind;
    };
    expect([word('lts/5.3.1'), word('early-2.0'), word('early-stream'), word('nightly')]).toEqual([
      'stable',
      'beta',
      'beta',
      'dev',
    ]);
  });

  it('says which pattern made it ignore a tag', () => {
    expect(interpretTag('test-1', rules, CONTEXT)).toEqual({
      kind: 'ignored',
      reason: 'the tag matches the ignored pattern "test-*"',
    });
  });
});

describe('mergeRules', () => {
  const organization = {
    channels: [{ name: 'lts', word: 'stable', tags: ['lts/*'] }],
    ignore: ['a*'],
    prerelease: 'beta',
  };

  it('puts what the repository says first and keeps what the organization says', () => {
    const rules = rulesOf(organization, {
      tags: { lts: ['long-*'], stable: ['gold-*'] },
      prefixes: ['ext-'],
      ignore: ['b*'],
      prerelease: 'dev',
    });
    expect(rules.channels.map(({ name, tags }) => [name, tags])).toEqual([
      ['lts', ['long-*', 'lts/*']],
      ['stable', ['gold-*']],
      ['rc', []],
      ['beta', []],
      ['alpha', []],
      ['dev', []],
    ]);
    expect(rules.prefixes).toEqual(['ext-', 'v', 'release-', 'release/', '{repository}-']);
    expect(rules.ignore).toEqual(['b*', 'a*']);
    expect(rules.prerelease).toBe('dev');
    expect(read('ext-1.0', rules)).toBe('1.0 stable');
    expect(read('long-1.0', rules)).toBe('1.0 lts');
    expect(read('gold-1.0', rules)).toBe('1.0 stable');
  });

  it('leaves out channels that the organization does not have', () => {
    const rules = rulesOf(organization, { tags: { gone: ['gone-*'] }, prerelease: 'gone' });
    expect(rules.channels.some(({ name }) => name === 'gone')).toBe(false);
    expect(rules.prerelease).toBe('beta');
  });

  it('without settings gives the defaults', () => {
    expect(rulesOf({})).toEqual(DEFAULT_TAG_RULES);
  });

  it.each([
    [{ channels: [{ name: 'LTS', word: 'stable' }] }, 'lower-case'],
    [{ channels: [{ name: 'lts', word: 'final' }] }, 'expected one of'],
    [{ channels: [{ name: 'beta', word: 'stable' }] }, 'always shown as'],
    [
      {
        channels: [
          { name: 'lts', word: 'rc' },
          { name: 'lts', word: 'rc' },
        ],
      },
      'named twice',
    ],
    [{ prerelease: 'early' }, 'no channel'],
    [{ ignore: ['a b'] }, 'no blanks'],
    [{ ignore: ['x'.repeat(101)] }, '1 to 100'],
    [{ ignored: [] }, 'ignored'],
  ])('refuses %j', (settings, words) => {
    const parsed = tagRulesSchema.safeParse(settings);
    expect(parsed.error?.message).toContain(words);
  });
});

describe('for every tag', () => {
  const piece = fc.constantFrom(
    ...[
      'v',
      'release-',
      'my-ext-',
      'beta',
      'dev',
      'lts',
      '-',
      '.',
      '/',
      '1',
      '02',
      '2026',
      'rc',
      'pre',
      'x',
      '+',
      'é',
      '*',
    ],
  );
  const tags = fc.oneof(
    fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join('')),
    fc.string(),
  );

  it('answers, and what it emits reads as itself and has a word that clients know', () => {
    fc.assert(
      fc.property(tags, fc.boolean(), (tag, prerelease) => {
        const reading = interpretTag(tag, DEFAULT_TAG_RULES, { repository: 'my-ext', prerelease });
        if (reading.kind !== 'release') return;
        expect(reading.version).toMatch(/^\d[0-9a-z._-]*$/);
        expect(CLIENT_WORDS).toContain(reading.clientWord);
        expect(interpretTag(reading.version, DEFAULT_TAG_RULES, CONTEXT)).toMatchObject({ version: reading.version });
      }),
      { numRuns: 3000 },
    );
  });

  it('emits prereleases that clients see below the bare version, and nothing else there', () => {
    const suffix = fc.tuple(fc.constantFrom('-', '.', ''), fc.stringMatching(/^[a-z]{1,9}$/), fc.nat(99));
    fc.assert(
      fc.property(suffix, ([separator, word, number]) => {
        const reading = interpretTag(`1.2.3${separator}${word}${number}`, DEFAULT_TAG_RULES, CONTEXT);
        if (reading.kind !== 'release') return;
        expect(comparePhpVersions(reading.version, '1.2.3')).toBe(reading.channel === 'stable' ? 1 : -1);
      }),
      { numRuns: 3000 },
    );
  });
});

it('takes a channel that is called like a field of every object', () => {
  const organization = tagRulesSchema.parse({ channels: [{ name: 'constructor', word: 'stable' }] });
  const rules = mergeRules(organization, repositoryTagRulesSchema.parse({}));
  expect(rules.channels.find(({ name }) => name === 'constructor')?.tags).toEqual([]);
});
