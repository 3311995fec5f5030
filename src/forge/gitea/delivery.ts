import { z } from 'zod';
import type { HookHeaders, ParsedHook } from '../forge.ts';
import { hookHeader } from '../hook-signature.ts';

/** Forgejo sends all of these families, Gitea all but its own, each with the same values. */
const FAMILIES = ['forgejo', 'gitea', 'gogs', 'github'];

const repositorySchema = z.object({
  id: z.int().nonnegative().transform(String),
  name: z.string().min(1),
  owner: z.object({ login: z.string().min(1) }),
});

const bodySchema = z.object({
  action: z.string().nullish(),
  ref: z.string().nullish(),
  ref_type: z.string().nullish(),
  repository: z.unknown().optional(),
});

/**
 * What a delivery of Gitea or Forgejo says. Pushes of branches are no concern of ours: only tags and releases are.
 * Its `repository.permissions` and `sender` are never looked at: they are not the sender's rights.
 */
export function parseDelivery(rawBody: Uint8Array, headers: HookHeaders): ParsedHook {
  const event = fromFamilies(headers, 'event');
  const deliveryId = fromFamilies(headers, 'delivery');
  if (event === null) return { ok: false, reason: 'no event is named' };
  if (deliveryId === null || !/^[\w.:-]{1,100}$/.test(deliveryId))
    return { ok: false, reason: 'no delivery id is given' };
  const type = hookHeader(headers, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') return { ok: false, reason: `the body is ${type ?? 'of no type'}, not JSON` };
  const body = bodySchema.safeParse(parseJson(rawBody));
  if (!body.success) return { ok: false, reason: 'the body is no JSON of a known shape' };
  const { action, ref, ref_type } = body.data;
  if (event === 'push' && !ref?.startsWith('refs/tags/')) return { ok: false, reason: 'a push of a branch' };
  if ((event === 'create' || event === 'delete') && ref_type !== 'tag') {
    return { ok: false, reason: 'a branch was made or deleted' };
  }
  const repository = repositorySchema.safeParse(body.data.repository);
  const named = repository.data && {
    id: repository.data.id,
    owner: repository.data.owner.login,
    name: repository.data.name,
  };
  return { ok: true, notice: { deliveryId, event, action: action ?? null, repository: named ?? null } };
}

function fromFamilies(headers: HookHeaders, what: 'event' | 'delivery'): string | null {
  for (const family of FAMILIES) {
    const value = hookHeader(headers, `x-${family}-${what}`);
    if (value !== null) return value;
  }
  return null;
}

function parseJson(rawBody: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(rawBody).toString('utf8'));
  } catch {
    return undefined;
  }
}
