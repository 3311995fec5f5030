import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { EXIT } from './command.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

const root = resolve(import.meta.dirname, '../..');

/** What a vendor's own channels and rules make of the tags of a plain Git repository. */
describe('rules for tags', () => {
  let installation: TestInstallation;
  let run: TestInstallation['run'];

  beforeAll(async () => {
    installation = newInstallation();
    run = installation.run;
    const folder = join(installation.folder, 'git');
    mkdirSync(folder);
    const [first] = demoRepositories(PUBLIC_URL, 'acme').joomla.tags;
    const at = (name: string, version: string) => ({
      name,
      files: { ...first?.files, 'hello.xml': (first?.files['hello.xml'] ?? '').replace('1.0.0', version) },
    });
    await makeGitRepository(folder, 'hello', [
      ...[at('1.0.0', '1.0.0'), at('1.2.0-lts', '1.2.0'), at('support/1.1.0', '1.1.0'), at('test-1.3.0', '1.3.0')],
      at('1.4.0', '1.4.0'),
    ]);
    await run('forge', 'add', 'home', '--kind', 'git', '--url', folder);
    const { code } = await run('product', 'add', 'acme/hello');
    expect(code).toBe(EXIT.ok);
  });
  afterAll(() => installation.remove());

  /** `VERSION CHANNEL` of what is listed, after a look at the repository. */
  async function listed(): Promise<string[]> {
    expect((await run('product', 'sync', 'acme/hello')).code).toBe(EXIT.ok);
    const { releases } = (await run('release', 'list', 'acme/hello', '--json')).json;
    const living = releases.filter(({ state }: { state: string }) => state === 'listed');
    return living.map(({ version, channel }: Record<string, string>) => `${version} ${channel}`).sort();
  }

  it('begin with the five channels, where a tag of an own one is no version', async () => {
    expect(await listed()).toEqual(['1.0.0 stable', '1.4.0 stable']);
    const { said } = await run('rules', 'show', 'acme');
    expect(said.match(/^(stable|rc|beta|alpha|dev)\b/gm)).toHaveLength(5);
    expect(said).not.toMatch(/^lts\b/m);
  });

  it('put a tag into the own channel that its pattern names', async () => {
    const set = await run('rules', 'set', 'acme', '--channel', 'lts:stable:*-lts', '--json');
    expect([set.code, set.json.channels]).toEqual([EXIT.ok, [{ name: 'lts', word: 'stable', tags: ['*-lts'] }]]);
    expect(await listed()).toEqual(['1.0.0 stable', '1.2.0 lts', '1.4.0 stable']);
    expect((await run('rules', 'show', 'acme')).said).toMatch(/^lts +stable +\*-lts$/m);
  });

  it('let a repository add tags to a channel of its organization, without changing the others', async () => {
    const set = await run('rules', 'set', 'acme/hello', '--channel', 'lts:support/*,old-*', '--json');
    expect(set.json).toEqual({ tags: { lts: ['support/*', 'old-*'] }, prefixes: [], ignore: [], prerelease: null });
    expect(await listed()).toEqual(['1.0.0 stable', '1.1.0 lts', '1.2.0 lts', '1.4.0 stable']);
    expect((await run('rules', 'show', 'acme/hello')).said).toMatch(/^lts +stable +support\/\*, old-\*, \*-lts$/m);
    expect((await run('rules', 'show', 'acme')).said).toMatch(/^lts +stable +\*-lts$/m);
  });

  it('leave ignored tags out: a release is withdrawn, a problem is none any more', async () => {
    const problems = async () => (await run('product', 'lint', 'acme/hello', '--json')).json.results;
    expect(JSON.stringify(await problems())).toContain('test-1.3.0');
    await run('rules', 'set', 'acme', '--ignore', 'test-*', '--ignore', '1.4.*');
    expect(await listed()).toEqual(['1.0.0 stable', '1.1.0 lts', '1.2.0 lts']);
    expect(JSON.stringify(await problems())).not.toContain('test-1.3.0');
    const { json } = await run('rules', 'show', 'acme', '--json');
    expect([json.ignore, json.channels.length]).toEqual([['test-*', '1.4.*'], 1]);
  });

  it('take the whole from a file, such as they are shown, and refuse to lose a channel in use', async () => {
    const file = join(installation.folder, 'rules.json');
    const { json } = await run('rules', 'show', 'acme', '--json');
    writeFileSync(file, JSON.stringify({ ...json, ignore: [] }));
    const set = await run('rules', 'set', 'acme', '--file', file, '--channel', 'vip:rc', '--json');
    expect(set.json).toEqual({
      ...json,
      ignore: [],
      channels: [...json.channels, { name: 'vip', word: 'rc', tags: [] }],
    });
    expect(await listed()).toContain('1.4.0 stable');
    await run('product', 'set', 'acme/hello', '--open-channels', 'stable,lts');
    writeFileSync(file, '{}');
    const refused = await run('rules', 'set', 'acme', '--file', file, '--json');
    expect([refused.code, refused.json.error.code]).toEqual([EXIT.failed, 'STILL_IN_USE']);
    expect(refused.noted).toContain('acme/hello');
  });

  it('come by stdin as well', () => {
    const args = ['--import', 'tsx', 'src/main.ts', 'rules', 'set', 'acme/hello', '--file', '-', '--json'];
    const env = { PATH: process.env['PATH'] ?? '', ...(installation.env as Record<string, string>) };
    const { stdout, status } = spawnSync(process.execPath, args, { cwd: root, env, input: '{"prerelease":"beta"}' });
    expect([status, JSON.parse(stdout.toString())]).toEqual([
      EXIT.ok,
      { tags: {}, prefixes: [], ignore: [], prerelease: 'beta' },
    ]);
  });

  it.each([
    [['rules', 'show']],
    [['rules', 'show', 'acme/hello/pro']],
    [['rules', 'set', 'acme']],
    [['rules', 'set', 'acme', '--channel', 'lts']],
    [['rules', 'set', 'acme', '--channel', 'lts:stable:*:x']],
    [['rules', 'set', 'acme/hello', '--channel', 'lts']],
    [['rules', 'set', 'acme/hello', '--channel', 'lts:stable:*-lts']],
    [['rules', 'set', 'acme', '--file', '/nowhere/rules.json']],
  ])('take %j for wrong words', async (argv) => {
    expect((await run(...argv)).code).toBe(EXIT.usage);
  });

  it.each([
    ['acme', 'lts:security', '/channels/'],
    ['acme', 'beta:stable', '/channels/'],
    ['acme/hello', 'nope:*-x', '/tags/nope'],
  ])('of %s refuse --channel %s and say where', async (name, channel, pointer) => {
    const { code, json } = await run('rules', 'set', name, '--channel', channel, '--json');
    expect([code, json.error.code]).toEqual([EXIT.failed, 'INVALID_REQUEST']);
    expect(json.error.errors[0].pointer).toContain(pointer);
  });

  it('of what is not there are not shown, and a file of no JSON is refused', async () => {
    expect((await run('rules', 'show', 'nobody', '--json')).json.error.code).toBe('NOT_FOUND');
    expect((await run('rules', 'show', 'acme/nothing', '--json')).json.error.code).toBe('NOT_FOUND');
    const file = join(installation.folder, 'broken.json');
    writeFileSync(file, '{');
    expect((await run('rules', 'set', 'acme', '--file', file, '--json')).json.error.code).toBe('INVALID_REQUEST');
  });
});
