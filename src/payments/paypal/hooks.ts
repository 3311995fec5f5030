import type { SdkRequest } from '@paypal/checkout-server-sdk';
import { z } from 'zod';
import { PaymentTrouble } from '../../errors.ts';
import type { Finding, ListedEvents } from '../gateway.ts';
import { demand, get, inPath, issuesOf, look, type Paypal, post } from './calls.ts';
import { EVENT_TYPES, parsedEvent } from './events.ts';
import type { AskPaypal } from './signature.ts';

const EVENTS_PATH = '/v1/notifications/webhooks-events';
const Webhook = z.object({ id: z.string(), url: z.string(), event_types: z.array(z.object({ name: z.string() })) });
type Webhook = z.infer<typeof Webhook>;
const Webhooks = z.object({ webhooks: z.array(Webhook).default([]) });
const Listed = z.object({
  events: z.array(z.unknown()).default([]),
  links: z.array(z.object({ href: z.string(), rel: z.string() })).default([]),
});
const Verified = z.object({ verification_status: z.string() });
const User = z.object({ payer_id: z.string().optional() });

/** Ours is the one with this address; its events are mended. There is no secret: certificates sign. */
export async function registerHook(paypal: Paypal, hookUrl: string): Promise<{ hookId: string; secret: null }> {
  const list = get('/v1/notifications/webhooks');
  const { webhooks } = demand(await paypal.execute(list), Webhooks, list);
  const known = webhooks.find(({ url }) => url === hookUrl);
  const event_types = EVENT_TYPES.map((name) => ({ name }));
  if (known === undefined) {
    const make = post('/v1/notifications/webhooks', { url: hookUrl, event_types }, null);
    const answer = await paypal.execute(make);
    // A name that PayPal does not have any more must not keep the others from us.
    const all = post('/v1/notifications/webhooks', { url: hookUrl, event_types: [{ name: '*' }] }, null);
    const made = issuesOf(answer).includes('VALIDATION_ERROR') ? await paypal.execute(all) : answer;
    return { hookId: demand(made, Webhook, make).id, secret: null };
  }
  if (missingTypes(known).length > 0) {
    const body = [{ op: 'replace', path: '/event_types', value: event_types }];
    const path = `/v1/notifications/webhooks/${inPath(known.id)}`;
    const mend: SdkRequest = { path, verb: 'PATCH', body, headers: { 'Content-Type': 'application/json' } };
    demand(await paypal.execute(mend), Webhook, mend);
  }
  return { hookId: known.id, secret: null };
}

/** `*` is all there are. */
function missingTypes({ event_types }: Webhook): string[] {
  const told = event_types.map(({ name }) => name);
  return told.includes('*') ? [] : EVENT_TYPES.filter((name) => !told.includes(name));
}

/**
 * PayPal lists the newest first, page by page; a page of ours is oldest first. It refuses to look further back than thirty days: then
 * all that it has is taken.
 */
export async function listEvents(paypal: Paypal, since: number, page: string | null): Promise<ListedEvents> {
  const first = get(EVENTS_PATH, { page_size: '100', start_time: new Date(since).toISOString() });
  const request = page === null ? first : get(page.startsWith(`${EVENTS_PATH}?`) ? page : EVENTS_PATH);
  const asked = await paypal.execute(request);
  const isTooOld = page === null && asked.statusCode === 400;
  const answer = isTooOld ? await paypal.execute(get(EVENTS_PATH, { page_size: '100' })) : asked;
  const { events, links } = demand(answer, Listed, request);
  const parsed = events.map((event) => parsedEvent(event, null)).flatMap((each) => (each.ok ? [each.event] : []));
  const next = links.find(({ rel }) => rel === 'next')?.href;
  // Never its host.
  const path = next !== undefined && URL.canParse(next) ? `${new URL(next).pathname}${new URL(next).search}` : null;
  return { events: parsed.reverse(), next: events.length === 0 ? null : path };
}

/**
 * PayPal's own word on a delivery. The body goes into the question as the very text that came, since PayPal counts its bytes once more.
 */
export function askPaypal(paypal: Paypal): AskPaypal {
  return async ({ id, time, signature, certUrl, algorithm, webhookId, raw }) => {
    const head = {
      ...{ auth_algo: algorithm, cert_url: certUrl, transmission_id: id, transmission_sig: signature },
      ...{ transmission_time: time, webhook_id: webhookId },
    };
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(raw);
    if (!isObject(text)) return false;
    const body = `${JSON.stringify(head).slice(0, -1)},"webhook_event":${text}}`;
    const request = post('/v1/notifications/verify-webhook-signature', body, null);
    return demand(await paypal.execute(request), Verified, request).verification_status === 'SUCCESS';
  };
}

/** What is no object by itself could close ours and add to it. */
function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** Everything that a vendor can have left undone. */
export async function check(
  paypal: Paypal,
  other: Paypal | null,
  hookUrl: string,
): Promise<{ externalId: string | null; findings: Finding[] }> {
  try {
    const user = await peek(paypal, get('/v1/identity/oauth2/userinfo', { schema: 'paypalv1.1' }), User);
    const findings = [...(await hookFindings(paypal, hookUrl)), ...(await rightFindings(paypal))];
    return { externalId: user?.payer_id ?? null, findings };
  } catch (error) {
    if (!(error instanceof PaymentTrouble) || error.reason !== 'unauthorized') throw error;
    return { externalId: null, findings: [await refusedFinding(paypal, other)] };
  }
}

async function refusedFinding(paypal: Paypal, other: Paypal | null): Promise<Finding> {
  const { mode } = paypal.account;
  const isOther = other !== null && (await accepts(other));
  const detail = isOther
    ? `The client id and secret are those of ${mode === 'live' ? 'the sandbox' : 'the live account'}`
    : 'PayPal does not accept the client id and secret';
  const fix = isOther
    ? `Connect it as ${mode === 'live' ? 'a test' : 'a live'} account, or take the other pair of the app`
    : 'Copy both once more from the app at developer.paypal.com';
  return { severity: 'error', code: isOther ? 'WRONG_MODE' : 'CREDENTIALS_REFUSED', detail, fix };
}

async function accepts(paypal: Paypal): Promise<boolean> {
  try {
    await paypal.execute(get('/v1/notifications/webhooks'));
    return true;
  } catch (error) {
    if (error instanceof PaymentTrouble) return false;
    throw error;
  }
}

async function hookFindings(paypal: Paypal, hookUrl: string): Promise<Finding[]> {
  const { hookId } = paypal.account;
  const fix = 'Run `feedgate payments hook`, which makes or mends it';
  const path = `/v1/notifications/webhooks/${inPath(hookId ?? '')}`;
  const hook = hookId === null || hookId === '' ? null : await look(paypal, get(path), Webhook);
  if (hook === null) {
    const detail = hookId ? `PayPal has no webhook ${hookId}` : 'No webhook is connected: nobody tells us of payments';
    return [{ severity: 'error', code: hookId ? 'WEBHOOK_GONE' : 'WEBHOOK_MISSING', detail, fix }];
  }
  const missing = missingTypes(hook);
  const findings: Finding[] = [];
  if (hook.url !== hookUrl) {
    const detail = `The webhook goes to ${hook.url} and not to ${hookUrl}`;
    findings.push({ severity: 'error', code: 'WEBHOOK_ADDRESS', detail, fix });
  }
  if (missing.length > 0) {
    findings.push({
      severity: 'error',
      code: 'WEBHOOK_EVENTS',
      detail: `It is not told of ${missing.join(', ')}`,
      fix,
    });
  }
  if (!hookUrl.startsWith('https://') && paypal.account.apiBase === null) {
    const detail = 'PayPal delivers to addresses that begin with https:// only';
    findings.push({
      severity: 'error',
      code: 'WEBHOOK_NOT_HTTPS',
      detail,
      fix: 'Set the public address of the server',
    });
  }
  if (findings.length > 0) return findings;
  return [{ severity: 'ok', code: 'WEBHOOK', detail: 'The webhook is in order', fix: '' }];
}

async function rightFindings(paypal: Paypal): Promise<Finding[]> {
  const rights = [
    { code: 'DISPUTES_CLOSED', what: 'disputes', path: '/v1/customer/disputes', query: { page_size: '1' } },
    { code: 'SUBSCRIPTIONS_CLOSED', what: 'subscriptions', path: '/v1/billing/plans', query: { page_size: '1' } },
  ];
  const findings: Finding[] = [
    { severity: 'ok', code: 'CREDENTIALS', detail: 'The credentials are accepted', fix: '' },
  ];
  for (const { code, what, path, query } of rights) {
    const answer = await paypal.execute(get(path, query));
    if (answer.statusCode !== 403) continue;
    const detail = `The app may not see ${what}, so nothing is known of them`;
    findings.push({ severity: 'warning', code, detail, fix: `Switch ${what} on in the app at developer.paypal.com` });
  }
  return findings;
}

/** What an app may be kept from is not missed. */
async function peek<T>(paypal: Paypal, request: SdkRequest, shape: z.ZodType<T>): Promise<T | null> {
  const answer = await paypal.execute(request);
  return answer.statusCode < 300 ? (shape.safeParse(answer.result).data ?? null) : null;
}
