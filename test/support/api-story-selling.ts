import { SYSTEM_ACTOR } from '../../src/accounts/actor.ts';
import type { Db } from '../../src/db/connect.ts';
import type { OrganizationRecord } from '../../src/forge/store.ts';
import { declareWithdrawal } from '../../src/payments/withdrawals.ts';
import type { Teller } from './api-examples.ts';
import { playGateway } from './played-gateway.ts';
import { playSubscriptions } from './played-subscriptions.ts';
import { SEED_NOW } from './seed.ts';
import { seedAccount } from './seed-accounts.ts';

const ORG = { org: 'acme' };
const PROVIDER = 'acmepay';

/** The provider that takes the payments of the story. */
export function storyGateways() {
  const played = playGateway(PROVIDER);
  playSubscriptions(played);
  return { [PROVIDER]: played };
}

/** What is sold with a price, from the list of a marketing site to the page of the payment. */
export async function selling(
  { does }: Teller,
  db: Db,
  { organization }: { organization: OrganizationRecord },
  { yearly }: { yearly: string },
): Promise<void> {
  await seedAccount(db, organization, { provider: PROVIDER, externalId: null });
  const price = { provider: PROVIDER, external_id: 'yearly', code: 'yearly', amount_minor: 4900, currency: 'EUR' };
  await does('changeOrganizationPackage', { params: { ...ORG, id: yearly }, body: { prices: [price] } });
  await does('listPlans', { query: { organization: 'acme' }, token: null });
  const items = [{ price: 'yearly', quantity: 1 }];
  const buyer = { email: 'ada@example.com', language: 'en' };
  await does('startCheckout', { body: { organization: 'acme', items, ...buyer }, token: null });
  const { order_id: orderRef } = await does('createOrder', { params: ORG, body: { items, ...buyer, mode: 'live' } });
  const by = { actor: SYSTEM_ACTOR, now: SEED_NOW, requestId: null };
  const wish = { orderRef, email: 'ada@example.com', name: 'Ada Lovelace' };
  const { id } = await declareWithdrawal(db, organization, wish, 'en', by);
  await does('listWithdrawals', { params: ORG, query: { open: true } });
  await does('closeWithdrawal', { params: { id }, body: {} });
}
