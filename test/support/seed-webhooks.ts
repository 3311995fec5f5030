import { toIso } from '../../src/clock.ts';
import type { Db } from '../../src/db/connect.ts';
import { newId } from '../../src/ids.ts';
import { insertNews } from '../../src/notify/store-outbox.ts';
import { insertWebhook, type WebhookRecord } from '../../src/notify/store-webhooks.ts';
import { SEED_NOW, seedSecrets } from './seed.ts';

/** `whsec_` and 24 bytes, the shortest that the spec allows. */
export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

export async function seedWebhook(
  db: Db,
  organization: { id: string },
  change: Partial<WebhookRecord> = {},
): Promise<WebhookRecord> {
  const id = newId('webhook');
  const webhook: WebhookRecord = {
    ...{ id, organizationId: organization.id, url: 'https://hooks.example.com/', types: ['*'], description: '' },
    ...{ active: true, disabledAt: null, disabledReason: null },
    secretSealed: seedSecrets.seal('webhook', id, WEBHOOK_SECRET),
    ...{ previousSecretSealed: null, previousSecretUntil: null, failingSince: null, heldUntil: null },
    ...{ lastAttemptAt: null, createdAt: toIso(SEED_NOW), createdBy: 'test' },
    ...change,
  };
  await db.tx((tx) => insertWebhook(tx, webhook));
  return webhook;
}

/** One event that waits for a webhook; its id. */
export async function seedDelivery(db: Db, webhook: WebhookRecord, at: number = SEED_NOW): Promise<string> {
  const event = {
    id: newId('webhook_event'),
    organizationId: webhook.organizationId,
    type: 'key.created',
    at: toIso(at),
  };
  const body = `{"type":"key.created","timestamp":"${event.at}","data":{"n":"${event.id}"}}`;
  const delivery = { id: newId('webhook_delivery'), endpointId: webhook.id, eventId: event.id };
  await db.tx((tx) => insertNews(tx, [{ ...event, body }], [delivery], event.at));
  return delivery.id;
}

export interface ToldEvent {
  type: string;
  timestamp: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into data of every shape.
  data: any;
}

/** What a webhook is told, as it will be sent, oldest first. */
export async function toldTo(db: Db, webhook: { id: string }): Promise<ToldEvent[]> {
  const rows = await db.read((tx) =>
    tx('webhook_deliveries as d')
      .join('webhook_events as e', 'e.id', 'd.event_id')
      .where('d.endpoint_id', webhook.id)
      .orderBy('d.id')
      .select('e.body'),
  );
  return rows.map(({ body }) => JSON.parse(body));
}
