import { z } from 'zod';
import { TYPE_CHOICES } from './event-types.ts';
import type { WholeDeliveryRecord } from './store-deliveries.ts';
import type { WebhookRecord } from './store-webhooks.ts';

const instant = z.iso.datetime();

/** What an endpoint wants to know. */
export const typesField = z
  .array(z.enum(TYPE_CHOICES as [string, ...string[]]))
  .min(1)
  .max(100)
  .meta({ description: '`*` is every event, `key.*` every one of a kind', examples: [['key.*', 'site.claimed']] });
export const urlField = z
  .string()
  .trim()
  .min(1)
  .max(2_000)
  .meta({ description: 'https, at a public address', examples: ['https://shop.example.com/hooks/feedgate'] });
export const descriptionField = z.string().trim().max(500);

/** A webhook as its owner sees it: without its secret. */
export const WebhookView = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    url: z.string(),
    types: z.array(z.string()),
    description: z.string(),
    active: z.boolean(),
    disabled_at: instant.nullable(),
    disabled_reason: z.enum(['gone', 'failing']).nullable().meta({
      description:
        '`gone`: it answered 410; `failing`: nothing but failures for five days; null: it is on, or off by hand',
    }),
    failing_since: instant.nullable().meta({ description: 'Since when every attempt has failed' }),
    previous_secret_until: instant.nullable().meta({ description: 'Until when the secret before this one signs too' }),
    created_at: instant,
    created_by: z.string(),
  })
  .meta({ id: 'Webhook' });
export type WebhookView = z.input<typeof WebhookView>;

/** Its secret is given out when it is made, and never again. */
export const WebhookWithSecret = WebhookView.extend({
  secret: z.string().meta({ description: 'Shown this once; receivers verify with it', examples: ['whsec_…'] }),
}).meta({ id: 'WebhookWithSecret' });

export function webhookView(webhook: WebhookRecord, now: string): WebhookView {
  const { id, url, types, description, active, previousSecretUntil } = webhook;
  return {
    ...{ id, organization_id: webhook.organizationId, url, types, description, active },
    disabled_at: webhook.disabledAt,
    disabled_reason: webhook.disabledReason,
    failing_since: webhook.failingSince,
    previous_secret_until: previousSecretUntil !== null && previousSecretUntil > now ? previousSecretUntil : null,
    created_at: webhook.createdAt,
    created_by: webhook.createdBy,
  };
}

export const DELIVERY_STATES = ['waiting', 'delivered', 'failed'] as const;

export const DeliveryView = z
  .object({
    id: z.string(),
    webhook_id: z.string(),
    event_id: z.string().meta({ description: 'The header `webhook-id`: the same at every attempt' }),
    type: z.string(),
    state: z.enum(DELIVERY_STATES).meta({ description: '`failed`: given up, or the webhook was switched off' }),
    attempts: z.array(
      z
        .object({
          at: instant,
          status: z.number().int().nullable().meta({ description: 'null: there was no answer' }),
          duration_ms: z.number().int(),
          error: z.string().nullable(),
        })
        .meta({ id: 'WebhookAttempt' }),
    ),
    next_attempt_at: instant.nullable(),
    delivered_at: instant.nullable(),
    answer: z.string().meta({ description: 'The first 2 kB of the last answer' }),
    created_at: instant,
  })
  .meta({ id: 'WebhookDelivery' });
export type DeliveryView = z.input<typeof DeliveryView>;

export function deliveryView(delivery: WholeDeliveryRecord): DeliveryView {
  const { id, endpointId, eventId, type, state, tries, nextAttemptAt, deliveredAt, answer, createdAt } = delivery;
  return {
    ...{ id, webhook_id: endpointId, event_id: eventId, type, state, attempts: tries },
    ...{ next_attempt_at: nextAttemptAt, delivered_at: deliveredAt, answer, created_at: createdAt },
  };
}
