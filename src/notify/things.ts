import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { type IdKind, kindOfId } from '../ids.ts';
import { keyStatus } from '../licensing/key-view.ts';
import { licenseStatus, wholeTerms } from '../licensing/license-status.ts';
import { findActivation } from '../licensing/store-activations.ts';
import { findKey } from '../licensing/store-keys.ts';
import { closingsOf, findGrant, findLicense } from '../licensing/store-licenses.ts';
import { ledgersOf } from '../licensing/store-lookup.ts';
import { findPayment, findSubscription } from '../payments/store-facts.ts';
import { productPath } from '../releases/product.ts';
import { findProduct, productsOfOrganization } from '../releases/store-products.ts';
import { findRelease } from '../releases/store-releases.ts';
import type { ThingData } from './event-data.ts';

type Told<T = ThingData> = T extends ThingData ? Omit<T, 'organization_id'> : never;

/** What is told of a thing as it stands in this transaction; null: it is gone, or of a kind that nothing is told of. */
export async function thingData(tx: Tx, id: string, now: number): Promise<Told | null> {
  const kind = kindOfId(id);
  return kind === null ? null : ((await READERS[kind]?.(tx, id, now)) ?? null);
}

const READERS: Partial<Record<IdKind, (tx: Tx, id: string, now: number) => Promise<Told | null>>> = {
  key: keyData,
  license: licenseData,
  grant: grantData,
  activation: siteData,
  release: releaseData,
  payment: paymentData,
  subscription: subscriptionData,
};

async function keyData(tx: Tx, id: string, now: number): Promise<Told | null> {
  const key = await findKey(tx, id);
  if (!key) return null;
  const { licenseId, role, hint } = key;
  return {
    ...{ object: 'key', id, url: `/api/v1/keys/${id}`, license_id: licenseId, role, hint },
    key_status: keyStatus(key, now),
  };
}

async function licenseData(tx: Tx, id: string, now: number): Promise<Told | null> {
  const license = await findLicense(tx, id);
  if (!license) return null;
  const ledger = (await ledgersOf(tx, [id])).get(id) ?? [];
  const terms = wholeTerms(ledger, await productsOfOrganization(tx, license.organizationId), now);
  const flags = { suspended: license.suspendedAt !== null, revoked: license.revokedAt !== null };
  return {
    ...{ object: 'license', id, url: `/api/v1/licenses/${id}`, customer_id: license.customerId },
    master: license.master,
    status: licenseStatus(flags, terms),
    valid_until: terms.validUntil === null ? null : toIso(terms.validUntil),
    grace_until: terms.graceUntil === null ? null : toIso(terms.graceUntil),
    counted_sites: license.countedSites,
    max_sites: terms.limits.sites,
  };
}

async function grantData(tx: Tx, id: string): Promise<Told | null> {
  const grant = await findGrant(tx, id);
  if (!grant) return null;
  const { licenseId, packageId, source, quantity, paymentRef } = grant;
  const last = (await closingsOf(tx, [id])).at(-1);
  return {
    ...{ object: 'grant', id, url: `/api/v1/licenses/${licenseId}/grants`, license_id: licenseId },
    ...{ package_id: packageId, source, quantity, payment_ref: paymentRef, open: last?.kind !== 'close' },
  };
}

async function siteData(tx: Tx, id: string): Promise<Told | null> {
  const site = await findActivation(tx, id);
  if (!site) return null;
  const { licenseId, keyId, identity, host, counted, releasedAt } = site;
  return {
    ...{ object: 'site', id, url: `/api/v1/licenses/${licenseId}/sites`, license_id: licenseId, key_id: keyId },
    ...{ site: identity, host, counted, released: releasedAt !== null },
  };
}

async function releaseData(tx: Tx, id: string): Promise<Told | null> {
  const release = await findRelease(tx, id);
  const product = release && (await findProduct(tx, release.productId));
  if (!product) return null;
  const { version, tag, channel, security, yankedAt, state } = release;
  return {
    ...{ object: 'release', id, url: `/api/v1/releases/${id}`, product_id: product.id },
    ...{ product_path: productPath(product), version, tag, channel, security },
    state: yankedAt === null ? state : 'yanked',
  };
}

async function paymentData(tx: Tx, id: string): Promise<Told | null> {
  const payment = await findPayment(tx, id);
  if (!payment) return null;
  const { provider, mode, externalId, state, orderId, subscriptionId } = payment;
  return {
    ...{ object: 'payment', id, url: `/api/v1/payments/${id}`, provider, mode, external_id: externalId, state },
    ...{ order_id: orderId, subscription_id: subscriptionId, amount_minor: payment.amountMinor },
    ...{ refunded_minor: payment.refundedMinor, currency: payment.currency },
  };
}

async function subscriptionData(tx: Tx, id: string): Promise<Told | null> {
  const found = await findSubscription(tx, id);
  if (!found) return null;
  const { provider, mode, externalId, state, orderId, licenseId, customerId, runs } = found;
  return {
    ...{ object: 'subscription', id, url: `/api/v1/subscriptions/${id}`, provider, mode, external_id: externalId },
    ...{ state, order_id: orderId, license_id: licenseId, customer_id: customerId, runs },
    ...{ paid_through: found.paidThrough, grace_until: found.graceUntil, cancel_at: found.cancelAt },
    ended_at: found.endedAt,
  };
}
