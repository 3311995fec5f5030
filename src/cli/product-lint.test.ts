import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zipBytes } from '../releases/zip-bytes-io.ts';
import { EXIT } from './command.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

type Files = Record<string, string>;

const { joomla, dolibarr } = demoRepositories(PUBLIC_URL, 'acme');
const HELLO: Files = joomla.tags[0]?.files ?? {};
const HELLOBOX: Files = dolibarr.tags[0]?.files ?? {};

describe('lint of built zips, without a server', () => {
  let installation: TestInstallation;
  beforeAll(() => {
    installation = newInstallation({ PUBLIC_URL: undefined, DATA_DIR: undefined });
    mkdirSync(join(installation.folder, 'dist'));
  });
  afterAll(() => installation.remove());

  async function zip(name: string, files: Files): Promise<string> {
    const path = join(installation.folder, 'dist', name);
    writeFileSync(
      path,
      await zipBytes(Object.entries(files).map(([at, text]) => ({ path: at, bytes: Buffer.from(text) }))),
    );
    return path;
  }

  function codes(json: { results: { problems: { severity: string; code: string }[] }[] }): string[] {
    return json.results.flatMap(({ problems }) => problems.map(({ severity, code }) => `${severity} ${code}`));
  }

  it('finds nothing in a good Joomla zip and ends with 0', async () => {
    const file = await zip('plg_system_hello-1.0.0.zip', HELLO);
    const { code, json } = await installation.run(
      'lint',
      file,
      '--target-joomla',
      '4.4 - 6',
      '--tag',
      'v1.0.0',
      '--json',
    );
    expect(code).toBe(EXIT.ok);
    expect(json.results).toMatchObject([{ subject: file, about: 'joomla 1.0.0' }]);
    expect(codes(json)).toEqual(['warning TARGET_PLATFORM_MISSING']);
  });

  it('is clean with the settings of the repository', async () => {
    const settings = join(installation.folder, 'settings.yml');
    writeFileSync(settings, 'joomla:\n  target: "4.4 - 6"\n');
    const file = await zip('plg_system_hello-1.0.0.zip', HELLO);
    const { code, json } = await installation.run(
      'product',
      'lint',
      file,
      '--settings',
      settings,
      '--fail-on',
      'warning',
      '--json',
    );
    expect(code).toBe(EXIT.ok);
    expect(json.clean).toBe(true);
  });

  it('ends with 1 for a version that does not match the tag, in the words of each format', async () => {
    const file = await zip('plg_system_hello-1.0.0.zip', HELLO);
    const options = ['--target-joomla', '5', '--tag', '1.0.1'];
    const text = await installation.run('lint', file, ...options);
    expect(text.code).toBe(EXIT.failed);
    expect(text.said).toContain('error VERSION_MISMATCH: The tag 1.0.1 means version 1.0.1');
    const github = await installation.run('lint', file, ...options, '--format', 'github');
    expect(github.said).toContain(`::error file=${file},title=VERSION_MISMATCH::`);
    const json = await installation.run('lint', file, ...options, '--format', 'json');
    expect(codes(JSON.parse(json.said))).toContain('error VERSION_MISMATCH');
    expect((await installation.run('lint', file, ...options, '--fail-on', 'never')).code).toBe(EXIT.ok);
  });

  it('takes several files, of both platforms', async () => {
    const files = [await zip('hello.zip', HELLO), await zip('hellobox-1.0.0.zip', HELLOBOX)];
    const { json } = await installation.run('lint', ...files, '--json');
    expect(json.results.map(({ about }: { about: string }) => about)).toEqual(['joomla 1.0.0', 'dolibarr 1.0.0']);
    expect(codes({ results: [json.results[1]] })).toEqual(['warning ROOT_FOLDER_UNFIT']);
  });

  it('misses the update server and the key field of a manifest that has none', async () => {
    const manifest = (HELLO['hello.xml'] ?? '').replace(/<updateservers>[\s\S]*<\/updateservers>|<dlid[^>]*>/g, '');
    const file = await zip('bare.zip', { ...HELLO, 'hello.xml': manifest });
    const { code, json } = await installation.run(
      'lint',
      file,
      '--target-joomla',
      '5',
      '--fail-on',
      'warning',
      '--json',
    );
    expect(code).toBe(EXIT.failed);
    expect(codes(json)).toEqual(expect.arrayContaining(['warning UPDATE_SERVER_MISSING', 'warning DLID_MISSING']));
    const open = await installation.run('lint', file, '--mode', 'open', '--json');
    expect(codes(open.json)).not.toContain('warning DLID_MISSING');
  });

  it('compares with the feed where it is named', async () => {
    const file = await zip('hello.zip', HELLO);
    const right = await installation.run('lint', file, '--feed-url', `${PUBLIC_URL}/acme/hello/updates.xml`, '--json');
    expect(codes(right.json)).not.toContain('warning UPDATE_SERVER_FOREIGN');
    const wrong = await installation.run('lint', file, '--feed-url', `${PUBLIC_URL}/acme/other/updates.xml`, '--json');
    expect(codes(wrong.json)).toContain('warning UPDATE_SERVER_FOREIGN');
  });

  it('says what is wrong with a file that is no extension, or no zip', async () => {
    const other = await installation.run('lint', await zip('notes.zip', { 'readme.md': 'Hi.' }), '--json');
    expect(other.code).toBe(EXIT.failed);
    expect(new Set(codes(other.json))).toEqual(new Set(['error MANIFEST_MISSING']));
    const path = join(installation.folder, 'page.zip');
    writeFileSync(path, '<html></html>');
    expect(codes((await installation.run('lint', path, '--json')).json)).toEqual(['error ARCHIVE_NOT_ZIP']);
  });

  it('takes broken settings for a problem', async () => {
    const settings = join(installation.folder, 'broken.yml');
    writeFileSync(settings, 'chanel: beta\n');
    const file = await zip('hello.zip', HELLO);
    const { code, json } = await installation.run('lint', file, '--settings', settings, '--json');
    expect(code).toBe(EXIT.failed);
    expect(codes(json)).toContain('error SETTINGS_INVALID');
  });

  it.each([
    ['a file that is not there', ['missing.zip']],
    ['settings that are not there', ['hello.zip', '--settings', '/nowhere.yml']],
    ['a format that nobody knows', ['hello.zip', '--format', 'xml']],
    ['nothing at all', []],
  ])('ends with 2 for %s', async (_, argv) => {
    await zip('hello.zip', HELLO);
    const placed = argv.map((each) => (each.endsWith('.zip') ? join(installation.folder, 'dist', each) : each));
    expect((await installation.run('lint', ...placed)).code).toBe(EXIT.usage);
  });
});
