import { audit } from '../audit/audit.ts';
import { DAY, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { By } from '../licensing/keys.ts';
import { type EventRecord, forgetEventBodies, lockEvent, openEvents, queueAgain, updateEvent } from './store-events.ts';
import { forgetUnpaid } from './store-money-persons.ts';

/** Queues an event again as if it had just come, whatever became of it. Throws NOT_FOUND. */
export async function retryEvent(tx: Tx, id: string, by: By): Promise<void> {
  const event = await lockEvent(tx, id);
  if (!event) throw problem('NOT_FOUND');
  await queueAgain(tx, id, toIso(by.now));
  await note(tx, event, 'payment_event.retry', 'pending', by);
}

/** Nothing is to be done about it. Throws NOT_FOUND, and NOTHING_OPEN where it was worked on or dismissed already. */
export async function dismissEvent(tx: Tx, id: string, by: By, reason = ''): Promise<void> {
  const event = await lockEvent(tx, id);
  if (!event) throw problem('NOT_FOUND');
  if (event.state !== 'stuck' && event.state !== 'pending')
    throw problem('NOTHING_OPEN', `the event is ${event.state}: there is nothing to dismiss`);
  await updateEvent(tx, id, { state: 'dismissed', nextAt: null, doneAt: toIso(by.now) });
  await note(tx, event, 'payment_event.dismiss', 'dismissed', by, reason);
}

async function note(
  tx: Tx,
  event: EventRecord,
  action: string,
  state: EventRecord['state'],
  by: By,
  reason = '',
): Promise<void> {
  const { id, organizationId } = event;
  const changes = { state: { from: event.state, to: state }, ...(reason === '' ? {} : { reason }) };
  const about = { actor: by.actor, action, entity: 'payment_event', entityId: id, changes };
  await audit(tx, { ...about, requestId: by.requestId, organizationId }, by.now);
}

/** How long raw bodies are kept: they hold names and mail addresses. */
const BODY_DAYS = 90;
/** How long it is known who meant to buy and did not pay. */
const UNPAID_DAYS = 90;
const AT_ONCE = 500;

/** Once a day. Rows stay with their ids and hashes, so that an old delivery is still known. */
export async function purgeEventBodies(db: Db, now: number): Promise<void> {
  const before = toIso(now - BODY_DAYS * DAY);
  while ((await db.tx((tx) => forgetEventBodies(tx, before, AT_ONCE))) === AT_ONCE);
}

/** Once a day. Orders that nobody paid stay with their ids, sums and times, and lose whose they were. */
export async function forgetUnpaidBuyers(db: Db, now: number): Promise<void> {
  const before = toIso(now - UNPAID_DAYS * DAY);
  while ((await db.tx((tx) => forgetUnpaid(tx, before, AT_ONCE))) === AT_ONCE);
}

/** What is stuck, or failed and is tried again. */
export function eventsToMend(db: Db, organizationId: string, most: number): Promise<EventRecord[]> {
  return db.read((tx) => openEvents(tx, organizationId, most));
}
