import { z } from 'zod';
import type { FieldError } from '../../errors.ts';
import { fieldErrors } from '../../field-errors.ts';
import { newWebhookSecret } from '../../notify/signature.ts';
import type { Gateway, Headers, ParseResult } from '../gateway.ts';
import { SHOP_EVENT_TYPES, ShopEvent, subjectOfShop } from '../shop-event.ts';
import { factsOfShop } from '../shop-facts.ts';
import { TOLERANCE_MS, verifyStandard } from './signature.ts';

/**
 * Any shop that can send a signed POST. It has nothing that could be read afresh, so its signed events are the facts, and there is
 * nothing to be bought through it by us.
 */
export const shopGateway: Gateway = {
  provider: 'shop',
  title: 'Another shop',
  credentials: z.object({}),
  eventTypes: SHOP_EVENT_TYPES,
  verify: async (raw, headers, { hookSecrets }, now) => verifyStandard(raw, headers, hookSecrets, now),
  parse,
  locate: async () => null,
  read: async () => null,
  tellsAll: true,
  listEvents: null,
  check: async (account) => ({ externalId: null, findings: findingsOf(account.hookSecrets) }),
  registerHook: async () => ({ hookId: 'shop', secret: newWebhookSecret() }),
  secretIsOurs: true,
  readPrice: null,
  startCheckout: null,
  subscriptions: null,
  portal: null,
  listSubscriptions: null,
};

function findingsOf(secrets: readonly string[]) {
  if (secrets.length > 0) return [];
  const detail = 'there is no secret yet that the shop could sign its events with';
  const fix = 'connect the account again: it makes one and shows it once';
  return [{ severity: 'error' as const, code: 'HOOK_SECRET_MISSING', detail, fix }];
}

/** Kept events are read again without their headers. */
function parse(raw: Uint8Array, headers: Headers): ParseResult {
  const body = jsonOf(raw);
  if (body === undefined) return refuse([{ pointer: '', detail: 'is not JSON in UTF-8' }]);
  // PostgreSQL keeps no U+0000 in a text.
  if (textOf(body).includes('\\u0000')) return refuse([{ pointer: '', detail: 'holds the character U+0000' }]);
  const read = ShopEvent.safeParse(body);
  if (!read.success) return refuse(fieldErrors(read.error.issues, body, ''));
  const event = read.data;
  const early = fieldsAhead(event, headers);
  if (early.length > 0) return refuse(early);
  const id = headers['webhook-id'];
  const eventId = typeof id === 'string' ? id : '';
  return {
    ok: true,
    event: {
      ...{
        eventId,
        deliveryId: eventId || null,
        type: event.type,
        live: !event.test,
        accountId: null,
        apiVersion: '1',
      },
      ...{ objectType: 'order', objectId: event.order, subject: subjectOfShop(event), facts: factsOfShop(event) },
    },
  };
}

/** What is nested too deep to be written again is no event of ours, which its shape then tells. */
function textOf(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch {
    return '';
  }
}

/** What has happened lies not ahead of the instant, give or take, at which it is told and which is signed. */
function fieldsAhead({ at, paid_at: paidAt }: ShopEvent, headers: Headers): FieldError[] {
  const told = Number(headers['webhook-timestamp'] ?? Number.NaN) * 1_000;
  return [
    { pointer: '/at', instant: at },
    { pointer: '/paid_at', instant: paidAt ?? at },
  ].flatMap(({ pointer, instant }) =>
    instant > told + TOLERANCE_MS ? [{ pointer, detail: 'lies in the future' }] : [],
  );
}

function refuse(errors: FieldError[]): ParseResult {
  const [first] = errors;
  return { ok: false, detail: `${first?.pointer || 'the body'}: ${first?.detail}`, errors };
}

function jsonOf(raw: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw));
  } catch {
    return undefined;
  }
}
