import { z } from 'zod';
import type { Gateway, Mode } from '../gateway.ts';
import { subscriptionActions } from './actions.ts';
import { startCheckout } from './checkout.ts';
import { ask, clientOf } from './client.ts';
import { EVENT_TYPES } from './events.ts';
import { listEvents, listSubscriptions } from './lists.ts';
import { locateSubject } from './locate.ts';
import { sendMeter } from './meter.ts';
import { parseDelivery } from './parse.ts';
import { readPrice } from './prices.ts';
import { readSubject } from './read.ts';
import { checkAccount, registerHook } from './setup.ts';
import { verifyDelivery } from './verify.ts';

const secretKey = z
  .string()
  .regex(/^(sk|rk)_\w{8,250}$/, 'is a secret key (sk_...) or a restricted key (rk_...) of Stripe');

export const stripeGateway: Gateway = {
  provider: 'stripe',
  title: 'Stripe',
  credentials: z.object({ secret_key: secretKey }),
  modeOf: ({ secret_key }) => modeOfKey(secret_key ?? ''),
  eventTypes: EVENT_TYPES,
  verify: verifyDelivery,
  parse: parseDelivery,
  locate: locateSubject,
  read: readSubject,
  listEvents,
  check: checkAccount,
  registerHook,
  readPrice,
  startCheckout,
  subscriptions: subscriptionActions,
  async portal(account, externalCustomerId, returnUrl) {
    const params = { customer: externalCustomerId, return_url: returnUrl };
    return (await ask(clientOf(account).billingPortal.sessions.create(params), 'billing_portal.session')).url;
  },
  listSubscriptions,
  sendMeter,
};

function modeOfKey(key: string): Mode | null {
  return (/^[sr]k_(live|test)_/.exec(key)?.[1] as Mode | undefined) ?? null;
}
