import { ForgeTrouble } from '../../errors.ts';
import type { HookScope, HookSpec, HookState } from '../forge.ts';
import { apiPath, type GiteaApi } from './client.ts';
import { type RegisteredHook, readHook, readRepository } from './schema.ts';

export type GiteaKind = 'gitea' | 'forgejo';

/** The first type is what we register, the others are as good: they differ in header names only. */
const TYPES: Record<GiteaKind, readonly [string, ...string[]]> = {
  gitea: ['gitea'],
  forgejo: ['forgejo', 'gitea'],
};

/**
 * Finds our hook by the path of its address, repairs or makes it and reads it back. A repair always sends everything, since
 * what is left out is reset. An Authorization header that an operator added by hand is kept. The secret can't be read, and
 * Gitea takes none in a PATCH: a new secret needs removeHook first.
 */
export async function ensureHook(api: GiteaApi, kind: GiteaKind, scope: HookScope, spec: HookSpec): Promise<HookState> {
  const route = await hooksRoute(api, scope);
  const found = route === null ? null : await ownHooks(api, route, spec.url);
  if (route === null || found === null) {
    throw new ForgeTrouble('refused', 'there is nothing to hook, or the token has no right to see it');
  }
  const [hook, ...doubles] = found;
  if (hook === undefined) return { id: await createHook(api, kind, route, spec), change: 'created', drift: [] };
  const drift = driftOf(hook, kind, spec);
  if (doubles.length > 0) drift.push(`it was registered ${doubles.length + 1} times`);
  const id = await repairHook(api, kind, route, spec, hook);
  for (const double of doubles) await api.ask(`DELETE ${route}/${double.id}`);
  return { id, change: drift.length > 0 ? 'repaired' : 'unchanged', drift };
}

export async function removeHook(api: GiteaApi, scope: HookScope, url: string): Promise<void> {
  const route = await hooksRoute(api, scope);
  const found = route === null ? null : await ownHooks(api, route, url);
  for (const hook of found ?? []) await api.ask(`DELETE ${route}/${hook.id}`);
}

/** By id first: after a rename the old name answers a redirect, which a write must not follow. */
async function hooksRoute(api: GiteaApi, scope: HookScope): Promise<string | null> {
  if (scope.kind === 'organization') return apiPath('orgs', scope.owner, 'hooks');
  const path = apiPath('repositories', scope.repository.id);
  const repository = path && readRepository(await api.ask(`GET ${path}`));
  return repository && apiPath('repos', repository.owner, repository.name, 'hooks');
}

/** The one with exactly this address first. */
async function ownHooks(api: GiteaApi, route: string, url: string): Promise<RegisteredHook[] | null> {
  const hooks = await api.list(route, readHook);
  const path = new URL(url).pathname;
  if (hooks === null) return null;
  return hooks
    .filter((hook) => URL.canParse(hook.config.url) && new URL(hook.config.url).pathname === path)
    .sort((a, b) => Number(b.config.url === url) - Number(a.config.url === url));
}

async function createHook(api: GiteaApi, kind: GiteaKind, route: string, spec: HookSpec): Promise<string> {
  const made = readHook(await api.ask(`POST ${route}`, { type: TYPES[kind][0], ...wanted(spec) }));
  if (made === null) throw new ForgeTrouble('refused', `no hook could be made at ${route}`);
  await confirm(api, kind, route, made.id, spec);
  return made.id;
}

async function repairHook(
  api: GiteaApi,
  kind: GiteaKind,
  route: string,
  spec: HookSpec,
  hook: RegisteredHook,
): Promise<string> {
  if (!TYPES[kind].includes(hook.type)) {
    await api.ask(`DELETE ${route}/${hook.id}`);
    return createHook(api, kind, route, spec);
  }
  const { authorization_header } = hook;
  await api.ask(`PATCH ${route}/${hook.id}`, { ...wanted(spec), authorization_header });
  await confirm(api, kind, route, hook.id, spec);
  return hook.id;
}

/** The forge drops events that it does not know without a word. */
async function confirm(api: GiteaApi, kind: GiteaKind, route: string, id: string, spec: HookSpec): Promise<void> {
  const hook = readHook(await api.ask(`GET ${route}/${id}`));
  if (hook === null) throw new ForgeTrouble('bad_answer', `the hook ${id} at ${route} is gone right after it was made`);
  const drift = driftOf(hook, kind, spec);
  if (drift.length > 0)
    throw new ForgeTrouble('refused', `the forge does not keep the hook as it was sent: ${drift.join('; ')}`);
}

function wanted(spec: HookSpec) {
  return {
    active: true,
    branch_filter: '*',
    events: [...spec.events],
    config: { url: spec.url, content_type: 'json', secret: spec.secret },
  };
}

function driftOf(hook: RegisteredHook, kind: GiteaKind, spec: HookSpec): string[] {
  const drift: string[] = [];
  const events = [...new Set(hook.events)].sort().join(', ');
  const expected = [...new Set(spec.events)].sort().join(', ');
  if (!TYPES[kind].includes(hook.type)) drift.push(`its type was ${hook.type}`);
  if (!hook.active) drift.push('it was switched off');
  if (hook.config.url !== spec.url) drift.push(`its address was ${hook.config.url}`);
  if (hook.config.content_type !== 'json') drift.push(`its content type was ${hook.config.content_type}`);
  if (events !== expected) drift.push(`its events were ${events || 'none'} instead of ${expected}`);
  if (hook.branch_filter !== '' && hook.branch_filter !== '*')
    drift.push(`its branch filter was ${hook.branch_filter}`);
  return drift;
}
