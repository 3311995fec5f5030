import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { EXIT } from './command.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type Ran, type TestInstallation } from './test-cli.ts';

let installation: TestInstallation;
let key: string;
let license: string;

const run = (...argv: string[]): Promise<Ran> => installation.run(...argv);
const listed = async (...more: string[]) =>
  (await run('site', 'list', license, ...more, '--json')).json.sites.map(
    ({ identity }: { identity: string }) => identity,
  );

beforeAll(async () => {
  installation = newInstallation();
  const folder = join(installation.folder, 'git');
  mkdirSync(folder);
  await makeGitRepository(folder, 'hello', demoRepositories(PUBLIC_URL, 'acme').joomla.tags.slice(0, 1));
  await run('forge', 'add', '--kind', 'git', '--url', folder);
  await run('product', 'add', 'acme/hello');
  await run('package', 'create', '--name', 'One year', '--length', '1y', '--sites', '2', '--channels', 'stable');
  const buyer = ['--customer-name', 'Jane', '--customer-email', 'jane@customer.example'];
  const sold = (await run('key', 'create', '--package', 'One year', ...buyer, '--json')).json;
  key = sold.key;
  license = sold.license_id;
});
afterAll(() => installation.remove());

it('adds sites by hand, lists them and frees them, by license or key', async () => {
  const added = await run('site', 'add', key, 'https://www.example.com/', '--label', 'Shop');
  expect([added.code, added.said]).toEqual([
    EXIT.ok,
    expect.stringContaining('example.com was added and takes a slot'),
  ]);
  const staging = await run('site', 'add', license, 'neu.example.org', '--staging-of', 'example.com', '--json');
  expect(staging.json).toMatchObject({ counted: false, exempt_reason: 'declared', beside: { site: 'example.com' } });
  expect((await run('site', 'add', license, '*.example.net')).code).toBe(EXIT.ok);
  expect(await listed()).toEqual(['example.com', 'neu.example.org', '*.example.net']);
  const full = await run('site', 'add', license, 'third.com');
  expect([full.code === EXIT.ok, full.noted]).toEqual([false, expect.stringContaining('all sites of this license')]);
  expect((await run('site', 'release', license, 'example.com')).said).toContain('is free');
  expect(await listed()).toEqual(['*.example.net']);
  expect(await listed('--state', 'released')).toEqual(['example.com', 'neu.example.org']);
  expect((await run('site', 'remove', key, '*.example.net')).code).toBe(EXIT.ok);
  expect((await run('site', 'list', key)).said).toContain('No site.');
});

it('says what is wrong', async () => {
  expect((await run('site', 'release', license, 'nowhere.com')).noted).toContain('no site nowhere.com');
  expect((await run('site', 'add', license, '*.com')).noted).toContain('registered');
  expect((await run('site', 'list', license, '--state', 'gone')).code).not.toBe(EXIT.ok);
});
