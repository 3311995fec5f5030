import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBufferPromise } from 'yauzl';
import { ForgeTrouble } from '../../src/errors.ts';
import { readBounded } from '../../src/forge/fetch.ts';
import type {
  ForgeConnection,
  ForgeDriver,
  HookScope,
  RemoteFile,
  RemoteRepository,
  RepositoryName,
} from '../../src/forge/forge.ts';
import { gitBlobId } from '../../src/forge/git-blob.ts';
import { peopleContract, type StagePeople } from './people-contract.ts';

export interface StageRelease {
  tag: string;
  title?: string;
  notes?: string;
  prerelease?: boolean;
  draft?: boolean;
  assets?: Record<string, Uint8Array>;
}

/** A forge, real or not, on which the contract plays. The owner is an organization made for it. */
export interface ForgeStage {
  forge: ForgeConnection;
  owner: string;
  /** Login of the token's owner; null where the forge knows none. */
  user: string | null;
  /** A list of tags holds the texts of annotated ones. */
  tellsTagTexts: boolean;
  /** Makes a private repository. */
  makeRepository(name: string): Promise<RepositoryName>;
  /** A commit of exactly these files (others may stay from before), tagged; annotated if there is a message. */
  pushTag(repository: RepositoryName, tag: string, files: Record<string, string>, message?: string): Promise<void>;
  /** A commit on the default branch `main` that adds these files. */
  pushBranch(repository: RepositoryName, files: Record<string, string>): Promise<void>;
  /** The statuses of a commit, `CONTEXT STATE DESCRIPTION` each. */
  statuses(repository: RepositoryName, commit: string): Promise<string[]>;
  /** On a tag that exists, or as a draft. */
  release(repository: RepositoryName, release: StageRelease): Promise<void>;
  rename(repository: RepositoryName, name: string): Promise<void>;
  makePublic(repository: RepositoryName): Promise<void>;
  /** Switches our hook off and leaves it one event. */
  spoilHook(repository: RepositoryName): Promise<void>;
  /** Missing where nobody can be made. */
  people?: StagePeople;
  close(): Promise<void>;
}

const EVENTS = {
  gitea: ['create', 'delete', 'push', 'release', 'repository'],
  github: ['create', 'delete', 'push', 'release'],
};
const SECRET = 'secret-of-the-contract';

/** What every driver must do alike. Cases that need a capability run where the driver declares it. */
export function forgeContract(name: string, driver: ForgeDriver, openStage: () => Promise<ForgeStage>): void {
  describe(`${name} keeps the contract of a forge`, () => {
    const { capabilities } = driver;
    const events = driver.kind === 'github' ? EVENTS.github : EVENTS.gitea;
    let stage: ForgeStage;
    let forge: ForgeConnection;
    let demo: RemoteRepository;

    beforeAll(async () => {
      stage = await openStage();
      forge = stage.forge;
      demo = await stored('com_demo');
    });

    afterAll(() => stage?.close());

    async function stored(repositoryName: string): Promise<RemoteRepository> {
      const repository = await driver.repository(forge, await stage.makeRepository(repositoryName));
      if (repository === null) throw new Error(`${repositoryName} was made and is not there`);
      return repository;
    }

    it('says what it talks to', async () => {
      const found = await driver.check(forge);
      expect(found.version).not.toBe('');
      expect(found.user).toBe(stage.user);
    });

    it.runIf(driver.kind !== 'git')('knows a dead token', async () => {
      const dead = driver.check({ ...forge, token: 'dead-token' });
      await expect(dead).rejects.toMatchObject({ name: 'ForgeTrouble', reason: 'unauthorized' });
    });

    it('finds a repository by name and by id', async () => {
      expect(demo).toMatchObject({
        owner: stage.owner,
        name: 'com_demo',
        private: driver.kind !== 'git',
        archived: false,
      });
      expect(await driver.repositoryById(forge, demo.id)).toEqual(demo);
      const all = await driver.repositories(forge, stage.owner);
      expect(all.filter((one) => one.name === 'com_demo')).toEqual([demo]);
    });

    it.each([
      ['nobody', 'com_demo'],
      ['..', 'com_demo'],
      ['', 'com_demo'],
      ['nobody', '..'],
      ['nobody', '../nobody/com_demo'],
    ])('finds no repository %j/%j', async (owner, repositoryName) => {
      expect(await driver.repository(forge, { owner, name: repositoryName })).toBeNull();
    });

    it('finds nothing that is not there', async () => {
      expect(await driver.repository(forge, { owner: stage.owner, name: 'com_nothing' })).toBeNull();
      expect(await driver.repositoryById(forge, '99999999')).toBeNull();
      expect(await driver.repositoryById(forge, '../user')).toBeNull();
      expect(await driver.repositories(forge, 'nobody-at-all')).toEqual([]);
      expect(await driver.state(forge, { ...demo, id: '99999999', name: 'com_nothing' })).toBeNull();
    });

    it('reads a repository in which nothing was tagged', async () => {
      const bare = await stored('com_bare');
      expect(await driver.state(forge, bare)).toEqual({ releases: [], tags: [] });
    });

    it('reads tags with their commits, and texts of annotated ones only', async () => {
      const repository = await stored('com_tags');
      await stage.pushTag(repository, 'v1.0.0', { 'demo.xml': '<one/>' });
      await stage.pushTag(repository, 'v1.1.0', { 'demo.xml': '<two/>' }, 'Notes of 1.1');
      await stage.pushTag(repository, 'dev/2.0+x', { 'demo.xml': '<three/>' });
      const state = await driver.state(forge, repository);
      const tags = [...(state?.tags ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
      expect(tags.map((tag) => [tag.name, tag.message.trim()])).toEqual([
        ['dev/2.0+x', ''],
        ['v1.0.0', ''],
        ['v1.1.0', stage.tellsTagTexts ? 'Notes of 1.1' : ''],
      ]);
      for (const tag of tags) expect(tag.commit).toMatch(/^[0-9a-f]{40}$/);
      const files = await Promise.all(tags.map((tag) => driver.readFile(forge, repository, tag.commit, 'demo.xml')));
      expect(files.map(textOf)).toEqual(['<three/>', '<one/>', '<two/>']);
    });

    it('reads files at a tag', async () => {
      const repository = await stored('com_files');
      await stage.pushTag(repository, 'v1', {
        'a.txt': 'one',
        'deep/er/ä b+c#d?.txt': 'two',
        'big.txt': 'x'.repeat(1_100_000),
      });
      await stage.pushTag(repository, 'pre/2', { 'a.txt': 'later' });
      const read = (ref: string, path: string) => driver.readFile(forge, repository, ref, path).then(textOf);
      expect(await read('v1', 'a.txt')).toBe('one');
      expect(await read('pre/2', 'a.txt')).toBe('later');
      expect(await read('v1', 'deep/er/ä b+c#d?.txt')).toBe('two');
      expect(await read('v1', 'nothing.txt')).toBeNull();
      expect(await read('v1', 'a.txt/b')).toBeNull();
      expect(await read('v1', '../v1/a.txt')).toBeNull();
      expect(await read('v1', '../releases')).toBeNull();
      expect(await read('v1', './a.txt')).toBeNull();
      expect(await read('v1', '')).toBeNull();
      expect(await read('v3', 'a.txt')).toBeNull();
      expect(await read('f'.repeat(40), 'a.txt')).toBeNull();
      await expect(read('v1', 'big.txt')).rejects.toMatchObject({ name: 'ForgeTrouble', reason: 'refused' });
    });

    it('opens the archive of a tag', async () => {
      const repository = await stored('com_archive');
      await stage.pushTag(repository, 'v1', { 'a.txt': 'one' });
      await stage.pushTag(repository, 'pre/2', { 'a.txt': 'two' });
      for (const [tag, text] of [
        ['v1', 'one'],
        ['pre/2', 'two'],
      ] as const) {
        const files = await filesOf(await driver.openArchive(forge, repository, tag));
        const found = Object.entries(files).find(([path]) => /^[^/]+\/a\.txt$/.test(path) || path === 'a.txt');
        expect(found?.[1]).toBe(text);
      }
      expect(await driver.openArchive(forge, repository, 'v3')).toBeNull();
      expect(await driver.openArchive(forge, repository, '..')).toBeNull();
    });

    it.runIf(capabilities.releases)('reads releases as they are', async () => {
      const repository = await stored('com_releases');
      await stage.pushTag(repository, 'v1.0.0', { 'a.txt': 'one' });
      await stage.pushTag(repository, 'v1.1.0-rc1', { 'a.txt': 'two' });
      const zip = Buffer.from('PK not really a zip');
      await stage.release(repository, {
        tag: 'v1.0.0',
        title: 'One',
        notes: '* first\n',
        assets: { 'a b+c.zip': zip },
      });
      await stage.release(repository, { tag: 'v1.1.0-rc1', title: 'Next', prerelease: true });
      await stage.release(repository, { tag: 'v2', title: 'Soon', draft: true });
      const state = await driver.state(forge, repository);
      const byTag = Object.fromEntries((state?.releases ?? []).map((release) => [release.tag, release]));
      expect(Object.keys(byTag).sort()).toEqual(['v1.0.0', 'v1.1.0-rc1', 'v2']);
      const [first, next, draft] = [byTag['v1.0.0'], byTag['v1.1.0-rc1'], byTag['v2']];
      expect(first).toMatchObject({ title: 'One', draft: false, prerelease: false });
      expect(first?.notes.trim()).toBe('* first');
      expect(Date.parse(first?.publishedAt ?? '')).toBeGreaterThan(0);
      expect(next).toMatchObject({ title: 'Next', draft: false, prerelease: true, assets: [] });
      expect(draft).toMatchObject({ title: 'Soon', draft: true });
      expect(state?.tags.map((tag) => tag.name).sort()).toEqual(['v1.0.0', 'v1.1.0-rc1']);
      expect(first?.assets).toHaveLength(1);
      const [asset] = first?.assets ?? [];
      expect(asset).toMatchObject({ size: zip.length, external: false });
      const file = asset ? await driver.openAsset(forge, repository, asset) : null;
      expect(file?.size).toBe(zip.length);
      expect(textOf(await bytesOf(file))).toBe(zip.toString());
    });

    it.runIf(capabilities.releases)('finds no file that is gone', async () => {
      const locator = '/attachments/00000000-0000-4000-8000-000000000000';
      expect(await driver.openAsset(forge, demo, { id: '99999999', locator })).toBeNull();
    });

    it('reads more tags than fit on a page', async () => {
      const repository = await stored('com_many');
      const names = Array.from({ length: 103 }, (_, i) => `v0.0.${i}`);
      for (const tag of names) await stage.pushTag(repository, tag, {});
      const state = await driver.state(forge, repository);
      expect(state?.tags.map((tag) => tag.name).sort()).toEqual([...names].sort());
    }, 120_000);

    it.runIf(driver.kind !== 'git')('follows a rename by id and by the old name', async () => {
      const repository = await stored('com_before');
      await stage.pushTag(repository, 'v1', { 'a.txt': 'one' });
      await stage.rename(repository, 'com_after');
      expect(await driver.repositoryById(forge, repository.id)).toMatchObject({ id: repository.id, name: 'com_after' });
      expect(await driver.repository(forge, repository)).toMatchObject({ id: repository.id, name: 'com_after' });
      expect((await driver.state(forge, repository))?.tags).toHaveLength(1);
      expect(textOf(await driver.readFile(forge, repository, 'v1', 'a.txt'))).toBe('one');
      expect(await bytesOf(await driver.openArchive(forge, repository, 'v1'))).not.toBeNull();
    });

    it.runIf(capabilities.releases)('tells where anybody could fetch a file of a public repository', async () => {
      const repository = await stored('com_open');
      await stage.pushTag(repository, 'pre/1', { 'a.txt': 'one' });
      await stage.release(repository, { tag: 'pre/1', assets: { 'x.zip': Buffer.from('bytes') } });
      const urls = [
        ...driver.publicUrls(forge, repository, 'pre/1', 'x.zip'),
        ...driver.publicUrls(forge, repository, 'pre/1', null),
      ];
      expect(urls.length).toBeGreaterThanOrEqual(2);
      const statuses = () => Promise.all(urls.map(async (url) => (await fetch(url)).status));
      expect(await statuses()).toEqual(urls.map(() => 404));
      await stage.makePublic(repository);
      expect(await statuses()).toEqual(urls.map(() => 200));
    });

    it('lists the files of a branch, which are read at its commit', async () => {
      const repository = await stored('com_tree');
      await stage.pushBranch(repository, { 'a.txt': 'one', 'deep/er/b+c#d.txt': 'two', 'empty.txt': '' });
      const more = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`more/${i}.txt`, `${i}`]));
      await stage.pushBranch(repository, { 'a.txt': 'one', 'deep/er/b+c#d.txt': 'two', 'empty.txt': '', ...more });
      const tree = await driver.tree(forge, repository, null);
      const paths = (tree?.files ?? []).map(({ path }) => path);
      expect(paths).toEqual(expect.arrayContaining(['a.txt', 'deep/er/b+c#d.txt', 'empty.txt', 'more/11.txt']));
      expect(new Set(paths).size).toBe(paths.length);
      expect(tree).toMatchObject({ branch: 'main', commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
      expect(tree?.files.find(({ path }) => path === 'a.txt')).toMatchObject({
        size: 3,
        mode: '100644',
        blob: gitBlobId(Buffer.from('one')),
      });
      const commit = tree?.commit ?? '';
      expect(textOf(await driver.readFile(forge, repository, commit, 'deep/er/b+c#d.txt'))).toBe('two');
      expect(await driver.tree(forge, repository, 'main')).toEqual(tree);
      expect(await driver.tree(forge, repository, 'nothing')).toBeNull();
      expect(await driver.tree(forge, repository, '../main')).toBeNull();
      expect(await driver.tree(forge, { ...repository, id: '99999999', name: 'com_nothing' }, null)).toBeNull();
    });

    it.runIf(!capabilities.pullRequest)('refuses in words what it cannot do', async () => {
      const status = { state: 'success', context: 'c', description: 'd', targetUrl: null } as const;
      const file = { branch: 'main', path: 'a', content: Buffer.from(''), message: 'm' };
      const refused = { name: 'ForgeTrouble', reason: 'refused' };
      await expect(driver.setStatus(forge, demo, 'f'.repeat(40), status)).rejects.toMatchObject(refused);
      await expect(driver.writeFile(forge, demo, file)).rejects.toMatchObject(refused);
      const pull = { branch: 'b', base: 'main', title: 't', body: '', message: 'm', changes: [] };
      await expect(driver.propose(forge, demo, pull)).rejects.toMatchObject(refused);
    });

    describe.runIf(capabilities.commitStatus)('statuses', () => {
      const lint = { context: 'feedgate/lint', targetUrl: 'https://updates.example.test/' };

      it('are set and replaced, and a warning is told in the words that the forge has', async () => {
        const repository = await stored('com_status');
        await stage.pushBranch(repository, { 'a.txt': 'one' });
        const commit = (await driver.tree(forge, repository, null))?.commit ?? '';
        await driver.setStatus(forge, repository, commit, { ...lint, state: 'failure', description: '2 problems' });
        expect(await stage.statuses(repository, commit)).toEqual(['feedgate/lint failure 2 problems']);
        const long = `1 warning: ${'x'.repeat(200)}`;
        await driver.setStatus(forge, repository, commit, {
          ...lint,
          state: 'warning',
          description: long.slice(0, 140),
        });
        const [only, ...others] = await stage.statuses(repository, commit);
        const word = driver.kind === 'github' ? 'success' : 'warning';
        expect(only).toBe(`feedgate/lint ${word} ${long.slice(0, 140)}`);
        expect(others).toEqual([]);
      });

      it('are refused without a right', async () => {
        const repository = await stored('com_status_refused');
        await stage.makePublic(repository);
        const commit = (await driver.tree(forge, repository, null))?.commit ?? '';
        const stranger = { ...forge, token: null };
        const status = { ...lint, state: 'success', description: 'ok' } as const;
        const refused = driver.setStatus(stranger, repository, commit, status);
        await expect(refused).rejects.toMatchObject({ name: 'ForgeTrouble' });
      });
    });

    describe.runIf(capabilities.pullRequest)('pull requests', () => {
      const bytes = (text: string) => Buffer.from(text, 'latin1');
      const spec = {
        ...{ branch: 'feedgate/adopt', base: 'main', title: 'Move', body: 'Why', message: 'Move' },
        changes: [
          { path: 'a.txt', content: bytes('one\r\n\xe9') },
          { path: 'deep/new.txt', content: bytes('new') },
          { path: 'old.txt', content: null },
        ],
      };

      async function fresh(repositoryName: string): Promise<RemoteRepository> {
        const repository = await stored(repositoryName);
        await stage.pushBranch(repository, { 'a.txt': 'zero', 'old.txt': 'old', 'kept.txt': 'kept' });
        return repository;
      }

      async function filesOn(repository: RemoteRepository, branch: string): Promise<Record<string, string | null>> {
        const tree = await driver.tree(forge, repository, branch);
        const found: Record<string, string | null> = {};
        for (const { path } of tree?.files ?? []) {
          const content = await driver.readFile(forge, repository, tree?.commit ?? '', path);
          if (!path.startsWith('README')) found[path] = content && Buffer.from(content).toString('latin1');
        }
        return found;
      }

      it('open once: several files, one commit, and twice is the same one', async () => {
        const repository = await fresh('com_pull');
        const opened = await driver.propose(forge, repository, spec);
        expect(opened).toMatchObject({ change: 'opened', url: expect.stringContaining('com_pull') });
        const wanted = { 'a.txt': 'one\r\n\xe9', 'deep/new.txt': 'new', 'kept.txt': 'kept' };
        expect(await filesOn(repository, spec.branch)).toEqual(wanted);
        expect(await filesOn(repository, 'main')).toMatchObject({ 'a.txt': 'zero', 'old.txt': 'old' });
        expect(await driver.propose(forge, repository, spec)).toEqual({ ...opened, change: 'unchanged' });
      });

      it('are brought up to date: other files, other words, a base that moved on', async () => {
        const repository = await fresh('com_pull_again');
        const opened = await driver.propose(forge, repository, spec);
        const reworded = await driver.propose(forge, repository, { ...spec, title: 'Move on', body: 'Because' });
        expect(reworded).toEqual({ ...opened, change: 'updated' });
        const changes = [{ path: 'kept.txt', content: bytes('changed') }];
        const updated = await driver.propose(forge, repository, { ...spec, changes });
        expect(updated).toEqual({ ...opened, change: 'updated' });
        const wanted = { 'a.txt': 'zero', 'old.txt': 'old', 'kept.txt': 'changed' };
        expect(await filesOn(repository, spec.branch)).toEqual(wanted);
        await stage.pushBranch(repository, { 'later.txt': 'later' });
        expect((await driver.propose(forge, repository, { ...spec, changes })).number).toBe(opened.number);
        expect(await filesOn(repository, spec.branch)).toMatchObject({ 'kept.txt': 'changed', 'later.txt': 'later' });
      });

      it('are refused for a base that is not there', async () => {
        const repository = await fresh('com_pull_nowhere');
        const refused = driver.propose(forge, repository, { ...spec, base: 'nothing' });
        await expect(refused).rejects.toMatchObject({ name: 'ForgeTrouble', reason: 'refused' });
      });

      it('are not needed for one file on a branch, which is written when it differs', async () => {
        const repository = await fresh('com_bridge');
        const file = { branch: 'main', path: 'sub/updates.xml', content: bytes('<updates/>'), message: 'Bridge' };
        expect(await driver.writeFile(forge, repository, file)).toBe('written');
        const { commit } = (await driver.tree(forge, repository, 'main')) ?? {};
        expect(await driver.writeFile(forge, repository, file)).toBe('unchanged');
        expect((await driver.tree(forge, repository, 'main'))?.commit).toBe(commit);
        expect(await driver.writeFile(forge, repository, { ...file, content: bytes('<updates></updates>') })).toBe(
          'written',
        );
        expect(await filesOn(repository, 'main')).toMatchObject({ 'sub/updates.xml': '<updates></updates>' });
        const nowhere = driver.writeFile(forge, repository, { ...file, branch: 'nothing' });
        await expect(nowhere).rejects.toMatchObject({ name: 'ForgeTrouble', reason: 'refused' });
      });

      it.runIf(driver.kind !== 'git')('find the repository after a rename', async () => {
        const repository = await fresh('com_pull_before');
        await stage.rename(repository, 'com_pull_after');
        expect(await driver.propose(forge, repository, spec)).toMatchObject({ change: 'opened' });
      });
    });
    peopleContract(driver, () => stage, stored);

    describe.runIf(capabilities.hooks)('hooks', () => {
      const spec = { url: 'http://127.0.0.1:9/hooks/fge_one', secret: SECRET, events };

      it('makes one, leaves a right one and repairs a wrong one', async () => {
        const repository = await stored('com_hooks');
        const scope: HookScope = { kind: 'repository', repository };
        const made = await driver.ensureHook(forge, scope, spec);
        expect(made).toMatchObject({ change: 'created', drift: [] });
        expect(await driver.ensureHook(forge, scope, spec)).toEqual({ id: made.id, change: 'unchanged', drift: [] });
        await stage.spoilHook(repository);
        const repaired = await driver.ensureHook(forge, scope, spec);
        expect(repaired).toMatchObject({ id: made.id, change: 'repaired' });
        expect(repaired.drift.length).toBeGreaterThanOrEqual(2);
        expect(await driver.ensureHook(forge, scope, spec)).toEqual({ id: made.id, change: 'unchanged', drift: [] });
      });

      it('knows its hook by the path, so that a move of ours keeps it', async () => {
        const repository = await stored('com_moved');
        const scope: HookScope = { kind: 'repository', repository };
        const made = await driver.ensureHook(forge, scope, spec);
        const other = await driver.ensureHook(forge, scope, { ...spec, url: 'http://127.0.0.1:9/hooks/fge_two' });
        expect(other.change).toBe('created');
        const moved = await driver.ensureHook(forge, scope, { ...spec, url: 'http://127.0.0.1:8/hooks/fge_one' });
        expect(moved).toMatchObject({ id: made.id, change: 'repaired' });
      });

      it('removes its own and no other', async () => {
        const repository = await stored('com_removed');
        const scope: HookScope = { kind: 'repository', repository };
        const other = { ...spec, url: 'http://127.0.0.1:9/hooks/fge_two' };
        await driver.ensureHook(forge, scope, spec);
        const kept = await driver.ensureHook(forge, scope, other);
        await driver.removeHook(forge, scope, spec.url);
        await driver.removeHook(forge, scope, spec.url);
        expect(await driver.ensureHook(forge, scope, other)).toMatchObject({ id: kept.id, change: 'unchanged' });
        expect(await driver.ensureHook(forge, scope, spec)).toMatchObject({ change: 'created' });
      });

      it('finds its place after a rename', async () => {
        const repository = await stored('com_hook_before');
        const scope: HookScope = { kind: 'repository', repository };
        await stage.rename(repository, 'com_hook_after');
        const made = await driver.ensureHook(forge, scope, spec);
        expect(await driver.ensureHook(forge, scope, spec)).toMatchObject({ id: made.id, change: 'unchanged' });
      });

      it('is refused where there is nothing', async () => {
        const gone: HookScope = { kind: 'repository', repository: { ...demo, id: '99999999', name: 'com_nothing' } };
        await expect(driver.ensureHook(forge, gone, spec)).rejects.toMatchObject({ reason: 'refused' });
        const nobody: HookScope = { kind: 'organization', owner: 'nobody-at-all' };
        await expect(driver.ensureHook(forge, nobody, spec)).rejects.toMatchObject({ reason: 'refused' });
        await driver.removeHook(forge, gone, spec.url);
        await driver.removeHook(forge, nobody, spec.url);
      });

      it('is refused when the forge does not know an event', async () => {
        const scope: HookScope = { kind: 'repository', repository: await stored('com_events') };
        const unknown = driver.ensureHook(forge, scope, { ...spec, events: [...events, 'no_such_event'] });
        await expect(unknown).rejects.toSatisfy(
          (error) => error instanceof ForgeTrouble && error.reason === 'refused' && !error.message.includes(SECRET),
        );
      });

      it('delivers a pushed tag, signed and readable, by repository and organization', async () => {
        const receiver = await openReceiver();
        const repository = await stored('com_heard');
        const url = `${receiver.url}/hooks/fge_three`;
        const scopes: HookScope[] = [{ kind: 'repository', repository }];
        if (capabilities.organizationHooks) scopes.push({ kind: 'organization', owner: stage.owner });
        for (const scope of scopes) await driver.ensureHook(forge, scope, { ...spec, url });
        await stage.pushTag(repository, 'v1', { 'a.txt': 'one' });
        const tagPushes = await receiver.until((all) => {
          const heard = all.filter((one) => noticeOf(driver, one)?.event === 'push');
          return heard.length >= scopes.length ? heard : null;
        });
        for (const { body, headers } of tagPushes) {
          expect(driver.verifyHook(body, headers, ['other', SECRET])).toBe('valid');
          expect(driver.verifyHook(body, headers, ['other'])).toBe('invalid');
          const notice = noticeOf(driver, { body, headers });
          expect(notice?.repository).toEqual({ id: repository.id, owner: stage.owner, name: 'com_heard' });
        }
        const ids = tagPushes.map((one) => noticeOf(driver, one)?.deliveryId);
        expect(new Set(ids).size).toBe(tagPushes.length);
        for (const scope of scopes) await driver.removeHook(forge, scope, url);
        await receiver.close();
      });
    });
  });
}

interface Received {
  body: Uint8Array;
  headers: IncomingHttpHeaders;
}

function noticeOf(driver: ForgeDriver, received: Received) {
  const parsed = driver.parseHook(received.body, received.headers);
  return parsed.ok ? parsed.notice : null;
}

/** Takes whatever is delivered; `until` waits for what it looks for, however long a test may take. */
async function openReceiver() {
  const received: Received[] = [];
  const server = createServer(async (req, res) => {
    received.push({ body: await buffer(req), headers: req.headers });
    res.writeHead(204).end();
    server.emit('delivery');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    async until<T>(find: (all: readonly Received[]) => T | null): Promise<T> {
      for (;;) {
        const found = find(received);
        if (found !== null) return found;
        await once(server, 'delivery');
      }
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export async function bytesOf(file: RemoteFile | null): Promise<Uint8Array | null> {
  return file && readBounded(file.stream, 100_000_000);
}

export function textOf(bytes: Uint8Array | null): string | null {
  return bytes && Buffer.from(bytes).toString('utf8');
}

async function filesOf(file: RemoteFile | null): Promise<Record<string, string>> {
  const zip = await fromBufferPromise(Buffer.from((await bytesOf(file)) ?? []), { lazyEntries: true });
  const files: Record<string, string> = {};
  for await (const entry of zip.eachEntry()) {
    const stream = await zip.openReadStreamPromise(entry);
    files[entry.fileName] = (await buffer(stream)).toString('utf8');
  }
  return files;
}
