import { createHash } from 'node:crypto';
import { makeBatch } from '../batch.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { newId } from '../ids.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import { alertVendor } from './alerts.ts';
import { type EventWay, storable, storableEvent, strangeness } from './event.ts';
import type { Gateway, Headers, HookVerdict, ParsedEvent } from './gateway.ts';
import { type AccountRecord, accountsOf } from './store-accounts.ts';
import {
  type EventHead,
  type EventRecord,
  eventsLike,
  insertEvents,
  knownEventIds,
  queueAgain,
} from './store-events.ts';

/** Numbers by provider and outcome; never an id. */
export type CountEvent = (provider: string, outcome: string, howMany?: number) => void;

export interface InboxDeps extends PaymentDeps {
  count: CountEvent;
  /** There is something to work on. */
  onPending(): void;
}

/** One delivery, as it came from outside. */
interface Delivery {
  organizationId: string;
  /** The address names this account, so it is signed for no other. */
  accountId?: string | null;
  provider: string;
  raw: Uint8Array;
  headers: Headers;
  via: EventWay;
}

interface ReceivedEvent {
  id: string;
  accountId: string;
  eventId: string;
  type: string;
  /** `duplicate`: it was here before, and nothing was stored; `again`: it was given up, and is worked on anew. */
  outcome: 'received' | 'ignored' | 'duplicate' | 'again';
}

export interface Inbox {
  /**
   * Takes one delivery: verified on its raw bytes, stored and committed before this resolves. Throws INVALID_REQUEST where it is not
   * genuine or cannot be read, and NOT_FOUND where no account of the provider is connected.
   */
  receive(delivery: Delivery): Promise<ReceivedEvent>;
  /** The same for events of the provider's own list, which need no signature. Gives how many were new. */
  take(account: AccountRecord, events: readonly ParsedEvent[]): Promise<number>;
}

/** Rows of one commit: deliveries come in bursts, and a commit costs the disk the same however many it holds. */
const MOST_AT_ONCE = 200;
/** More than this is overload; the provider sends them again. */
const MOST_WAITING = 5_000;

type Stored = ReceivedEvent['outcome'] | 'second_body';

/** The way in for everything that providers tell. */
export function makeInbox(deps: InboxDeps): Inbox {
  const { db, clock, count, gateways, onPending } = deps;
  const store = makeBatch<NewEvent, Stored>({
    most: MOST_AT_ONCE,
    mostWaiting: MOST_WAITING,
    answerAll: (wanted) => db.tx((tx) => storeAll(tx, wanted, clock())),
  });

  async function keep(fresh: NewEvent): Promise<Stored> {
    const stored = await store(fresh);
    count(fresh.provider, stored);
    if (stored === 'again' || (stored === 'received' && fresh.event.state === 'pending')) onPending();
    return stored;
  }

  return {
    async receive(delivery) {
      const { organizationId, provider, raw, headers, via } = delivery;
      const gateway = gateways[provider];
      const only = delivery.accountId ?? null;
      const all = await db.read((tx) => accountsOf(tx, { organizationId, provider }));
      const accounts = only === null ? all : all.filter(({ id }) => id === only);
      if (!gateway || accounts.length === 0)
        throw problem('NOT_FOUND', `no account at the provider "${provider}" is connected`);
      const account = await signedFor(deps, gateway, accounts, delivery);
      const parsed = readEvent(gateway, raw, headers);
      const sha256 = createHash('sha256').update(raw).digest('hex');
      const body = storable(new TextDecoder().decode(raw));
      const event = newEvent(gateway, account, parsed, { body, bodySha256: sha256, via }, clock());
      const stored = await keep(event);
      if (stored === 'second_body')
        throw problem(
          'INVALID_REQUEST',
          'this delivery came before with another body, so its signature is not believed',
        );
      const { id, accountId, eventId, type } = event.event;
      return { id, accountId, eventId, type, outcome: stored };
    },
    async take(account, events) {
      const gateway = gateways[account.provider];
      if (!gateway) return 0;
      const clean = events.map(storableEvent).filter((each) => typeof each !== 'string');
      const ids = clean.map(({ eventId }) => eventId);
      const known = await db.read((tx) => knownEventIds(tx, account.id, ids));
      const fresh = clean.filter(({ eventId }) => !known.has(eventId));
      const list = { body: null, bodySha256: '', via: 'reconcile' as const };
      const outcomes = await Promise.all(fresh.map((each) => keep(newEvent(gateway, account, each, list, clock()))));
      return outcomes.filter((each) => each === 'received' || each === 'ignored').length;
    },
  };
}

/** The account that the delivery is signed for: of several modes and secrets the first that fits. */
async function signedFor(
  deps: InboxDeps,
  gateway: Gateway,
  accounts: readonly AccountRecord[],
  { raw, headers, provider }: Delivery,
): Promise<AccountRecord> {
  const verdicts: Exclude<HookVerdict, { ok: true }>[] = [];
  for (const account of [...accounts].sort((a, b) => Number(b.active) - Number(a.active))) {
    const verdict = await gateway.verify(raw, headers, openAccount(deps, account), deps.clock());
    if (verdict.ok) return account;
    verdicts.push(verdict);
  }
  // What nearly fitted says more than what did not fit at all.
  const rank = ['stale', 'early', 'foreign', 'invalid', 'unsigned'];
  const [nearest] = verdicts.sort((a, b) => rank.indexOf(a.reason) - rank.indexOf(b.reason));
  deps.count(provider, 'refused');
  throw problem('INVALID_REQUEST', nearest?.detail ?? 'the delivery is not signed');
}

function readEvent(gateway: Gateway, raw: Uint8Array, headers: Headers): ParsedEvent {
  const parsed = gateway.parse(raw, headers);
  if (!parsed.ok) throw problem('INVALID_REQUEST', parsed.detail, { errors: parsed.errors ?? [] });
  const clean = storableEvent(parsed.event);
  if (typeof clean === 'string') throw problem('INVALID_REQUEST', clean);
  return clean;
}

interface NewEvent {
  event: EventRecord;
  provider: string;
  /** What the vendor is told of it. */
  alert: { code: string; detail: string } | null;
}

function newEvent(
  { eventTypes }: Gateway,
  account: AccountRecord,
  parsed: ParsedEvent,
  origin: Pick<EventRecord, 'body' | 'bodySha256' | 'via'>,
  now: number,
): NewEvent {
  const { eventId, deliveryId, type, apiVersion, objectType, objectId, subject } = parsed;
  const strange = strangeness(parsed, account);
  const unknown = subject === null && !eventTypes.includes(type);
  const why = strange ?? (subject === null ? 'nothing here depends on events of this type' : null);
  const at = toIso(now);
  const event: EventRecord = {
    ...{ id: newId('payment_event', now), organizationId: account.organizationId, accountId: account.id },
    ...{ eventId, deliveryId, type, apiVersion, objectType, objectId, subject: subject ?? '', ...origin },
    ...{ state: why === null ? 'pending' : 'ignored', attempts: 0, nextAt: why === null ? at : null },
    ...{ leaseId: null, leaseUntil: null, detail: why ?? '', receivedAt: at, doneAt: why === null ? null : at },
  };
  const { provider } = account;
  if (strange !== null)
    return { event, provider, alert: { code: 'EVENT_OF_ANOTHER_ACCOUNT', detail: `the event ${eventId}: ${strange}` } };
  return {
    event,
    provider,
    alert: unknown ? { code: 'UNKNOWN_EVENT_TYPE', detail: `the last one was "${type}"` } : null,
  };
}

async function storeAll(tx: Tx, wanted: readonly NewEvent[], now: number): Promise<Stored[]> {
  const inserted = await insertEvents(
    tx,
    wanted.map(({ event }) => event),
  );
  const outcomes: Stored[] = [];
  for (const { event, alert } of wanted) {
    const isNew = inserted.has(event.id);
    const { organizationId, accountId } = event;
    if (isNew && alert !== null)
      await alertVendor(tx, { organizationId, accountId, subject: accountId, ...alert }, now);
    outcomes.push(isNew ? (event.state === 'pending' ? 'received' : 'ignored') : await metBefore(tx, event, now));
  }
  return outcomes;
}

/** A delivery is bound to its first body: another one under its id is no delivery of the provider. */
async function metBefore(tx: Tx, event: EventRecord, now: number): Promise<Stored> {
  const known = await eventsLike(tx, event);
  const sameDelivery = (each: EventHead) => each.deliveryId !== null && each.deliveryId === event.deliveryId;
  if (known.some((each) => sameDelivery(each) && each.bodySha256 !== event.bodySha256)) return 'second_body';
  const dead = known.find(({ eventId, state }) => eventId === event.eventId && state === 'stuck');
  if (!dead) return 'duplicate';
  await queueAgain(tx, dead.id, toIso(now));
  return 'again';
}
