import { z } from 'zod';
import type { HookHeaders, ParsedHook } from '../forge.ts';
import { hookHeader } from '../hook-signature.ts';

/** Whoever registers another event hears nothing of it. https://docs.github.com/webhooks/webhook-events-and-payloads */
const EVENTS: readonly string[] = [
  'ping',
  'meta',
  'release',
  'push',
  'create',
  'delete',
  'repository',
  'organization',
  'membership',
  'member',
  'team',
  'team_add',
  'installation',
  'installation_repositories',
  'github_app_authorization',
];

const BODY = z.object({
  action: z.string().nullish(),
  ref: z.string().nullish(),
  ref_type: z.string().nullish(),
  repository: z.object({ id: z.number().int(), name: z.string(), owner: z.object({ login: z.string() }) }).nullish(),
});

/** Pushes to branches release nothing; of events about people or the installation the repository may be missing. */
export function parseGitHubHook(rawBody: Uint8Array, headers: HookHeaders): ParsedHook {
  const event = hookHeader(headers, 'x-github-event');
  const deliveryId = hookHeader(headers, 'x-github-delivery');
  if (event === null) return { ok: false, reason: 'no event is named' };
  if (deliveryId === null || !/^[\w.:-]{1,100}$/.test(deliveryId))
    return { ok: false, reason: 'no delivery id is given' };
  if (!EVENTS.includes(event)) return { ok: false, reason: `${event} is not listened to` };
  const body = BODY.safeParse(jsonOf(rawBody));
  if (!body.success) return { ok: false, reason: `the body is no ${event} event in JSON` };
  const { action, ref, ref_type, repository } = body.data;
  if (event === 'push' && !ref?.startsWith('refs/tags/')) return { ok: false, reason: 'a push to no tag' };
  if ((event === 'create' || event === 'delete') && ref_type !== 'tag') {
    return { ok: false, reason: `${event} of no tag` };
  }
  const named = repository && { id: String(repository.id), owner: repository.owner.login, name: repository.name };
  return { ok: true, notice: { deliveryId, event, action: action ?? null, repository: named ?? null } };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
}
