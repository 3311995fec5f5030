import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { type Clock, MINUTE, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { redactKeys } from '../http/redact.ts';
import type { By } from '../licensing/keys.ts';
import type { Secrets } from '../secrets.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import { type Setback, STUCK, setbackOf } from './event-plan.ts';
import { setBack } from './event-setback.ts';
import type { Snapshot } from './facts.ts';
import type { Applied } from './fulfil.ts';
import { type Gateway, partsOfSubject } from './gateway.ts';
import type { CountEvent } from './inbox.ts';
import { type AccountRecord, findAccount } from './store-accounts.ts';
import {
  extendHold,
  type Hold,
  holdsSubject,
  type LeasedEvent,
  leasedEvents,
  placeEvent,
  releaseSubject,
  settleEvents,
  takeSubject,
} from './store-event-work.ts';
import { isSoldHere, knownOf } from './store-known.ts';

/** `applyFacts` of shop-told.ts. */
type Apply = (tx: Tx, secrets: Secrets, account: AccountRecord, snapshot: Snapshot, by: By) => Promise<Applied>;

export interface LookDeps extends PaymentDeps {
  apply: Apply;
  /** Looks up one price at its provider and notes what it found. */
  checkPrice(account: AccountRecord, externalId: string): Promise<unknown>;
  count: CountEvent;
  /** What went wrong, for the log; `subject` and account are ids. */
  onTrouble(error: unknown, where: { account: string; subject: string }): void;
}

/** What a look came to. `error` is what a caller who waits for it may throw. */
export type Looked = Applied | { state: 'failed'; detail: string; error: unknown };

export const LEASE_MS = 2 * MINUTE;

class LeaseLost extends Error {}

interface Place {
  account: AccountRecord;
  gateway: Gateway;
}

/** Looks afresh at a subject that is held and writes what came of it, for all its events that are leased with it. */
export async function look(deps: LookDeps, hold: Hold): Promise<Looked> {
  const stopBeating = beat(deps, hold);
  try {
    const place = await placeOf(deps, hold.accountId);
    if (!place) return await settle(deps, hold, null, { state: 'ignored', detail: 'its account or provider is gone' });
    const [first] = await deps.db.read((tx) => leasedEvents(tx, hold.leaseId, '', 1));
    if (first && factsOf(place.gateway, first) !== null) return await takeFacts(deps, place, hold);
    return await lookAfresh(deps, place, hold);
  } catch (error) {
    return await failed(deps, hold, error);
  } finally {
    stopBeating();
  }
}

async function lookAfresh(deps: LookDeps, { account, gateway }: Place, hold: Hold): Promise<Looked> {
  const { kind, externalId } = partsOfSubject(hold.subject);
  if (kind === 'price') {
    await deps.checkPrice(account, externalId);
    return settle(deps, hold, account, { state: 'done', detail: '' });
  }
  const { subject } = hold;
  const known = gateway.wantsKnown ? await deps.db.read((tx) => knownOf(tx, account.id, subject)) : undefined;
  const snapshot = await gateway.read(openAccount(deps, account), subject, known);
  if (snapshot === null) {
    // Credentials of another account know nothing of what was sold through this one: that must not pass in silence.
    const owed = (await deps.db.read((tx) => isSoldHere(tx, account.id, subject))) ? STUCK : null;
    return postponed(deps, hold, account, { kind: 'unknown', detail: 'the provider knows nothing of it', owed });
  }
  const outcome = await deps.db.tx(async (tx) => {
    await requireHold(tx, hold);
    const now = deps.clock();
    const applied = await deps.apply(tx, deps.secrets, account, snapshot, byUs(now));
    const { state, detail, owed } = applied;
    if (state === 'parked')
      return { applied, ended: await setBack(tx, hold, account, { kind: 'parked', detail, owed }, now) };
    const settled = await settleEvents(tx, hold, { state, detail, at: toIso(now) });
    await releaseSubject(tx, hold);
    return { applied, ended: { [state]: settled } };
  });
  countAll(deps, account, outcome.ended);
  return outcome.applied;
}

/** Events that are facts themselves are taken one by one, in the order in which they came; one that fails keeps none from the others. */
async function takeFacts(deps: LookDeps, place: Place, hold: Hold): Promise<Looked> {
  let last: Looked = { state: 'ignored', detail: '' };
  for (let after = ''; ; ) {
    const events = await deps.db.read((tx) => leasedEvents(tx, hold.leaseId, after, 20));
    for (const event of events) last = await takeFact(deps, place, hold, event);
    const end = events.at(-1);
    if (!end) break;
    after = end.id;
  }
  await deps.db.tx((tx) => releaseSubject(tx, hold));
  return last;
}

async function takeFact(deps: LookDeps, { account, gateway }: Place, hold: Hold, event: LeasedEvent): Promise<Looked> {
  const one = { ...hold, id: event.id };
  const facts = factsOf(gateway, event);
  try {
    const { ended, applied } = await deps.db.tx(async (tx) => {
      await requireHold(tx, hold);
      const now = deps.clock();
      const applied: Applied =
        facts === null
          ? { state: 'ignored', detail: 'what it said is not kept any more' }
          : await deps.apply(tx, deps.secrets, account, facts, byUs(now));
      const { state, detail, owed } = applied;
      if (state === 'parked')
        return { applied, ended: await setBack(tx, one, account, { kind: 'parked', detail, owed }, now) };
      return { applied, ended: { [state]: await settleEvents(tx, one, { state, detail, at: toIso(now) }) } };
    });
    countAll(deps, account, ended);
    return applied;
  } catch (error) {
    if (error instanceof LeaseLost) throw error;
    return failed(deps, one, error);
  }
}

function factsOf(gateway: Gateway, { body }: Pick<LeasedEvent, 'body'>): Snapshot | null {
  if (body === null) return null;
  const parsed = gateway.parse(new TextEncoder().encode(body), {});
  return parsed.ok ? (parsed.event.facts ?? null) : null;
}

/**
 * Asks the provider what an event is about, and goes on with the look if nobody else is at that subject. `event` is leased alone,
 * under its own id.
 */
export async function locate(deps: LookDeps, { id, accountId, leaseId }: Lone): Promise<void> {
  const lone = { accountId, subject: '', leaseId, id };
  try {
    const place = await placeOf(deps, accountId);
    const [event] = await deps.db.read((tx) => leasedEvents(tx, leaseId, '', 1));
    if (!event) return;
    const subject = place && (await place.gateway.locate(openAccount(deps, place.account), event));
    if (!place || !subject) {
      await settle(deps, lone, place?.account ?? null, { state: 'ignored', detail: 'it belongs to nothing of ours' });
      return;
    }
    const hold = { accountId, subject, leaseId };
    const leaseUntil = toIso(deps.clock() + LEASE_MS);
    const taken = await deps.db.tx(
      async (tx) => (await placeEvent(tx, { leaseId, id }, subject)) && (await takeSubject(tx, hold, leaseUntil)),
    );
    if (taken) await look(deps, hold);
  } catch (error) {
    await failed(deps, lone, error);
  }
}

/** An event that is leased alone. */
export interface Lone {
  id: string;
  accountId: string;
  leaseId: string;
}

async function placeOf({ db, gateways }: LookDeps, accountId: string): Promise<Place | null> {
  const account = await db.read((tx) => findAccount(tx, accountId));
  const gateway = account && gateways[account.provider];
  return account && gateway ? { account, gateway } : null;
}

async function requireHold(tx: Tx, hold: Hold): Promise<void> {
  if (!(await holdsSubject(tx, hold))) throw new LeaseLost('the lease was lost');
}

type Which = Hold & { id?: string };

async function settle(deps: LookDeps, which: Which, account: AccountRecord | null, applied: Applied): Promise<Applied> {
  const { detail } = applied;
  const state = applied.state === 'ignored' ? 'ignored' : 'done';
  const settled = await deps.db.tx(async (tx) => {
    const number = await settleEvents(tx, which, { state, detail, at: toIso(deps.clock()) });
    if (which.subject !== '') await releaseSubject(tx, which);
    return number;
  });
  if (account) countAll(deps, account, { [state]: settled });
  return applied;
}

async function postponed(
  deps: LookDeps,
  which: Which,
  account: AccountRecord | null,
  setback: Setback,
): Promise<Applied> {
  const ended = await deps.db.tx((tx) => setBack(tx, which, account, setback, deps.clock()));
  if (account) countAll(deps, account, ended);
  return { state: 'parked', detail: setback.detail };
}

/** Where even this cannot be written the lease runs out, which comes to the same. */
async function failed(deps: LookDeps, which: Which, error: unknown): Promise<Looked> {
  const setback = setbackOf(error);
  const detail = redactKeys(setback.detail);
  deps.onTrouble(error, { account: which.accountId, subject: which.subject });
  if (!(error instanceof LeaseLost)) {
    await deps.db
      .read((tx) => findAccount(tx, which.accountId))
      .then((account) => postponed(deps, which, account, { ...setback, detail }))
      .catch((fault: unknown) => deps.onTrouble(fault, { account: which.accountId, subject: which.subject }));
  }
  return { state: 'failed', detail, error };
}

function countAll({ count }: LookDeps, { provider }: AccountRecord, ended: Readonly<Record<string, number>>): void {
  for (const [outcome, number] of Object.entries(ended)) if (number > 0) count(provider, outcome, number);
}

function byUs(now: number): By {
  return { actor: SYSTEM_ACTOR, requestId: null, now };
}

/** Keeps a lease for as long as the work takes. Gives what ends that. */
export function beat({ db, clock }: { db: Db; clock: Clock }, hold: Hold): () => void {
  const timer = setInterval(() => {
    db.tx((tx) => extendHold(tx, hold, toIso(clock() + LEASE_MS))).catch(() => undefined);
  }, LEASE_MS / 3);
  timer.unref();
  return () => clearInterval(timer);
}
