import { z } from 'zod';
import { instant } from '../licensing/fields.ts';
import { EVENT_STATES, EVENT_WAYS } from './event.ts';
import { MODES } from './gateway.ts';
import type { SeenAlertRecord, SeenEventRecord } from './store-money-events.ts';

/** What people are shown of what providers told, and of what they must look at. */

export const PaymentEventView = z
  .object({
    ...{ id: z.string(), organization_id: z.string(), account_id: z.string(), provider: z.string() },
    mode: z.enum(MODES),
    event_id: z.string().meta({ description: "The provider's id" }),
    ...{ type: z.string(), api_version: z.string(), object_type: z.string(), object_id: z.string() },
    subject: z.string().meta({ description: 'What is looked at for it; empty: not known yet, or nothing of ours' }),
    via: z.enum(EVENT_WAYS),
    state: z.enum(EVENT_STATES).meta({
      description: 'ignored: it concerns nothing here; stuck: given up after days; dismissed: by hand',
    }),
    attempts: z.number().int().meta({ description: 'Looks that came to nothing' }),
    next_at: instant.nullable(),
    detail: z.string().meta({ description: 'Why it is where it is, in words' }),
    ...{ received_at: instant, done_at: instant.nullable() },
    has_body: z.boolean().meta({ description: 'The raw body is kept for 90 days' }),
  })
  .meta({ id: 'ProviderEvent' });

export function paymentEventView(event: SeenEventRecord): z.input<typeof PaymentEventView> {
  return {
    ...{ id: event.id, organization_id: event.organizationId, account_id: event.accountId, provider: event.provider },
    ...{ mode: event.mode, event_id: event.eventId, type: event.type, api_version: event.apiVersion },
    ...{ object_type: event.objectType, object_id: event.objectId, subject: event.subject, via: event.via },
    ...{ state: event.state, attempts: event.attempts, next_at: event.nextAt, detail: event.detail },
    ...{ received_at: event.receivedAt, done_at: event.doneAt, has_body: event.hasBody },
  };
}

export const PaymentAlertView = z
  .object({
    ...{ id: z.string(), organization_id: z.string(), account_id: z.string().nullable() },
    ...{ provider: z.string().nullable(), mode: z.enum(MODES).nullable() },
    code: z.string().meta({ description: 'E.g. UNKNOWN_PRICE' }),
    subject: z.string().meta({ description: 'What it is about: an id of the provider or of ours' }),
    detail: z.string(),
    count: z.number().int().meta({ description: 'How often it showed' }),
    ...{ first_at: instant, last_at: instant, dismissed_at: instant.nullable() },
  })
  .meta({ id: 'PaymentAlert' });

export function paymentAlertView(alert: SeenAlertRecord): z.input<typeof PaymentAlertView> {
  return {
    ...{ id: alert.id, organization_id: alert.organizationId, account_id: alert.accountId || null },
    ...{ provider: alert.provider, mode: alert.mode, code: alert.code, subject: alert.subject, detail: alert.detail },
    ...{ count: alert.count, first_at: alert.firstAt, last_at: alert.lastAt, dismissed_at: alert.dismissedAt },
  };
}
