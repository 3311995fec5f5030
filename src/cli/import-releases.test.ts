import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { joomlaZip } from '../../test/support/site-archives.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

let installation: TestInstallation;
let server: Server;
let url: string;
let path: string;
const run = (...argv: string[]) => installation.run('import', 'releases', ...argv);

/** Two versions of a plugin that was once called desk_old, and one of something else. */
beforeAll(async () => {
  installation = newInstallation();
  const folder = join(installation.folder, 'git');
  mkdirSync(folder);
  await makeGitRepository(folder, 'desk', demoRepositories(PUBLIC_URL, 'acme').joomla.tags.slice(0, 1));
  await installation.run('forge', 'add', '--kind', 'git', '--url', folder);
  await installation.run('product', 'add', 'acme/desk', '--no-sync');
  const zip = await joomlaZip({ version: '0.1.0' });
  const hash = createHash('sha256').update(zip).digest('hex');
  const entry = (version: string, file: string, element: string, word: string) => `<update><element>${element}</element>
    <type>plugin</type><folder>system</folder><version>${version}</version><tags><tag>${word}</tag></tags>
    <downloads><downloadurl>${url}/${file}?key=SECRET</downloadurl></downloads><sha256> ${hash} </sha256>
    <targetplatform name="joomla" version="5\\..*"/></update>`;
  server = createServer((req, res) => {
    if (req.url?.startsWith('/updates.xml')) res.end(readFileSync(path));
    else if (req.url?.startsWith('/hello.zip')) res.end(zip);
    else res.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  path = join(installation.folder, 'updates.xml');
  const entries = [entry('0.2.0', 'gone.zip', 'hello', 'security'), entry('0.1.0', 'hello.zip', 'hello', 'stable')];
  writeFileSync(path, `<updates>${entries.join('')}${entry('3.0.0', 'x.zip', 'other', 'stable')}</updates>`);
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  installation.remove();
});

it('tells what it would do, does it, and writes a report', async () => {
  const unnamed = await run(path, '--product', 'acme/desk');
  expect([unnamed.code, unnamed.noted]).toEqual([2, expect.stringContaining('say --element, one of other, hello')]);
  const words = [path, '--product', 'acme/desk', '--element', 'hello'];
  const looked = await run(...words);
  expect(looked.code).toBe(1);
  expect(looked.said).toMatch(/3 versions: 1 would be brought in, 0 unchanged, 2 refused/);
  expect(looked.said).toContain('every version: no <client>');
  expect(looked.said).toContain('feedgate rules set acme --channel security:stable:*-security');
  const closed = await run(...words, '--run', '--json');
  expect(closed.json.documents[0].versions.map(({ code }: { code: string }) => code)).toEqual([
    ...['OTHER_EXTENSION', 'CHANNEL_UNKNOWN', 'FILE_MISSING'],
  ]);
  const report = join(installation.folder, 'report.csv');
  const done = await run(...words, '--run', '--allow-host', '127.0.0.1', '--report', report);
  expect(done.noted).toContain('3/3 0.1.0: NEW');
  const rows = readFileSync(report, 'utf8');
  expect(rows).toMatch(/^document,version,outcome,code,words,faults,id\r\n/);
  expect(rows).toMatch(/updates\.xml,0\.1\.0,created,NEW,.*,rel_/);
  expect(rows + done.said + done.noted).not.toContain('SECRET');
  const listed = await installation.run('release', 'list', 'acme/desk');
  expect(listed.said).toMatch(/0\.1\.0\s+stable\s+listed\s+import:0\.1\.0/);
  const again = await run(
    `${url}/updates.xml?key=SECRET`,
    '--product',
    'acme/desk',
    '--element',
    'hello',
    '--run',
    '--json',
  );
  expect(again.json.documents[0]).toMatchObject({ from: `${url}/updates.xml`, created: 0, unchanged: 1, refused: 2 });
});

it('refuses what is no such document, and what there is not', async () => {
  const file = join(installation.folder, 'no.xml');
  writeFileSync(file, '<!DOCTYPE x><updates/>');
  const at = async (place: string) => (await run(place, '--product', 'acme/desk')).noted;
  expect(await at(file)).toContain('it has a document type');
  expect(await at(join(installation.folder, 'none.xml'))).toContain('there is no file');
  expect(await at(`${url}/none.xml`)).toContain('answered 404');
  expect((await run(path)).code).toBe(2);
  expect((await run(path, '--product', 'acme/none')).code).toBe(1);
  expect((await run(path, '--product', 'acme/desk', '--element', 'nothing')).code).toBe(2);
});
