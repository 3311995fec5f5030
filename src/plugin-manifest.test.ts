import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openTestCore, type TestCore } from '../test/support/core.ts';
import { openSqlite, type TestDatabase } from '../test/support/databases.ts';
import { seedForge, seedOrganization, seedRepository } from '../test/support/seed.ts';
import { sealHookSecrets } from './forge/connections.ts';
import { FORGE_KINDS, type ForgeKind } from './forge/forge.ts';
import { forgeDrivers } from './forge/registry.ts';
import { newId } from './ids.ts';
import { readPackageJson } from './package-root.ts';
import { absoluteManifest, hookEventsOf, isAboutPeople, PluginManifest, pluginManifest } from './plugin-manifest.ts';

const PUBLIC_URL = 'https://updates.example.com';
const { forges } = pluginManifest;

function giteaHook(change: object): object {
  const { gitea } = forges;
  return { forges: { ...forges, gitea: { ...gitea, hook: { ...gitea.hook, ...change } } } };
}

describe('the plugin manifest', () => {
  it('has the version of the package and names every forge', () => {
    const { version } = PluginManifest.pick({ version: true }).parse(readPackageJson('package.json'));
    expect(pluginManifest.version).toBe(version);
    expect(Object.keys(pluginManifest.forges).sort()).toEqual([...FORGE_KINDS].sort());
  });

  it.each<[string, object]>([
    ['without its forges', { forges: undefined }],
    ['without one forge', { forges: { ...forges, github: undefined } }],
    ['with an event that we do not know', { events: ['issue'] }],
    ['of another schema', { schemaVersion: 2 }],
    ['with a permission that no forge has', { permissions: ['everything:write'] }],
    ['with a hook that sends forms', giteaHook({ contentType: 'form' })],
    ['with a hook that is switched off', giteaHook({ active: false })],
    ['with a hook that asks for nothing', giteaHook({ events: [] })],
  ])('%s is refused', (_what, change) => {
    expect(PluginManifest.safeParse({ ...pluginManifest, ...giteaHook({}) }).success).toBe(true);
    expect(PluginManifest.safeParse({ ...pluginManifest, ...change }).success).toBe(false);
  });

  it('is served with every address absolute', () => {
    const { url, paths, ...rest } = absoluteManifest(PUBLIC_URL);
    expect(url).toBe(PUBLIC_URL);
    expect(paths).toEqual({
      webhook: `${PUBLIC_URL}/hooks/{forge_id}`,
      manifest: `${PUBLIC_URL}/plugin-manifest.json`,
      oauthCallback: `${PUBLIC_URL}/login/{forge_id}/callback`,
    });
    const { url: _, paths: __, ...plain } = pluginManifest;
    expect(rest).toEqual(plain);
  });

  it('asks each forge for the events that stand for its own words, and for no other', () => {
    const meant: Record<string, string[]> = {
      release: ['release'],
      tag: ['create', 'delete', 'push'],
      repository: ['repository'],
      membership: [],
    };
    const all = pluginManifest.events.flatMap((event) => meant[event] ?? []).sort();
    const sorted = (...given: Parameters<typeof hookEventsOf>) => [...hookEventsOf(...given)].sort();
    for (const kind of ['gitea', 'forgejo'] as const)
      for (const place of ['repository', 'organization'] as const) expect(sorted(kind, place)).toEqual(all);
    expect(sorted('github', 'repository')).toEqual([...all, 'member'].sort());
    expect(sorted('github', 'organization')).toEqual([...all, 'member', 'membership', 'organization', 'team'].sort());
    expect(hookEventsOf('git', 'repository')).toEqual(['push']);
  });
});

describe('the permissions', () => {
  const { permissions, optionalPermissions } = pluginManifest;
  const writes = permissions.filter((each) => each.endsWith(':write'));

  it('write hooks and the statuses of commits, and nothing else for everybody', () => {
    expect(writes.sort()).toEqual(['hooks:write', 'statuses:write']);
    expect(Object.values(forgeDrivers).some(({ capabilities }) => capabilities.commitStatus)).toBe(true);
  });

  it('write files and pull requests only for who wants adopt or the bridge', () => {
    expect(optionalPermissions).toEqual({
      adopt: ['contents:write', 'pull_requests:write'],
      bridge: ['contents:write'],
    });
    for (const each of Object.values(optionalPermissions).flat()) expect(permissions).not.toContain(each);
  });

  it.each(FORGE_KINDS)('of a token for %s stand in the page for operators', (kind) => {
    const page = readFileSync('docs/operators.md', 'utf8');
    const { tokenScopes, optionalTokenScopes } = forges[kind];
    const told = (scope: string) =>
      page.includes(`\`${scope}\``) || page.includes(`\`${scope.replace('read:', 'write:')}\``);
    for (const scope of [...tokenScopes, ...Object.values(optionalTokenScopes).flat()])
      expect([scope, told(scope)]).toEqual([scope, true]);
  });
});

describe('the hook router', () => {
  let database: TestDatabase;
  let test: TestCore;
  beforeAll(async () => {
    database = await openSqlite();
    test = await openTestCore(database);
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  /** A signed delivery about a connected repository. */
  async function deliver(kind: ForgeKind, event: string): Promise<{ status: number; state: string }> {
    const { db, forge } = test.core;
    const id = newId('forge');
    await seedForge(db, { id, kind, hookSecretsSealed: sealHookSecrets(forge, id, ['secret']) });
    const remoteId = kind === 'git' ? 'hello' : '7';
    await seedRepository(db, await seedOrganization(db, { id }), { remoteId, name: 'hello' });
    const repository = { id: 7, name: 'hello', owner: { login: 'acme' }, full_name: 'acme/hello' };
    const body = JSON.stringify({ action: 'published', ref: 'refs/tags/v1', ref_type: 'tag', repository });
    const headers = {
      ...{ 'content-type': 'application/json', 'x-github-event': event, 'x-github-delivery': randomUUID() },
      'x-hub-signature-256': `sha256=${createHmac('sha256', 'secret').update(body).digest('hex')}`,
    };
    const answer = await fetch(`${test.url}/hooks/${id}`, { method: 'POST', headers, body });
    return { status: answer.status, state: z.object({ state: z.string() }).parse(await answer.json()).state };
  }

  const known = ['create', 'delete', 'push', 'release', 'repository'];
  const foreign = [
    'ping',
    'issues',
    'issue_comment',
    'pull_request',
    'wiki',
    'fork',
    'package',
    'star',
    'member',
    'team',
    'membership',
    'organization',
  ];
  const cases = FORGE_KINDS.flatMap((kind) => [...known, ...foreign].map((event) => [kind, event] as const));

  it.each(cases)('takes of %s exactly what the manifest declares: %s', async (kind, event) => {
    const taken = isAboutPeople(event) ? 'done' : 'queued';
    const state = hookEventsOf(kind, 'organization').includes(event) ? taken : 'ignored';
    expect(await deliver(kind, event)).toEqual({ status: 202, state });
  });

  it('serves the manifest', async () => {
    const answer = await fetch(`${test.url}/plugin-manifest.json`);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual(absoluteManifest(test.url));
  });
});
