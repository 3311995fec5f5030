import type { GatewayAccount, MeterEvent } from '../gateway.ts';
import { ask, clientOf, StripeTrouble } from './client.ts';

/** The identifier is unique at Stripe for a day and more, so that a repeated call counts once within it. */
export async function sendMeter(account: GatewayAccount, event: MeterEvent): Promise<'sent' | 'no_customer'> {
  const params = {
    event_name: event.name,
    payload: { stripe_customer_id: event.externalCustomerId, value: String(event.value) },
    identifier: event.identifier,
    timestamp: Math.floor(event.at / 1_000),
  };
  const options = { idempotencyKey: event.identifier };
  try {
    await ask(clientOf(account).billing.meterEvents.create(params, options), 'billing.meter_event');
    return 'sent';
  } catch (error) {
    if (!(error instanceof StripeTrouble)) throw error;
    // An earlier try whose answer never came.
    if (/already exists with identifier/.test(error.message)) return 'sent';
    if (error.reason === 'refused' && /customer/.test(`${error.param} ${error.message}`)) return 'no_customer';
    throw error;
  }
}
