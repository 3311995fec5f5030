import { createHash } from 'node:crypto';
import { type Actor, requireOrganization } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { By } from '../licensing/keys.ts';
import { findPackage } from '../licensing/store-packages.ts';
import { pricesOfOrganization } from '../licensing/store-prices.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import { type Gateway, type GatewayAccount, type SubscriptionActions, subjectOf } from './gateway.ts';
import { type AccountRecord, findAccount } from './store-accounts.ts';
import { findSubscription, type SubscriptionRecord } from './store-facts.ts';

export interface ActionDeps {
  payments: PaymentDeps;
  /** Looks at a subject afresh, now. */
  look(accountId: string, subject: string): Promise<unknown>;
}

/** What is wanted of a subscription. */
export type SubscriptionWish =
  | { kind: 'cancel'; when: 'period_end' | 'now' }
  | { kind: 'uncancel' }
  | { kind: 'pause' }
  | { kind: 'resume' }
  | { kind: 'change'; price: string; quantity: number; when: 'period_end' | 'now'; item: string | null };

/** Who wants it. `key`: the same for a wish that comes again, so that it is done once. */
export interface Wisher extends By {
  idempotencyKey: string | null;
}

interface Place {
  subscription: SubscriptionRecord;
  account: AccountRecord;
  gateway: Gateway;
}

/**
 * Has the provider do it and looks at what became of it. What the subscription is from then on is what the provider says: where the
 * look comes to nothing, its event or the next sweep tells. `approvalUrl`: the buyer must agree there first. Throws NOT_FOUND,
 * NOT_CONNECTED, SUBSCRIPTION_ENDED, NOT_SUPPORTED, INVALID_REQUEST and PAYMENT_TROUBLE.
 */
export async function actOnSubscription(
  deps: ActionDeps,
  id: string,
  wish: SubscriptionWish,
  by: Wisher,
): Promise<{ approvalUrl: string | null }> {
  const { db } = deps.payments;
  const place = await db.read((tx) => placeOf(tx, deps, by.actor, id));
  const { subscription, account, gateway } = place;
  requireRunning(subscription);
  const actions = gateway.subscriptions;
  if (actions === null) throw unsupported(gateway, 'lets nobody change a subscription from here');
  const opened = openAccount(deps.payments, account);
  const key = keyOf(subscription.id, wish, by);
  const done = await perform(deps, { actions, opened, key, place }, wish);
  await db.tx((tx) => note(tx, subscription, wish, by));
  await deps.look(account.id, subjectOf('subscription', subscription.externalId)).catch(() => undefined);
  return done;
}

/** The page of the provider on which its customer looks after payment and invoices. Throws NOT_FOUND, NOT_CONNECTED and NOT_SUPPORTED. */
export async function portalOf(deps: ActionDeps, id: string, returnUrl: string | null, actor: Actor): Promise<string> {
  const { subscription, account, gateway } = await deps.payments.db.read((tx) => placeOf(tx, deps, actor, id));
  if (gateway.portal === null) throw unsupported(gateway, 'has no page for customers that could be linked');
  if (subscription.externalCustomerId === null)
    throw problem('NOT_SUPPORTED', `${gateway.title} knows no customer of this subscription`);
  const opened = openAccount(deps.payments, account);
  return gateway.portal(opened, subscription.externalCustomerId, returnUrl ?? deps.payments.publicUrl);
}

async function placeOf(tx: Tx, deps: ActionDeps, actor: Actor, id: string): Promise<Place> {
  const subscription = await findSubscription(tx, id);
  if (!subscription) throw problem('NOT_FOUND');
  if (actor.kind !== 'client') requireOrganization(actor, subscription.organizationId);
  const account = await findAccount(tx, subscription.accountId);
  const gateway = deps.payments.gateways[subscription.provider];
  if (!account?.active || !gateway)
    throw problem('NOT_CONNECTED', `the account at ${subscription.provider} is not connected (any more)`);
  return { subscription, account, gateway };
}

function requireRunning({ state, endedAt }: SubscriptionRecord): void {
  if (state !== 'canceled' && state !== 'expired' && endedAt === null) return;
  throw problem('SUBSCRIPTION_ENDED', 'the subscription is over; to go on, buy anew');
}

function unsupported({ title }: Gateway, why: string) {
  return problem('NOT_SUPPORTED', `${title} ${why}`);
}

/** At most 64 characters that every provider takes. Without a key of the caller's own each request is a wish of its own. */
function keyOf(id: string, wish: SubscriptionWish, { actor, idempotencyKey, requestId, now }: Wisher): string {
  // The id of a request is the caller's to choose, and some send one and the same for hours.
  const text = JSON.stringify([actor.id, id, wish, idempotencyKey ?? [requestId, now]]);
  return `fg-${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
}

interface Means {
  actions: SubscriptionActions;
  opened: GatewayAccount;
  key: string;
  place: Place;
}

async function perform(
  deps: ActionDeps,
  { actions, opened, key, place }: Means,
  wish: SubscriptionWish,
): Promise<{ approvalUrl: string | null }> {
  const { gateway, subscription } = place;
  const { externalId } = subscription;
  if (wish.kind === 'cancel') await actions.cancel(opened, externalId, wish.when, key);
  if (wish.kind === 'cancel') return { approvalUrl: null };
  if (wish.kind === 'change') {
    if (actions.change === null) throw unsupported(gateway, 'cannot change what a subscription is for');
    const to = await deps.payments.db.read((tx) => itemWanted(tx, subscription, wish));
    return actions.change(opened, externalId, { ...to, returnUrl: deps.payments.publicUrl }, key);
  }
  const action = actions[wish.kind];
  if (action === null) throw unsupported(gateway, WORDS[wish.kind]);
  await action(opened, externalId, key);
  return { approvalUrl: null };
}

const WORDS = {
  uncancel: 'cannot take a cancellation back',
  pause: 'cannot pause a subscription',
  resume: 'cannot resume a subscription',
} as const;

/** Which item gets which price. Throws INVALID_REQUEST for what is no price to change to, and PACKAGE_INACTIVE. */
async function itemWanted(
  tx: Tx,
  { organizationId, provider, currency, items }: SubscriptionRecord,
  { price: code, quantity, when, item }: Extract<SubscriptionWish, { kind: 'change' }>,
) {
  const prices = await pricesOfOrganization(tx, organizationId, provider);
  const price = prices.find((each) => each.code === code);
  if (!price || price.external_id === null) throw wrong('/price', `no package has a price ${code} at ${provider}`);
  if (price.interval === null) throw wrong('/price', 'is paid once and not by a subscription');
  if (price.currency !== null && price.currency !== currency)
    throw wrong('/price', `is in ${price.currency}, and the subscription in ${currency}`);
  if (!(await findPackage(tx, price.packageId))?.active) throw problem('PACKAGE_INACTIVE');
  const ours = new Set(prices.map((each) => each.external_id));
  const own = items.filter(({ priceId }) => ours.has(priceId));
  const found = item === null ? (own.length === 1 ? own[0] : undefined) : items.find(({ id }) => id === item);
  if (!found)
    throw wrong('/item', item === null ? 'is required: the subscription has several items' : 'is none of its items');
  return { itemId: found.id, priceId: price.external_id, quantity, when };
}

function wrong(pointer: string, detail: string) {
  return problem('INVALID_REQUEST', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}

/** What was asked for; what became of it is told when the provider has said so. */
async function note(tx: Tx, { id, organizationId }: SubscriptionRecord, wish: SubscriptionWish, by: By): Promise<void> {
  const { kind, ...rest } = wish;
  const event = { actor: by.actor, action: 'subscription.request', entity: 'subscription', entityId: id };
  await audit(tx, { ...event, changes: { asked: kind, ...rest }, requestId: by.requestId, organizationId }, by.now);
}
