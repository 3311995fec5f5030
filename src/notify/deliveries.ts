import { type Actor, requireOrganization } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import type { Sender } from './deliver.ts';
import { eventBody } from './event-data.ts';
import {
  countDeliveries,
  type DeliveryFilter,
  findDelivery,
  pageOfDeliveries,
  planAgain,
  type WholeDeliveryRecord,
} from './store-deliveries.ts';
import { deleteNewsBefore, insertNews } from './store-outbox.ts';
import { webhookOf } from './webhooks.ts';

/** Throws NOT_FOUND, in the same words for one that is not there and one that the actor may not touch. */
async function deliveryOf(tx: Tx, actor: Actor, id: string): Promise<WholeDeliveryRecord> {
  const found = await findDelivery(tx, id);
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}

export function readDelivery(db: Db, actor: Actor, id: string): Promise<WholeDeliveryRecord> {
  return db.read((tx) => deliveryOf(tx, actor, id));
}

/** What a webhook was told, newest first. */
export async function listDeliveries(
  db: Db,
  actor: Actor,
  filter: DeliveryFilter,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<WholeDeliveryRecord>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    await webhookOf(tx, actor, filter.endpointId);
    const rows = await pageOfDeliveries(tx, filter, after, limit + 1);
    return pageFrom(rows, limit, await countDeliveries(tx, filter, COUNT_LIMIT + 1), ({ id }) => [id]);
  });
}

/** Sends `webhook.test` at once, to a webhook that is off too, and tells how it went. It is tried once and changes nothing else. */
export async function testWebhook(db: Db, sender: Sender, id: string, by: By): Promise<WholeDeliveryRecord> {
  const sent = await sender.sendNow(async (tx) => {
    const webhook = await webhookOf(tx, by.actor, id);
    const { organizationId } = webhook;
    const at = toIso(by.now);
    const data = { object: 'webhook', id, url: `/api/v1/webhooks/${id}`, organization_id: organizationId };
    const event = { id: newId('webhook_event', by.now), organizationId, type: 'webhook.test' as const, at };
    const delivery = { id: newId('webhook_delivery', by.now), endpointId: id, eventId: event.id };
    await insertNews(tx, [{ ...event, body: eventBody(event.type, at, data) }], [delivery], at);
    const told = { actor: by.actor, action: 'webhook.test', entity: 'webhook', entityId: id, changes: {} };
    await audit(tx, { ...told, requestId: by.requestId }, by.now);
    return delivery.id;
  });
  return readDelivery(db, by.actor, sent.id);
}

/** Sends an event once more, delivered or not: the same bytes under the same id. Where that fails its schedule begins anew. */
export async function resend(db: Db, sender: Sender, id: string, by: By): Promise<WholeDeliveryRecord> {
  await sender.sendNow(async (tx) => {
    const delivery = await deliveryOf(tx, by.actor, id);
    await planAgain(tx, id, toIso(by.now));
    const told = { actor: by.actor, action: 'webhook.resend', entity: 'webhook', entityId: delivery.endpointId };
    await audit(tx, { ...told, changes: { delivery_id: id, type: delivery.type }, requestId: by.requestId }, by.now);
    return id;
  });
  return readDelivery(db, by.actor, id);
}

const SLICE = 1_000;

/** Takes away what was told before an instant (ms UTC), delivered or not, in slices. */
export async function purgeDeliveries(db: Db, before: number): Promise<void> {
  for (;;) {
    const gone = await db.tx((tx) => deleteNewsBefore(tx, toIso(before), SLICE));
    if (gone < SLICE) return;
  }
}
