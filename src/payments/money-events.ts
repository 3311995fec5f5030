import { type Actor, requireOrganization } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import { redactKeys } from '../http/redact.ts';
import type { By } from '../licensing/keys.ts';
import { dismissEvent, retryEvent } from './event-care.ts';
import { withoutSecrets } from './redact-body.ts';
import { findEvent } from './store-events.ts';
import {
  type AlertFilter,
  countAlerts,
  countEvents,
  dismissAlertRow,
  type EventFilter,
  type EventPlace,
  findSeenAlert,
  findSeenEvent,
  pageOfAlerts,
  pageOfEvents,
  type SeenAlertRecord,
  type SeenEventRecord,
} from './store-money-events.ts';
import type { EventWorker } from './work-events.ts';

/** Those that are stuck first, then the newest. */
export async function listEvents(
  db: Db,
  filter: EventFilter,
  { limit, after }: { limit: number; after: EventPlace | null },
): Promise<Page<SeenEventRecord>> {
  return db.read(async (tx) => {
    const rows = await pageOfEvents(tx, filter, after, limit + 1);
    const counted = await countEvents(tx, filter, COUNT_LIMIT + 1);
    return pageFrom(rows, limit, counted, ({ state, id }) => [state === 'stuck', id]);
  });
}

/** Throws NOT_FOUND, in the same words for one that is not there and one that the actor may not touch. */
async function eventOf(tx: Tx, actor: Actor, id: string): Promise<SeenEventRecord> {
  const found = await findSeenEvent(tx, id);
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}

export function readEvent(db: Db, actor: Actor, id: string): Promise<SeenEventRecord> {
  return db.read((tx) => eventOf(tx, actor, id));
}

/** What came in, without secrets; null: there was no body, or it is not kept any more. */
export async function readEventBody(
  db: Db,
  actor: Actor,
  id: string,
): Promise<{ event: SeenEventRecord; body: string | null; sha256: string }> {
  return db.read(async (tx) => {
    const event = await eventOf(tx, actor, id);
    const { body = null, bodySha256 = '' } = (await findEvent(tx, id)) ?? {};
    return { event, body: body === null ? null : redactKeys(withoutSecrets(body)), sha256: bodySha256 };
  });
}

/** Looks at what an event is about once more, now; what becomes of it stands in the event. Throws NOT_FOUND. */
export async function retryNow(
  { db, worker }: { db: Db; worker: Pick<EventWorker, 'workNow'> },
  id: string,
  by: By,
): Promise<SeenEventRecord> {
  await db.tx(async (tx) => {
    await eventOf(tx, by.actor, id);
    await retryEvent(tx, id, by);
  });
  await worker.workNow(id);
  return readEvent(db, by.actor, id);
}

/** Nothing is to be done about an event. Throws NOT_FOUND, and NOTHING_OPEN where it does not wait for anything. */
export async function giveUpEvent(db: Db, id: string, reason: string, by: By): Promise<SeenEventRecord> {
  return db.tx(async (tx) => {
    await eventOf(tx, by.actor, id);
    await dismissEvent(tx, id, by, reason);
    return eventOf(tx, by.actor, id);
  });
}

/** Newest first. */
export async function listAlerts(
  db: Db,
  filter: AlertFilter,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<SeenAlertRecord>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    const rows = await pageOfAlerts(tx, filter, after, limit + 1);
    return pageFrom(rows, limit, await countAlerts(tx, filter, COUNT_LIMIT + 1), ({ id }) => [id]);
  });
}

/** It is seen to; shows it again, it is only counted. A second time changes nothing. Throws NOT_FOUND. */
export async function dismissAlert(db: Db, id: string, reason: string, by: By): Promise<SeenAlertRecord> {
  return db.tx(async (tx) => {
    const alert = await alertOf(tx, by.actor, id);
    if (await dismissAlertRow(tx, id, toIso(by.now))) {
      const changes = { code: alert.code, subject: alert.subject, ...(reason === '' ? {} : { reason }) };
      const event = {
        actor: by.actor,
        action: 'payment_alert.dismiss',
        entity: 'payment_alert',
        entityId: id,
        changes,
      };
      await audit(tx, { ...event, requestId: by.requestId }, by.now);
    }
    return alertOf(tx, by.actor, id);
  });
}

async function alertOf(tx: Tx, actor: Actor, id: string): Promise<SeenAlertRecord> {
  const found = await findSeenAlert(tx, id);
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}
