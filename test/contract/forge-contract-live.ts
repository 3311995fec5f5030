import { z } from 'zod';
import type { ForgeKind, RepositoryName } from '../../src/forge/forge.ts';
import type { ForgeStage, StageRelease } from './forge-contract.ts';
import { livePeople } from './forge-contract-live-people.ts';

export type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;

/**
 * The contract on a real Gitea or Forgejo with a site admin's token. Makes an organization of its own and deletes it at the end.
 * The forge must let hooks go to 127.0.0.1 (`[webhook] ALLOWED_HOST_LIST = loopback`). With `withPeople` it makes and deletes users
 * with common names: only on a forge that is there for tests.
 */
export async function liveStage(
  kind: ForgeKind,
  baseUrl: string,
  token: string,
  withPeople: boolean,
): Promise<ForgeStage> {
  const call: Call = (method, path, body) => request(baseUrl, token, method, path, body);
  const owner = `contract-${Date.now().toString(36)}`;
  const { login } = z.object({ login: z.string() }).parse(await call('GET', '/user'));
  await call('POST', '/orgs', { username: owner });
  const made = new Map<string, number>();
  /** Names change, ids do not. */
  const at = async ({ name }: RepositoryName) => {
    const { full_name } = z
      .object({ full_name: z.string() })
      .parse(await call('GET', `/repositories/${made.get(name)}`));
    return `/repos/${full_name}`;
  };
  const people = withPeople ? livePeople(baseUrl, owner, call, (repository) => at({ owner, ...repository })) : null;
  return {
    forge: { id: 'fge_live', kind, baseUrl, token, cacheDir: '' },
    owner,
    user: login,
    tellsTagTexts: true,
    makeRepository: async (name) => {
      const body = { name, private: true, auto_init: true, default_branch: 'main' };
      made.set(name, idOf(await call('POST', `/orgs/${owner}/repos`, body)));
      return { owner, name };
    },
    pushTag: async (repository, tag, files, message) => {
      const path = await at(repository);
      await commit(call, path, files);
      await call('POST', `${path}/tags`, { tag_name: tag, target: 'main', message: message ?? '' });
    },
    pushBranch: async (repository, files) => commit(call, await at(repository), files),
    statuses: async (repository, sha) => {
      // By time two of one second would be in no order; `leastindex` means the newest first.
      const all = await call('GET', `${await at(repository)}/statuses/${sha}?sort=leastindex`);
      const statuses = z
        .array(z.object({ context: z.string(), status: z.string(), description: z.string() }))
        .parse(all);
      const newest = new Map(statuses.reverse().map((one) => [one.context, one]));
      return [...newest.values()].map((one) => `${one.context} ${one.status} ${one.description}`);
    },
    release: async (repository, release) => publish(call, await at(repository), release),
    rename: async (repository, name) => void (await call('PATCH', await at(repository), { name })),
    makePublic: async (repository) => void (await call('PATCH', await at(repository), { private: false })),
    spoilHook: async (repository) => {
      const path = await at(repository);
      const hooks = z.array(z.object({ id: z.number() })).parse(await call('GET', `${path}/hooks`));
      for (const { id } of hooks) await call('PATCH', `${path}/hooks/${id}`, { active: false });
    },
    ...(people ? { people } : {}),
    close: async () => {
      for (const id of made.values()) await call('DELETE', await at({ owner, name: nameOf(made, id) }));
      await call('DELETE', `/orgs/${owner}`);
      await people?.close();
    },
  };
}

/** One commit that makes or changes the files; none where there are none. */
async function commit(call: Call, path: string, files: Record<string, string>): Promise<void> {
  const changes = await Promise.all(
    Object.entries(files).map(async ([file, content]) => {
      const known = z.object({ sha: z.string() }).safeParse(await call('GET?', `${path}/contents/${encodePath(file)}`));
      const base = { path: file, content: Buffer.from(content).toString('base64') };
      return known.success ? { ...base, operation: 'update', sha: known.data.sha } : { ...base, operation: 'create' };
    }),
  );
  if (changes.length > 0) await call('POST', `${path}/contents`, { branch: 'main', message: 'Next', files: changes });
}

async function publish(call: Call, path: string, release: StageRelease): Promise<void> {
  const body = {
    tag_name: release.tag,
    name: release.title ?? release.tag,
    body: release.notes ?? '',
    draft: release.draft ?? false,
    prerelease: release.prerelease ?? false,
    target_commitish: 'main',
  };
  const id = idOf(await call('POST', `${path}/releases`, body));
  for (const [name, bytes] of Object.entries(release.assets ?? {})) {
    const form = new FormData();
    form.append('attachment', new Blob([Buffer.from(bytes)]), 'upload.zip');
    await call('POST', `${path}/releases/${id}/assets?name=${encodeURIComponent(name)}`, form);
  }
}

/** `GET?` takes 404 for an answer. */
async function request(baseUrl: string, token: string, method: string, path: string, body: unknown): Promise<unknown> {
  const isForm = body instanceof FormData;
  const response = await fetch(`${baseUrl}/api/v1${path}`, {
    method: method.replace('?', ''),
    headers: { authorization: `token ${token}`, ...(isForm ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status === 404 && method.endsWith('?')) return null;
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`);
  return text === '' ? null : JSON.parse(text);
}

function idOf(data: unknown): number {
  return z.object({ id: z.number() }).parse(data).id;
}

function nameOf(made: Map<string, number>, id: number): string {
  return [...made].find(([, one]) => one === id)?.[0] ?? '';
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
