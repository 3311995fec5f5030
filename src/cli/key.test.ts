import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { isTokenText } from '../licensing/license-key.ts';
import { EXIT } from './command.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type Ran, type TestInstallation } from './test-cli.ts';

let installation: TestInstallation;

beforeAll(async () => {
  installation = newInstallation();
  const folder = join(installation.folder, 'git');
  mkdirSync(folder);
  await makeGitRepository(folder, 'hello', demoRepositories(PUBLIC_URL, 'acme').joomla.tags.slice(0, 2));
  await installation.run('forge', 'add', '--kind', 'git', '--url', folder);
  await installation.run('product', 'add', 'acme/hello', '--key-prefix', 'ACME1');
});
afterAll(() => installation.remove());

function run(...argv: string[]): Promise<Ran> {
  return installation.run(...argv);
}

async function sell(...more: string[]): Promise<Ran> {
  const jane = ['--customer-name', 'Jane', '--customer-email', 'jane@customer.example'];
  return run('key', 'create', '--package', 'One year', ...jane, ...more, '--json');
}

describe('packages', () => {
  it('makes one, shows it, and changes what is sold from then on', async () => {
    const made = await run(
      ...['package', 'create', '--name', 'One year', '--length', '1y', '--sites', '3', '--channels', 'stable,rc'],
      ...[
        '--entitlement',
        'support=true',
        '--entitlement',
        'seats=5',
        '--grace-days',
        '7',
        '--products',
        'acme/hello',
        '--json',
      ],
    );
    expect(made.code).toBe(EXIT.ok);
    expect(made.json).toMatchObject({
      ...{ name: 'One year', kind: 'base', version: 1, sites: 3, grace_days: 7, channels: ['stable', 'rc'] },
      ...{ duration: { value: 1, unit: 'year' }, entitlements: { support: true, seats: 5 } },
    });
    expect(made.json.products).toEqual([expect.stringMatching(/^prd_/)]);
    const changed = await run('package', 'change', made.json.id, '--sites', 'unlimited', '--json');
    expect(changed.json).toMatchObject({ version: 2, sites: null, grace_days: 7 });
    await run('package', 'change', 'One year', '--org', 'acme', '--sites', '3');
    const { packages } = (await run('package', 'list', '--json')).json;
    expect(packages.map(({ name, kind }: Record<string, string>) => `${name}: ${kind}`)).toEqual([
      'Master (internal): master',
      'One year: base',
    ]);
  });

  it.each([
    ['no length', ['--sites', '1']],
    ['no sites', ['--length', '1y']],
    ['a length of nothing', ['--sites', '1', '--length', '0d']],
    ['a length in weeks', ['--sites', '1', '--length', '2w']],
    ['sites in words', ['--sites', 'many', '--length', '1y']],
    ['an unknown kind', ['--sites', '1', '--length', '1y', '--kind', 'master']],
    ['an entitlement without a value', ['--sites', '1', '--length', '1y', '--entitlement', 'support']],
  ])('refuses %s', async (_, options) => {
    expect((await run('package', 'create', '--name', 'Odd', ...options)).code).toBe(EXIT.usage);
  });

  it('refuses a channel that the organization does not have, and to change the master', async () => {
    const odd = await run(
      'package',
      'create',
      '--name',
      'Odd',
      '--length',
      '1y',
      '--sites',
      '1',
      '--channels',
      'betta',
      '--json',
    );
    expect(odd.json.error).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ pointer: '/channels/0' }] });
    const master = await run('package', 'change', 'Master (internal)', '--org', 'acme', '--sites', '1', '--json');
    expect(master.json.error.code).toBe('MASTER_IS_FIXED');
  });
});

describe('keys', () => {
  it('issues a license with a key, and says its text once', async () => {
    const { code, json, noted } = await sell();
    expect(code).toBe(EXIT.ok);
    expect(json.key).toMatch(/^ACME1-/);
    expect(json).toMatchObject({ replayed: false, status: 'active', license: { customer: { name: 'Jane' } } });
    expect(noted).not.toContain(json.key);
    const listed = await run('key', 'list', '--email', 'JANE@customer.example', '--json');
    expect(listed.json.keys.map(({ id }: { id: string }) => id)).toContain(json.id);
    expect(JSON.stringify(listed)).not.toContain(json.key);
  });

  it('sells one payment once', async () => {
    const first = await sell('--payment-ref', 'INV-7');
    const second = await sell('--payment-ref', 'INV-7');
    expect(second.json).toMatchObject({ key: first.json.key, replayed: true });
    const other = await run(
      ...['key', 'create', '--package', 'Master (internal)', '--customer-name', 'Jane', '--payment-ref', 'INV-7'],
    );
    expect(other.code).toBe(EXIT.failed);
  });

  it('adds time to a license, and one more key', async () => {
    const { json } = await sell();
    const longer = await run('key', 'create', '--package', 'One year', '--license', json.license_id, '--json');
    expect(longer.json.id).toBe(json.id);
    expect(Date.parse(longer.json.valid_until)).toBeGreaterThan(Date.parse(json.valid_until));
    const more = await run('key', 'create', '--license', json.license_id, '--label', 'second', '--json');
    expect(more.json).toMatchObject({ license_id: json.license_id, label: 'second' });
    expect(more.json.key).not.toBe(json.key);
    const keys = (await run('key', 'list', '--license', json.license_id, '--json')).json.keys;
    expect(keys).toHaveLength(2);
  });

  it('takes over the text of another shop, also from a file', async () => {
    const typed = await sell('--text', 'OLD-SHOP-0001');
    expect(typed.json.key).toBe('OLD-SHOP-0001');
    const file = join(installation.folder, 'old-key.txt');
    writeFileSync(file, 'OLD-SHOP-0002\n');
    expect((await sell('--text-file', file)).json.key).toBe('OLD-SHOP-0002');
    expect((await run('key', 'show', 'OLD-SHOP-0002', '--json')).json.license.customer.name).toBe('Jane');
    const again = await sell('--text', 'OLD-SHOP-0001');
    expect(again.json.error.code).toBe('ALREADY_EXISTS');
    expect(JSON.stringify(again)).not.toContain('OLD-SHOP-0001');
  });

  it('shows state, terms by product, sites and last use; the text only when asked', async () => {
    const { json } = await sell('--domains', 'example.com,*.example.org');
    const shown = await run('key', 'show', json.key, '--json');
    expect(shown.json).toMatchObject({
      ...{ id: json.id, organization: 'acme', status: 'active', domains: ['example.com', '*.example.org'] },
      ...{
        sites: [],
        uses: [],
        license: { products: [{ path: 'acme/hello', channels: ['rc', 'stable'], max_sites: 3 }] },
      },
    });
    expect(JSON.stringify(shown)).not.toContain(json.key);
    const words = await run('key', 'show', json.id);
    expect(words.said).toContain('acme/hello: active until');
    expect(words.said).toContain('no use in the last 90 days');
    expect((await run('key', 'show', json.id, '--reveal')).said).toContain(json.key);
    expect((await run('key', 'show', json.id, '--reveal', '--json')).json.key).toBe(json.key);
  });

  it('suspends, resumes and revokes, by text and by id', async () => {
    const { json } = await sell();
    expect((await run('key', 'suspend', json.key, '--json')).json.key_status).toBe('suspended');
    expect((await run('key', 'resume', json.id, '--json')).json.key_status).toBe('active');
    expect((await run('key', 'revoke', json.key)).code).toBe(EXIT.usage);
    const revoked = await run('key', 'revoke', json.key, '--reason', 'published', '--json');
    expect(revoked.json).toMatchObject({ key_status: 'revoked', revoke_reason: 'published' });
    expect((await run('key', 'show', json.id, '--json')).json.status).toBe('revoked');
  });

  it('gives a revoked master key a successor at once', async () => {
    const { keys } = (await run('key', 'list', '--json')).json;
    const master = keys.find(({ role }: { role: string }) => role === 'master');
    const { json } = await run('key', 'revoke', master.id, '--reason', 'leaked', '--json');
    expect(json.next.key).toMatch(/^ACME1-/);
    expect((await run('key', 'show', json.next.key, '--json')).json).toMatchObject({
      id: json.next.id,
      role: 'master',
    });
  });

  it.each([
    [['key', 'create']],
    [['key', 'create', '--package', 'One year']],
    [['key', 'create', '--package', 'One year', '--customer-email', 'nobody']],
    [['key', 'create', '--package', 'One year', '--customer-name', 'J', '--quantity', '0']],
    [['key', 'create', '--package', 'One year', '--license', 'lic_1', '--text', 'OLD-SHOP-0003']],
    [['key', 'create', '--package', 'One year', '--customer-name', 'J', '--text', 'a', '--text-file', 'b']],
    [['key', 'show']],
  ])('takes %j for wrong words', async (argv) => {
    expect((await run(...argv)).code).toBe(EXIT.usage);
  });

  it('names the mix-up of ids', async () => {
    const { json } = await run('package', 'list', '--json');
    const shown = await run('key', 'show', json.packages[0].id, '--json');
    expect(shown.json.error).toMatchObject({ code: 'WRONG_ID_KIND', detail: expect.stringContaining('package') });
  });
});

describe('API tokens', () => {
  it('makes one that is shown once, lists and revokes it', async () => {
    const made = await run(
      'token',
      'create',
      '--name',
      'shop',
      '--scopes',
      'payments:write,licenses:read',
      '--expires',
      '90d',
      '--json',
    );
    expect(isTokenText(made.json.token)).toBe(true);
    expect(made.noted).toBe('');
    expect(made.json).toMatchObject({ name: 'shop', scopes: ['licenses:read', 'payments:write'], state: 'active' });
    const bound = await run('token', 'create', '--name', 'ci', '--scopes', 'all', '--organization', 'acme', '--json');
    const listed = await run('token', 'list', '--json');
    expect(listed.json.tokens.map(({ name }: { name: string }) => name)).toEqual(['shop', 'ci']);
    expect(JSON.stringify(listed)).not.toContain(made.json.token);
    const own = await run('token', 'list', '--organization', 'acme', '--json');
    expect(own.json.tokens.map(({ id }: { id: string }) => id)).toEqual([bound.json.id]);
    expect((await run('token', 'revoke', made.json.id, '--json')).json.state).toBe('revoked');
    expect((await run('token', 'revoke', 'tok_nobody')).code).toBe(EXIT.failed);
  });

  it.each([
    [['--name', 'x']],
    [['--name', 'x', '--scopes', 'everything']],
    [['--scopes', 'all']],
    [['--name', 'x', '--scopes', 'all', '--expires', 'soon']],
  ])('takes %j for wrong words', async (options) => {
    expect((await run('token', 'create', ...options)).code).toBe(EXIT.usage);
  });
});

describe('openapi', () => {
  it('prints the document without an installation', async () => {
    const other = newInstallation({ PUBLIC_URL: undefined, DATA_DIR: '/nowhere/at/all' });
    const { code, json } = await other.run('openapi', '--json');
    other.remove();
    expect(code).toBe(EXIT.ok);
    expect(json).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/' }] });
    const named = await installation.run('openapi');
    expect(JSON.parse(named.said).servers).toEqual([{ url: PUBLIC_URL }]);
  });
});

describe('licenses and batches', () => {
  it('changes a license, and tells an impossible change in words', async () => {
    const sold = (await sell()).json;
    const id = sold.license_id;
    const renewed = await run('license', 'renew', id, '--json');
    expect(renewed.json.valid_until.slice(0, 4)).toBe(String(Number(sold.valid_until.slice(0, 4)) + 1));
    const extended = await run('license', 'extend', id, '--days', '1', '--json');
    expect(Date.parse(extended.json.valid_until) - Date.parse(renewed.json.valid_until)).toBe(86_400_000);
    const past = await run('license', 'shorten', id, '--until', '2020-01-01');
    expect([past.code, past.noted]).toEqual([EXIT.failed, expect.stringContaining('lies in the past')]);
    expect((await run('license', 'extend', id)).code).toBe(EXIT.usage);
    expect((await run('license', 'extend', id, '--until', 'soon')).code).toBe(EXIT.usage);
    expect((await run('license', 'suspend', id, '--json')).json.status).toBe('suspended');
    expect((await run('license', 'resume', id, '--json')).json.status).toBe('active');
    expect((await run('license', 'shorten', id, '--now', '--json')).json.status).toBe('expired');
  });

  it('makes keys in advance, replaces one, and makes one for a try', async () => {
    const csv = join(installation.folder, 'keys.csv');
    const batch = ['key', 'batch', '--package', 'One year', '--count', '3', '--csv', csv, '--name', 'first', '--json'];
    const made = await run(...batch);
    expect(made.json).toMatchObject({ name: 'first', made: 3, written: 3 });
    const lines = readFileSync(csv, 'utf8').trim().split('\r\n');
    expect(lines).toHaveLength(4);
    expect((await run(...batch)).json.id).toBe(made.json.id);
    expect(readFileSync(csv, 'utf8').trim().split('\r\n')).toEqual(lines);
    const [text, id] = lines[1]?.split(',') ?? [];
    const replaced = await run('key', 'replace', id ?? '', '--overlap-days', '0', '--json');
    expect(replaced.json).toMatchObject({ replaces: id, replaced_before: false });
    expect(replaced.json.key).not.toBe(text);
    expect((await run('key', 'batch', '--package', 'One year', '--count', '0', '--csv', csv)).code).toBe(EXIT.usage);
    const tried = await run('key', 'test', '--product', 'acme/hello', '--days', '2', '--json');
    expect(tried.json).toMatchObject({ purpose: 'test', status: 'active', site_limit: 1 });
  });
});
