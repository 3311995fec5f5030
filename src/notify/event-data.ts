import { z } from 'zod';
import { KEY_STATUSES } from '../licensing/key-view.ts';
import { LICENSE_STATUSES } from '../licensing/license-status.ts';
import { PAYMENT_STATES, SUBSCRIPTION_STATES } from '../payments/facts.ts';
import { MODES } from '../payments/gateway.ts';
import type { EventGroup, EventType } from './event-types.ts';

const instant = z.iso.datetime();
const base = {
  id: z.string(),
  url: z.string().meta({ description: 'Where the API tells all of it, below the address of this Feedgate' }),
  organization_id: z.string(),
};

/** What is told of a thing, as it was right after the change: ids and state. No key, no address and no name of a customer is in it. */
export const EVENT_DATA = {
  key: z.object({
    ...{ object: z.literal('key'), ...base, license_id: z.string(), role: z.enum(['normal', 'master']) },
    hint: z.string().meta({ description: 'Prefix and last characters', examples: ['FG1…7K2M'] }),
    key_status: z.enum(KEY_STATUSES),
  }),
  license: z.object({
    ...{ object: z.literal('license'), ...base, customer_id: z.string(), master: z.boolean() },
    status: z.enum(LICENSE_STATUSES),
    valid_until: instant.nullable(),
    grace_until: instant.nullable(),
    counted_sites: z.number().int(),
    max_sites: z.number().int().nullable(),
  }),
  grant: z.object({
    ...{ object: z.literal('grant'), ...base, license_id: z.string(), package_id: z.string(), source: z.string() },
    quantity: z.number().int(),
    payment_ref: z.string().nullable(),
    open: z.boolean(),
  }),
  site: z.object({
    ...{
      object: z.literal('site'),
      ...base,
      license_id: z.string(),
      key_id: z.string().nullable(),
      site: z.string(),
    },
    host: z.string(),
    counted: z.boolean(),
    released: z.boolean(),
  }),
  release: z.object({
    ...{ object: z.literal('release'), ...base, product_id: z.string(), product_path: z.string() },
    version: z.string(),
    tag: z.string(),
    channel: z.string(),
    security: z.boolean(),
    state: z.enum(['listed', 'withheld', 'withdrawn', 'yanked']),
  }),
  payment: z.object({
    ...{ object: z.literal('payment'), ...base, provider: z.string(), mode: z.enum(MODES), external_id: z.string() },
    state: z.enum(PAYMENT_STATES),
    order_id: z.string().nullable(),
    subscription_id: z.string().nullable(),
    amount_minor: z.number().int().meta({ description: 'In the smallest unit of its currency' }),
    refunded_minor: z.number().int(),
    currency: z.string(),
  }),
  subscription: z.object({
    ...{ object: z.literal('subscription'), ...base, provider: z.string(), mode: z.enum(MODES) },
    external_id: z.string(),
    state: z.enum(SUBSCRIPTION_STATES),
    order_id: z.string().nullable(),
    license_id: z.string().nullable(),
    customer_id: z.string().nullable(),
    runs: z.boolean().meta({ description: 'It will be charged again by itself' }),
    paid_through: instant.nullable(),
    grace_until: instant.nullable(),
    cancel_at: instant.nullable(),
    ended_at: instant.nullable(),
  }),
} as const satisfies Record<EventGroup, z.ZodObject>;

export type ThingData = { [G in EventGroup]: z.input<(typeof EVENT_DATA)[G]> }[EventGroup];

/** Who did it, and which fields an audit event names as changed. */
export const EventCause = z.object({
  by: z
    .object({
      kind: z.enum(['token', 'person', 'cli', 'system', 'client']),
      id: z.string().meta({ description: 'Of a client (a site that polls) the id of its key' }),
    })
    .meta({ id: 'EventActor' }),
  changed: z.array(z.string()).meta({ description: 'Names of the fields that were set' }),
});
export type EventCause = z.input<typeof EventCause>;

export const TestData = z.object({ object: z.literal('webhook'), ...base }).meta({ id: 'TestEvent' });

/** The spec of Standard Webhooks asks for bodies below 20 kB. */
export const MOST_BYTES = 20_000;

/** The bytes that are signed and sent, made once. Something too long is told by its id alone. */
export function eventBody(type: EventType, at: string, data: { id: string; url: string; object: string }): string {
  const body = (told: object) => JSON.stringify({ type, timestamp: at, data: told });
  const whole = body(data);
  if (Buffer.byteLength(whole) < MOST_BYTES) return whole;
  const { object, id, url } = data;
  return body({ object, id, url });
}
