import { z } from 'zod';
import { instant } from '../licensing/fields.ts';
import { GRANT_SOURCES, LENGTH_UNITS } from '../licensing/package-terms.ts';
import { MODES } from './gateway.ts';
import type { MadeGrant } from './made-grants.ts';
import { MONEY_STATES } from './money-filter.ts';
import type { SubscriptionRecord } from './store-facts.ts';
import type { NamedEventRecord } from './store-money-links.ts';
import type { OrderLineRecord, OrderRecord } from './store-orders.ts';

/** What people are shown of orders and subscriptions; of payments and what came of them see charge-view.ts. */

export const minor = z.number().int().meta({ description: 'In the smallest unit of `currency`' });

export const linksShape = {
  grants: z
    .array(
      z
        .object({
          ...{ id: z.string(), license_id: z.string(), package_id: z.string(), source: z.enum(GRANT_SOURCES) },
          ...{ quantity: z.number().int(), state: z.enum(['open', 'closed', 'void']) },
          starts_at: instant.nullable().meta({ description: 'null: it gives no time' }),
          ends_at: instant.nullable(),
        })
        .meta({ id: 'PaidGrant' }),
    )
    .meta({ description: 'The lines of the ledger that it made' }),
  events: z
    .array(
      z
        .object({
          ...{ id: z.string(), event_id: z.string(), type: z.string(), state: z.string(), detail: z.string() },
          received_at: instant,
        })
        .meta({ id: 'MoneyEvent' }),
    )
    .meta({ description: 'The newest events of the provider that touched it, at most 20' }),
};

export function linksView(grants: readonly MadeGrant[], events: readonly NamedEventRecord[]) {
  return {
    grants: grants.map(({ id, licenseId, packageId, source, quantity, state, startsAt, endsAt }) => ({
      ...{ id, license_id: licenseId, package_id: packageId, source, quantity, state },
      ...{ starts_at: startsAt, ends_at: endsAt },
    })),
    events: events.map(({ id, eventId, type, state, detail, receivedAt }) => ({
      ...{ id, event_id: eventId, type, state, detail, received_at: receivedAt },
    })),
  };
}

export const headShape = {
  id: z.string(),
  organization_id: z.string(),
  provider: z.string(),
  mode: z.enum(MODES),
  external_id: z.string().nullable().meta({ description: "The provider's id" }),
  url: z.string().nullable().meta({ description: 'Where the vendor sees it at the provider' }),
  created_at: instant.meta({ description: 'When it became known here' }),
};

interface Head {
  id: string;
  organizationId: string;
  provider: string;
  mode: (typeof MODES)[number];
  externalId: string | null;
  createdAt: string;
}

export function headView(record: Head, url: string | null) {
  const { id, organizationId, provider, mode, externalId, createdAt } = record;
  return {
    ...{ id, organization_id: organizationId, provider, mode, external_id: externalId },
    ...{ url: url === '' ? null : url, created_at: createdAt },
  };
}

const OrderLine = z
  .object({
    ...{ line: z.string(), package_id: z.string(), package_version: z.number().int(), price: z.string() },
    ...{ quantity: z.number().int(), unit_minor: minor.meta({ description: 'Of one piece before tax' }) },
    duration: z
      .object({ value: z.number().int(), unit: z.enum(LENGTH_UNITS) })
      .nullable()
      .meta({ description: "null: the package's" }),
    ...{ recurring: z.boolean(), kind: z.enum(['new', 'into', 'switch']), license_id: z.string().nullable() },
  })
  .meta({ id: 'OrderLine' });

export const OrderView = z
  .object({
    ...headShape,
    state: z.enum(MONEY_STATES.order),
    customer_id: z.string().nullable(),
    ...{ email: z.string(), name: z.string(), language: z.string() },
    currency: z.string(),
    subtotal_minor: minor.meta({ description: 'Before discounts and tax' }),
    lines: z.array(OrderLine),
    ...{ payment_ids: z.array(z.string()), subscription_ids: z.array(z.string()) },
    consent: z
      .object({ version: z.string(), text: z.string(), at: instant.nullable() })
      .nullable()
      .meta({ description: 'What the buyer agreed to' }),
    trouble: z.string().meta({ description: 'Why nothing was given for it, as a code; empty: nothing is wrong' }),
    checkout_url: z.string().nullable().meta({ description: 'Where the buyer pays, while the order is open' }),
    expires_at: instant.nullable(),
    paid_at: instant.nullable(),
    created_by: z.string(),
    ...linksShape,
  })
  .meta({ id: 'Order' });

export interface OrderParts {
  lines: readonly OrderLineRecord[];
  paymentIds: string[];
  subscriptionIds: string[];
  url: string | null;
}

export function orderView(order: OrderRecord, parts: OrderParts): Omit<z.input<typeof OrderView>, 'grants' | 'events'> {
  const { version, text, at } = order.consent;
  return {
    ...headView(order, parts.url),
    ...{ state: order.state, customer_id: order.customerId, email: order.email, name: order.name },
    ...{ language: order.language, currency: order.currency, subtotal_minor: order.subtotalMinor },
    lines: parts.lines.map(lineView),
    ...{ payment_ids: parts.paymentIds, subscription_ids: parts.subscriptionIds },
    consent:
      version === undefined && text === undefined ? null : { version: version ?? '', text: text ?? '', at: at ?? null },
    trouble: order.trouble,
    checkout_url: order.state === 'open' ? order.externalUrl : null,
    ...{ expires_at: order.expiresAt, paid_at: order.paidAt, created_by: order.createdBy },
  };
}

function lineView(line: OrderLineRecord): z.input<typeof OrderLine> {
  const { lengthValue: value, lengthUnit: unit } = line;
  return {
    ...{ line: line.line, package_id: line.packageId, package_version: line.packageVersion, price: line.priceCode },
    ...{ quantity: line.quantity, unit_minor: line.unitMinor },
    duration: value === null || unit === null ? null : { value, unit },
    ...{ recurring: line.recurring, kind: line.kind, license_id: line.licenseId },
  };
}

export const SubscriptionView = z
  .object({
    ...headShape,
    state: z.enum(MONEY_STATES.subscription),
    provider_state: z.string().meta({ description: "In the provider's own word" }),
    ...{ order_id: z.string().nullable(), license_id: z.string().nullable(), customer_id: z.string().nullable() },
    items: z.array(z.object({ id: z.string(), price_id: z.string(), quantity: z.number().int() })),
    currency: z.string(),
    external_customer_id: z.string().nullable(),
    ...{ period_start: instant.nullable(), period_end: instant.nullable() },
    paid_through: instant.nullable().meta({ description: 'Until when it is paid, refunds taken off' }),
    failed_at: instant.nullable().meta({ description: 'The first failed charge of the period that is unpaid' }),
    grace_until: instant.nullable().meta({ description: 'Until when access lasts beyond `paid_through`' }),
    cancel_at: instant.nullable().meta({ description: 'When it ends, where somebody has canceled it' }),
    ...{ canceled_at: instant.nullable(), ended_at: instant.nullable(), paused_at: instant.nullable() },
    runs: z.boolean().meta({ description: 'It will be charged again by itself' }),
    trouble: z.string(),
    fetched_at: instant.meta({ description: 'When the provider was last asked about it' }),
    ...linksShape,
  })
  .meta({ id: 'Subscription' });

export function subscriptionView(
  found: SubscriptionRecord,
): Omit<z.input<typeof SubscriptionView>, 'grants' | 'events'> {
  return {
    ...headView(found, found.url),
    ...{ state: found.state, provider_state: found.providerState, order_id: found.orderId },
    ...{ license_id: found.licenseId, customer_id: found.customerId, currency: found.currency },
    items: found.items.map(({ id, priceId, quantity }) => ({ id, price_id: priceId, quantity })),
    external_customer_id: found.externalCustomerId,
    ...{ period_start: found.periodStart, period_end: found.periodEnd, paid_through: found.paidThrough },
    ...{ failed_at: found.failedAt, grace_until: found.graceUntil, cancel_at: found.cancelAt },
    ...{ canceled_at: found.canceledAt, ended_at: found.endedAt, paused_at: found.pausedAt },
    ...{ runs: found.runs, trouble: found.trouble, fetched_at: found.fetchedAt },
  };
}
