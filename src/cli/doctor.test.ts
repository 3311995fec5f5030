import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FakeForge, type FakeRepository, startFakeForge } from '../../test/support/fake-forge.ts';
import { CLI_ACTOR } from '../accounts/actor.ts';
import { createToken } from '../accounts/tokens.ts';
import { type Core, openCore } from '../app.ts';
import { HOUR } from '../clock.ts';
import { readConfig } from '../config.ts';
import { buildHandler } from '../handler.ts';
import { makeLogger } from '../http/log.ts';
import { zipBytes } from '../releases/zip-bytes-io.ts';
import { parseSecretKey } from '../secrets.ts';
import { EXIT } from './command.ts';
import { demoRepositories } from './demo-repositories.ts';
import type { Check } from './doctor-check.ts';
import { newInstallation, type TestInstallation } from './test-cli.ts';

interface Diagnosis {
  code: number;
  checks: Check[];
  /** Those of one name. */
  of(name: string): Check[];
}

async function ask(installation: TestInstallation): Promise<Diagnosis> {
  const { code, json } = await installation.run('doctor', '--json');
  const checks = json.checks as Check[];
  expect(json.ok).toBe(code === EXIT.ok);
  for (const { state, fix } of checks) expect(fix === null).toBe(state === 'ok');
  return { code, checks, of: (name) => checks.filter((check) => check.name === name) };
}

describe('doctor before there is anything', () => {
  it('fails at nothing and makes nothing', async () => {
    const installation = newInstallation();
    const { code, checks } = await ask(installation);
    expect(code).toBe(EXIT.ok);
    expect(checks.map(({ name, state }) => `${name} ${state}`)).toEqual([
      ...['secret_key warning', 'database warning', 'disk warning'],
    ]);
    expect(existsSync(join(installation.folder, 'data'))).toBe(false);
    installation.remove();
  });

  it('makes a fresh secret key without any configuration', async () => {
    const installation = newInstallation({ PUBLIC_URL: undefined });
    const { code, said } = await installation.run('doctor', '--new-secret-key');
    expect(code).toBe(EXIT.ok);
    expect(parseSecretKey(said).pepper).toHaveLength(32);
    expect((await installation.run('doctor', '--new-secret-key', '--json')).json.secret_key).not.toBe(said);
    installation.remove();
  });
});

describe('doctor at a running installation', () => {
  let front: Server;
  let installation: TestInstallation;
  let forge: FakeForge;
  let hello: FakeRepository;
  let core: Core;
  let answer: RequestListener;
  let secretKey: string;

  beforeAll(async () => {
    front = createServer((req, res) => answer(req, res));
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(front.address() as { port: number }).port}`;
    installation = newInstallation({ PUBLIC_URL: url });
    forge = await startFakeForge();
    core = await openIt(installation);
    answer = buildHandler(core);
    secretKey = join(installation.folder, 'data', 'secret.key');
    const files = demoRepositories(url, 'acme').joomla.tags[0]?.files ?? {};
    const zip = await zipBytes(Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) })));
    hello = await forge.createRepository({ owner: 'acme', name: 'hello' });
    await forge.publishRelease(hello, { tag: 'v1.0.0', files, assets: { 'plg_hello-1.0.0.zip': zip } });
    await installation.run('forge', 'add', 'main', '--kind', 'gitea', '--url', forge.url, '--token', forge.token);
    await installation.run('product', 'add', 'acme/hello');
  });
  afterEach(() => {
    answer = buildHandler(core);
    forge.clearFaults();
  });
  afterAll(async () => {
    await core.close();
    await forge.close();
    await new Promise((resolve) => front.close(resolve));
    installation.remove();
  });

  it('names the line for a forge whose hooks never arrived at a private address', async () => {
    const hook = (await ask(installation)).of('hook').find(({ state }) => state === 'warning');
    expect(hook?.detail).toContain('no delivery ever came');
    expect(hook?.fix).toContain('ALLOWED_HOST_LIST = external,127.0.0.1');
  });

  it('finds all well once a hook has arrived', async () => {
    await forge.pushTag(hello, 'v1.0.1');
    const { code, checks, of } = await ask(installation);
    expect(checks.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(code).toBe(EXIT.ok);
    expect(new Set(checks.map(({ name }) => name))).toEqual(
      new Set([
        'mail',
        'secret_key',
        'database',
        'disk',
        'clock',
        'forge',
        'hook',
        'owner',
        'public_url',
        'mode',
        'GATE_BYPASS',
        'moving',
        'jobs',
      ]),
    );
    expect(of('secret_key')[0]?.detail).toContain('lose this and every key is lost');
    expect(of('clock')[0]?.detail).toContain('as main says');
    expect((await installation.run('doctor')).said).toContain('0 warnings, 0 failed');
  });

  it('finds a gated file that the forge gives to anybody, and keeps it as a problem of the product', async () => {
    await forge.setPrivate(hello, false);
    const { code, of } = await ask(installation);
    expect(code).toBe(EXIT.ok);
    expect(of('GATE_BYPASS')).toMatchObject([{ state: 'warning', fix: expect.stringContaining('private') }]);
    const linted = await installation.run('product', 'lint', 'acme/hello', '--json');
    expect(linted.json.results[0]).toMatchObject({ subject: 'acme/hello', problems: [{ code: 'GATE_BYPASS' }] });
    await forge.setPrivate(hello, true);
    expect((await ask(installation)).of('GATE_BYPASS')).toMatchObject([{ state: 'ok' }]);
    expect((await installation.run('product', 'lint', 'acme/hello', '--json')).json.clean).toBe(true);
  });

  it('tells that the token may not ask for owners, and what to do', async () => {
    const token = forge.createToken('bot');
    hello.admins.add('bot');
    const set = (value: string) => installation.run('forge', 'token', 'set', 'main', '--token', value);
    await set(token);
    expect((await ask(installation)).of('owner')).toEqual([
      {
        ...{ name: 'owner', state: 'warning', detail: expect.stringContaining('the token belongs to bot') },
        fix: expect.stringMatching(/Teams → Owners → add bot.*feedgate forge token set main --token-file FILE/s),
      },
    ]);
    forge.addOwner('acme', 'bot');
    expect((await ask(installation)).of('owner')).toMatchObject([{ state: 'ok' }]);
    await set(forge.token);
  });

  it('tells of a stranger who has the name of the owner now, and how to say otherwise', async () => {
    const other = newInstallation();
    const fake = await startFakeForge();
    fake.createOrganization('acme');
    await other.run(
      'forge',
      'add',
      'main',
      '--kind',
      'gitea',
      '--url',
      fake.url,
      '--token',
      fake.token,
      '--owner',
      'acme',
    );
    fake.renameOrganization('acme', 'acme-new');
    expect((await ask(other)).of('owner')).toMatchObject([{ state: 'ok', detail: expect.stringContaining('renamed') }]);
    fake.deleteOrganization('acme-new');
    expect((await ask(other)).of('owner')).toMatchObject([
      { state: 'warning', detail: expect.stringContaining('knows no "acme-new"') },
    ]);
    fake.createOrganization('acme-new');
    const fix = expect.stringContaining('feedgate organization owner acme --owner NAME');
    const taken = await ask(other);
    expect([taken.code, taken.of('owner')]).toMatchObject([
      EXIT.failed,
      [{ state: 'failed', detail: expect.stringContaining('somebody else than before'), fix }],
    ]);
    expect((await other.run('organization', 'owner', 'acme')).code).toBe(EXIT.usage);
    expect((await other.run('organization', 'owner', 'acme', '--owner', 'nobody')).code).toBe(EXIT.failed);
    const { code, said } = await other.run('organization', 'owner', 'acme', '--owner', 'acme-new');
    expect([code, said]).toEqual([EXIT.ok, expect.stringContaining('The owner of acme is acme-new (id ')]);
    expect((await ask(other)).of('owner')).toMatchObject([{ state: 'ok' }]);
    await fake.close();
    other.remove();
  });

  it('warns of a product that hides its updates', async () => {
    await installation.run('product', 'set', 'acme/hello', '--mode', 'strict');
    expect((await ask(installation)).of('mode')).toMatchObject([
      { state: 'warning', fix: expect.stringContaining('"listed"') },
    ]);
    await installation.run('product', 'set', 'acme/hello', '--mode', 'listed');
  });

  it.each([
    ['answers for us', ((_, res) => void res.end('<updates></updates>')) as RequestListener, 'something else'],
    ['refuses us', ((_, res) => void res.writeHead(502).end()) as RequestListener, 'status 502'],
    ['hangs up', ((req) => void req.socket.destroy()) as RequestListener, 'no answer'],
  ])('fails where the proxy %s', async (_, listener, words) => {
    answer = listener;
    const { code, of } = await ask(installation);
    expect(code).toBe(EXIT.failed);
    expect(of('public_url')[0]).toMatchObject({ state: 'failed', detail: expect.stringContaining(words) });
  });

  it('fails where the forge is down, without a word of the token', async () => {
    forge.setFault('502');
    const { code, checks, of } = await ask(installation);
    expect(code).toBe(EXIT.failed);
    expect(of('forge')).toMatchObject([{ state: 'failed' }]);
    expect(of('GATE_BYPASS')).toMatchObject([{ state: 'warning', detail: expect.stringContaining('did not say') }]);
    expect(JSON.stringify(checks)).not.toContain(forge.token);
  });

  it('fails where a hook cannot be registered', async () => {
    forge.setFault('forbidden', { path: /\/hooks/ });
    const hooks = (await ask(installation)).of('hook');
    expect(hooks.find(({ state }) => state === 'failed')?.fix).toContain('right to manage hooks');
  });

  it('fails where others may read the secret key', async () => {
    chmodSync(secretKey, 0o644);
    const [check] = (await ask(installation)).of('secret_key');
    chmodSync(secretKey, 0o600);
    expect(check).toMatchObject({ state: 'failed', fix: `chmod 600 ${secretKey}` });
  });

  it('fails where the secret key is another one, damaged or gone, and shows none', async () => {
    const right = readFileSync(secretKey, 'utf8');
    const other = (await installation.run('doctor', '--new-secret-key')).said;
    writeFileSync(secretKey, other, { mode: 0o600 });
    const wrong = await ask(installation);
    writeFileSync(secretKey, 'no key at all', { mode: 0o600 });
    const damaged = await ask(installation);
    rmSync(secretKey);
    const gone = await ask(installation);
    const wasMade = existsSync(secretKey);
    writeFileSync(secretKey, right, { mode: 0o600 });
    expect(wrong.of('database')).toMatchObject([{ state: 'failed', fix: expect.stringContaining('back') }]);
    expect(damaged.of('secret_key')).toMatchObject([{ state: 'failed' }]);
    expect(gone.of('secret_key')).toMatchObject([
      { state: 'failed', fix: expect.stringContaining('every license key is lost') },
    ]);
    expect(wasMade).toBe(false);
    expect(JSON.stringify([wrong.checks, damaged.checks, gone.checks])).not.toContain(other.slice(0, 64));
    expect((await ask(installation)).code).toBe(EXIT.ok);
  });

  it('fails where the clock was set back', async () => {
    const wish = { name: 'later', organizationId: null, scopes: ['licenses:read' as const], expiresAt: null };
    await createToken(core, wish, CLI_ACTOR, core.clock() + HOUR);
    const { code, of } = await ask(installation);
    expect(code).toBe(EXIT.failed);
    expect(of('clock')).toMatchObject([{ state: 'failed', detail: expect.stringContaining('set back') }]);
  });
});

async function openIt({ env }: TestInstallation): Promise<Core> {
  const read = readConfig(env);
  if (!read.ok) throw new Error(read.faults.join(' '));
  return openCore(read.config, { log: makeLogger({ level: 'silent' }) });
}
