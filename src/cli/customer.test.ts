import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

describe('customers and licenses in the shell', () => {
  let at: TestInstallation;
  let jane: string;
  beforeAll(async () => {
    at = newInstallation();
    const folder = join(at.folder, 'git');
    mkdirSync(folder);
    await makeGitRepository(folder, 'hello', demoRepositories(PUBLIC_URL, 'acme').joomla.tags.slice(0, 1));
    await at.run('forge', 'add', '--kind', 'git', '--url', folder);
    await at.run('product', 'add', 'acme/hello');
    await at.run('package', 'create', '--name', 'Year', '--length', '1y', '--sites', '1');
    for (const [name, email] of [
      ['Jane Miller', 'jane@example.com'],
      ['Jané', 'jane+two@example.com'],
    ])
      await at.run(
        'key',
        'create',
        '--package',
        'Year',
        '--customer-name',
        String(name),
        '--customer-email',
        String(email),
      );
    jane = (await at.run('customer', 'list', '--email', 'jane@example.com', '--json')).json.customers[0].id;
  });
  afterAll(() => at.remove());

  it('are listed and found', async () => {
    const all = await at.run('customer', 'list', '--find', 'jan', '--sort=-name', '--json');
    expect(all.json.customers.map(({ name }: { name: string }) => name)).toEqual(['Jane Miller', 'Jané']);
    expect((await at.run('customer', 'list', '--find', '%')).said).toBe('There is no such customer.');
    expect((await at.run('customer', 'show', jane)).said).toContain('Jane Miller');
    const found = await at.run('license', 'list', '--customer', 'jane mil', '--status', 'active', '--json');
    expect(found.json.licenses.map(({ customer }: { customer: { id: string } }) => customer.id)).toEqual([jane]);
    const shown = await at.run('license', 'show', found.json.licenses[0].id);
    expect(shown.said).toContain('Jane Miller, jane@example.com');
    const keys = await at.run(
      'key',
      'list',
      '--email',
      'jane@example.com',
      '--never-used',
      'true',
      '--sort=-last_used',
      '--json',
    );
    expect(keys.json.keys).toHaveLength(1);
    const wrong = await at.run('key', 'list', '--status', 'wild');
    expect([wrong.code, wrong.noted]).toEqual([2, expect.stringContaining('--status')]);
    const other = await at.run('license', 'list', '--package', jane);
    expect([other.code, other.noted]).toEqual([2, expect.stringContaining('--package is the id of a customer')]);
  });

  it('are merged, given out and forgotten', async () => {
    const [double] = (await at.run('customer', 'list', '--email', 'jane+two@example.com', '--json')).json.customers;
    const merged = await at.run('customer', 'merge', double.id, '--into', jane);
    expect(merged.said).toBe(`${double.id} is part of ${jane} (Jane Miller) now, which has 2 licenses.`);
    expect((await at.run('customer', 'show', double.id)).said).toContain(`${double.id} was merged into ${jane}.`);
    const whole = await at.run('customer', 'export', jane, '--json');
    expect(whole.json.licenses).toHaveLength(2);
    const csv = await at.run('customer', 'export', jane, '--part', 'keys', '--format', 'csv');
    expect(csv.said.split('\r\n')[0]).toMatch(/^id,license_id,role,hint/);
    expect((await at.run('customer', 'export', jane, '--format', 'csv')).code).toBe(2);
    const planned = await at.run('customer', 'anonymize', jane);
    expect(planned.said).toContain('Nothing was changed');
    expect((await at.run('customer', 'anonymize', jane, '--yes', '--json')).json).toMatchObject({
      ...{ dry_run: false, changed: true, gone: { licenses: 2, keys_revoked: 2 } },
    });
    expect((await at.run('customer', 'anonymize', jane, '--yes')).said).toBe('It was done before: nothing is left.');
    expect((await at.run('customer', 'show', jane, '--json')).json).toMatchObject({ name: 'anonymized', email: '' });
  });
});
