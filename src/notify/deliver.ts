import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { type Clock, HOUR, MINUTE, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { redactKeys } from '../http/redact.ts';
import { newId } from '../ids.ts';
import type { Secrets } from '../secrets.ts';
import { queueWebhookAlert } from './mails.ts';
import { afterAttempt, type DisabledReason, isDelivered, type Outcome } from './retry-plan.ts';
import { signedHeaders } from './signature.ts';
import {
  type ClaimTimes,
  claimDeliveries,
  claimDelivery,
  dueEndpoints,
  findDelivery,
  freeCrashed,
  giveUpWaiting,
  leasedDelivery,
  saveAttempt,
  type WholeDeliveryRecord,
} from './store-deliveries.ts';
import { findWebhook, lockWebhook, updateWebhook, type WebhookRecord } from './store-webhooks.ts';
import { DEFAULT_ROAD, type Road, ship } from './webhook-io.ts';

export interface SenderDeps {
  db: Db;
  clock: Clock;
  secrets: Pick<Secrets, 'open'>;
  road: Pick<Road, 'allowed'> & Partial<Road>;
  /** From 0 to 1. */
  dice(): number;
  /** Nobody listens any more. The owner is told by a mail; it is also in the audit log and shown by the API. */
  onDisabled(webhook: WebhookRecord, reason: DisabledReason): void;
  onError(error: unknown): void;
}

export interface Sender {
  start(): void;
  /** Lets what is under way end. */
  stop(): Promise<void>;
  /** Sends everything that is due now and waits for it; used by commands and tests. Returns the number of attempts. */
  drain(): Promise<number>;
  /** Plans a delivery and makes one attempt at once, whatever its time; false: another process is at it already. */
  sendNow(plan: (tx: Tx) => Promise<string>): Promise<{ id: string; sent: boolean }>;
}

export const LEASE_MS = MINUTE;
const FARTHEST_LEASE_MS = 10 * MINUTE;
/** Farther than any plan of ours: a day and its jitter. */
const FARTHEST_PLAN_MS = 27 * HOUR;
const IDLE_MS = 500;
/** All endpoints together; of one at most two. */
const PARALLEL = 16;
/** Attempts that the log of a delivery keeps. */
const MOST_TRIES = 30;

/** Delivers what the outbox holds, at least once: a lease a delivery, each attempt written down before the next. */
export function makeSender(deps: SenderDeps): Sender {
  const { db, clock } = deps;
  const running = new Set<Promise<void>>();
  let stopped = true;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();

  async function fill(): Promise<number> {
    const times = timesAt(clock());
    const free = PARALLEL - running.size;
    if (free <= 0 || (await db.read((tx) => dueEndpoints(tx, times, 1))).length === 0) return 0;
    const claimed = await db.tx((tx) => claimDue(tx, times, free));
    for (const { id, leaseId } of claimed) {
      const work: Promise<void> = attempt(deps, id, leaseId)
        .catch(deps.onError)
        .then(() => {
          running.delete(work);
        });
      running.add(work);
    }
    return claimed.length;
  }

  return {
    start() {
      stopped = false;
      const tick = () => {
        if (stopped) return;
        looking = fill()
          .then(() => undefined)
          .catch(deps.onError)
          .finally(() => {
            if (!stopped) timer = setTimeout(tick, IDLE_MS);
          });
      };
      tick();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      // What it leases is begun, and must be written down before the database closes.
      await looking;
      await Promise.allSettled(running);
    },
    async drain() {
      for (let done = 0; ; ) {
        // What ended during the look may have made room for more.
        const wasBusy = running.size > 0;
        const begun = await fill();
        done += begun;
        if (running.size > 0) await Promise.race(running);
        else if (begun === 0 && !wasBusy) return done;
      }
    },
    async sendNow(plan) {
      const leaseId = newId('lease');
      const { leaseUntil } = timesAt(clock());
      const planned = await db.tx(async (tx) => {
        const id = await plan(tx);
        return { id, sent: await claimDelivery(tx, id, leaseId, leaseUntil) };
      });
      if (planned.sent) await attempt(deps, planned.id, leaseId);
      return planned;
    },
  };
}

async function claimDue(tx: Tx, times: ClaimTimes, most: number): Promise<{ id: string; leaseId: string }[]> {
  await freeCrashed(tx, times);
  const claimed: { id: string; leaseId: string }[] = [];
  for (const endpointId of await dueEndpoints(tx, times, most)) {
    const room = most - claimed.length;
    if (room <= 0) break;
    claimed.push(...(await claimDeliveries(tx, endpointId, times, room, () => newId('lease'))));
  }
  return claimed;
}

function timesAt(now: number): ClaimTimes {
  return {
    now: toIso(now),
    leaseUntil: toIso(now + LEASE_MS),
    farthestPlan: toIso(now + FARTHEST_PLAN_MS),
    farthestLease: toIso(now + FARTHEST_LEASE_MS),
  };
}

async function attempt(deps: SenderDeps, id: string, leaseId: string): Promise<void> {
  const { db, clock, road } = deps;
  const found = await db.read(async (tx) => {
    const delivery = await findDelivery(tx, id);
    return { delivery, webhook: delivery && (await findWebhook(tx, delivery.endpointId)) };
  });
  // It was removed in this very moment.
  if (!found.delivery || !found.webhook) return;
  const { delivery, webhook } = found;
  const at = clock();
  const message = { id: delivery.eventId, body: delivery.body };
  const headers = signedHeaders(message, secretsOf(deps.secrets, webhook, at), at);
  const outcome = await ship({ url: webhook.url, headers, body: delivery.body }, { ...DEFAULT_ROAD, ...road });
  const dice = deps.dice();
  const ended = clock();
  const disabled = await db.tx((tx) => mark(tx, { id, leaseId, outcome, at, ended, dice }));
  if (disabled) deps.onDisabled(webhook, disabled);
}

/** Those that sign now, the newest first. */
function secretsOf(secrets: Pick<Secrets, 'open'>, webhook: WebhookRecord, now: number): string[] {
  const { id, secretSealed, previousSecretSealed, previousSecretUntil } = webhook;
  const isOverlap = previousSecretUntil !== null && previousSecretUntil > toIso(now);
  const sealed = isOverlap && previousSecretSealed !== null ? [secretSealed, previousSecretSealed] : [secretSealed];
  return sealed.map((each) => secrets.open('webhook', id, each));
}

interface Done {
  id: string;
  leaseId: string;
  outcome: Outcome;
  at: number;
  ended: number;
  dice: number;
}

/** Writes what an attempt came to, under its lease. Gives the reason where the endpoint was switched off. */
async function mark(tx: Tx, { id, leaseId, outcome, at, ended, dice }: Done): Promise<DisabledReason | null> {
  const known = await findDelivery(tx, id);
  const webhook = known && (await lockWebhook(tx, known.endpointId));
  const delivery = webhook && (await leasedDelivery(tx, id, leaseId));
  if (!delivery) return null;
  const isTest = delivery.type === 'webhook.test';
  const { active, failingSince } = webhook;
  const next = afterAttempt(outcome, { step: delivery.step, isTest, active, failingSince }, ended, dice);
  const { state, step, nextAttemptAt } = next;
  await saveAttempt(tx, id, {
    ...{ state, step, nextAttemptAt, tries: triesWith(delivery, outcome, at) },
    answer: redactKeys(outcome.answer),
    deliveredAt: isDelivered(outcome) ? toIso(ended) : delivery.deliveredAt,
  });
  if (isTest) return null;
  await updateWebhook(tx, webhook.id, { failingSince: next.failingSince, heldUntil: next.heldUntil });
  return next.disable !== null && active ? disable(tx, webhook, next.disable, ended) : null;
}

function triesWith({ tries }: WholeDeliveryRecord, { status, durationMs, error }: Outcome, at: number) {
  return [...tries, { at: toIso(at), status, duration_ms: durationMs, error }].slice(-MOST_TRIES);
}

async function disable(
  tx: Tx,
  { id, organizationId }: WebhookRecord,
  reason: DisabledReason,
  now: number,
): Promise<DisabledReason> {
  await updateWebhook(tx, id, { active: false, disabledAt: toIso(now), disabledReason: reason });
  await giveUpWaiting(tx, id);
  await queueWebhookAlert(tx, { id, organizationId }, now);
  const changes = { active: { from: true, to: false }, reason };
  const event = { actor: SYSTEM_ACTOR, action: 'webhook.disable', entity: 'webhook', entityId: id };
  await audit(tx, { ...event, changes, requestId: null }, now);
  return reason;
}
