import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePhpVersions } from './version-order.ts';

type Row = readonly [a: string, b: string, order: -1 | 0 | 1];

function rows(order: -1 | 0 | 1, b: string, ...versions: string[]): Row[] {
  return versions.map((a) => [a, b, order] as const);
}

describe('comparePhpVersions', () => {
  it.each([
    ...rows(1, '1.0.0', '1.2.0-rc.1', '1.0.1-dev', '1.0.0-1', '1.0.0-2', '1.0.0p1', '1.0.0pl1', '1.0.0-p1'),
    ...rows(1, '1.0.0', '1.0.0.1', '1.0.0+1', '1.1', '2024.01.05'),
    ...rows(-1, '1.0.0', 'v1.2.0', 'V1.1', ' 1.2.0 ', '1.0.0-beta1', '1.0.0-rc1', '1.0.0-dev', '1.0.0-stable'),
    ...rows(-1, '1.0.0', '1.0.0-security.1', '1.0.0b', '1.0.0+build5', '1.0'),
    ...rows(0, '1.0.0', '01.00.00', '1.0.0'),
  ])('as Joomla sees it over an installed 1.0.0: %j to %j is %i', (a, b, order) => {
    expect(comparePhpVersions(a, b)).toBe(order);
    expect(comparePhpVersions(b, a)).toBe(-order + 0);
  });

  it.each([
    ...rows(1, '1.0.0', '1.0.0-preview1', '1.0.0-pre', '1.0.0-patch1'),
    ...rows(1, '1.0.0-beta4', '1.0.0-build5'),
    ...rows(-1, '1.0.0', '1.0.0-build5', '1.0.0-final', '1.0.0-ga', '1.0.0-release', '1.0.0-hotfix.1', '1.0.0-next'),
    ...rows(-1, '2.0.0-dev', '2.0.0-nightly', '2.0.0-snapshot'),
    ...rows(0, '1.0.0-nightly', '1.0.0-canary'),
    ...rows(-1, '1.0.0-dev', '1.0.0-DEV', '1.0.0-BETA1', '1.0.0-Rc1'),
    ...rows(0, '1.0.0-rc1', '1.0.0-RC1'),
    ...rows(-1, '1.0.0', '1.0.0-PL1'),
    ...rows(0, '1.0.0-alpha', '1.0.0a'),
    ...rows(0, '1.0.0pl1', '1.0.0p1'),
    ...rows(0, '1.0.0.1', '1.0.0-1'),
    ...rows(0, '1.0.0rc1', '1.0.0-rc.1'),
    ...rows(0, '1.0.0-beta1', '1.0.0-beta.1'),
    ...rows(1, '1.0.0-rc9', '1.0.0-rc10'),
    ...rows(-1, '1.0.0-rc1', '1.0.0-rc'),
    ...rows(-1, '1.0.0-beta1', '1.0.0-beta'),
    ...rows(1, '1.0', '1.0.0-dev'),
    ...rows(-1, '1.0.0', '1.0', '1.0.0.'),
    ...rows(-1, '1.0.0.0', '1.0.0'),
    ...rows(1, '2.0.0', '2.0.0+1', '2.0.01'),
    ...rows(1, '1.9.0', '1.10.0'),
    ...rows(-1, '1.0.0', ''),
    ...rows(-1, 'dev', ''),
    ...rows(0, '', ''),
    ...rows(1, 'development', '2.0.0'),
    ...rows(1, 'dolibarr', '2.0.0'),
  ])('as Dolibarr sees it, the further cases: %j to %j is %i', (a, b, order) => {
    expect(comparePhpVersions(a, b)).toBe(order);
  });

  it.each([
    ['2.0.0', '1.0.0', 1],
    ['404pagenotfound', '1.0.0', 1],
    ['403Forbidden', '1.0.0', 1],
    ['Forbidden', '1.0.0', -1],
    ['InternalServerError', '1.0.0', -1],
    ['version2.0.0', '1.0.0', -1],
    ['v2.0.0', '1.0.0', -1],
    ['2.0.0-rc.1', '1.0.0', 1],
    ['2.0.0-rc.1', '2.0.0', -1],
    ['2.0.0', '2.0.0-rc.1', 1],
    ['2.0.0-rc.2', '2.0.0-rc.1', 1],
    ['2.0.0-beta.1', '2.0.0-alpha.1', 1],
    ['2.0.0-dev.1', '2.0.0-alpha.9', -1],
    ['2.0.0-development', '2.0.0-alpha.9', -1],
    ['2.0.0-security.1', '2.0.0', -1],
    ['2.0.0-pl1', '2.0.0', 1],
    ['2.0.0build.5', '2.0.0', -1],
    ['2.0.0', '2.0', 1],
    ['2.0.0.1', '2.0.0', 1],
    ['02.05.02', '2.5.1', 1],
    ['02.05.02', '2.5.2', 0],
    ['99999999999999999999999999999', '1.0.0', 1],
  ] as Row[])('as Dolibarr sees it, the answers of a feed: %j to %j is %i', (a, b, order) => {
    expect(comparePhpVersions(a, b)).toBe(order);
  });

  it.each([
    ['1.99999999999999999999', '1.9223372036854775807', 0],
    ['1.9007199254740993', '1.9007199254740992', 1],
    ['1.0.', '1.0.', -1],
    ['#N#.a', '1', -1],
    ['1..2', '1.2', 0],
    ['1é2', '1.x.2', 0],
  ] as Row[])('on odd texts does what PHP does: %j to %j is %i', (a, b, order) => {
    expect(comparePhpVersions(a, b)).toBe(order);
  });

  it('is not brought down by a long hostile text', () => {
    expect(comparePhpVersions('#.'.repeat(20_000), '#N#')).toBe(-1);
  });
});

const part = fc.oneof(
  fc.nat({ max: 30 }).map(String),
  fc.constantFrom('0', '00', '01', 'dev', 'alpha', 'a', 'beta', 'b', 'rc', 'RC', 'pl', 'p', 'v', 'stable', 'x'),
);
const glue = fc.constantFrom('.', '.', '.', '-', '+', '_', '');
const version = fc
  .array(fc.tuple(part, glue), { minLength: 1, maxLength: 6 })
  .map((pieces) => pieces.map(([text, sep], i) => (i === pieces.length - 1 ? text : text + sep)).join(''));

describe('properties of comparePhpVersions', () => {
  it('is reflexive', () => {
    fc.assert(fc.property(version, (a) => comparePhpVersions(a, a) === 0));
  });

  it('is antisymmetric', () => {
    fc.assert(
      fc.property(version, version, (a, b) => comparePhpVersions(a, b) === -comparePhpVersions(b, a) + 0),
      {
        numRuns: 2_000,
      },
    );
  });
});

describe('agreement with PHP itself', () => {
  const php = spawnSync('php', ['--version']);
  const missing = php.error !== undefined || php.status !== 0;
  if (missing) process.stderr.write('\nSKIPPED: there is no `php` on the PATH, version_compare was not asked.\n');

  it.skipIf(missing)('gives the same order on 5,000 random pairs', () => {
    const wild = fc.string({ unit: fc.constantFrom(...'0129.-_+# abdelprtvRCé~'), maxLength: 10 });
    const any = fc.oneof(version, wild);
    const pairs = fc.sample(fc.tuple(any, any), 5_000);
    const script =
      'echo json_encode(array_map(fn($p) => version_compare($p[0], $p[1]), json_decode(stream_get_contents(STDIN))));';
    const run = spawnSync('php', ['-r', script], { input: JSON.stringify(pairs), encoding: 'utf8' });
    const expected: unknown = JSON.parse(run.stdout);
    const wrong = pairs
      .map(([a, b], i) => ({ a, b, ours: comparePhpVersions(a, b), php: (expected as number[])[i] }))
      .filter((row) => row.ours !== row.php);
    expect(wrong).toEqual([]);
  });
});
