import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromBuffer } from 'yauzl';
import { ForgeTrouble } from '../../src/errors.ts';
import { readBounded } from '../../src/forge/fetch.ts';
import type { ForgeConnection, ForgeDriver, RemoteRepository } from '../../src/forge/forge.ts';
import { mirrorName } from '../../src/forge/git/address.ts';
import { gitDriver } from '../../src/forge/git/driver.ts';
import { type GitRepository, type GitServerOptions, makeGitRepository, serveGit } from '../support/git-repository.ts';
import { forgeContract } from './forge-contract.ts';

let root: string;
let forge: ForgeConnection;
let repository: GitRepository;
const remote: RemoteRepository = {
  id: 'com_example',
  owner: 'acme',
  name: 'com_example',
  private: true,
  archived: false,
  webUrl: '',
  description: '',
};
const IDENTITY = ['-c', 'user.name=V', '-c', 'user.email=v@vendor.example'];
const ending: (() => Promise<void>)[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'feedgate-git-'));
  const folder = join(root, 'repositories');
  await mkdir(folder);
  forge = { id: 'fge_1', kind: 'git', baseUrl: folder, token: null, cacheDir: join(root, 'cache') };
  repository = await makeGitRepository(folder, 'com_example', [
    { name: 'v1.0.0', files: { 'example.xml': 'one', 'docs/notes.txt': 'first' } },
    { name: 'v1.1.0', files: { 'example.xml': 'two' }, message: 'Second\n- faster\n- smaller\n\nThanks.\n' },
  ]);
});

afterEach(async () => {
  for (const end of ending.splice(0)) await end();
  await rm(root, { recursive: true, force: true });
});

async function served(options: GitServerOptions = {}, token: string | null = null) {
  const server = await serveGit(join(root, 'repositories'), options);
  ending.push(server.close);
  return { server, overHttp: { ...forge, baseUrl: server.url, token } };
}

function mirrorPath(): string {
  return join(forge.cacheDir, 'git-mirrors', mirrorName(forge, 'com_example'));
}

async function textAt(ref: string, path: string, at = forge): Promise<string | null> {
  const bytes = await gitDriver.readFile(at, remote, ref, path);
  return bytes && Buffer.from(bytes).toString();
}

describe('tags as releases', () => {
  it('lists tags newest first, with peeled commits and the texts of annotated ones', async () => {
    const state = await gitDriver.state(forge, remote);
    expect(state?.releases).toEqual([]);
    expect(state?.tags).toEqual([
      {
        name: 'v1.1.0',
        commit: await repository.git('rev-parse', 'v1.1.0^{commit}'),
        message: 'Second\n- faster\n- smaller\n\nThanks.',
      },
      { name: 'v1.0.0', commit: await repository.git('rev-parse', 'v1.0.0'), message: '' },
    ]);
  });

  it('sees tags made, moved and deleted', async () => {
    const before = await gitDriver.state(forge, remote);
    const moved = await repository.tag({ name: 'v1.0.0', files: { 'example.xml': 'moved' } });
    await repository.deleteTag('v1.1.0');
    await repository.tag({ name: 'v2.0.0', files: { 'example.xml': 'three' } });
    const after = await gitDriver.state(forge, remote);
    expect(before?.tags.map((tag) => tag.name)).toEqual(['v1.1.0', 'v1.0.0']);
    expect(after?.tags.map((tag) => tag.name)).toEqual(['v2.0.0', 'v1.0.0']);
    expect(after?.tags.at(-1)?.commit).toBe(moved);
    expect(await textAt('v1.0.0', 'example.xml')).toBe('moved');
    expect(await textAt('v1.1.0', 'example.xml')).toBeNull();
  });

  it('leaves signatures out, peels a tag of a tag, and skips a tag of a file', async () => {
    const signed = 'Signed\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n';
    const commit = await repository.tag({ name: 'signed', files: { a: 'a' }, message: signed });
    await repository.git(...IDENTITY, 'tag', '-a', '-m', 'twice', 'twice', 'signed');
    await repository.git('tag', 'blob', 'v1.0.0:example.xml');
    const tags = (await gitDriver.state(forge, remote))?.tags ?? [];
    expect(tags.find((tag) => tag.name === 'signed')).toEqual({ name: 'signed', commit, message: 'Signed' });
    expect(tags.find((tag) => tag.name === 'twice')).toEqual({ name: 'twice', commit, message: 'twice' });
    expect(tags.some((tag) => tag.name === 'blob')).toBe(false);
  });

  it('takes an empty repository and a tag with a slash', async () => {
    const empty = await makeGitRepository(forge.baseUrl, 'empty', []);
    expect(await gitDriver.state(forge, { ...remote, id: 'empty', name: 'empty' })).toEqual({ releases: [], tags: [] });
    await empty.tag({ name: 'pro/1.0', files: { a: 'pro' } });
    expect(await gitDriver.readFile(forge, { ...remote, id: 'empty' }, 'pro/1.0', 'a')).toEqual(Buffer.from('pro'));
  });
});

describe('the repositories of these tests', () => {
  it('have the same commits each time', async () => {
    const again = await mkdtemp(join(root, 'again-'));
    const tags = [
      { name: 'a', files: { 'x y.txt': 'x' } },
      { name: 'b', files: { z: Buffer.from([0, 255]) }, message: 'Text', date: '2025-02-03T04:05:06Z' },
    ];
    const [one, two] = [await makeGitRepository(again, 'one', tags), await makeGitRepository(again, 'two', tags)];
    const refs = await one.git('for-each-ref', '--format=%(refname) %(objectname) %(creatordate:iso-strict)');
    expect(await two.git('for-each-ref', '--format=%(refname) %(objectname) %(creatordate:iso-strict)')).toBe(refs);
    expect(refs).toMatch(/refs\/tags\/b \w+ 2025-02-03T04:05:06(Z|\+00:00)$/);
    expect(await one.git('ls-tree', '--name-only', 'b')).toBe('z');
  });
});

describe('repositories', () => {
  it('finds one by name and by id, and lists a folder', async () => {
    await mkdir(join(forge.baseUrl, 'no-repository'));
    expect(await gitDriver.repository(forge, { owner: 'acme', name: 'com_example' })).toEqual(remote);
    expect(await gitDriver.repositoryById(forge, 'com_example')).toEqual({ ...remote, owner: '' });
    expect(await gitDriver.repositories(forge, 'acme')).toEqual([remote]);
  });

  it.each([
    'missing',
    '../repositories/com_example',
    'a/../com_example',
    '-upload-pack=touch',
    '',
    '.',
    'com_example\n',
    'com_example?x',
    '/com_example',
  ])('has no repository %j', async (name) => {
    expect(await gitDriver.repository(forge, { owner: 'acme', name })).toBeNull();
    expect(await gitDriver.state(forge, { ...remote, id: name })).toBeNull();
    expect(await gitDriver.readFile(forge, { ...remote, id: name }, 'v1.0.0', 'example.xml')).toBeNull();
    expect(await gitDriver.openArchive(forge, { ...remote, id: name }, 'v1.0.0')).toBeNull();
  });

  it('takes a folder that went away for trouble', async () => {
    const gone = { ...forge, baseUrl: join(root, 'unmounted') };
    await expect(gitDriver.state(gone, remote)).rejects.toMatchObject({ reason: 'unreachable' });
    await expect(gitDriver.check(gone)).rejects.toMatchObject({ reason: 'unreachable' });
    await expect(gitDriver.repositories(gone, 'acme')).rejects.toMatchObject({ reason: 'unreachable' });
  });

  it('says which git it runs', async () => {
    expect(await gitDriver.check(forge)).toEqual({ version: expect.stringMatching(/^git version \d/), user: null });
  });
});

describe('files and archives', () => {
  it('reads no link, and takes no sign in a path for a pattern', async () => {
    await repository.tag({ name: 'signs', files: { '*.txt': 'star', 'a.txt': 'a', ':(top)b': 'b' } });
    expect(await textAt('signs', '*.txt')).toBe('star');
    expect(await textAt('signs', '?.txt')).toBeNull();
    expect(await textAt('signs', ':(top)b')).toBe('b');
    expect(await textAt('signs', ':(top)a.txt')).toBeNull();
    const blob = await repository.git('rev-parse', 'signs:a.txt');
    await repository.git('update-index', '--add', '--cacheinfo', `120000,${blob},link`);
    const link = await repository.git('write-tree');
    await repository.git('tag', 'linked', await repository.git(...IDENTITY, 'commit-tree', '-m', 'link', link));
    expect(await textAt('linked', 'link')).toBeNull();
  });

  it('reads a file at a tag and at a commit', async () => {
    const commit = await repository.git('rev-parse', 'v1.0.0');
    expect(await textAt('v1.0.0', 'docs/notes.txt')).toBe('first');
    expect(await textAt(commit, 'example.xml')).toBe('one');
  });

  it.each([
    ['v9.9.9', 'example.xml'],
    ['v1.0.0', 'docs'],
    ['v1.0.0', 'missing.txt'],
    ['v1.0.0', '../example.xml'],
    ['v1.0.0', 'docs/../example.xml'],
    ['v1.0.0', '/example.xml'],
    ['v1.0.0', ''],
    ['main', 'example.xml'],
    ['HEAD', 'example.xml'],
    ['v1.0.0^{commit}', 'example.xml'],
    ['--help', 'example.xml'],
    ['0000000000000000000000000000000000000000', 'example.xml'],
  ])('has nothing at %j in %j', async (ref, path) => {
    expect(await textAt(ref, path)).toBeNull();
  });

  it('fetches for a tag that it has not seen, and not for a file that is not there', async () => {
    const { server, overHttp } = await served();
    await gitDriver.state(overHttp, remote);
    const before = server.requests.length;
    expect(await textAt('v1.0.0', 'example.xml', overHttp)).toBe('one');
    expect(await textAt('v1.0.0', 'missing.txt', overHttp)).toBeNull();
    expect(server.requests).toHaveLength(before);
    await repository.tag({ name: 'v3.0.0', files: { a: 'new' } });
    expect(await textAt('v3.0.0', 'a', overHttp)).toBe('new');
    expect(server.requests.length).toBeGreaterThan(before);
  });

  it('reads up to 1 MB and refuses more, without touching the mirror', async () => {
    await repository.tag({
      name: 'big',
      files: { fits: Buffer.alloc(1024 * 1024), over: Buffer.alloc(1024 * 1024 + 1) },
    });
    expect((await gitDriver.readFile(forge, remote, 'big', 'fits'))?.length).toBe(1024 * 1024);
    await expect(gitDriver.readFile(forge, remote, 'big', 'over')).rejects.toMatchObject({ reason: 'refused' });
  });

  it('archives a tag as a zip with one top folder, the same bytes each time', async () => {
    const first = await archive('v1.0.0');
    expect(await namesIn(first)).toEqual([
      'com_example-v1.0.0/',
      'com_example-v1.0.0/docs/',
      'com_example-v1.0.0/docs/notes.txt',
      'com_example-v1.0.0/example.xml',
    ]);
    expect(Buffer.compare(first, await archive('v1.0.0'))).toBe(0);
    expect(await gitDriver.openArchive(forge, remote, 'v9.9.9')).toBeNull();
  });

  it('has no assets and no public addresses', async () => {
    expect(await gitDriver.openAsset(forge, remote, { id: '1', locator: 'x' })).toBeNull();
    expect(gitDriver.publicUrls(forge, remote, 'v1.0.0', null)).toEqual([]);
  });
});

async function archive(tag: string): Promise<Buffer> {
  const file = await gitDriver.openArchive(forge, remote, tag);
  if (!file) throw new Error('no archive');
  return Buffer.from((await readBounded(file.stream, 1_000_000)) ?? []);
}

function namesIn(zip: Buffer): Promise<string[]> {
  return new Promise((resolve, reject) => {
    fromBuffer(zip, { lazyEntries: false }, (error, file) => {
      if (error) return reject(error);
      const names: string[] = [];
      file.on('entry', (entry) => names.push(entry.fileName));
      file.on('end', () => resolve(names));
    });
  });
}

describe('a mirror that was hurt', () => {
  it('works on after a kill that left locks', async () => {
    await gitDriver.state(forge, remote);
    await writeFile(join(mirrorPath(), 'packed-refs.lock'), '');
    await writeFile(join(mirrorPath(), 'still-the-same'), '');
    await writeFile(join(mirrorPath(), 'refs', 'tags', 'v1.0.0.lock'), '');
    await repository.deleteTag('v1.1.0');
    await repository.tag({ name: 'v1.0.0', files: { a: 'moved' } });
    expect((await gitDriver.state(forge, remote))?.tags.map((tag) => tag.name)).toEqual(['v1.0.0']);
    const inside = await readdir(mirrorPath());
    expect([inside.includes('packed-refs.lock'), inside.includes('still-the-same')]).toEqual([false, true]);
  });

  it.each([
    ['emptied', async () => rm(join(mirrorPath(), 'objects'), { recursive: true })],
    ['headless', async () => rm(join(mirrorPath(), 'HEAD'))],
    ['with bad refs', async () => writeFile(join(mirrorPath(), 'packed-refs'), 'garbage\n')],
    ['with damaged objects', async () => damageObjects()],
    ['half replaced', async () => rm(mirrorPath(), { recursive: true }).then(() => mkdir(`${mirrorPath()}.new`))],
  ])('is made anew when it is %s', async (_how, hurt) => {
    const before = await gitDriver.state(forge, remote);
    await hurt();
    expect(await gitDriver.state(forge, remote)).toEqual(before);
    expect(await textAt('v1.0.0', 'example.xml')).toBe('one');
    expect(await readdir(join(forge.cacheDir, 'git-mirrors'))).toHaveLength(1);
  });

  it('is made anew when just the file that is asked for is damaged', async () => {
    await gitDriver.state(forge, remote);
    const blob = await repository.git('rev-parse', 'v1.0.0:example.xml');
    await damageObjects(blob.slice(2));
    expect(await textAt('v1.0.0', 'example.xml')).toBe('one');
  });

  it('fails an archive that cannot be finished, then clones anew', async () => {
    await gitDriver.state(forge, remote);
    const blob = await repository.git('rev-parse', 'v1.0.0:example.xml');
    const file = await gitDriver.openArchive(forge, remote, 'v1.0.0');
    await damageObjects(blob.slice(2));
    await expect(readBounded(file?.stream ?? new Readable(), 1_000_000)).rejects.toMatchObject({
      reason: 'bad_answer',
    });
    expect((await archive('v1.0.0')).length).toBeGreaterThan(0);
  });

  async function damageObjects(only = ''): Promise<void> {
    const objects = join(mirrorPath(), 'objects');
    for (const entry of await readdir(objects, { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || !entry.name.includes(only)) continue;
      await rm(path);
      await writeFile(path, 'damaged');
    }
  }

  it('lets calls on one mirror take turns', async () => {
    const states = await Promise.all(Array.from({ length: 6 }, () => gitDriver.state(forge, remote)));
    for (const state of states) expect(state).toEqual(states[0]);
    expect(states[0]?.tags).toHaveLength(2);
  });
});

describe('over http', () => {
  it('reads without a login', async () => {
    const { overHttp } = await served();
    expect(await gitDriver.repository(overHttp, remote)).toEqual({ ...remote, private: false });
    expect((await gitDriver.state(overHttp, remote))?.tags).toHaveLength(2);
    expect(await textAt('v1.0.0', 'example.xml', overHttp)).toBe('one');
    expect(await gitDriver.state(overHttp, { ...remote, id: 'missing' })).toBeNull();
    expect(await gitDriver.repository(overHttp, { owner: '', name: 'missing' })).toBeNull();
    await expect(gitDriver.repositories(overHttp, 'acme')).rejects.toMatchObject({ reason: 'refused' });
  });

  it.each([
    ['t0ken-of-the-test', 'x-access-token:t0ken-of-the-test'],
    ['vera:t0ken-of-the-test', 'vera:t0ken-of-the-test'],
  ])('logs in with the token as a password', async (token, login) => {
    const authorization = `Basic ${Buffer.from(login).toString('base64')}`;
    const { overHttp } = await served({ authorization }, token);
    expect(await gitDriver.repository(overHttp, remote)).toEqual(remote);
    expect((await gitDriver.state(overHttp, remote))?.tags).toHaveLength(2);
  });

  it.each([null, 'wrong-t0ken'])('calls a refused login unauthorized and does not quote it', async (token) => {
    const { overHttp } = await served({ authorization: 'Basic other' }, token);
    const failure = gitDriver.state(overHttp, remote);
    await expect(failure).rejects.toMatchObject({ reason: 'unauthorized' });
    await expect(failure).rejects.not.toThrow(/wrong-t0ken/);
  });

  it('never carries a token to where it is redirected', async () => {
    const thief = await served();
    const { overHttp } = await served({ redirectTo: thief.server.url }, 't0ken');
    await expect(gitDriver.state(overHttp, remote)).rejects.toMatchObject({ reason: 'bad_answer' });
    await expect(gitDriver.repository(overHttp, remote)).rejects.toMatchObject({ reason: 'bad_answer' });
    expect(thief.server.requests).toEqual([]);
  });

  it.each([
    [429, 'rate_limited'],
    [500, 'unreachable'],
    [403, 'unauthorized'],
  ])('takes status %i for %s', async (status, reason) => {
    const { overHttp } = await served({ status });
    await expect(gitDriver.state(overHttp, remote)).rejects.toMatchObject({ reason });
  });

  it('keeps the mirror while the host is away', async () => {
    const { server, overHttp } = await served();
    await gitDriver.state(overHttp, remote);
    await server.close();
    ending.pop();
    await expect(gitDriver.state(overHttp, remote)).rejects.toMatchObject({ reason: 'unreachable' });
    expect(await textAt('v1.0.0', 'example.xml', overHttp)).toBe('one');
  });

  it('speaks no protocol that runs programs', async () => {
    const mark = join(root, 'ran');
    const bad = { ...forge, baseUrl: `ext::sh -c touch% ${mark}` };
    await expect(gitDriver.repository(bad, remote)).rejects.toMatchObject({ reason: 'refused' });
    expect(await readdir(root)).not.toContain('ran');
  });
});

describe('hooks', () => {
  const secret = 'hook-secret-of-the-test';
  const signed = (body: string) => ({
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  });

  it.each([
    [{ 'x-feedgate-event': 'push', 'x-feedgate-delivery': '17' }, '{"repository":"com_example"}', ''],
    [
      { 'x-github-event': 'push', 'x-github-delivery': '17' },
      '{"repository":{"id":5,"name":"com_example","owner":{"login":"acme"}}}',
      'acme',
    ],
  ])('takes a push of %j', (headers, body, owner) => {
    expect(gitDriver.verifyHook(Buffer.from(body), signed(body), ['older', secret])).toBe('valid');
    expect(gitDriver.verifyHook(Buffer.from(`${body} `), signed(body), [secret])).toBe('invalid');
    expect(gitDriver.verifyHook(Buffer.from(body), {}, [secret])).toBe('unsigned');
    expect(gitDriver.parseHook(Buffer.from(body), headers)).toEqual({
      ok: true,
      notice: {
        deliveryId: '17',
        event: 'push',
        action: null,
        repository: { id: 'com_example', owner, name: 'com_example' },
      },
    });
  });

  it.each([
    ['another event', { 'x-github-event': 'star', 'x-github-delivery': '1' }, '{"repository":"a"}'],
    ['no event', { 'x-github-delivery': '1' }, '{"repository":"a"}'],
    ['no delivery id', { 'x-feedgate-event': 'push' }, '{"repository":"a"}'],
    ['no JSON', { 'x-feedgate-event': 'push', 'x-feedgate-delivery': '1' }, 'repository=a'],
    ['no repository', { 'x-feedgate-event': 'push', 'x-feedgate-delivery': '1' }, '{}'],
    ['a way up', { 'x-feedgate-event': 'push', 'x-feedgate-delivery': '1' }, '{"repository":"../a"}'],
  ])('ignores %s', (_what, headers, body) => {
    expect(gitDriver.parseHook(Buffer.from(body), headers)).toEqual({ ok: false, reason: expect.any(String) });
  });

  it('tells how to install one by hand, and those words work', async () => {
    const received: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = http.createServer(async (request, response) => {
      received.push({ headers: request.headers, body: (await request.toArray()).join('') });
      response.writeHead(202).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ending.push(() => new Promise((resolve) => server.close(() => resolve())));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/fge_1`;

    const refusal = gitDriver.ensureHook(
      forge,
      { kind: 'repository', repository: remote },
      { url, secret, events: [] },
    );
    const words = await refusal.then(
      () => null,
      (error: unknown) => (error instanceof ForgeTrouble ? error : null),
    );
    expect(words?.reason).toBe('refused');
    expect(words?.message).not.toContain(secret);
    const script = words?.message.split('\n').slice(1).join('\n') ?? '';
    await promisify(execFile)('sh', ['-c', script], { env: { PATH: '/usr/bin:/bin', SECRET: secret } });

    const [delivery] = received;
    expect(gitDriver.verifyHook(Buffer.from(delivery?.body ?? ''), delivery?.headers ?? {}, [secret])).toBe('valid');
    expect(gitDriver.parseHook(Buffer.from(delivery?.body ?? ''), delivery?.headers ?? {})).toMatchObject({
      ok: true,
      notice: { event: 'push', repository: { id: 'com_example' } },
    });
    await gitDriver.removeHook(forge, { kind: 'repository', repository: remote }, url);
  });
});

/**
 * The contract's forges have many owners and tell what is private. A folder of repositories has neither: its owner is the
 * operator's word, which is added here as the rest of Feedgate adds it.
 */
function withOwner(owner: string): ForgeDriver {
  const owned = (found: RemoteRepository | null) => found && { ...found, owner, private: false };
  return {
    ...gitDriver,
    repository: async (at, name) => (name.owner === owner ? owned(await gitDriver.repository(at, name)) : null),
    repositoryById: async (at, id) => owned(await gitDriver.repositoryById(at, id)),
    repositories: async (at, asked) =>
      asked === owner ? (await gitDriver.repositories(at, asked)).flatMap((each) => owned(each) ?? []) : [],
  };
}

forgeContract('the git driver', withOwner('acme'), async () => {
  const place = await mkdtemp(join(tmpdir(), 'feedgate-git-contract-'));
  const folder = join(place, 'repositories');
  await mkdir(folder);
  const made = new Map<string, GitRepository>();
  const impossible = async () => {
    throw new Error('plain Git has no such thing');
  };
  return {
    forge: { id: 'fge_1', kind: 'git', baseUrl: folder, token: null, cacheDir: join(place, 'cache') },
    owner: 'acme',
    user: null,
    tellsTagTexts: true,
    makeRepository: async (name) => {
      made.set(name, await makeGitRepository(folder, name, []));
      return { owner: 'acme', name };
    },
    pushTag: async ({ name }, tag, files, message) => {
      await made.get(name)?.tag({ name: tag, files, ...(message === undefined ? {} : { message }) });
    },
    pushBranch: async ({ name }, files) => {
      await made.get(name)?.tag({ name: 'none', files });
      await made.get(name)?.deleteTag('none');
    },
    statuses: impossible,
    release: impossible,
    rename: impossible,
    makePublic: impossible,
    spoilHook: impossible,
    close: () => rm(place, { recursive: true }),
  };
});
