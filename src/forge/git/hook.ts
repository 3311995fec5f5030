import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import type { HookHeaders, HookScope, HookSpec, ParsedHook } from '../forge.ts';
import { hookHeader } from '../hook-signature.ts';
import { isRepositoryName } from './address.ts';

/** Enough of what a `post-receive` script sends, or of a push as GitHub words it. */
const BODY = z.object({
  repository: z.union([
    z.string(),
    z.object({ name: z.string(), owner: z.object({ login: z.string() }).optional().catch(undefined) }),
  ]),
});

/** Event and delivery id come in X-Feedgate-… headers, or in GitHub's. Only `push` says anything here. */
export function parseGitHook(rawBody: Uint8Array, headers: HookHeaders): ParsedHook {
  const event = hookHeader(headers, 'x-feedgate-event') ?? hookHeader(headers, 'x-github-event');
  const deliveryId = hookHeader(headers, 'x-feedgate-delivery') ?? hookHeader(headers, 'x-github-delivery');
  if (event !== 'push')
    return { ok: false, reason: event === null ? 'no event is named' : `${event} releases nothing` };
  if (deliveryId === null || !/^[\w.:-]{1,100}$/.test(deliveryId))
    return { ok: false, reason: 'no delivery id is given' };
  const body = BODY.safeParse(jsonOf(rawBody));
  if (!body.success) return { ok: false, reason: 'the body names no repository' };
  const { repository } = body.data;
  const name = typeof repository === 'string' ? repository : repository.name;
  const owner = typeof repository === 'string' ? '' : (repository.owner?.login ?? '');
  if (!isRepositoryName(name)) return { ok: false, reason: 'no repository can have that name' };
  return { ok: true, notice: { deliveryId, event, action: null, repository: { id: name, owner, name } } };
}

/** Plain Git has no API for hooks; the words are shown to whoever can install one by hand. */
export function refuseHook(scope: HookScope, spec: HookSpec): never {
  const name = scope.kind === 'repository' ? scope.repository.id : 'NAME';
  throw new ForgeTrouble('refused', `plain Git has no hooks by API; ${postReceive(name, spec.url)}`);
}

function postReceive(name: string, url: string): string {
  return [
    'put this into the file hooks/post-receive of the repository, with the secret in $SECRET:',
    `body='{"repository":"${name}"}'`,
    'sum=$(printf %s "$body" | openssl dgst -sha256 -hmac "$SECRET" | sed "s/.*= //")',
    `curl -fsS -m 10 -H 'Content-Type: application/json' -H 'X-Feedgate-Event: push' -H "X-Feedgate-Delivery: $(date +%s)-$$" -H "X-Hub-Signature-256: sha256=$sum" -d "$body" '${url}'`,
  ].join('\n');
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
}
