import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { EXIT } from './command.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

let installation: TestInstallation;
const run = (...argv: string[]) => installation.run('payments', ...argv);

beforeAll(async () => {
  installation = newInstallation();
  const folder = join(installation.folder, 'git');
  mkdirSync(folder);
  await makeGitRepository(folder, 'hello', demoRepositories(PUBLIC_URL, 'acme').joomla.tags);
  await installation.run('forge', 'add', 'home', '--kind', 'git', '--url', folder);
  await installation.run('product', 'add', 'acme/hello');
});
afterAll(() => installation.remove());

it('payments check says what is missing, and ends with 1 while something is wrong', async () => {
  const checked = await run('check', 'acme', '--json');
  expect(checked.code).toBe(EXIT.failed);
  expect(checked.json.findings.map(({ code }: { code: string }) => code)).toEqual(
    expect.arrayContaining(['NO_ACCOUNT', 'NO_PRICES', 'MAIL_NOT_SET', 'SELLER_SETTINGS']),
  );
  expect((await run('check', 'acme')).said).toContain('feedgate payments connect acme');
});

it('an account is connected, gets its webhook, and shows no secret but that of a shop, once', async () => {
  const secret = `whsec_${'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo='}`;
  const file = join(installation.folder, 'secret.txt');
  writeFileSync(file, `${secret}\n`);
  const made = await run(
    'connect',
    'acme',
    '--provider',
    'shop',
    '--mode',
    'test',
    '--hook-secret-file',
    file,
    '--json',
  );
  expect([made.code, made.json.hook_url]).toEqual([EXIT.ok, `${PUBLIC_URL}/api/shop/webhook/acme`]);
  const hook = await run('hook', 'acme', '--json');
  expect([hook.code, hook.json.hook_secrets.length]).toEqual([EXIT.ok, 2]);
  const seen = JSON.stringify([
    made,
    hook.json.hook_secrets,
    await run('check', 'acme'),
    await run('check', 'acme', '--json'),
  ]);
  expect(seen).not.toContain(secret.slice(6));
  expect(seen).not.toContain(hook.json.hook_secret.slice(6));
});

it('words that are wrong are told', async () => {
  expect((await run('connect', 'acme', '--provider', 'stripe', '--mode', 'test', '--json')).json.error.code).toBe(
    'USAGE',
  );
  expect((await run('connect', 'acme', '--provider', 'nobody', '--mode', 'test', '--json')).json.error.code).toBe(
    'INVALID_REQUEST',
  );
  expect((await run('hook', 'acme', '--mode', 'live', '--json')).json.error.code).toBe('USAGE');
  expect((await run('adopt', 'acme', '--json')).json.error.code).toBe('NOT_SUPPORTED');
  expect((await run('adopt', 'acme', '--csv', 'nowhere.csv', '--json')).json.error.code).toBe('USAGE');
  expect((await run('retry', 'pev_nothing', '--json')).json.error.code).toBe('NOT_FOUND');
  expect((await run('dismiss', 'pev_nothing', '--json')).json.error.code).toBe('NOT_FOUND');
  expect((await run('events', 'acme')).said).toBe('No event is stuck.');
  expect((await run('reconcile', 'acme', '--json')).json).toEqual({ new_events: null, looks: 0 });
});

it('variables make the account of the first organization, which is changed there only', async () => {
  Object.assign(installation.env, {
    STRIPE_SECRET_KEY: 'sk_test_0123456789abcdef',
    STRIPE_WEBHOOK_SECRET: 'whsec_abcdef',
  });
  const refused = await run(
    'connect',
    'acme',
    '--provider',
    'stripe',
    '--mode',
    'test',
    '--secret-key',
    'sk_test_12345678',
    '--json',
  );
  expect(refused.json.error.code).toBe('ALREADY_EXISTS');
  const hook = await run('hook', 'acme', '--provider', 'stripe', '--json');
  expect(hook.json.error.code).toBe('STILL_IN_USE');
  installation.env['STRIPE_WEBHOOK_SECRET'] = '';
  expect((await run('check', 'acme', '--json')).code).toBe(EXIT.config);
});
