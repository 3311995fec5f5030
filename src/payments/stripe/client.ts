import Stripe from 'stripe';
import { SECOND } from '../../clock.ts';
import { PaymentTrouble } from '../../errors.ts';
import type { GatewayAccount } from '../gateway.ts';
import { stripeTransport } from '../sdk-transport-io.ts';

/** The shapes that all of this is written for. Objects follow it; events follow the version of their webhook. */
export const API_VERSION = Stripe.API_VERSION;

/** A buyer may be waiting; the worker comes again by itself. */
const TIMEOUT_MS = 20 * SECOND;
const RETRIES = 1;

export function clientOf(account: Pick<GatewayAccount, 'credentials' | 'apiBase'>): Stripe {
  return new Stripe(account.credentials['secret_key'] ?? '', {
    apiVersion: API_VERSION,
    telemetry: false,
    maxNetworkRetries: RETRIES,
    timeout: TIMEOUT_MS,
    httpClient: stripeTransport,
    ...(account.apiBase === null ? {} : addressOf(account.apiBase)),
  });
}

function addressOf(base: string): { host: string; port: string; protocol: 'http' | 'https' } {
  const { hostname, port, protocol } = new URL(base);
  const plain = protocol === 'http:';
  return { host: hostname, port: port || (plain ? '80' : '443'), protocol: plain ? 'http' : 'https' };
}

/** The SDK takes any JSON without `error` for success, whatever its status. */
export async function ask<T extends { object: string }>(
  asked: Promise<Stripe.Response<T>>,
  object: T['object'],
): Promise<T> {
  const answer = await asked.catch((error: unknown) => {
    throw troubleOf(error);
  });
  const status = answer.lastResponse.statusCode;
  if (status < 200 || status > 299)
    throw new PaymentTrouble('bad_answer', `Stripe answered ${status} without an error`);
  if (answer.object !== object) {
    throw new PaymentTrouble('bad_answer', `Stripe answered something else than a ${object}`);
  }
  return answer;
}

/** null: Stripe says that there is no such object. */
export async function askOrNull<T extends { object: string }>(
  asked: Promise<Stripe.Response<T>>,
  object: T['object'],
): Promise<T | null> {
  try {
    return await ask(asked, object);
  } catch (error) {
    if (error instanceof StripeTrouble && error.missing) return null;
    throw error;
  }
}

const PAGE = 100;
/** More pages than any subject of ours has: a list that never ends is no list. */
const MAX_PAGES = 200;

/** A whole list, page by page. */
export async function askAll<T extends { id: string }>(
  page: (at: { limit: number; starting_after?: string }) => Promise<Stripe.Response<Stripe.ApiList<T>>>,
): Promise<T[]> {
  const all: T[] = [];
  for (let count = 0; count < MAX_PAGES; count++) {
    const last = all.at(-1);
    const list = await askList(page({ limit: PAGE, ...(last ? { starting_after: last.id } : {}) }));
    all.push(...list.data);
    if (!list.has_more) return all;
    if (list.data.length === 0 || list.data.at(-1)?.id === last?.id) break;
  }
  throw new PaymentTrouble('bad_answer', 'a list of Stripe does not end');
}

export async function askList<T>(asked: Promise<Stripe.Response<Stripe.ApiList<T>>>): Promise<Stripe.ApiList<T>> {
  const list = await ask(asked, 'list');
  if (!Array.isArray(list.data)) throw new PaymentTrouble('bad_answer', 'a list of Stripe has no entries');
  return list;
}

/** Of this API only: `missing` says that what was asked for does not exist, and `param` which field was wrong. */
export class StripeTrouble extends PaymentTrouble {
  readonly missing: boolean;
  readonly param: string;

  constructor(trouble: PaymentTrouble, missing: boolean, param: string) {
    super(trouble.reason, trouble.message, trouble.retryAfterMs);
    this.missing = missing;
    this.param = param;
  }
}

const { errors } = Stripe;

function troubleOf(error: unknown): PaymentTrouble {
  if (error instanceof errors.StripeConnectionError) {
    const code = (error.detail as { code?: unknown } | undefined)?.code;
    return code === 'ETIMEDOUT'
      ? new PaymentTrouble('timeout', 'Stripe did not answer in time')
      : new PaymentTrouble('unreachable', `Stripe cannot be reached${typeof code === 'string' ? ` (${code})` : ''}`);
  }
  if (!(error instanceof errors.StripeError)) {
    return new PaymentTrouble('bad_answer', 'the answer of Stripe cannot be read');
  }
  const missing = error.code === 'resource_missing' && error.statusCode === 404;
  return new StripeTrouble(ofError(error), missing, error.param ?? '');
}

function ofError(error: InstanceType<typeof errors.StripeError>): PaymentTrouble {
  const { statusCode } = error;
  if (error instanceof errors.StripeAuthenticationError) {
    return new PaymentTrouble('unauthorized', 'Stripe refuses the secret key');
  }
  if (error instanceof errors.StripePermissionError) {
    return new PaymentTrouble('unauthorized', `the key may not do this at Stripe: ${told(error)}`);
  }
  if (error instanceof errors.StripeRateLimitError || statusCode === 429) {
    const seconds = Number(error.headers?.['retry-after']);
    return new PaymentTrouble('rate_limited', 'Stripe asks to slow down', seconds > 0 ? seconds * SECOND : undefined);
  }
  // 409: the same request is running, or an object is locked. Another try is right.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500 && statusCode !== 409) {
    return new PaymentTrouble('refused', `Stripe refused: ${told(error)}`);
  }
  return new PaymentTrouble('bad_answer', `Stripe answered with an error${statusCode ? ` (${statusCode})` : ''}`);
}

/** Its messages name ids and fields; should one hold a key, it is blotted out. */
function told({ message, code }: { message: string; code?: string }): string {
  const safe = message.replace(/\b(sk|rk|pk|whsec)_[\w*]+/g, '$1_***').slice(0, 300);
  return code && !safe.includes(code) ? `${safe} (${code})` : safe;
}
