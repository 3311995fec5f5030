import { forUpdate, type Row, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import type { EventState, EventWay } from './event.ts';

/** An event as it came in; its row stays for ever, so that no event is ever taken twice. */
export interface EventRecord {
  id: string;
  organizationId: string;
  accountId: string;
  eventId: string;
  deliveryId: string | null;
  type: string;
  apiVersion: string;
  objectType: string;
  objectId: string;
  /** '' until the provider was asked what the object belongs to, or for ever where it concerns nobody. */
  subject: string;
  /** The raw body; null: it came by the provider's list, or is older than 90 days. */
  body: string | null;
  /** '' : there was no body. */
  bodySha256: string;
  via: EventWay;
  state: EventState;
  /** Looks that came to nothing. */
  attempts: number;
  nextAt: string | null;
  leaseId: string | null;
  leaseUntil: string | null;
  /** Why it is where it is, in words. */
  detail: string;
  receivedAt: string;
  doneAt: string | null;
}

const EVENT_COLUMNS = columnsOf(
  ...['id', 'organizationId', 'accountId', 'eventId', 'deliveryId', 'type', 'apiVersion', 'objectType', 'objectId'],
  ...['subject', 'body', 'bodySha256', 'via', 'state', 'attempts', 'nextAt', 'leaseId', 'leaseUntil', 'detail'],
  ...['receivedAt', 'doneAt'],
);

/** What tells one delivery from another. */
export type EventHead = Pick<EventRecord, 'id' | 'accountId' | 'eventId' | 'deliveryId' | 'bodySha256' | 'state'>;
const HEAD = columnsOf('id', 'accountId', 'eventId', 'deliveryId', 'bodySha256', 'state');

/** Writes those that are new and gives their ids; an event or a delivery that is known is left as it is. */
export async function insertEvents(tx: Tx, events: readonly EventRecord[]): Promise<Set<string>> {
  if (events.length === 0) return new Set();
  const rows = events.map((event) => toRow(event) as Row);
  const inserted = await tx('payment_events').insert(rows).onConflict().ignore().returning('id');
  return new Set(inserted.map(({ id }) => id as string));
}

/** The rows that an event meets: the one of its event and the one of its delivery, which may be the same. */
export async function eventsLike(
  tx: Tx,
  { accountId, eventId, deliveryId }: Pick<EventRecord, 'accountId' | 'eventId' | 'deliveryId'>,
): Promise<EventHead[]> {
  const rows = await tx('payment_events')
    .where({ account_id: accountId })
    .where((same) => {
      same.where({ event_id: eventId });
      if (deliveryId !== null) same.orWhere({ delivery_id: deliveryId });
    })
    .select(HEAD);
  return rows.map((row) => fromRow<EventHead>(row));
}

/** Which of these events are known. */
export async function knownEventIds(tx: Tx, accountId: string, eventIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx('payment_events')
    .where({ account_id: accountId })
    .whereIn('event_id', [...eventIds])
    .select('event_id');
  return new Set(rows.map(({ event_id: id }) => id as string));
}

export async function findEvent(tx: Tx, id: string): Promise<EventRecord | null> {
  const row = await tx('payment_events').where({ id }).first(EVENT_COLUMNS);
  return row ? fromRow<EventRecord>(row) : null;
}

export async function lockEvent(tx: Tx, id: string): Promise<EventRecord | null> {
  const row = (await forUpdate(tx, tx('payment_events').where({ id }).select(EVENT_COLUMNS)))[0];
  return row ? fromRow<EventRecord>(row) : null;
}

/** To be looked at anew, as if it had just come. */
export async function queueAgain(tx: Tx, id: string, at: string): Promise<void> {
  const change = { state: 'pending', attempts: 0, next_at: at, done_at: null };
  await tx('payment_events').where({ id }).update(change);
}

export async function updateEvent(
  tx: Tx,
  id: string,
  change: Partial<Pick<EventRecord, 'state' | 'subject' | 'nextAt' | 'detail' | 'doneAt'>>,
): Promise<void> {
  await tx('payment_events').where({ id }).update(toRow(change));
}

/** Raw bodies hold names and mail addresses, so they go after a while, some at a time; ids and hashes stay. Gives how many went. */
export async function forgetEventBodies(tx: Tx, before: string, most: number): Promise<number> {
  const old = tx('payment_events').where('received_at', '<', before).whereNotNull('body').limit(most).select('id');
  return tx('payment_events').whereIn('id', old).update({ body: null });
}

/** Those that wait for somebody or for another try, oldest first. */
export async function openEvents(tx: Tx, organizationId: string, most: number): Promise<EventRecord[]> {
  const rows = await tx('payment_events')
    .where({ organization_id: organizationId })
    .where((open) =>
      open.where({ state: 'stuck' }).orWhere((again) => again.where({ state: 'pending' }).where('attempts', '>', 0)),
    )
    .orderBy('id')
    .limit(most)
    .select(EVENT_COLUMNS);
  return rows.map((row) => fromRow<EventRecord>(row));
}
