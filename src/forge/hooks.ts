import { createHash } from 'node:crypto';
import { type Clock, MINUTE, SECOND, toIso } from '../clock.ts';
import { ForgeTrouble, problem } from '../errors.ts';
import { newId } from '../ids.ts';
import { enqueue } from '../jobs/store.ts';
import { hookEventsOf, isAboutPeople } from '../plugin-manifest.ts';
import { type ForgeDeps, hookSecretsOf, type RepositorySide, sideOfRepository } from './connections.ts';
import type { HookHeaders } from './forge.ts';
import { type ForgeRecord, findForge, findRepositoryByRemoteId, updateRepository } from './store.ts';
import { type DeliveryRecord, saveDelivery } from './store-deliveries.ts';

export interface HookDeps extends ForgeDeps {
  clock: Clock;
  publicUrl: string;
  /** Told when somebody's rights on a forge may have changed. */
  onPeople?: (forgeId: string) => void;
}

export interface Received {
  state: DeliveryRecord['state'];
  detail: string;
}

/** The job that looks at a repository afresh; its subject is the repository's id. */
export const RECONCILE = 'reconcile';

/** When to look again after a hook: assets are often attached after the release is published, and no hook tells of them. */
const LOOK_AGAIN_MS = [30 * SECOND, 5 * MINUTE];

/**
 * Takes one delivery: signature over the raw bytes, inbox row, job, all before the answer. Throws SIGNATURE_INVALID or NOT_FOUND;
 * whatever is signed but concerns nobody is kept as `ignored`.
 */
export async function receiveHook(
  deps: HookDeps,
  forgeId: string,
  rawBody: Uint8Array,
  headers: HookHeaders,
): Promise<Received> {
  const forge = await requireHookedForge(deps, forgeId);
  const driver = deps.drivers[forge.kind];
  const verdict = driver.verifyHook(rawBody, headers, hookSecretsOf(deps, forge));
  if (verdict !== 'valid') {
    throw problem(
      'SIGNATURE_INVALID',
      verdict === 'unsigned' ? 'the delivery is not signed' : 'the signature does not match',
    );
  }
  const now = toIso(deps.clock());
  const blank = blankRecord(forge.id, rawBody, now);
  const parsed = driver.parseHook(rawBody, headers);
  if (!parsed.ok) return deps.db.tx((tx) => saveDelivery(tx, { ...blank, detail: parsed.reason }));
  const { notice } = parsed;
  const { deliveryId, event, action } = notice;
  const declared = hookEventsOf(forge.kind, 'organization').includes(event);
  if (declared && isAboutPeople(event)) return peopleChanged(deps, forge, { ...blank, deliveryId, event, action });
  return deps.db.tx(async (tx) => {
    const repository = notice.repository ? await findRepositoryByRemoteId(tx, forgeId, notice.repository.id) : null;
    const named = { ...blank, deliveryId, event, action, repositoryId: repository?.id ?? null };
    if (!declared) return saveDelivery(tx, { ...named, detail: `"${event}" is not asked for` });
    if (repository === null) return saveDelivery(tx, { ...named, detail: 'no connected repository is meant' });
    const received = await saveDelivery(tx, { ...named, state: 'queued' });
    const job = { kind: RECONCILE, subject: repository.id, runAt: now, payload: { again: LOOK_AGAIN_MS }, hint: true };
    if (received.state === 'queued') await enqueue(tx, job, now);
    return received;
  });
}

/**
 * Rights are asked of the forge afresh. Nothing of the payload is taken for true, so that a replayed delivery does no more than
 * cost a question.
 */
async function peopleChanged(deps: HookDeps, forge: ForgeRecord, delivery: DeliveryRecord): Promise<Received> {
  deps.onPeople?.(forge.id);
  return deps.db.tx((tx) => saveDelivery(tx, { ...delivery, state: 'done', detail: 'rights are asked for anew' }));
}

export async function requireHookedForge(deps: Pick<HookDeps, 'db'>, forgeId: string): Promise<ForgeRecord> {
  const forge = await deps.db.read((tx) => findForge(tx, forgeId));
  if (!forge || forge.id !== forgeId) throw problem('NOT_FOUND', 'there is no such forge');
  return forge;
}

/** Without a delivery id of its own a body counts as itself: the same again is the same delivery. */
function blankRecord(forgeId: string, rawBody: Uint8Array, receivedAt: string): DeliveryRecord {
  const bodySha256 = createHash('sha256').update(rawBody).digest('hex');
  return {
    id: newId('delivery'),
    forgeId,
    deliveryId: `body:${bodySha256}`,
    event: '',
    action: null,
    repositoryId: null,
    // PostgreSQL keeps no U+0000 in a text.
    body: new TextDecoder().decode(rawBody).replaceAll('\0', ''),
    bodySha256,
    state: 'ignored',
    detail: '',
    receivedAt,
  };
}

/** What to do when a look at a repository is over: the next of the planned looks. */
export function nextLook(
  payload: Record<string, unknown>,
): { afterMs: number; payload: Record<string, unknown> } | undefined {
  const again = Array.isArray(payload['again']) ? (payload['again'] as number[]) : [];
  const [afterMs, ...rest] = again;
  return afterMs === undefined ? undefined : { afterMs, payload: { again: rest } };
}

export function hookUrl(publicUrl: string, forgeId: string): string {
  return `${publicUrl}/hooks/${forgeId}`;
}

/** Makes, finds or repairs the hook that hears a repository (its own or its organization's) and remembers how that went. Returns what was wrong, in words. */
export async function ensureRepositoryHook(
  deps: HookDeps,
  repositoryId: string,
): Promise<{ change: string; drift: string[] } | null> {
  const side = await sideOfRepository(deps, repositoryId);
  if (side === null || !side.driver.capabilities.hooks) return null;
  const [secret = ''] = hookSecretsOf(deps, side.forge);
  const spec = {
    url: hookUrl(deps.publicUrl, side.forge.id),
    secret,
    events: hookEventsOf(side.forge.kind, side.hookScope.kind),
  };
  const checkedAt = toIso(deps.clock());
  try {
    const state = await side.driver.ensureHook(side.connection, side.hookScope, spec);
    if (side.hookScope.kind === 'organization') await dropRepositoryHook(side, spec.url);
    await remember(deps, side, { hookError: null, hookCheckedAt: checkedAt });
    return state;
  } catch (error) {
    const words = error instanceof ForgeTrouble ? error.message : 'the hook could not be registered';
    await remember(deps, side, { hookError: words, hookCheckedAt: checkedAt });
    throw error;
  }
}

/** Beside a hook of the organization one of the repository would only say everything twice. */
function dropRepositoryHook({ driver, connection, repository }: RepositorySide, url: string): Promise<void> {
  return driver.removeHook(connection, { kind: 'repository', repository }, url);
}

function remember(
  deps: HookDeps,
  side: RepositorySide,
  change: { hookError: string | null; hookCheckedAt: string },
): Promise<void> {
  return deps.db.tx((tx) => updateRepository(tx, side.stored.id, change));
}
