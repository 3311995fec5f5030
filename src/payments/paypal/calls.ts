import type { SdkRequest } from '@paypal/checkout-server-sdk';
import { z } from 'zod';
import { PaymentTrouble } from '../../errors.ts';
import type { GatewayAccount } from '../gateway.ts';
import type { Answer } from './client.ts';

/** One account's way to PayPal. */
export interface Paypal {
  account: GatewayAccount;
  execute(request: SdkRequest): Promise<Answer>;
}

const Failure = z.object({
  name: z.string().optional(),
  debug_id: z.string().optional(),
  details: z.array(z.object({ issue: z.string().optional() })).optional(),
});

/** What is not there is null; what PayPal does not let us see is refused. */
export async function look<T>({ execute }: Paypal, request: SdkRequest, shape: z.ZodType<T>): Promise<T | null> {
  const answer = await execute(request);
  if (answer.statusCode === 404) return null;
  return demand(answer, shape, request);
}

/** Its success, in the shape that is expected of it. */
export function demand<T>(answer: Answer, shape: z.ZodType<T>, request: SdkRequest): T {
  if (answer.statusCode >= 300) throw refusal(answer, request);
  const parsed = shape.safeParse(answer.result);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = `${request.verb} ${request.path.split('?')[0]}`;
  throw new PaymentTrouble('bad_answer', `PayPal ${where}: ${issue?.path.join('.') ?? ''} is not as expected`);
}

/** The reasons that PayPal names, such as `ORDER_ALREADY_CAPTURED`. */
export function issuesOf({ result }: Answer): string[] {
  const failure = Failure.safeParse(result).data;
  return [failure?.name, ...(failure?.details ?? []).map(({ issue }) => issue)].filter((issue) => issue !== undefined);
}

/** Names and numbers only: descriptions quote what was sent. */
export function refusal(answer: Answer, { verb, path }: SdkRequest): PaymentTrouble {
  const id = Failure.safeParse(answer.result).data?.debug_id;
  const reasons = issuesOf(answer).join(', ') || 'it says no reason';
  const detail = `PayPal ${verb} ${path.split('?')[0]} answered ${answer.statusCode}: ${reasons}`;
  return new PaymentTrouble('refused', id === undefined ? detail : `${detail} (debug id ${id})`);
}

/** A request that the package has no builder for. */
export function get(path: string, query: Record<string, string> = {}): SdkRequest {
  const search = new URLSearchParams(query).toString();
  return { path: search === '' ? path : `${path}?${search}`, verb: 'GET', body: null, headers: {} };
}

/** With a key PayPal does it once, however often it is asked. */
export function post(path: string, body: unknown, key: string | null): SdkRequest {
  const once: Record<string, string> = key === null ? {} : { 'PayPal-Request-Id': key };
  const headers = { 'Content-Type': 'application/json', Prefer: 'return=representation', ...once };
  return { path, verb: 'POST', body, headers };
}

export function inPath(id: string): string {
  return encodeURIComponent(id);
}
