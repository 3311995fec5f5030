import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ForgeConnection, HookHeaders, RemoteRepository } from '../../src/forge/forge.ts';
import { giteaDriver } from '../../src/forge/gitea/driver.ts';
import { readHook, readRelease, readTag } from '../../src/forge/gitea/schema.ts';

/** What a real Gitea sent and answered. A part is kept here; the whole set is read where it lies beside the repository. */
const SECRET = 'hook-secret-of-the-sample';
const KEPT = new URL('../fixtures/gitea/', import.meta.url);
const WHOLE = new URL('../../../shared/samples/forges/gitea-recorded/', import.meta.url);
const hasWhole = existsSync(WHOLE);
if (!hasWhole) process.stderr.write('SKIPPED: the whole set of recordings of Gitea is not beside the repository\n');

const deliverySchema = z.object({ headers: z.array(z.tuple([z.string(), z.string()])), body: z.string() });
const answerSchema = z.object({
  request: z.object({ method: z.string(), path: z.string() }),
  status: z.number(),
  headers: z.record(z.string(), z.string()),
  body: z.unknown().optional(),
});

function deliveriesAt(folder: URL): string[] {
  return existsSync(folder) ? readdirSync(new URL('hooks/', folder)) : [];
}

function delivery(folder: URL, file: string): { body: Buffer; headers: HookHeaders } {
  const found = deliverySchema.parse(JSON.parse(readFileSync(new URL(`hooks/${file}`, folder), 'utf8')));
  return {
    body: Buffer.from(found.body),
    headers: Object.fromEntries(found.headers.map(([name, value]) => [name.toLowerCase(), value])),
  };
}

function answer(name: string) {
  return answerSchema.parse(JSON.parse(readFileSync(new URL(`rest/${name}.json`, KEPT), 'utf8')));
}

function listOf(data: unknown): unknown[] {
  return z.array(z.unknown()).parse(data);
}

describe.each([
  ['kept here', KEPT],
  ['of the whole set', WHOLE],
])('deliveries %s', (_name, folder) => {
  const files = deliveriesAt(folder);

  it.skipIf(files.length === 0)('are there', () => expect(files.length).toBeGreaterThan(10));

  it.each(files)('%s', (file) => {
    const { body, headers } = delivery(folder, file);
    const verdict = giteaDriver.verifyHook(body, headers, ['another', SECRET]);
    const parsed = giteaDriver.parseHook(body, headers);
    if (file.includes('.nosecret.')) {
      expect(verdict).toBe('unsigned');
      return;
    }
    if (file.includes('.form.')) {
      // The JSON inside the form is what is signed; only JSON is ever registered.
      expect(verdict).toBe('invalid');
      expect(parsed).toEqual({ ok: false, reason: 'the body is application/x-www-form-urlencoded, not JSON' });
      return;
    }
    expect(verdict).toBe('valid');
    expect(giteaDriver.verifyHook(body.subarray(1), headers, [SECRET])).toBe('invalid');
    const isBranch = /(push-refs_heads_|create-main)/.test(file);
    expect(parsed.ok).toBe(!isBranch);
    if (!parsed.ok) return;
    const [, event = '', rest = ''] =
      /\.(?:repo|system|org)\.(create|delete|push|release|repository)-(.+)\.json$/.exec(file) ?? [];
    expect(parsed.notice.event).toBe(event);
    expect(parsed.notice.action).toBe(event === 'release' || event === 'repository' ? rest : null);
    expect(parsed.notice.deliveryId).toMatch(/^[0-9a-f-]{36}$/);
    expect(parsed.notice.repository?.id).toBe('1');
    expect(['acme', 'newhome']).toContain(parsed.notice.repository?.owner);
  });
});

/** Serves the recorded answers under the paths that the driver asks for. */
async function replay(table: Record<string, string>) {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    const path = req.url ?? '';
    asked.push(path);
    const name = Object.entries(table).find(([start]) => path.startsWith(start))?.[1];
    const found = name === undefined ? null : answer(name);
    const { link: _link, ...headers } = found?.headers ?? {};
    res.writeHead(found?.status ?? 404, headers).end(JSON.stringify(found?.body ?? {}));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const baseUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const forge: ForgeConnection = { id: 'fge_1', kind: 'gitea', baseUrl, token: 'token', cacheDir: '' };
  return {
    forge,
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const repository: RemoteRepository = {
  id: '1',
  owner: 'acme',
  name: 'com_renamed',
  private: true,
  archived: false,
  webUrl: 'http://forge.example.test:3300/acme/com_renamed',
  description: 'Sample extension',
};

describe('recorded answers', () => {
  it('make a state', async () => {
    const { forge, asked, close } = await replay({
      '/api/v1/repositories/1': 'repository-by-id',
      '/api/v1/settings/api': 'settings-api',
      '/api/v1/repos/acme/com_renamed/releases?': 'releases-limit200',
      '/api/v1/repos/acme/com_renamed/tags?': 'tags',
    });
    expect(await giteaDriver.repositoryById(forge, '1')).toEqual(repository);
    const state = await giteaDriver.state(forge, repository);
    close();
    expect(state?.releases).toHaveLength(15);
    expect(state?.tags).toHaveLength(21);
    expect(state?.releases.at(-1)).toEqual({
      id: '1',
      tag: 'v1.0.0',
      title: 'Demo 1.0.0',
      notes: expect.any(String),
      draft: false,
      prerelease: false,
      publishedAt: '2026-11-22T18:06:41.000Z',
      webUrl: 'http://forge.example.test:3300/acme/com_demo/releases/tag/v1.0.0',
      assets: [
        {
          id: '2',
          name: 'com_demo-1.0.0.zip',
          size: 239,
          revision: 'c81de85f-c9b4-4e8b-8172-ef44466d36cc',
          sha256: null,
          external: false,
          locator: '/attachments/c81de85f-c9b4-4e8b-8172-ef44466d36cc',
        },
      ],
    });
    expect(state?.tags.filter((tag) => tag.message !== '')).toHaveLength(1);
    expect(asked.filter((path) => path.includes('settings'))).toHaveLength(1);
    expect(asked.every((path) => !path.includes('per_page'))).toBe(true);
  });

  it('say who we are', async () => {
    const { forge, close } = await replay({ '/api/v1/version': 'version', '/api/v1/user': 'user-self' });
    expect(await giteaDriver.check(forge)).toEqual({ version: 'development', user: 'olga' });
    close();
  });

  it('tell a dead token', async () => {
    const { forge, close } = await replay({ '/api/v1/version': 'version', '/api/v1/user': 'bad-token' });
    await expect(giteaDriver.check(forge)).rejects.toMatchObject({ reason: 'unauthorized' });
    close();
  });

  it('tell a missing archive', async () => {
    const { forge, close } = await replay({ '/api/v1/repos/acme/com_renamed/archive/': 'archive-missing' });
    expect(await giteaDriver.openArchive(forge, repository, 'f'.repeat(40))).toBeNull();
    close();
  });

  it('of a write to an old name are no success', async () => {
    const { forge, close } = await replay({
      '/api/v1/repositories/1': 'repo',
      '/api/v1/settings/api': 'settings-api',
      '/api/v1/repos/acme/com_demo/hooks?': 'hooks-list',
      '/api/v1/repos/acme/com_demo/hooks': 'old-name-hook-post',
    });
    const spec = { url: 'https://feedgate.example.test/hooks/one', secret: 's', events: ['push'] };
    const made = giteaDriver.ensureHook(forge, { kind: 'repository', repository }, spec);
    await expect(made).rejects.toMatchObject({ reason: 'bad_answer' });
    close();
  });

  it('are read one by one', () => {
    expect(readRelease(answer('release-by-tag').body, repository)).toMatchObject({ tag: 'v1.0.0', draft: false });
    expect(readRelease(answer('release-after-tag-deleted').body, repository)).toMatchObject({
      draft: true,
      prerelease: true,
    });
    expect(readTag(answer('tag-annotated').body)).toEqual({
      name: 'v1.1.0-rc1',
      commit: '9fa7bcd47d43cbf0c4b594d7858c9f83805e6db1',
      message: 'Release candidate\n\nWith notes.',
    });
    const hooks = listOf(answer('hooks-list').body).map(readHook);
    expect(hooks.map((hook) => hook?.config.content_type)).toEqual(['json', 'json', 'form', 'json', 'json']);
    expect(readHook(answer('hook-create').body)).toMatchObject({
      id: '3',
      type: 'gitea',
      active: true,
      branch_filter: '*',
    });
  });
});
