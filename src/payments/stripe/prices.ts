import type Stripe from 'stripe';
import { PaymentTrouble } from '../../errors.ts';
import type { GatewayAccount, RemotePrice } from '../gateway.ts';
import { askOrNull, clientOf } from './client.ts';
import { currencyOf, intervalOf, minorOf } from './words.ts';

export async function readPrice(account: GatewayAccount, externalId: string): Promise<RemotePrice | null> {
  const asked = clientOf(account).prices.retrieve(externalId, { expand: ['product'] });
  const price: Stripe.Price | null = await askOrNull(asked, 'price');
  if (!price) return null;
  const product = typeof price.product === 'object' ? price.product : null;
  // A price outlives its product, but nobody can buy it any more.
  if (product?.deleted) return null;
  if (price.unit_amount === null) {
    throw new PaymentTrouble('refused', `the price ${externalId} has no fixed amount in whole minor units`);
  }
  return {
    externalId: price.id,
    active: price.active && (product?.active ?? true),
    name: price.nickname ?? product?.name ?? price.id,
    amountMinor: minorOf(price.unit_amount, price.currency),
    currency: currencyOf(price.currency),
    interval: price.recurring ? intervalOf(price.recurring) : null,
  };
}
