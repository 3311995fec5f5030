import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBounded } from '../../src/forge/fetch.ts';
import type { ForgeConnection, HookScope, RemoteRepository, RepositoryName } from '../../src/forge/forge.ts';
import { apiUrl, webUrl } from '../../src/forge/github/address.ts';
import { githubDriver } from '../../src/forge/github/driver.ts';
import { type FakeGitHub, type FakeGitHubRepository, gitHubDelivery, startFakeGitHub } from '../support/fake-github.ts';
import { pushFiles } from '../support/fake-github-git.ts';
import { deleteOrganization, renameOrganization } from '../support/fake-github-people.ts';
import { forgeContract } from './forge-contract.ts';
import { visit } from './forge-contract-fake.ts';

let fake: FakeGitHub;
let forge: ForgeConnection;
let stored: FakeGitHubRepository;
let remote: RemoteRepository;

beforeEach(async () => {
  fake = await startFakeGitHub();
  fake.organizations.set('acme', []);
  stored = fake.addRepository('acme', 'com_example', { description: 'An example' });
  forge = { id: 'fge_1', kind: 'github', baseUrl: fake.url, token: fake.tokens.admin, cacheDir: '/nowhere' };
  remote = {
    id: String(stored.id),
    owner: 'acme',
    name: 'com_example',
    private: true,
    archived: false,
    webUrl: `${fake.url}/acme/com_example`,
    description: 'An example',
  };
});

afterEach(() => fake.close());

async function bytesOf(file: { stream: AsyncIterable<Uint8Array> } | null): Promise<Uint8Array | null> {
  return file && readBounded(file.stream, 10_000_000);
}

describe('addresses', () => {
  it.each([
    ['https://github.com', 'https://api.github.com', 'https://github.com'],
    ['https://api.github.com', 'https://api.github.com', 'https://github.com'],
    ['https://git.example.com', 'https://git.example.com/api/v3', 'https://git.example.com'],
    ['https://git.example.com/api/v3', 'https://git.example.com/api/v3', 'https://git.example.com'],
    ['https://git.example.com:8443/', 'https://git.example.com:8443/api/v3', 'https://git.example.com:8443'],
    ['https://acme.ghe.com', 'https://api.acme.ghe.com', 'https://acme.ghe.com'],
    ['https://api.acme.ghe.com', 'https://api.acme.ghe.com', 'https://acme.ghe.com'],
    ['https://github.com.evil.example', 'https://github.com.evil.example/api/v3', 'https://github.com.evil.example'],
  ])('%s is called at %s and looked at on %s', (baseUrl, api, web) => {
    expect(apiUrl({ baseUrl })).toBe(api);
    expect(webUrl({ baseUrl })).toBe(web);
  });

  it('names the public download addresses', () => {
    const at = { ...forge, baseUrl: 'https://github.com' };
    expect(githubDriver.publicUrls(at, remote, 'pro/1.0', 'a b.zip')).toEqual([
      'https://github.com/acme/com_example/releases/download/pro/1.0/a%20b.zip',
    ]);
    expect(githubDriver.publicUrls(at, remote, 'v1', null)).toEqual([
      'https://github.com/acme/com_example/archive/refs/tags/v1.zip',
    ]);
  });
});

describe('who and where', () => {
  it('says version and user', async () => {
    const version = 'GitHub Enterprise Server 3.15.0';
    expect(await githubDriver.check(forge)).toEqual({ version, user: 'vera' });
    expect(await githubDriver.check({ ...forge, token: null })).toEqual({ version, user: null });
  });

  it('takes an installation token, which has no user', async () => {
    fake.next.push({ status: 403, body: { message: 'Resource not accessible by integration' } });
    expect(await githubDriver.check(forge)).toMatchObject({ user: null });
  });

  it.each([
    ['a dead token', { token: 'revoked-token' }, 'unauthorized'],
    ['an address that is no API', { baseUrl: '/somewhere/api/v3' }, 'bad_answer'],
  ])('calls %s by its name', async (_what, change, reason) => {
    const baseUrl = forge.baseUrl + ('baseUrl' in change ? change.baseUrl : '');
    const failure = githubDriver.check({ ...forge, ...change, baseUrl });
    await expect(failure).rejects.toMatchObject({ reason });
    await expect(failure).rejects.not.toThrow(/revoked-token/);
  });

  it('finds a repository by name, by old name and by id', async () => {
    expect(await githubDriver.repository(forge, remote)).toEqual(remote);
    fake.rename(stored, 'acme', 'com_better');
    const renamed = { ...remote, name: 'com_better', webUrl: `${fake.url}/acme/com_better` };
    expect(await githubDriver.repository(forge, { owner: 'acme', name: 'com_example' })).toEqual(renamed);
    expect(await githubDriver.repositoryById(forge, remote.id)).toEqual(renamed);
  });

  it.each([['missing'], ['..'], ['']])('has no repository %j', async (name) => {
    expect(await githubDriver.repository(forge, { owner: 'acme', name })).toBeNull();
    expect(await githubDriver.repositoryById(forge, name)).toBeNull();
  });

  it('sees nothing private without the right', async () => {
    const stranger = { ...forge, token: fake.tokens.stranger };
    expect(await githubDriver.repository(stranger, remote)).toBeNull();
    expect(await githubDriver.state(stranger, remote)).toBeNull();
    expect(await githubDriver.readFile(stranger, remote, 'v1', 'a')).toBeNull();
    expect(await githubDriver.openAsset(stranger, remote, { id: '1', locator: '1' })).toBeNull();
    expect(await githubDriver.openArchive(stranger, remote, 'v1')).toBeNull();
  });

  it('lists what an organization, a person and oneself own', async () => {
    for (let i = 0; i < 130; i++) fake.addRepository('acme', `mod_${i}`, { private: i % 2 === 0 });
    fake.addRepository('vera', 'secret');
    fake.addRepository('paul', 'open', { private: false });
    fake.addRepository('paul', 'closed');
    const names = async (owner: string) => (await githubDriver.repositories(forge, owner)).map((each) => each.name);
    expect(await names('acme')).toHaveLength(131);
    expect(await names('vera')).toEqual(['secret']);
    expect(await names('paul')).toEqual(['open']);
    expect(await names('nobody')).toEqual([]);
  });
});

describe('releases and tags', () => {
  it('reads both, with digests and without unfinished uploads', async () => {
    const commit = fake.setTag(stored, 'v1.0.0', {});
    const release = fake.addRelease(stored, 'v1.0.0', { title: 'One', notes: 'First' });
    const whole = fake.addAsset(release, 'com_example.zip', Buffer.from('zip'));
    fake.addAsset(release, 'undigested.zip', Buffer.from('zip'), { digest: false, updatedAt: '2024-06-01T00:00:00Z' });
    fake.addAsset(release, 'half.zip', Buffer.from('z'), { state: 'open' });
    fake.addRelease(stored, 'v1.1.0', { draft: true, prerelease: true });
    const state = await githubDriver.state(forge, remote);
    expect(state?.tags).toEqual([{ name: 'v1.0.0', commit, message: '' }]);
    expect(state?.releases).toEqual([
      expect.objectContaining({
        tag: 'v1.1.0',
        title: '',
        notes: '',
        draft: true,
        prerelease: true,
        publishedAt: null,
      }),
      {
        id: String(release.id),
        tag: 'v1.0.0',
        title: 'One',
        notes: 'First',
        draft: false,
        prerelease: false,
        publishedAt: '2024-05-01T12:00:00Z',
        webUrl: `${fake.url}/acme/com_example/releases/tag/v1.0.0`,
        assets: [
          {
            id: String(whole.id),
            name: 'com_example.zip',
            size: 3,
            revision: '2024-05-01T12:00:00Z',
            sha256: createHash('sha256').update('zip').digest('hex'),
            external: false,
            locator: String(whole.id),
          },
          expect.objectContaining({ name: 'undigested.zip', sha256: null, revision: '2024-06-01T00:00:00Z' }),
        ],
      },
    ]);
  });

  it('reads every page by number and never follows a link', async () => {
    for (let i = 0; i < 230; i++) fake.setTag(stored, `v1.${i}`, {});
    const releases = Array.from({ length: 101 }, (_, i) => fake.addRelease(stored, `v1.${i}`));
    const state = await githubDriver.state(forge, remote);
    expect(state?.tags.map((tag) => tag.name)).toEqual(stored.tags.map((tag) => tag.name));
    expect(state?.releases).toHaveLength(releases.length);
    expect(fake.requests.filter((each) => each.path.includes('/tags')).map((each) => each.path.split('?')[1])).toEqual([
      'per_page=100&page=1',
      'per_page=100&page=2',
      'per_page=100&page=3',
    ]);
  });

  it('takes a list without an end for trouble, not for a short one', async () => {
    stored.tags = Array.from({ length: 10_001 }, (_, i) => ({ name: `v${i}`, commit: '1'.repeat(40), files: {} }));
    await expect(githubDriver.state(forge, remote)).rejects.toMatchObject({ reason: 'refused' });
    stored.tags.pop();
    expect((await githubDriver.state(forge, remote))?.tags).toHaveLength(10_000);
  });

  it('leaves out an entry that is none, and names a list that is none', async () => {
    const bare = { id: 1, tag_name: 'v1', draft: false, prerelease: false };
    const answer = (body: unknown) => ({ status: 200, body });
    const repositoryJson = { id: stored.id, name: 'com_example', owner: { login: 'acme' }, private: true };
    fake.next.push(answer(repositoryJson), answer([bare, { id: 'x' }, null]), answer([{ name: 'v1' }]));
    expect(await githubDriver.state(forge, remote)).toEqual({
      releases: [expect.objectContaining({ id: '1', tag: 'v1', assets: [] })],
      tags: [],
    });
    fake.next.push(answer(repositoryJson), answer({}), answer({}));
    await expect(githubDriver.state(forge, remote)).rejects.toMatchObject({ reason: 'bad_answer' });
  });

  it('goes by id, so a name that somebody else took misleads nobody', async () => {
    fake.rename(stored, 'acme', 'com_better');
    fake.addRelease(fake.addRepository('acme', 'com_example'), 'v6.6.6');
    fake.addRelease(stored, 'v1.0.0');
    expect((await githubDriver.state(forge, remote))?.releases.map((each) => each.tag)).toEqual(['v1.0.0']);
    fake.repositories.splice(0, 1);
    expect(await githubDriver.state(forge, remote)).toBeNull();
  });

  it.each([
    [{ status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' } }, 'rate_limited'],
    [{ status: 403, headers: { 'retry-after': '30' } }, 'rate_limited'],
    [{ status: 429 }, 'rate_limited'],
    [{ status: 403, body: { message: 'Resource protected by organization SAML enforcement' } }, 'refused'],
    [{ status: 451, body: { message: 'Repository access blocked' } }, 'refused'],
    [{ status: 401, body: { message: 'Bad credentials' } }, 'unauthorized'],
    [{ status: 502 }, 'bad_answer'],
    [{ status: 200, headers: { 'content-type': 'text/html' } }, 'bad_answer'],
  ])('takes %j for %s', async (answer, reason) => {
    fake.next.push(answer);
    await expect(githubDriver.state(forge, remote)).rejects.toMatchObject({ name: 'ForgeTrouble', reason });
  });
});

describe('files', () => {
  it('streams an asset from the signed address, to which no token goes', async () => {
    const bytes = Buffer.alloc(300_000, 'feedgate');
    const asset = fake.addAsset(fake.addRelease(stored, 'v1'), 'a.zip', bytes);
    const [listed] = (await githubDriver.state(forge, remote))?.releases[0]?.assets ?? [];
    expect(listed?.id).toBe(String(asset.id));
    const file = await githubDriver.openAsset(forge, remote, { id: listed?.id ?? '', locator: listed?.locator ?? '' });
    expect(file?.size).toBe(bytes.length);
    expect(await bytesOf(file)).toEqual(bytes);
    expect(fake.leaks).toEqual([]);
    expect(await githubDriver.openAsset(forge, remote, { id: '1', locator: '1' })).toBeNull();
    expect(await githubDriver.openAsset(forge, remote, { id: '..', locator: '../../..' })).toBeNull();
  });

  it('streams the archive of a tag, slashes and all', async () => {
    fake.setTag(stored, 'pro/1.0', { 'example.xml': '<extension/>' });
    const bytes = await bytesOf(await githubDriver.openArchive(forge, remote, 'pro/1.0'));
    expect(Buffer.from(bytes ?? []).toString('latin1')).toContain('acme-com_example-');
    expect(await githubDriver.openArchive(forge, remote, 'v9')).toBeNull();
    expect(fake.leaks).toEqual([]);
  });

  it('still finds files under the old name', async () => {
    const asset = fake.addAsset(fake.addRelease(stored, 'v1'), 'a.zip', Buffer.from('bytes'));
    fake.rename(stored, 'acme', 'com_better');
    const file = await githubDriver.openAsset(forge, remote, { id: String(asset.id), locator: String(asset.id) });
    expect(await bytesOf(file)).toEqual(Buffer.from('bytes'));
  });

  it('reads a file at a tag and at a commit', async () => {
    const commit = fake.setTag(stored, 'v1', { 'docs/a b#.txt': 'é'.repeat(1000), 'empty.txt': '' });
    const expected = Buffer.from('é'.repeat(1000));
    expect(await githubDriver.readFile(forge, remote, 'v1', 'docs/a b#.txt')).toEqual(expected);
    expect(await githubDriver.readFile(forge, remote, commit, 'docs/a b#.txt')).toEqual(expected);
    expect(await githubDriver.readFile(forge, remote, 'v1', 'empty.txt')).toEqual(Buffer.alloc(0));
  });

  it.each([
    ['v9', 'a'],
    ['v1', 'missing'],
    ['v1', 'docs'],
    ['v1', '../../../user'],
    ['v1', ''],
    ['main', 'a'],
  ])('has nothing at %j in %j', async (ref, path) => {
    fake.setTag(stored, 'v1', { a: 'a', 'docs/b': 'b' });
    expect(await githubDriver.readFile(forge, remote, ref, path)).toBeNull();
  });

  it('refuses a file of more than 1 MB', async () => {
    fake.setTag(stored, 'v1', { fits: Buffer.alloc(1024 * 1024), over: Buffer.alloc(1024 * 1024 + 1) });
    expect((await githubDriver.readFile(forge, remote, 'v1', 'fits'))?.length).toBe(1024 * 1024);
    await expect(githubDriver.readFile(forge, remote, 'v1', 'over')).rejects.toMatchObject({ reason: 'refused' });
  });
});

describe('hooks', () => {
  const spec = {
    url: 'https://feedgate.example.com/hooks/fge_1',
    secret: 'hook-secret-of-the-test',
    events: ['release', 'create', 'delete', 'push', 'repository'],
  };
  const right = {
    active: true,
    events: spec.events,
    config: { url: spec.url, content_type: 'json', secret: spec.secret, insecure_ssl: '0' },
  };
  const scopes: [string, () => HookScope, () => unknown[]][] = [
    ['repository', () => ({ kind: 'repository', repository: remote }), () => stored.hooks],
    ['organization', () => ({ kind: 'organization', owner: 'acme' }), () => fake.organizations.get('acme') ?? []],
  ];

  it.each(scopes)('makes, keeps and removes the hook of a %s', async (_kind, scope, hooks) => {
    const made = await githubDriver.ensureHook(forge, scope(), spec);
    expect(made).toEqual({ id: expect.any(String), change: 'created', drift: [] });
    expect(hooks()).toEqual([{ id: Number(made.id), ...right }]);
    expect(await githubDriver.ensureHook(forge, scope(), spec)).toEqual({ ...made, change: 'unchanged' });
    await githubDriver.removeHook(forge, scope(), spec.url);
    expect(hooks()).toEqual([]);
    await githubDriver.removeHook(forge, scope(), spec.url);
  });

  it.each([
    ['switched off', { active: false }, /switched off/],
    ['short of events', { events: ['release'] }, /missing: create, delete, push, repository/],
    ['full of events', { events: [...spec.events, 'star'] }, /too many: star/],
    ['on an old host', { config: { ...right.config, url: 'http://old.example.com/hooks/fge_1' } }, /old\.example\.com/],
    ['form-encoded', { config: { ...right.config, content_type: 'form' } }, /form/],
    ['unchecked', { config: { ...right.config, insecure_ssl: '1' } }, /certificates/],
    ['without a secret', { config: { url: spec.url, content_type: 'json' } }, /no secret/],
  ])('repairs one that is %s', async (_what, change, words) => {
    stored.hooks.push({ id: 7, ...structuredClone(right), ...change });
    const state = await githubDriver.ensureHook(forge, { kind: 'repository', repository: remote }, spec);
    expect(state).toEqual({ id: '7', change: 'repaired', drift: [expect.stringMatching(words)] });
    expect(stored.hooks).toEqual([{ id: 7, ...right }]);
  });

  it('writes a new secret even where no drift is to be seen', async () => {
    stored.hooks.push({ id: 7, ...right, config: { ...right.config, secret: 'older' } });
    const state = await githubDriver.ensureHook(forge, { kind: 'repository', repository: remote }, spec);
    expect(state.change).toBe('unchanged');
    expect(stored.hooks[0]?.config.secret).toBe(spec.secret);
  });

  it('keeps one of two and leaves the hooks of others alone', async () => {
    const foreign = { id: 5, ...right, config: { ...right.config, url: 'https://ci.example.com/hook' } };
    const old = { id: 6, ...right, config: { ...right.config, url: 'https://old.example.com/hooks/fge_1' } };
    stored.hooks.push(foreign, old, { id: 7, ...right });
    const state = await githubDriver.ensureHook(forge, { kind: 'repository', repository: remote }, spec);
    expect(state).toEqual({ id: '7', change: 'repaired', drift: ['a second hook had the same address'] });
    expect(stored.hooks).toEqual([foreign, { id: 7, ...right }]);
    await githubDriver.removeHook(forge, { kind: 'repository', repository: remote }, spec.url);
    expect(stored.hooks).toEqual([foreign]);
  });

  it('takes the hook that somebody else made at the same moment', async () => {
    stored.hooks.push({ id: 7, ...right });
    const repositoryJson = { id: stored.id, name: 'com_example', owner: { login: 'acme' }, private: true };
    fake.next.push({ status: 200, body: repositoryJson }, { status: 200, body: [] });
    const state = await githubDriver.ensureHook(forge, { kind: 'repository', repository: remote }, spec);
    expect(state).toEqual({ id: '7', change: 'unchanged', drift: [] });
    expect(stored.hooks).toHaveLength(1);
  });

  it('writes to the present name of a renamed repository', async () => {
    fake.rename(stored, 'acme', 'com_better');
    await githubDriver.ensureHook(forge, { kind: 'repository', repository: remote }, spec);
    expect(stored.hooks).toHaveLength(1);
    expect(fake.requests.find((each) => each.method === 'POST')?.path).toBe('/repos/acme/com_better/hooks');
  });

  it.each([
    ['repository', () => scopes[0]?.[1]() as HookScope, /acme\/com_example/],
    ['organization', () => scopes[1]?.[1]() as HookScope, /admin:org_hook/],
    ['person', (): HookScope => ({ kind: 'organization', owner: 'vera' }), /vera/],
  ])('says which right is missing for a %s', async (kind, scope, words) => {
    const token = kind === 'person' ? forge.token : fake.tokens.stranger;
    const failure = githubDriver.ensureHook({ ...forge, token }, scope(), spec);
    await expect(failure).rejects.toMatchObject({ reason: 'refused', message: expect.stringMatching(words) });
  });

  it('hands on why GitHub refuses an address, without the secret', async () => {
    const answers = [200, 200, 422, 200].map((status) => ({ status, body: [] as unknown }));
    const [first, , refused] = answers;
    if (first) first.body = { id: stored.id, name: 'com_example', owner: { login: 'acme' }, private: true };
    if (refused) refused.body = { message: 'Validation Failed', errors: [{ message: 'url is not reachable' }] };
    fake.next.push(...answers);
    const failure = githubDriver.ensureHook(forge, { kind: 'repository', repository: remote }, spec);
    await expect(failure).rejects.toMatchObject({ reason: 'refused', message: expect.stringMatching(/not reachable/) });
    await expect(failure).rejects.not.toThrow(spec.secret);
  });
});

describe('deliveries', () => {
  const repository = { id: 17, name: 'com_example', full_name: 'acme/com_example', owner: { login: 'acme', id: 1 } };
  const named = { id: '17', owner: 'acme', name: 'com_example' };

  it.each([
    ['release', { action: 'published', release: { tag_name: 'v1' }, repository }, 'published', named],
    ['push', { ref: 'refs/tags/v1', repository }, null, named],
    ['create', { ref: 'v1', ref_type: 'tag', repository }, null, named],
    ['delete', { ref: 'v1', ref_type: 'tag', repository }, null, named],
    ['repository', { action: 'renamed', repository }, 'renamed', named],
    ['ping', { zen: 'Keep it logically awesome.', hook_id: 1, repository }, null, named],
    ['ping', { zen: 'Keep it logically awesome.', hook_id: 1, organization: { login: 'acme' } }, null, null],
    ['membership', { action: 'removed', scope: 'team' }, 'removed', null],
  ])('reads %s', (event, payload, action, expected) => {
    const { headers, body } = gitHubDelivery(event, payload, 'secret-of-the-test');
    expect(githubDriver.verifyHook(body, headers, ['older', 'secret-of-the-test'])).toBe('valid');
    expect(githubDriver.verifyHook(body, headers, ['older'])).toBe('invalid');
    expect(githubDriver.parseHook(body, headers)).toEqual({
      ok: true,
      notice: { deliveryId: headers['x-github-delivery'], event, action, repository: expected },
    });
  });

  it.each([
    ['push', { ref: 'refs/heads/main', repository }],
    ['create', { ref: 'main', ref_type: 'branch', repository }],
    ['delete', { ref: 'main', ref_type: 'branch', repository }],
    ['star', { action: 'created', repository }],
    ['release', 'text'],
    ['release', { action: 'published', repository: { id: '1; drop' } }],
  ])('ignores %s %j', (event, payload) => {
    const { headers, body } = gitHubDelivery(event, payload, null);
    expect(githubDriver.verifyHook(body, headers, ['secret-of-the-test'])).toBe('unsigned');
    expect(githubDriver.parseHook(body, headers)).toEqual({ ok: false, reason: expect.any(String) });
  });

  it('ignores what has no headers of GitHub', () => {
    const { headers, body } = gitHubDelivery('release', { action: 'published', repository }, null);
    expect(githubDriver.parseHook(body, { ...headers, 'x-github-event': undefined }).ok).toBe(false);
    expect(githubDriver.parseHook(body, { ...headers, 'x-github-delivery': '' }).ok).toBe(false);
    expect(githubDriver.parseHook(Buffer.from([0xff, 0x00]), headers).ok).toBe(false);
  });

  const samples = fileURLToPath(new URL('../../../shared/samples/forges/github-webhooks/', import.meta.url));
  const files = existsSync(samples) ? readdirSync(samples) : [];
  if (files.length === 0) process.stderr.write(`SKIPPED: the recorded GitHub deliveries are not at ${samples}\n`);

  it.skipIf(files.length === 0)('reads every recorded delivery', () => {
    const seen = files.map((file) => {
      const payload: unknown = JSON.parse(readFileSync(samples + file, 'utf8'));
      const event = eventOfSample(file);
      const { headers, body } = gitHubDelivery(event, payload, 'secret-of-the-test');
      expect(githubDriver.verifyHook(body, headers, ['secret-of-the-test'])).toBe('valid');
      const parsed = githubDriver.parseHook(body, headers);
      if (!parsed.ok) return `${file}: ${parsed.reason}`;
      expect(parsed.notice.event).toBe(event);
      if (/^(go-scm|release|repository|push|create|delete)\b/.test(file))
        expect(parsed.notice.repository, file).not.toBeNull();
      if (/^release\./.test(file)) expect(parsed.notice.action).toBe(file.split('.')[1]);
      return null;
    });
    expect(seen.filter((each) => each !== null)).toEqual(['push.refs-heads-master.json: a push to no tag']);
  });
});

function eventOfSample(file: string): string {
  const go = /^go-scm\.(release|tag_create|tag_delete)/.exec(file)?.[1];
  if (go === undefined) return file.split('.')[0] ?? '';
  return { tag_create: 'create', tag_delete: 'delete' }[go] ?? go;
}

forgeContract('the GitHub driver', githubDriver, async () => {
  const stage = await startFakeGitHub();
  stage.organizations.set('acme', []);
  const find = ({ owner, name }: RepositoryName) => {
    const found = stage.repositories.find((each) => each.owner === owner && each.name === name);
    if (!found) throw new Error(`${owner}/${name} is not on the stage`);
    return found;
  };
  return {
    forge: { id: 'fge_1', kind: 'github', baseUrl: stage.url, token: stage.tokens.admin, cacheDir: '/nowhere' },
    owner: 'acme',
    user: 'vera',
    tellsTagTexts: false,
    makeRepository: async (name) => stage.addRepository('acme', name),
    pushTag: async (repository, tag, files) => {
      await stage.pushTag(find(repository), tag, files);
    },
    pushBranch: async (repository, files) => void pushFiles(find(repository).git, 'main', files),
    statuses: async (repository, commit) =>
      (find(repository).git.statuses.get(commit) ?? []).map((one) => `${one.context} ${one.state} ${one.description}`),
    release: async (repository, { tag, assets = {}, ...more }) => {
      const release = stage.addRelease(find(repository), tag, more);
      for (const [name, bytes] of Object.entries(assets)) stage.addAsset(release, name, bytes);
    },
    rename: async (repository, name) => stage.rename(find(repository), 'acme', name),
    makePublic: async (repository) => {
      find(repository).private = false;
    },
    spoilHook: async (repository) => {
      for (const hook of find(repository).hooks) Object.assign(hook, { active: false, events: ['push'] });
    },
    people: {
      user: async (login) => {
        const id = stage.people.users.get(login) ?? stage.nextId();
        stage.people.users.set(login, id);
        return { remoteId: String(id), login };
      },
      rename: async (from, to) => {
        stage.people.users.set(to, stage.people.users.get(from) ?? 0);
        stage.people.users.delete(from);
      },
      makeOwner: async (login) => void stage.people.owners.set('acme', new Set([login])),
      makeRepositoryAdmin: async ({ id }, login) => void stage.people.admins.set(Number(id), new Set([login])),
      makeTeam: async (name, members) => {
        const team = {
          id: stage.nextId(),
          organization: 'acme',
          name,
          slug: `${name}-slug`,
          members: new Set(members),
        };
        stage.people.teams.push(team);
        return String(team.id);
      },
      makeOrganization: async (name) => void stage.organizations.set(name, []),
      renameOrganization: async (from, to) => renameOrganization(stage, from, to),
      deleteOrganization: async (name) => deleteOrganization(stage, name),
      app: async (redirectUrl) => {
        stage.people.apps.set('client-1', { secret: 'secret-of-the-app', redirectUri: redirectUrl });
        return { clientId: 'client-1', clientSecret: 'secret-of-the-app', redirectUrl };
      },
      visit,
    },
    close: stage.close,
  };
});
