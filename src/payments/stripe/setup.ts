import type Stripe from 'stripe';
import { PaymentTrouble } from '../../errors.ts';
import type { Finding, GatewayAccount } from '../gateway.ts';
import { API_VERSION, ask, askAll, clientOf } from './client.ts';
import { EVENT_TYPES } from './events.ts';

type Endpoint = Stripe.WebhookEndpoint;

const REGISTER = 'feedgate payments hook makes or mends it';

/** A key that is refused is a finding; a Stripe that cannot be reached is not. */
export async function checkAccount(
  account: GatewayAccount,
  hookUrl: string,
): Promise<{ externalId: string | null; findings: Finding[] }> {
  const stripe = clientOf(account);
  try {
    const findings = await keyFindings(stripe, account);
    const externalId = await accountIdOf(stripe);
    return { externalId, findings: [...findings, ...(await hookFindings(stripe, account, hookUrl))] };
  } catch (error) {
    if (!(error instanceof PaymentTrouble) || error.reason !== 'unauthorized') throw error;
    const fix = 'make a secret key in the Stripe dashboard, or give the restricted key what it lacks';
    return { externalId: null, findings: [finding('error', 'KEY_REFUSED', error.message, fix)] };
  }
}

async function keyFindings(stripe: Stripe, { mode }: GatewayAccount): Promise<Finding[]> {
  const { livemode } = await ask(stripe.balance.retrieve(), 'balance');
  const is = livemode ? 'live' : 'test';
  if (is === mode) return [finding('ok', 'KEY_WORKS', `the secret key works, in ${mode} mode`)];
  return [finding('error', 'KEY_OF_OTHER_MODE', `the secret key is for ${is} mode`, `use the ${mode} key`)];
}

/** null: a restricted key may not tell. */
async function accountIdOf(stripe: Stripe): Promise<string | null> {
  try {
    return (await ask(stripe.accounts.retrieveCurrent(), 'account')).id;
  } catch (error) {
    if (error instanceof PaymentTrouble && (error.reason === 'unauthorized' || error.reason === 'refused')) return null;
    throw error;
  }
}

async function hookFindings(stripe: Stripe, account: GatewayAccount, hookUrl: string): Promise<Finding[]> {
  const ours = await endpointsAt(stripe, hookUrl);
  const [endpoint] = ours;
  if (!endpoint) return [finding('error', 'HOOK_MISSING', `Stripe has no webhook at ${hookUrl}`, REGISTER)];
  const found: Finding[] = [];
  const missing = missingEvents(endpoint);
  const flaw = (severity: Finding['severity'], code: string, detail: string, fix = REGISTER) =>
    found.push(finding(severity, code, detail, fix));
  if (endpoint.status !== 'enabled') flaw('error', 'HOOK_DISABLED', 'the webhook is disabled at Stripe');
  if (missing.length > 0) flaw('error', 'HOOK_EVENTS_MISSING', `the webhook is not told of ${missing.join(', ')}`);
  if (endpoint.api_version !== API_VERSION) {
    const has = endpoint.api_version ?? "the account's default";
    flaw('warning', 'HOOK_VERSION', `the webhook has the API version ${has} in the place of ${API_VERSION}`);
  }
  if (account.hookSecrets.length === 0) flaw('error', 'HOOK_SECRET_MISSING', 'the signing secret is not known here');
  if (ours.length > 1) {
    flaw('warning', 'HOOK_TWICE', `${ours.length} webhooks have this address`, 'delete all but one at Stripe');
  }
  return found.length > 0 ? found : [finding('ok', 'HOOK_STANDS', `the webhook at ${hookUrl} stands`)];
}

function finding(severity: Finding['severity'], code: string, detail: string, fix = ''): Finding {
  return { severity, code, detail, fix };
}

async function endpointsAt(stripe: Stripe, hookUrl: string): Promise<Endpoint[]> {
  const all = await askAll((at) => stripe.webhookEndpoints.list({ ...at }));
  return all.filter(({ url }) => url === hookUrl);
}

function missingEvents({ enabled_events }: Endpoint): string[] {
  return enabled_events.includes('*') ? [] : EVENT_TYPES.filter((type) => !enabled_events.includes(type));
}

/**
 * Stripe tells a secret when it makes a webhook and never again, and a webhook keeps its version. So one that stands is mended where
 * it is the one whose secret we know and the version is right, and else a new one takes its place.
 */
export async function registerHook(
  account: GatewayAccount,
  hookUrl: string,
): Promise<{ hookId: string; secret: string | null }> {
  const stripe = clientOf(account);
  const standing = await endpointsAt(stripe, hookUrl);
  const isOurs = ({ id }: Endpoint) => account.hookId === null || account.hookId === id;
  const good =
    account.hookSecrets.length > 0 && standing.find((each) => isOurs(each) && each.api_version === API_VERSION);
  if (good) {
    const params = { enabled_events: [...EVENT_TYPES], disabled: false };
    if (good.status !== 'enabled' || missingEvents(good).length > 0) {
      await ask(stripe.webhookEndpoints.update(good.id, params), 'webhook_endpoint');
    }
    return { hookId: good.id, secret: null };
  }
  const made = await ask(
    stripe.webhookEndpoints.create({
      url: hookUrl,
      enabled_events: [...EVENT_TYPES],
      api_version: API_VERSION,
      description: 'Feedgate',
    }),
    'webhook_endpoint',
  );
  if (!made.secret) throw new PaymentTrouble('bad_answer', 'Stripe made a webhook and told no secret');
  for (const { id } of standing) await forget(stripe, id);
  return { hookId: made.id, secret: made.secret };
}

/** One that does not go away is told of by the next check; the secret of the new one, which Stripe never tells again, must not be lost for it. */
async function forget(stripe: Stripe, id: string): Promise<void> {
  const asked = stripe.webhookEndpoints.del(id) as Promise<Stripe.Response<Stripe.DeletedWebhookEndpoint>>;
  await ask(asked, 'webhook_endpoint').catch(() => undefined);
}
