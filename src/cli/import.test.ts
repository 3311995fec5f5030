import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

let installation: TestInstallation;
const file = (name: string, text: string) => {
  const path = join(installation.folder, name);
  writeFileSync(path, text);
  return path;
};
const run = (...argv: string[]) => installation.run(...argv);

beforeAll(async () => {
  installation = newInstallation();
  const folder = join(installation.folder, 'git');
  mkdirSync(folder);
  await makeGitRepository(folder, 'desk', demoRepositories(PUBLIC_URL, 'acme').joomla.tags.slice(0, 1));
  await run('forge', 'add', '--kind', 'git', '--url', folder);
  await run('product', 'add', 'acme/desk');
});
afterAll(() => installation.remove());

it('brings in packages and keys, after it has told what it would do, and gives them back', async () => {
  const packages = file('packages.csv', '\uFEFFname;duration;sites\r\nYearly;1y;3\r\nLifetime;none;unlimited\r\n');
  const looked = await run('import', 'packages', packages, '--organization', 'acme', '--json');
  expect([looked.code, looked.json.dry_run, looked.json.imports[0].created]).toEqual([0, true, 2]);
  expect((await run('package', 'list', '--json')).json.packages.length).toBe(1);
  expect((await run('import', 'packages', packages, '--organization', 'acme', '--run')).code).toBe(0);
  const keys = file(
    'keys.csv',
    'key,package,customer_email,valid_until,note\nshop-1,Yearly,a@example.com,2099-01-31,x\nshop-2,Nothing,,,\n',
  );
  const report = join(installation.folder, 'report.csv');
  const done = await run(
    'import',
    'keys',
    keys,
    '--organization',
    'acme',
    '--run',
    '--timezone',
    'UTC',
    '--report',
    report,
  );
  expect(done.code).toBe(1);
  expect(done.said).toContain('2 rows: 1 brought in, 0 unchanged, 1 refused.');
  expect(done.said).toContain('there is no package "Nothing" here');
  expect(done.noted).toContain('not read: note');
  const [head, first, second] = readFileSync(report, 'utf8').split('\r\n');
  expect(head).toBe('line,kind,ref,outcome,code,words,id');
  expect(first).toMatch(/^2,license,sha256:[0-9a-f]{64},created,NEW,.*until 2099-02-01.*,lic_/);
  expect(second).toContain('PACKAGE_UNKNOWN');
  expect(readFileSync(report, 'utf8')).not.toContain('shop-1');
  const out = join(installation.folder, 'out');
  const given = await run('export', '--organization', 'acme', '--out', out, '--json');
  expect(given.code).toBe(0);
  const text = readFileSync(given.json.file, 'utf8');
  expect(text).not.toContain('shop-1');
  expect((await run('export', '--organization', 'acme', '--out', '-', '--with-keys')).said).toContain('"key":"shop-1"');
  const back = await run('import', 'all', given.json.file, '--organization', 'acme', '--run', '--json');
  expect([back.code, back.json.imports[0].refused]).toEqual([0, 0]);
  expect((await run('key', 'list', '--json')).json.keys?.length ?? 2).toBe(2);
});

it('reads a JSON array, and maps columns that it does not know', async () => {
  const rows = [{ serial: 'json-1', plan: 'Yearly', mail: 'b@example.com', expires: 4_070_908_800 }];
  const path = file('keys.json', JSON.stringify(rows));
  const words = [
    'import',
    'keys',
    path,
    '--organization',
    'acme',
    '--map',
    'serial=key',
    '--map',
    'mail=customer_email',
  ];
  const done = await run(...words, '--run', '--json');
  expect(done.json.imports[0]).toMatchObject({ created: 1, refused: 0 });
});

it('says what is wrong with its words and files', async () => {
  const odd = file('odd.csv', 'a,b\n1,2\n');
  const org = ['--organization', 'acme'];
  for (const [argv, code] of [
    [['import'], 2],
    [['import', 'moons', odd, ...org], 2],
    [['import', 'keys', ...org], 2],
    [['import', 'keys', odd], 2],
    [['import', 'keys', join(installation.folder, 'none.csv'), ...org], 2],
    [['import', 'keys', odd, ...org, '--from', 'nobody'], 2],
    [['import', 'keys', odd, ...org, '--timezone', 'Moon/Base'], 2],
    [['import', 'keys', odd, ...org], 1],
    [['import', 'all', odd, ...org], 2],
    [['import', 'keys', odd, '--organization', 'nobody'], 1],
    [['export'], 2],
  ] as const)
    expect([argv, (await run(...argv)).code]).toEqual([argv, code]);
  expect((await run('import', 'keys', odd, ...org)).noted).toContain(
    'no column means key or key_sha256; the file has a, b',
  );
});
