import { createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FakeForge, type FakeRepository, startFakeForge } from '../../test/support/fake-forge.ts';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { openCore } from '../app.ts';
import { readConfig } from '../config.ts';
import { receiveHook } from '../forge/hooks.ts';
import { makeLogger } from '../http/log.ts';
import { zipBytes } from '../releases/zip-bytes-io.ts';
import { EXIT } from './command.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type Ran, type TestInstallation } from './test-cli.ts';

const FILES = demoRepositories(PUBLIC_URL, 'acme').joomla.tags[0]?.files ?? {};

function zipped(): Promise<Buffer> {
  return zipBytes(Object.entries(FILES).map(([path, text]) => ({ path, bytes: Buffer.from(text) })));
}

describe('a forge with releases and hooks', () => {
  let installation: TestInstallation;
  let forge: FakeForge;
  let hello: FakeRepository;
  let tokenFile: string;

  beforeAll(async () => {
    installation = newInstallation();
    forge = await startFakeForge();
    hello = await forge.createRepository({ owner: 'acme', name: 'hello' });
    await forge.publishRelease(hello, {
      tag: 'v1.0.0',
      files: FILES,
      assets: { 'plg_hello-1.0.0.zip': await zipped() },
    });
    const both = await forge.createRepository({ owner: 'acme', name: 'both' });
    const assets = { 'plg_hello-1.0.0-core.zip': await zipped(), 'plg_hello-1.0.0-pro.zip': await zipped() };
    await forge.publishRelease(both, { tag: '1.0.0', files: FILES, assets });
    await forge.archiveRepository(await forge.createRepository({ owner: 'acme', name: 'old' }));
    tokenFile = join(installation.folder, 'token');
    writeFileSync(tokenFile, `${forge.token}\n`);
  });
  afterEach(() => forge.clearFaults());
  afterAll(async () => {
    await forge.close();
    installation.remove();
  });

  function run(...argv: string[]): Promise<Ran> {
    return installation.run(...argv);
  }

  it('tells a dead token at once and repeats it nowhere', async () => {
    const ran = await run(
      'forge',
      'add',
      '--kind',
      'gitea',
      '--url',
      forge.url,
      '--token',
      'dead-token-4711',
      '--json',
    );
    expect(ran.code).toBe(EXIT.failed);
    expect(ran.json.error.code).toBe('FORGE_TROUBLE');
    expect(JSON.stringify(ran)).not.toContain('dead-token-4711');
    expect((await run('forge', 'list', '--json')).json.forges).toEqual([]);
  });

  it.each([
    [['--kind', 'gitea']],
    [['--url', 'https://git.example.com']],
    [['--url', 'https://git.example.com', '--kind', 'svn']],
    [['--url', 'git.example.com', '--kind', 'gitea']],
    [['--url', 'https://git.example.com', '--kind', 'gitea', '--all']],
    [['--url', 'https://git.example.com', '--kind', 'gitea', '--token', 'a', '--token-file', 'b']],
    [['--url', 'https://git.example.com', '--kind', 'gitea', '--token-file', '/nowhere']],
  ])('takes %j for wrong words', async (options) => {
    expect((await run('forge', 'add', ...options)).code).toBe(EXIT.usage);
  });

  it('connects a whole organization, core and pro files as two products, with progress', async () => {
    const ran = await run(
      ...['forge', 'add', 'main', '--kind', 'gitea', '--url', forge.url, '--token-file', tokenFile],
      ...['--owner', 'acme', '--all', '--json'],
    );
    expect(ran.code).toBe(EXIT.ok);
    expect(JSON.stringify(ran)).not.toContain(forge.token);
    expect(ran.json.organization).toMatchObject({ slug: 'acme', owner: 'acme' });
    const paths = ran.json.added.flatMap(({ products }: { products: { path: string }[] }) =>
      products.map(({ path }) => path),
    );
    expect(paths.sort()).toEqual(['acme/both/core', 'acme/both/pro', 'acme/hello']);
    expect(ran.json.skipped).toEqual([{ repository: 'acme/old', detail: 'it is archived' }]);
    expect(ran.noted).toMatch(/\[\d\/3\] acme\/hello/);
    const { products } = (await run('product', 'list', '--json')).json;
    expect(
      products.map(({ path, releases }: { path: string; releases: number }) => `${path} ${releases}`).sort(),
    ).toEqual([...['acme/both/core 1', 'acme/both/pro 1', 'acme/hello 1']]);
    expect(hello.hooks).toHaveLength(1);
  });

  it('repairs a hook that somebody changed, and says what was wrong', async () => {
    expect((await run('forge', 'check', 'main', '--json')).json.forges[0].hooks).toContainEqual({
      ...{ repository: 'acme/hello', state: 'registered', detail: '' },
    });
    Object.assign(hello.hooks[0] ?? {}, { active: false });
    const { code, json } = await run('forge', 'check', '--json');
    expect(code).toBe(EXIT.ok);
    const found = json.forges[0].hooks.find(({ repository }: { repository: string }) => repository === 'acme/hello');
    expect(found).toEqual({ repository: 'acme/hello', state: 'repaired', detail: 'it was switched off' });
    expect(hello.hooks[0]?.active).toBe(true);
    expect(json.forges[0]).toMatchObject({ fault: null, last_delivery: null });
  });

  it('ends with 1 while the forge does not answer, and names the fault', async () => {
    forge.setFault('500');
    const { code, json } = await run('forge', 'check', '--json');
    expect(code).toBe(EXIT.failed);
    expect(json.forges[0].fault).toContain('500');
    const listed = await run('forge', 'list', '--json');
    expect(listed.json.forges[0]).toMatchObject({ name: 'main', repositories: 2, check_error: json.forges[0].fault });
  });

  it('gives every hook a new secret', async () => {
    const before = hello.hooks[0]?.secret;
    const { code, json } = await run('forge', 'secret', 'rotate', 'main', '--json');
    expect(code).toBe(EXIT.ok);
    expect(json).toEqual({ forge: 'main', changed: expect.arrayContaining(['acme/hello', 'acme/both']), failed: [] });
    expect(hello.hooks).toHaveLength(1);
    expect(hello.hooks[0]?.secret).not.toBe(before);
  });

  it('goes on with the other repositories where one fails, and ends with 1', async () => {
    forge.setFault('500', { path: /\/hooks/, times: 1 });
    const { code, json } = await run('forge', 'secret', 'rotate', 'main', '--json');
    expect(code).toBe(EXIT.failed);
    expect(json.failed).toHaveLength(1);
    expect(json.changed).toHaveLength(1);
    expect((await run('forge', 'check')).code).toBe(EXIT.ok);
  });

  it('tells of the last delivery, one that concerned nobody as well', async () => {
    const { json } = await run('forge', 'list', '--json');
    const read = readConfig(installation.env);
    if (!read.ok) throw new Error(read.faults.join());
    const core = await openCore(read.config, { log: makeLogger({ level: 'silent' }) });
    const body = Buffer.from(JSON.stringify({ ref: 'refs/heads/main' }));
    const signature = createHmac('sha256', hello.hooks[0]?.secret ?? '')
      .update(body)
      .digest('hex');
    await receiveHook(core.forge, json.forges[0].id, body, {
      ...{ 'content-type': 'application/json', 'x-gitea-event': 'push', 'x-gitea-delivery': 'one' },
      'x-hub-signature-256': `sha256=${signature}`,
    });
    await core.close();
    expect((await run('forge', 'check')).said).toMatch(/last delivery [\d-]+ [\d:]+: ignored \(a push of a branch\)/);
  });

  it('takes another token, once the forge has answered to it', async () => {
    const dead = await run('forge', 'token', 'set', 'main', '--token', 'dead-token-4711', '--json');
    expect(dead.code).toBe(EXIT.failed);
    expect(JSON.stringify(dead)).not.toContain('dead-token-4711');
    expect((await run('forge', 'check')).code).toBe(EXIT.ok);
    const fresh = forge.createToken('root-admin', { siteAdmin: true });
    const beside = newInstallation({ ...installation.env, FORGE_TOKEN: fresh });
    expect((await beside.run('forge', 'token', 'set', 'main')).code).toBe(EXIT.ok);
    beside.remove();
    forge.revokeToken(forge.token);
    expect((await run('forge', 'check')).code).toBe(EXIT.ok);
  });

  it('says why a look failed and ends with 1', async () => {
    forge.setFault('500', { path: /releases|tags/ });
    const { code, json } = await run('product', 'sync', 'acme/hello', '--json');
    expect(code).toBe(EXIT.failed);
    expect(json.repositories[0]).toMatchObject({ repository: 'acme/hello', synced: null });
    expect(json.repositories[0].error).not.toBe('');
  });
});

describe('a forge without hooks by API', () => {
  it('prints the lines for hooks that are made by hand, and the secret only when asked', async () => {
    const installation = newInstallation();
    const folder = join(installation.folder, 'git');
    mkdirSync(folder);
    await makeGitRepository(folder, 'hello', [{ name: '1.0.0', files: FILES }]);
    await installation.run('forge', 'add', 'home', '--kind', 'git', '--url', folder);
    await installation.run('product', 'add', 'acme/hello');
    const { code, json } = await installation.run('forge', 'check', '--json');
    expect(code).toBe(EXIT.ok);
    expect(json.forges[0].hooks[0]).toMatchObject({ state: 'by_hand', detail: expect.stringContaining('curl') });
    expect(json.forges[0].hooks[0].detail).toContain(json.forges[0].hook_url);
    expect(json.forges[0]).not.toHaveProperty('secret');
    const { secret } = (await installation.run('forge', 'check', '--reveal', '--json')).json.forges[0];
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    const rotated = await installation.run('forge', 'secret', 'rotate', 'home', '--json');
    expect(rotated.json.secret).toMatch(/^[0-9a-f]{64}$/);
    expect(rotated.json.secret).not.toBe(secret);
    installation.remove();
  });
});
