import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GitRepository, makeGitRepository } from '../../test/support/git-repository.ts';
import { EXIT } from './command.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

/** A vendor's repositories on plain Git, seen through the commands from the first one on. */
describe('products of a git forge', () => {
  let installation: TestInstallation;
  let hello: GitRepository;
  const { joomla, dolibarr } = demoRepositories(PUBLIC_URL, 'acme');

  beforeAll(async () => {
    installation = newInstallation();
    const folder = join(installation.folder, 'git');
    mkdirSync(folder);
    hello = await makeGitRepository(folder, 'hello', joomla.tags);
    await makeGitRepository(folder, 'hellobox', dolibarr.tags);
    await makeGitRepository(folder, 'notes', [{ name: '1.0.0', files: { 'readme.md': 'No extension.' } }]);
    await makeGitRepository(folder, 'empty', []);
    const added = await installation.run('forge', 'add', 'home', '--kind', 'git', '--url', folder, '--json');
    expect(added.code).toBe(EXIT.ok);
    expect(added.json.hook_url).toBe(`${PUBLIC_URL}/hooks/${added.json.forge.id}`);
  });
  afterAll(() => installation.remove());

  it('adds a repository by its name, tells the platform by itself and reads its releases', async () => {
    const { code, json, noted } = await installation.run('product', 'add', 'acme/hello', '--name', 'Hello', '--json');
    expect(code).toBe(EXIT.ok);
    expect(json.products).toHaveLength(1);
    expect(json.products[0]).toMatchObject({
      path: 'acme/hello',
      name: 'Hello',
      platforms: ['joomla'],
      mode: 'listed',
    });
    expect(json.products[0].feeds).toEqual([`${PUBLIC_URL}/acme/hello/updates.xml`]);
    expect(json.synced).toEqual({ looked: 5, listed: 4, withheld: 1, errors: 1, warnings: 0 });
    expect(json.hook).toContain('post-receive');
    expect(noted).toMatch(/Hello: 1\/5 /);
  });

  it('does not add it twice', async () => {
    const { code, json } = await installation.run('product', 'add', 'acme/hello', '--json');
    expect(code).toBe(EXIT.failed);
    expect(json.error.code).toBe('ALREADY_EXISTS');
  });

  it('says at once what "strict" means for Joomla, and offers "listed"', async () => {
    const { code, noted } = await installation.run('product', 'set', 'acme/hello', '--mode', 'strict');
    expect(code).toBe(EXIT.ok);
    expect(noted).toContain('sees no update at all');
    expect(noted).toContain('"listed"');
    const back = await installation.run('product', 'set', 'acme/hello', '--mode', 'listed');
    expect(back.noted).toBe('');
  });

  it('says at once whom "missing_site: deny" shuts out', async () => {
    const { json, noted } = await installation.run('product', 'set', 'acme/hello', '--missing-site', 'deny', '--json');
    expect(json.warnings.map(({ code }: { code: string }) => code)).toEqual(['SITE_REQUIRED_HIDES']);
    expect(noted).toContain('shut out');
    await installation.run('product', 'set', 'acme/hello', '--missing-site', 'allow');
  });

  it('adds all others of an owner, and says why it passes some over', async () => {
    const { code, json, noted } = await installation.run('product', 'add', '--owner', 'acme', '--all', '--json');
    expect(code).toBe(EXIT.ok);
    expect(json.added.map(({ repository }: { repository: string }) => repository)).toEqual(['acme/hellobox']);
    expect(json.added[0].products[0].platforms).toEqual(['dolibarr']);
    const reasons = Object.fromEntries(
      json.skipped.map(({ repository, detail }: { repository: string; detail: string }) => [repository, detail]),
    );
    expect(reasons['acme/hello']).toBe('it is a product already');
    expect(reasons['acme/notes']).toContain('nothing that looks like an extension');
    expect(reasons['acme/empty']).toContain('no release and no tag');
    expect(noted).toContain('[2/4] acme/hello');
    expect((await installation.run('product', 'list', '--json')).json.products).toHaveLength(2);
  });

  it('lints with exit code 1 while an error stands, and by --fail-on', async () => {
    const { code, json, said } = await installation.run('product', 'lint', 'acme/hello', '--json');
    expect(code).toBe(EXIT.failed);
    expect(json.clean).toBe(false);
    expect(json.results).toEqual([
      { subject: 'acme/hello 0.9.0', about: '', problems: [expect.objectContaining({ code: 'IDENTITY_CHANGED' })] },
    ]);
    expect(said).toBe('');
    expect((await installation.run('product', 'lint', 'acme/hello', '--fail-on', 'never')).code).toBe(EXIT.ok);
    const words = await installation.run('product', 'lint', 'acme/hello', '--format', 'github');
    expect(words.said).toMatch(/^::error file=acme\/hello 0\.9\.0,title=IDENTITY_CHANGED::/);
  });

  it('reads what is new when it is asked to, by the name and by the id', async () => {
    const files = {
      ...joomla.tags[1]?.files,
      'hello.xml': (joomla.tags[1]?.files['hello.xml'] ?? '').replace('1.1.0', '1.4.0'),
    };
    await hello.tag({ name: '1.4.0', files });
    const { code, json } = await installation.run('product', 'sync', 'acme/hello', '--json');
    expect(code).toBe(EXIT.ok);
    expect(json.repositories[0]).toMatchObject({
      repository: 'acme/hello',
      error: null,
      synced: { looked: 1, listed: 5 },
    });
    const { products } = (await installation.run('product', 'list', '--org', 'acme', '--json')).json;
    const again = await installation.run('product', 'sync', products[0].id, '--json');
    expect(again.json.repositories[0].synced.looked).toBe(0);
  });

  it('yanks a version and puts it back', async () => {
    expect((await installation.run('release', 'yank', 'acme/hello', '1.4.0')).code).toBe(EXIT.usage);
    const yanked = await installation.run(
      'release',
      'yank',
      'acme/hello',
      '1.4.0',
      '--reason',
      'breaks logins',
      '--json',
    );
    expect(yanked.json).toMatchObject({ version: '1.4.0', state: 'yanked', yank_reason: 'breaks logins' });
    const { releases } = (await installation.run('release', 'list', 'acme/hello', '--json')).json;
    expect(releases.map(({ version, state }: Record<string, string>) => `${version} ${state}`)).toEqual([
      ...['1.4.0 yanked', '1.3.0-beta.1 listed', '1.2.0-rc.1 listed', '1.1.0 listed', '1.0.0 listed', '0.9.0 withheld'],
    ]);
    const back = await installation.run('release', 'unyank', yanked.json.id, '--json');
    expect(back.json).toMatchObject({ version: '1.4.0', state: 'listed', yank_reason: null });
    expect((await installation.run('release', 'unyank', 'acme/hello', '9.9.9')).code).toBe(EXIT.failed);
  });

  it('serves an old address and retires a product', async () => {
    const alias = await installation.run('product', 'alias', 'add', 'acme/hello', '/updates/com_hello.xml', '--json');
    expect(alias.json).toMatchObject({ product: 'acme/hello', document: 'updates.xml' });
    const linted = await installation.run('product', 'lint', 'updates/com_hello.xml', '--json');
    expect(linted.json.results[0].subject).toBe('acme/hello 0.9.0');
    expect((await installation.run('product', 'retire', 'acme/hellobox', '--json')).json.retired).toBe(true);
    expect((await installation.run('product', 'list', '--json')).json.products).toHaveLength(1);
    expect((await installation.run('product', 'list', '--retired', '--json')).json.products).toHaveLength(2);
    expect((await installation.run('product', 'retire', 'acme/hellobox', '--undo')).code).toBe(EXIT.ok);
  });

  it.each([
    [['product', 'add']],
    [['product', 'add', 'acme']],
    [['product', 'add', 'acme/a/b/c']],
    [['product', 'add', 'acme/hello', '--repo', 'other']],
    [['product', 'add', '--owner', 'acme', '--all', '--edition', 'pro']],
    [['product', 'add', 'acme/hello', '--mode', 'half-open']],
    [['product', 'add', 'acme/hello', '--platform', 'typo3']],
    [['product', 'set', 'acme/hello', '--target-joomla', 'six']],
    [['product', 'set', 'acme/hello', '--website', 'no address']],
    [['product', 'set', 'acme/hello']],
    [['product', 'sync']],
    [['product', 'preview', 'acme/hello']],
  ])('takes %j for wrong words', async (argv) => {
    expect((await installation.run(...argv)).code).toBe(EXIT.usage);
  });

  it('keeps settings that are not named, and clears one that is named empty', async () => {
    const set = await installation.run(
      ...['product', 'set', 'acme/hello', '--website', 'https://acme.example', '--asset', 'joomla=*-pro.zip', '--json'],
    );
    expect(set.json.settings).toMatchObject({ website_url: 'https://acme.example', assets: { joomla: '*-pro.zip' } });
    const next = await installation.run('product', 'set', 'acme/hello', '--website', '', '--php', '8.1', '--json');
    expect(next.json.settings).toMatchObject({
      website_url: null,
      php_minimum: '8.1',
      assets: { joomla: '*-pro.zip' },
    });
    expect((await installation.run('product', 'set', 'acme/hello', '--open-channels', 'stabel')).code).toBe(
      EXIT.failed,
    );
  });
});
