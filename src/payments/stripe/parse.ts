import { type ParsedEvent, type ParseResult, subjectOf } from '../gateway.ts';

type Bag = Readonly<Record<string, unknown>>;

const ID = /^[A-Za-z0-9_]{1,255}$/;
const WORD = /^[a-z0-9_.]{1,200}$/;

/** Signed bytes; a byte order mark is no part of JSON. */
export function parseDelivery(raw: Uint8Array): ParseResult {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw));
  } catch {
    return { ok: false, detail: 'the body is no JSON' };
  }
  return parseEvent(value);
}

/**
 * Ids and nothing else, so that the version of the event does not matter, and whatever else stands in it neither. Members that only
 * a prototype would have are not looked at.
 */
export function parseEvent(value: unknown): ParseResult {
  const event = bagOf(value);
  if (!event) return { ok: false, detail: 'the body is no event' };
  const kind = own(event, 'object');
  if (kind !== 'event') {
    return { ok: false, detail: kind === 'v2.core.event' ? 'a thin event is not taken' : 'the body is no event' };
  }
  const eventId = textOf(own(event, 'id'), ID);
  const type = textOf(own(event, 'type'), WORD);
  const object = bagOf(own(bagOf(own(event, 'data')) ?? {}, 'object'));
  const objectType = object && textOf(own(object, 'object'), WORD);
  if (!eventId || !type || !object || !objectType) {
    return { ok: false, detail: 'the event lacks its id, its type or its object' };
  }
  return { ok: true, event: { ...headOf(event), eventId, type, ...aboutOf(objectType, object) } };
}

function headOf(event: Bag): Pick<ParsedEvent, 'deliveryId' | 'live' | 'accountId' | 'apiVersion'> {
  const live = own(event, 'livemode');
  return {
    deliveryId: null,
    live: typeof live === 'boolean' ? live : null,
    accountId: filled(own(event, 'account')) ?? filled(own(event, 'context')),
    apiVersion: filled(own(event, 'api_version')) ?? '',
  };
}

function aboutOf(objectType: string, object: Bag): Pick<ParsedEvent, 'objectType' | 'objectId' | 'subject'> {
  const objectId = textOf(own(object, 'id'), ID) ?? '';
  return { objectType, objectId, subject: objectId === '' ? null : subjectFor(objectType, objectId, object) };
}

function subjectFor(objectType: string, id: string, object: Bag): string | null {
  switch (objectType) {
    case 'checkout.session': {
      const subscription = own(object, 'mode') === 'subscription' ? idIn(object, 'subscription') : null;
      return subscription ? subjectOf('subscription', subscription) : subjectOf('checkout', id);
    }
    case 'subscription':
      return subjectOf('subscription', id);
    case 'invoice': {
      const subscription = subscriptionOfInvoice(object);
      return subscription ? subjectOf('subscription', subscription) : '';
    }
    case 'charge':
    case 'payment_intent':
    case 'refund':
    case 'dispute':
    case 'radar.early_fraud_warning':
      return '';
    case 'price':
    case 'product':
      return subjectOf('price', id);
    default:
      return null;
  }
}

/** `invoice.subscription` until the version 2025-03-31. */
function subscriptionOfInvoice(invoice: Bag): string | null {
  const details = bagOf(own(bagOf(own(invoice, 'parent')) ?? {}, 'subscription_details'));
  return (details && idIn(details, 'subscription')) ?? idIn(invoice, 'subscription');
}

function idIn(bag: Bag, name: string): string | null {
  const value = own(bag, name);
  const inner = bagOf(value);
  return textOf(inner ? own(inner, 'id') : value, ID);
}

function own(bag: Bag, name: string): unknown {
  return Object.hasOwn(bag, name) ? bag[name] : undefined;
}

function bagOf(value: unknown): Bag | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Bag) : null;
}

function textOf(value: unknown, pattern: RegExp): string | null {
  return typeof value === 'string' && pattern.test(value) ? value : null;
}

function filled(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, 255) : null;
}
