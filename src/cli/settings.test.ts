import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { isTokenText } from '../licensing/license-key.ts';
import { EXIT } from './command.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

/** What an operator sets from the shell: organization, products, packages, tokens. */
describe('settings', () => {
  let installation: TestInstallation;
  const run = (...argv: string[]) => installation.run(...argv);
  const json = async (...argv: string[]) => {
    const ran = await run(...argv, '--json');
    expect([ran.code, ran.noted.includes('feedgate ')]).toEqual([EXIT.ok, false]);
    return ran.json;
  };
  const refused = async (...argv: string[]) => (await run(...argv, '--json')).json.error;

  beforeAll(async () => {
    installation = newInstallation();
    const folder = join(installation.folder, 'git');
    mkdirSync(folder);
    await makeGitRepository(folder, 'hello', demoRepositories(PUBLIC_URL, 'acme').joomla.tags);
    await run('forge', 'add', 'home', '--kind', 'git', '--url', folder);
    await run('product', 'add', 'acme/hello');
  });
  afterAll(() => installation.remove());

  describe('of an organization', () => {
    it('are shown and changed part by part', async () => {
      expect(await json('organization', 'show', 'acme')).toMatchObject({ test_key: { days: 14, sites: 1 } });
      const { json: made } = await run(
        'package',
        'create',
        '--name',
        'Try',
        '--length',
        '14d',
        '--sites',
        '1',
        '--json',
      );
      const changed = await json(
        ...[
          'organization',
          'set',
          'acme',
          '--name',
          'Acme GmbH',
          '--key-prefix',
          'ACME1',
          '--renew-url',
          'https://s.example/',
        ],
        ...[
          '--test-package',
          'Try',
          '--test-sites',
          'unlimited',
          '--new-mode',
          'strict',
          '--new-target-joomla',
          '5 - 6',
        ],
        ...['--new-platform', 'joomla'],
      );
      expect(changed).toMatchObject({
        ...{ name: 'Acme GmbH', key_prefix: 'ACME1', former_key_prefixes: ['FG1'], renew_url: 'https://s.example/' },
        test_key: { package_id: made.id, days: 14, sites: null },
        new_products: { mode: 'strict', platforms: ['joomla'], targets: { joomla: { min: '5', max: '6' } } },
      });
      const back = await json(
        'organization',
        'set',
        'acme',
        '--renew-url',
        '',
        '--new-target-joomla',
        '',
        '--new-platform',
        '',
      );
      expect(back).toMatchObject({ renew_url: null, new_products: { mode: 'strict', platforms: null, targets: {} } });
      expect((await run('organization', 'show', 'acme')).said).toMatch(/new keys begin with +ACME1/);
    });

    it('name the channels and what uses them', async () => {
      const { channels } = await json('channel', 'list', '--org', 'acme');
      expect(channels[0]).toMatchObject({
        name: 'stable',
        releases: 2,
        used_by: { products: [{ path: 'acme/hello' }] },
      });
      expect((await run('channel', 'list')).said).toMatch(/stable +stable +stable +2 +Try.* acme\/hello, new products/);
    });

    it('refuse what cannot be', async () => {
      expect((await refused('organization', 'set', 'acme')).code).toBe('USAGE');
      expect((await refused('organization', 'set', 'acme', '--key-prefix', 'x')).code).toBe('USAGE');
      expect((await refused('organization', 'set', 'acme', '--new-open-channels', 'gold')).code).toBe(
        'INVALID_REQUEST',
      );
      expect((await refused('organization', 'show', 'nobody')).code).toBe('NOT_FOUND');
    });
  });

  describe('of a product', () => {
    it('turn the key on and off, and take hints away', async () => {
      const set = (...argv: string[]) => json('product', 'set', 'acme/hello', ...argv);
      expect((await set('--require-key', 'no')).mode).toBe('open');
      const on = await run('product', 'set', 'acme/hello', '--require-key', 'yes');
      expect(on.noted).toContain('"listed"');
      expect((await set('--mode', 'listed')).require_key).toBe(true);
      expect((await set('--element', 'com_hello', '--target-joomla', '5')).settings.hints).toEqual({
        joomla: 'com_hello',
      });
      expect((await set('--element', '', '--target-joomla', '')).settings).toMatchObject({ hints: {}, targets: {} });
      expect((await refused('product', 'set', 'acme/hello', '--mode', 'open', '--require-key', 'no')).code).toBe(
        'USAGE',
      );
    });

    it('may be an app for no platform', async () => {
      const added = await json('product', 'add', '--org', 'acme', '--slug', 'desk', '--platform', 'none');
      expect(added.products[0]).toMatchObject({ path: 'acme/desk', platforms: [], feeds: [] });
    });

    it('name old addresses, which can be taken away', async () => {
      await json('product', 'alias', 'add', 'acme/hello', '/acme/old');
      const listed = await json('product', 'alias', 'list', 'acme/hello');
      expect(listed.aliases.map(({ path }: { path: string }) => path)).toEqual(['acme/hello', 'acme/old']);
      expect(await json('product', 'alias', 'remove', 'acme/hello', 'acme/old')).toMatchObject({ removed: true });
      expect((await refused('product', 'alias', 'remove', 'acme/hello', 'acme/old')).code).toBe('NOT_FOUND');
      expect((await refused('product', 'alias', 'remove', 'acme/hello', 'acme/hello')).code).toBe('STILL_IN_USE');
    });
  });

  describe('of a package', () => {
    it('hold overage, takeover, order and prices, in versions', async () => {
      const made = await json(
        ...[
          'package',
          'create',
          '--name',
          'Pro',
          '--length',
          '1y',
          '--sites',
          '5',
          '--overage',
          '20',
          '--takeover-days',
          '30',
        ],
        ...[
          '--price',
          'stripe:price_1:pro-year,interval=1y',
          '--price',
          'shop:a:b:pro-shop,amount=4900,currency=eur,duration=6m',
          '--position',
          '3',
          '--description',
          'Best',
        ],
      );
      expect(made).toMatchObject({
        ...{ overage: { mode: 'allow', percent: 20 }, takeover_days: 30, position: 3, description: 'Best' },
        prices: [
          {
            ...{ provider: 'stripe', external_id: 'price_1', code: 'pro-year', amount_minor: null, currency: null },
            ...{ interval: { value: 1, unit: 'year' }, duration: null },
          },
          {
            ...{ provider: 'shop', external_id: 'a:b', code: 'pro-shop', amount_minor: 4900, currency: 'EUR' },
            ...{ interval: null, duration: { value: 6, unit: 'month' } },
          },
        ],
      });
      const less = ['--overage', 'deny', '--takeover-days', 'never', '--price', 'none'];
      const changed = await json('package', 'change', 'Pro', '--org', 'acme', ...less);
      expect(changed).toMatchObject({ version: 2, overage: { mode: 'deny' }, takeover_days: null, prices: [] });
      const { versions } = await json('package', 'versions', made.id);
      expect(versions.map(({ version, grants }: Record<string, number>) => [version, grants])).toEqual([
        [2, 0],
        [1, 0],
      ]);
      expect((await run('package', 'versions', made.id)).said).toContain('2 (sold now)');
    });

    it('are listed by what they are', async () => {
      const named = async (...argv: string[]) =>
        (await json('package', 'list', '--org', 'acme', ...argv)).packages.map(({ name }: { name: string }) => name);
      await json('package', 'change', 'Pro', '--org', 'acme', '--active', 'no');
      expect(await named('--active', 'no')).toEqual(['Pro']);
      expect(await named('--kind', 'master')).toEqual(['Master (internal)']);
      expect(await named('--text', 'best')).toEqual(['Pro']);
      expect(await named('--product', 'acme/desk', '--kind', 'base')).toEqual(['Try', 'Pro']);
    });

    it('go with the package where it was never sold', async () => {
      const master = (await json('package', 'list', '--kind', 'master')).packages[0].id;
      expect((await refused('package', 'delete', master)).code).toBe('MASTER_IS_FIXED');
      expect((await refused('package', 'delete', 'Try', '--org', 'acme')).code).toBe('STILL_IN_USE');
      expect(await json('package', 'delete', 'Pro', '--org', 'acme')).toMatchObject({ deleted: true });
    });
  });

  describe('of API tokens', () => {
    it('bind them to a product; they are replaced and say when they were used', async () => {
      const made = await json(
        'token',
        'create',
        '--name',
        'CI',
        '--scopes',
        'releases:write',
        '--product',
        'acme/hello',
      );
      expect([isTokenText(made.token), made.organization_id !== null, made.product_id !== null]).toEqual([
        true,
        true,
        true,
      ]);
      const next = await json('token', 'rotate', made.id, '--overlap', '48');
      expect(next).toMatchObject({ product_id: made.product_id, expires_at: null });
      expect((await refused('token', 'rotate', made.id)).code).toBe('TOKEN_ENDED');
      const list = await run('token', 'list', '--organization', 'acme');
      expect(list.said).toMatch(/last used/);
      expect(list.said).toMatch(/CI .* replaced .* acme\/hello +releases:write/);
      expect(list.said).not.toContain(next.token);
      expect((await refused('token', 'rotate', made.id, '--overlap', '721')).code).toBe('USAGE');
      expect((await refused('token', 'create', '--name', 'x', '--scopes', 'all', '--product', 'acme/x')).code).toBe(
        'NOT_FOUND',
      );
    });
  });
});
