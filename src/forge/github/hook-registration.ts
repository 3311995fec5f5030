import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import type { ForgeConnection, HookScope, HookSpec, HookState } from '../forge.ts';
import { repositoryPath } from './address.ts';
import { readRepository } from './answers.ts';
import { ask, askAll, refused, send } from './client.ts';

const HOOK = z.object({
  id: z.number().int(),
  active: z.boolean(),
  events: z.array(z.string()),
  config: z.object({
    url: z.string().optional(),
    content_type: z.string().optional(),
    insecure_ssl: z.union([z.string(), z.number()]).optional(),
    secret: z.string().optional(),
  }),
});
type Hook = z.infer<typeof HOOK>;

/**
 * Finds our hook by its URL's path, or makes it. A found one is always written in full: GitHub never shows a secret, so only
 * writing makes it right. More than one of ours would deliver everything twice: the others are deleted.
 */
export async function ensureGitHubHook(forge: ForgeConnection, scope: HookScope, spec: HookSpec): Promise<HookState> {
  const list = await listPath(forge, scope);
  if (list === null) throw new ForgeTrouble('refused', `${nameOf(scope)} is not visible to this token`);
  const [hook, ...extra] = await ourHooks(forge, scope, list, spec.url);
  if (hook) return repair(forge, list, hook, extra, spec);
  const made = await send(forge, `POST ${list}`, { name: 'web', ...settingsOf(spec) });
  if (!('refusal' in made)) return { id: String(readHook(made.data).id), change: 'created', drift: [] };
  const [rival, ...more] = made.refusal.status === 422 ? await ourHooks(forge, scope, list, spec.url) : [];
  if (rival) return repair(forge, list, rival, more, spec);
  throw made.refusal.status === 404 ? missingRight(scope) : refused(made.refusal);
}

/** Where nothing is visible any more, there is nothing to remove. */
export async function removeGitHubHook(forge: ForgeConnection, scope: HookScope, url: string): Promise<void> {
  const list = await listPath(forge, scope);
  const entries = list === null ? null : await askAll(forge, `GET ${list}`);
  for (const hook of withPath(entries ?? [], url)) await ask(forge, `DELETE ${list}/${hook.id}`);
}

async function repair(
  forge: ForgeConnection,
  list: string,
  hook: Hook,
  extra: Hook[],
  spec: HookSpec,
): Promise<HookState> {
  const drift = driftOf(hook, spec);
  const written = await send(forge, `PATCH ${list}/${hook.id}`, settingsOf(spec));
  if ('refusal' in written) throw refused(written.refusal);
  for (const other of extra) {
    await ask(forge, `DELETE ${list}/${other.id}`);
    drift.push('a second hook had the same address');
  }
  return { id: String(hook.id), change: drift.length > 0 ? 'repaired' : 'unchanged', drift };
}

function driftOf(hook: Hook, spec: HookSpec): string[] {
  const drift: string[] = [];
  const missing = spec.events.filter((event) => !hook.events.includes(event));
  const extra = hook.events.filter((event) => !spec.events.includes(event));
  if (!hook.active) drift.push('it was switched off');
  if (hook.config.url !== spec.url) drift.push(`it called ${hook.config.url}`);
  if (missing.length > 0) drift.push(`events were missing: ${missing.join(', ')}`);
  if (extra.length > 0) drift.push(`events were too many: ${extra.join(', ')}`);
  if (hook.config.content_type !== 'json') drift.push(`the content type was ${hook.config.content_type}`);
  if (String(hook.config.insecure_ssl ?? '0') !== '0') drift.push('certificates were not checked');
  if (!hook.config.secret) drift.push('it had no secret');
  return drift;
}

function settingsOf(spec: HookSpec): Record<string, unknown> {
  const config = { url: spec.url, content_type: 'json', secret: spec.secret, insecure_ssl: '0' };
  return { active: true, events: [...spec.events], config };
}

async function ourHooks(forge: ForgeConnection, scope: HookScope, list: string, url: string): Promise<Hook[]> {
  const entries = await askAll(forge, `GET ${list}`);
  if (entries === null) throw missingRight(scope);
  return withPath(entries, url);
}

/** The one with exactly this address first: no other could be given it. */
function withPath(entries: readonly unknown[], url: string): Hook[] {
  const hooks = entries.flatMap((entry) => HOOK.safeParse(entry).data ?? []);
  return hooks
    .filter((hook) => pathOf(hook.config.url) === pathOf(url))
    .sort((a, b) => Number(b.config.url === url) - Number(a.config.url === url));
}

function pathOf(url: string | undefined): string | null {
  return url !== undefined && URL.canParse(url) ? new URL(url).pathname : null;
}

/** A repository's present name is asked first: writing to an old name is redirected, and forgeFetch sends no write elsewhere. */
async function listPath(forge: ForgeConnection, scope: HookScope): Promise<string | null> {
  if (scope.kind === 'organization') return `/orgs/${encodeURIComponent(scope.owner)}/hooks`;
  const found = await ask(forge, 'GET /repositories/{id}', { id: scope.repository.id });
  return found && repositoryPath(readRepository(found.data), 'hooks');
}

/** GitHub answers 404 to a token that may not manage hooks. */
function missingRight(scope: HookScope): ForgeTrouble {
  const right = scope.kind === 'organization' ? 'admin:org_hook' : 'admin:repo_hook';
  return new ForgeTrouble('refused', `the token may not manage the hooks of ${nameOf(scope)}: it needs ${right}`);
}

function nameOf(scope: HookScope): string {
  return scope.kind === 'organization' ? scope.owner : `${scope.repository.owner}/${scope.repository.name}`;
}

function readHook(data: unknown): Hook {
  const read = HOOK.safeParse(data);
  if (!read.success) throw new ForgeTrouble('bad_answer', 'GitHub did not answer with a hook');
  return read.data;
}
