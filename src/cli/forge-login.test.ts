import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeForge, startFakeForge } from '../../test/support/fake-forge.ts';
import { EXIT } from './command.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

describe('sign-in by command', () => {
  let installation: TestInstallation;
  let fake: FakeForge;
  let callback: string;
  const file = (name: string, text: string) => {
    const path = join(installation.folder, name);
    writeFileSync(path, `${text}\n`);
    return path;
  };
  const login = (...argv: string[]) => installation.run('forge', 'login', 'git', ...argv, '--json');

  beforeAll(async () => {
    installation = newInstallation();
    fake = await startFakeForge();
    const token = fake.createToken('bot', { writesUser: false });
    await installation.run('forge', 'add', 'git', '--kind', 'gitea', '--url', fake.url, '--token', token);
    callback = (await login()).json.callback_url;
  });
  afterAll(async () => {
    await fake.close();
    installation.remove();
  });

  it('says what to register, and that nobody signs in yet', async () => {
    expect(callback).toMatch(new RegExp(`^${PUBLIC_URL}/login/fge_[0-9a-z]{26}/callback$`));
    expect((await login()).json).toMatchObject({ forge: 'git', sign_in: false, sign_in_url: `${PUBLIC_URL}/login` });
    expect((await installation.run('forge', 'login', 'git')).said).toContain(callback);
  });

  it('says what the token of the forge lacks, and takes a user with his password', async () => {
    const refused = await login('--create');
    expect(refused.code).toBe(EXIT.failed);
    expect(refused.json.error.detail).toContain('write:user');
    fake.createUser('olga');
    fake.setPassword('olga', 'correct horse');
    const wrong = await login('--create', '--user', 'olga', '--password-file', file('wrong', 'battery staple'));
    expect([wrong.code, JSON.stringify(wrong).includes('battery')]).toEqual([EXIT.failed, false]);
    const made = await login('--create', '--user', 'olga', '--password-file', file('password', 'correct horse'));
    expect([made.code, made.json.sign_in]).toEqual([EXIT.ok, true]);
    const [app] = [...fake.login.apps.values()];
    expect(app).toMatchObject({ name: 'Feedgate', redirectUris: [callback] });
    expect(JSON.stringify(made)).not.toContain(app?.secret);
  });

  it('takes an application that was made by hand, and lets it go', async () => {
    expect((await login('--off')).json.sign_in).toBe(false);
    const secret = file('secret', 'gto_a-secret-of-mine');
    const set = await login('--client-id', 'client-1', '--client-secret-file', secret);
    expect([set.code, set.json.sign_in]).toEqual([EXIT.ok, true]);
    expect(JSON.stringify(set)).not.toContain('gto_');
    expect((await login('--off')).json.sign_in).toBe(false);
    expect((await login('--off')).code).toBe(EXIT.ok);
  });

  it.each([
    [['--client-id', 'x']],
    [['--create', '--off']],
    [['--create', '--user', 'olga']],
    [['--client-id', 'x', '--client-secret', 'y', '--client-secret-file', 'z']],
  ])('is a wrong call with %j', async (argv) => {
    expect((await login(...argv)).code).toBe(EXIT.usage);
  });

  it('knows forges by name, and those that know people', async () => {
    const nowhere = await installation.run('forge', 'login', 'nowhere', '--json');
    expect([nowhere.code, nowhere.json.error.code]).toEqual([EXIT.failed, 'NOT_FOUND']);
    await installation.run('forge', 'add', 'plain', '--kind', 'git', '--url', installation.folder);
    const plain = await installation.run('forge', 'login', 'plain', '--create', '--json');
    expect([plain.code, plain.json.error.detail]).toEqual([EXIT.failed, expect.stringContaining('kind "git"')]);
  });

  it('prints a link for the operator', async () => {
    const { code, json, noted } = await installation.run('login-link', '--json');
    expect(code).toBe(EXIT.ok);
    expect(json.url).toMatch(new RegExp(`^${PUBLIC_URL}/login/link\\?token=[\\w-]{43}$`));
    expect(noted).toContain('15 minutes');
    expect((await installation.run('login-link', '--minutes', '0')).code).toBe(EXIT.failed);
    expect((await installation.run('login-link', '--minutes', 'x')).code).toBe(EXIT.usage);
  });
});
