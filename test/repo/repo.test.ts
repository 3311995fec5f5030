import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/index.ts';
import { PROBLEMS } from '../../src/errors.ts';
import { VERDICT_CODES } from '../../src/licensing/verdict.ts';
import { RELEASE_PROBLEM_CODES } from '../../src/releases/release.ts';
import { repository } from './third-parties.ts';

const LEFT_OUT = new Set(['node_modules', 'dist', 'data', 'coverage', '.git', 'package-lock.json']);

function walk(folder: string): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (LEFT_OUT.has(entry.name)) return [];
    return entry.isDirectory() ? walk(path) : [path];
  });
}

const files = walk('');
const read = (path: string) => readFileSync(join(repository, path), 'utf8');
const packageJson = JSON.parse(read('package.json')) as { version: string; scripts: Record<string, string> };
const pages = files.filter((path) => path.endsWith('.md'));

describe('files', () => {
  // Put together here, so that this file does not find itself.
  const machinePath = new RegExp(
    `(^|[\\s'"\`(=])/(${['wo' + 'rk', 'fa' + 'rm', 'ro' + 'ot', 'ho' + 'me'].join('|')})/`,
    'm',
  );

  it('name no path of the machine they were written on', () => {
    expect(files.filter((path) => machinePath.test(read(path)))).toEqual([]);
  });

  it('named for what they hold, have no drawer for everything', () => {
    const drawers = /(^|\/)(utils?|helpers?|services?|managers?|common|misc)(\/|\.ts$)/;
    expect(files.filter((path) => drawers.test(path) && !/\/client\/|^examples\/joomla/.test(path))).toEqual([]);
  });
});

describe('pages', () => {
  it.each(pages)('%s: every npm script that it names is there', (page) => {
    const named = [...read(page).matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g)].map((match) => match[1] ?? '');
    expect(named.filter((script) => !(script in packageJson.scripts))).toEqual([]);
  });

  it.each(pages)('%s: every file that it links to is there', (page) => {
    const folder = page.includes('/') ? page.slice(0, page.lastIndexOf('/')) : '';
    const prose = read(page).replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
    const links = [...prose.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map((match) => match[1] ?? '');
    expect(links.filter((link) => !existsSync(join(repository, folder, link)))).toEqual([]);
  });

  it.each(pages)('%s: every command of ours that it names is there', (page) => {
    const names = commands.map(({ name }) => name);
    const calls = [...read(page).matchAll(/(?:^|[`|] ?|-- )feedgate ([a-z][a-z -]*)/gm)].map((match) => match[1] ?? '');
    const unknown = calls.filter((call) => !names.some((name) => `${call} `.startsWith(`${name} `)));
    expect(unknown).toEqual([]);
  });

  it('docs/operators.md explains every setting', () => {
    const sources = ['src/config.ts', 'src/config-payments.ts', 'src/notify/mail-config.ts'].map(read).join('\n');
    const settings = [...sources.matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map((match) => match[1] ?? '');
    expect(settings.length).toBeGreaterThan(20);
    expect(settings.filter((name) => !read('docs/operators.md').includes(`\`${name}\``))).toEqual([]);
    expect(settings.filter((name) => !read('.env.example').includes(name))).toEqual([]);
  });

  it('the README says how to see it run and how to test it', () => {
    expect(read('README.md')).toContain('npm ci && npm run demo');
    expect(read('README.md')).toContain('npm ci && npm test');
  });

  it('the CHANGELOG begins with the version of the package, or with what is not released', () => {
    const versions = [...read('CHANGELOG.md').matchAll(/^## \[?([^\]\s]+)/gm)].map((match) => match[1]);
    expect(versions.filter((each) => each !== 'Unreleased')[0]).toBe(packageJson.version);
  });
});

it('the npm package holds what is read at run time beside the built code', () => {
  const pack = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: repository,
    encoding: 'utf8',
  });
  const [packed] = Object.values(JSON.parse(pack.stdout) as Record<string, { files: { path: string }[] }>);
  const held = new Set(packed?.files.map(({ path }) => path));
  const wanted = files.filter((path) =>
    /^feeds\/[^/]+\/client\/|^(plugin-manifest.json|LICENSE|THIRD-PARTY-NOTICES)$/.test(path),
  );
  expect(wanted.length).toBeGreaterThan(30);
  expect(wanted.filter((path) => !held.has(path))).toEqual([]);
});

describe('every code is explained', () => {
  const explained = (page: string) => [...read(page).matchAll(/^\| ?`([A-Z_]+)`/gm)].map((match) => match[1]);

  it('release problems in docs/problems.md, and no other', () => {
    expect(explained('docs/problems.md').sort()).toEqual([...RELEASE_PROBLEM_CODES].sort());
  });

  it('verdicts and API problems in docs/codes.md, and no other', () => {
    const known = [...new Set<string>([...VERDICT_CODES, ...Object.keys(PROBLEMS)])];
    expect(explained('docs/codes.md').sort()).toEqual(known.sort());
  });
});
