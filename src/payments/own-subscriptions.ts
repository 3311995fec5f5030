import { holderOf } from '../accounts/actor.ts';
import { problem } from '../errors.ts';
import { type KeyDeps, type KeyRequest, requireCalm } from '../licensing/activate.ts';
import { holderOfKey } from '../licensing/self-service.ts';
import { findSubscription, type SubscriptionRecord } from './store-facts.ts';
import { subscriptionsOfLicenses } from './store-license-subscriptions.ts';
import { type ActionDeps, actOnSubscription, portalOf } from './subscription-actions.ts';

/** What whoever holds a license key may do about the subscription that pays for it. */
export interface OwnDeps extends ActionDeps {
  keys: KeyDeps;
}

/** Which key, and of several subscriptions of its license which one. */
export interface OwnWish {
  key: string;
  subscriptionId: string | null;
}

/** Throws what a key is refused with, FORBIDDEN for a key with a limit of its own, NOTHING_OPEN, NOT_CONNECTED and NOT_SUPPORTED. */
export async function portalByKey(deps: OwnDeps, wish: OwnWish, request: KeyRequest): Promise<string> {
  const { subscription, actor } = await ownOf(deps, wish, request);
  return portalOf(deps, subscription.id, null, actor);
}

/** At the end of what is paid; a second time changes nothing. Throws as above, and SUBSCRIPTION_ENDED. */
export async function cancelByKey(deps: OwnDeps, wish: OwnWish, request: KeyRequest): Promise<SubscriptionRecord> {
  const { subscription, actor } = await ownOf(deps, wish, request);
  const by = { actor, requestId: request.requestId, now: request.now, idempotencyKey: null };
  if (subscription.cancelAt === null)
    await actOnSubscription(deps, subscription.id, { kind: 'cancel', when: 'period_end' }, by);
  return deps.payments.db.read(async (tx) => (await findSubscription(tx, subscription.id)) ?? subscription);
}

/** A key with a limit of its own is made to be passed on, e.g. to an agency's client: invoices and end are none of his business. */
function requireWholeKey({ siteLimit }: { siteLimit: number | null }): void {
  if (siteLimit !== null)
    throw problem('FORBIDDEN', 'this key is for a part of its license; use the one that was bought');
}

async function ownOf(deps: OwnDeps, { key, subscriptionId }: OwnWish, request: KeyRequest) {
  const { license } = await holderOfKey(deps.keys, { key, product: null }, request);
  requireCalm(deps.keys, license.id, request.now);
  requireWholeKey(license.key);
  const own = await deps.payments.db.read((tx) => subscriptionsOfLicenses(tx, [license.id]));
  // The one that runs, else the newest.
  const [first] = own.sort((a, b) => Number(b.runs) - Number(a.runs) || (a.id < b.id ? 1 : -1));
  const chosen = subscriptionId === null ? first : own.find(({ id }) => id === subscriptionId);
  const subscription = chosen && (await deps.payments.db.read((tx) => findSubscription(tx, chosen.id)));
  if (!subscription) throw problem('NOTHING_OPEN', 'no subscription pays for the license of this key');
  return { subscription, actor: holderOf(license.key.id) };
}
