import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GitRepository, makeGitRepository } from '../../test/support/git-repository.ts';
import { joomlaFiles } from '../../test/support/site-archives.ts';
import { EXIT } from './command.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

const OLD = 'https://git.acme.example/acme/hello/raw/branch/main/updates.xml';
const FILES = { ...joomlaFiles({ version: '1.0.0', feed: OLD }), '.feedgate.yml': 'joomla:\n  target: "4.4 - 6"\n' };

/** A vendor who moves, by the commands alone; a plain Git remote takes no pull requests, so he is shown what to do. */
describe('moving by commands', () => {
  let installation: TestInstallation;
  let folder: string;
  let hello: GitRepository;

  beforeAll(async () => {
    installation = newInstallation();
    folder = join(installation.folder, 'git');
    mkdirSync(folder);
    hello = await makeGitRepository(folder, 'hello', [{ name: 'v1.0.0', files: FILES }]);
    await installation.run('forge', 'add', 'home', '--kind', 'git', '--url', folder);
    await installation.run('product', 'add', 'acme/hello');
  });
  afterAll(() => installation.remove());

  it('plans from the repositories of a forge', async () => {
    const { code, json } = await installation.run('convert', '--forge', 'home', '--owner', 'acme', '--json');
    expect(code).toBe(EXIT.ok);
    expect(json.products).toMatchObject([{ platform: 'joomla', title: 'plugin hello (group system)' }]);
    const stray = await installation.run('convert', 'nothing', '--forge', 'home', '--owner', 'acme');
    expect([stray.code, stray.noted]).toEqual([EXIT.usage, expect.stringContaining('no repository nothing')]);
  });

  it('shows the edits as a diff that git applies', async () => {
    const { code, said, json } = await installation.run('adopt', 'acme/hello', '--json');
    expect([code, said]).toEqual([EXIT.ok, '']);
    expect(json.items).toMatchObject([{ product: 'acme/hello', state: 'by_hand', pull_request: null }]);
    const work = join(installation.folder, 'work');
    execFileSync('git', ['clone', '--quiet', hello.path, work]);
    const diff = json.items[0].files.map((file: { diff: string }) => file.diff).join('');
    writeFileSync(join(installation.folder, 'a.diff'), diff);
    execFileSync('git', ['apply', join(installation.folder, 'a.diff')], { cwd: work });
    const manifest = execFileSync('cat', ['hello.xml'], { cwd: work, encoding: 'utf8' });
    expect(manifest).toContain(`>${PUBLIC_URL}/acme/hello/updates.xml</server>`);
    expect(manifest).toContain('<scriptfile>script.php</scriptfile>');
    const words = await installation.run('adopt', '--organization', 'acme', '--dry-run');
    expect(words.said).toContain('would propose');
    expect(words.said).toContain(
      `-  <updateservers><server type="extension" name="Hello">${OLD}</server></updateservers>`,
    );
  });

  it('prints lines for a proxy, and says how far it is', async () => {
    const nginx = await installation.run('routes', 'acme/hello');
    expect(nginx.said).toContain('location = /acme/hello/raw/branch/main/updates.xml {');
    expect(nginx.said).toContain(`proxy_pass ${PUBLIC_URL}/acme/hello/updates.xml;`);
    const alias = await installation.run(
      'product',
      'alias',
      'add',
      'acme/hello',
      '/acme/hello/raw/branch/main/updates.xml',
    );
    expect(alias.code).toBe(EXIT.ok);
    const caddy = await installation.run('routes', '--for', 'caddy');
    expect(caddy.said).toContain('rewrite * /acme/hello/raw/branch/main/updates.xml');
    const { said } = await installation.run('product', 'moving', 'acme/hello');
    expect(said).toMatch(/^done +keep old addresses/m);
    expect(said).toMatch(/^open +release: Release a version/m);
    expect(said).toContain(`${OLD}: alias, 0 polls in 14 days`);
  });

  it('refuses what it cannot do, in words', async () => {
    expect((await installation.run('adopt')).code).toBe(EXIT.usage);
    expect((await installation.run('adopt', 'acme/hello', '--feed-url', 'ftp://x')).code).toBe(EXIT.failed);
    expect((await installation.run('adopt', 'acme/hello', '--organization', 'acme')).code).toBe(EXIT.usage);
    expect((await installation.run('adopt', 'acme/nothing')).code).toBe(EXIT.failed);
    expect((await installation.run('bridge', 'set', 'acme/hello', '--branch', 'main')).code).toBe(EXIT.usage);
    const set = await installation.run('bridge', 'set', 'acme/hello', '--branch', 'main', '--path', 'updates.xml');
    expect(set.said).toContain('updates.xml on main');
    expect((await installation.run('bridge', 'remove', 'acme/hello')).code).toBe(EXIT.ok);
  });
});
