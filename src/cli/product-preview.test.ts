import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { EXIT } from './command.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

describe('product preview', () => {
  let installation: TestInstallation;
  let key: string;
  const { joomla, dolibarr } = demoRepositories(PUBLIC_URL, 'acme');

  beforeAll(async () => {
    installation = newInstallation();
    const folder = join(installation.folder, 'git');
    mkdirSync(folder);
    await makeGitRepository(folder, 'hello', joomla.tags);
    await makeGitRepository(folder, 'hellobox', dolibarr.tags);
    await makeGitRepository(folder, 'broken', [{ name: '1.0.0', files: { 'readme.md': '' } }]);
    await installation.run('forge', 'add', '--kind', 'git', '--url', folder);
    await installation.run('product', 'add', '--owner', 'acme', '--all');
    await installation.run('product', 'add', 'acme/broken', '--platform', 'joomla');
    await installation.run(
      ...['package', 'create', '--name', 'Pro', '--length', '1y', '--sites', '1', '--channels', 'stable,rc,beta'],
    );
    key = (await installation.run('key', 'create', '--package', 'Pro', '--customer-name', 'Jane')).said;
  });
  afterAll(() => installation.remove());

  async function preview(product: string, ...options: string[]) {
    const argv = ['product', 'preview', product, '--installed', '1.0.0', ...options, '--json'];
    const { code, json } = await installation.run(...argv);
    expect(code).toBe(EXIT.ok);
    expect(JSON.stringify(json)).not.toContain(key);
    return json.previews[0];
  }

  it('plays a stock Joomla without a key: listed, and the file refused', async () => {
    const seen = await preview('acme/hello', '--joomla', '5.4');
    expect(seen).toMatchObject({ platform: 'joomla', offered: '1.1.0', installs: false, code: 'OPEN' });
    expect(seen.sentence).toBe(
      'Joomla 5.4 with 1.0.0 installed is offered 1.1.0; but installing it fails: download failed: the package answered 403, because no key was typed.',
    );
  });

  it('plays a stock Joomla with a key: it installs', async () => {
    const seen = await preview('acme/hello', '--joomla', '5.4', '--key', key);
    expect(seen).toMatchObject({ offered: '1.1.0', installs: true });
    expect(seen.sentence).toBe('Joomla 5.4 with 1.0.0 installed is offered 1.1.0; it installs.');
  });

  it('plays a Joomla with the kit: it is shown the channels of the key', async () => {
    const seen = await preview('acme/hello', '--joomla', '5.4', '--key', key, '--kit', '--stability', 'beta');
    expect(seen).toMatchObject({ offered: '1.3.0-beta.1', installs: true, code: 'VALID' });
    const stable = await preview('acme/hello', '--joomla', '5.4', '--key', key, '--kit');
    expect(stable.offered).toBe('1.1.0');
    expect(stable.sentence).toContain('1.3.0-beta.1 is held back');
  });

  it('says why a Joomla that is too old is offered nothing', async () => {
    const seen = await preview('acme/hello', '--joomla', '4.2');
    expect(seen.offered).toBeNull();
    expect(seen.sentence).toContain('held back');
  });

  it('says that a strict product is hidden from stock Joomla, key or not', async () => {
    await installation.run('product', 'set', 'acme/hello', '--mode', 'strict');
    const seen = await preview('acme/hello', '--key', key);
    expect(seen).toMatchObject({ offered: null, installs: null });
    expect(seen.sentence).toContain('the product is strict, and Joomla sends the key with the download only');
    expect((await preview('acme/hello')).sentence).toContain('the product is strict, and no key was typed');
    expect((await preview('acme/hello', '--key', key, '--kit')).offered).toBe('1.1.0');
    await installation.run('product', 'set', 'acme/hello', '--mode', 'listed');
  });

  it('says why a key is refused', async () => {
    const other = (await installation.run('key', 'create', '--package', 'Pro', '--customer-name', 'Joe')).said;
    await installation.run('key', 'revoke', other, '--reason', 'published');
    const seen = await preview('acme/hello', '--key', other);
    expect(seen).toMatchObject({ installs: false });
    expect(seen.sentence).toContain('this license key was withdrawn');
  });

  it('plays a Dolibarr, whose poll carries the key', async () => {
    expect((await preview('acme/hellobox')).sentence).toBe('Dolibarr shows an update from 1.0.0 to 1.1.0.');
    expect(await preview('acme/hellobox', '--key', key)).toMatchObject({ offered: '1.3.0-beta.1', code: 'VALID' });
  });

  it('counts nothing and takes no site', async () => {
    await preview('acme/hello', '--key', key, '--kit', '--site', 'shop.customer.com');
    const { json } = await installation.run('key', 'show', key, '--json');
    expect(json).toMatchObject({ sites: [], uses: [], license: { limits: { sites: { used: 0 } } } });
  });

  it('says that nothing is listed yet', async () => {
    const seen = await preview('acme/broken');
    expect(seen.sentence).toBe('Joomla is offered nothing: no release is listed for it (see feedgate product lint).');
  });

  it('refuses a platform that the product is not made for', async () => {
    const { code, json } = await installation.run(
      ...['product', 'preview', 'acme/hello', '--installed', '1.0.0', '--dolibarr', '20', '--json'],
    );
    expect(code).toBe(EXIT.failed);
    expect(json.error.code).toBe('INVALID_REQUEST');
  });
});
