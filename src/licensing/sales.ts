import { requireWithin } from '../accounts/places.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { newId } from '../ids.ts';
import { packagesOfSubscriptions } from '../payments/store-deals.ts';
import type { Secrets } from '../secrets.ts';
import { chainsOf } from './chains.ts';
import { type By, changeDomains, createKey } from './keys.ts';
import { requireLimit } from './level-keys.ts';
import { whyNotSold } from './license-change.ts';
import type { KeyPurpose } from './license-key.ts';
import { newLicense } from './new-license.ts';
import { customerFor } from './own-customers.ts';
import type { GrantSource, Length } from './package-terms.ts';
import { refreshLicense } from './refresh.ts';
import { type KeyRecord, keysOfLicense } from './store-keys.ts';
import {
  findGrantByPayment,
  findGrantByRequest,
  findLicense,
  type GrantRecord,
  hasHadPackage,
  insertGrant,
  insertLicense,
  type LicenseRecord,
  lockLicense,
} from './store-licenses.ts';
import { ledgersOf } from './store-lookup.ts';
import { findPackage, lockPackage, type PackageRecord, packagesOf } from './store-packages.ts';

export interface Sale {
  organization: OrganizationRecord;
  /** The repository whose route was called: only its packages may be sold there. null: any of the organization. */
  repositoryId: string | null;
  packageId: string;
  /** null: a sale makes a new license. */
  licenseId: string | null;
  quantity: number;
  customer: { name: string; email: string };
  /** A customer that is known; goes before `customer`. null: the oldest with that address, else a new one. */
  customerId?: string | null;
  domains: readonly string[];
  source: GrantSource;
  paymentRef: string | null;
  line: string;
  /** Token and Idempotency-Key of the request: unique for ever. */
  request: { token: string; key: string } | null;
  /** An own text for the key of a new license, e.g. from the shop that was used before; else one is made. */
  text?: string | undefined;
  label?: string | undefined;
  purpose?: KeyPurpose | undefined;
  /** Of the key of a new license; null: as many sites as the license. */
  siteLimit?: number | null | undefined;
  /** ms UTC: an end of its own in the place of the package's time. */
  end?: number | undefined;
  /** What its price says in the place of the package's time; null: nothing. */
  length?: Length | null | undefined;
}

export interface Sold {
  license: LicenseRecord;
  grant: GrantRecord;
  key: KeyRecord;
  /** The same payment line or request came again; nothing was written. */
  replayed: boolean;
}

/** Sells a package: a new license with its key, or more of an own one. One transaction; the same payment line sells once. */
export async function sell(tx: Tx, secrets: Secrets, sale: Sale, by: By): Promise<Sold> {
  await requireWithin(tx, by.actor, sale.packageId);
  const sold = await packageHere(tx, sale, by.now);
  const earlier = await soldBefore(tx, sale);
  if (earlier) return replay(tx, sale, earlier, by.now);
  requireSellable(sold, sale, by.now);
  const license =
    sale.licenseId === null ? await makeLicense(tx, sale, by) : await ownLicense(tx, sale, sale.licenseId, sold, by);
  if (sold.kind === 'trial' && (await hasHadPackage(tx, license.customerId, sold.id))) throw problem('TRIAL_USED');
  const grant = toGrant(sale, sold, license, by);
  await insertGrant(tx, grant);
  const key = await keyFor(tx, secrets, sale, license, by);
  await refreshLicense(tx, license, by.now);
  if (sale.licenseId === null) await noteLicense(tx, license, by);
  await noteGrant(tx, grant, by);
  return { license: (await findLicense(tx, license.id)) as LicenseRecord, grant, key, replayed: false };
}

/** Something was sold into a license: for the audit, and so for the webhooks. */
export function noteGrant(tx: Tx, grant: GrantRecord, by: By): Promise<void> {
  const { id, licenseId, packageId, quantity, paymentRef } = grant;
  const changes = { license_id: licenseId, package_id: packageId, quantity, payment_ref: paymentRef };
  const event = { actor: by.actor, action: 'grant.add', entity: 'grant', entityId: id, changes };
  return audit(tx, { ...event, requestId: by.requestId }, by.now);
}

/** A license was made: likewise. */
export function noteLicense(tx: Tx, { id, customerId }: LicenseRecord, by: By): Promise<void> {
  const event = { actor: by.actor, action: 'license.create', entity: 'license', entityId: id };
  return audit(tx, { ...event, changes: { customer_id: customerId }, requestId: by.requestId }, by.now);
}

async function soldBefore(tx: Tx, { organization, paymentRef, line, request }: Sale): Promise<GrantRecord | null> {
  const paid = paymentRef === null ? null : await findGrantByPayment(tx, organization.id, paymentRef, line);
  if (paid || request === null) return paid;
  const repeated = await findGrantByRequest(tx, request.token, request.key);
  if (repeated === null) return null;
  const isSame = repeated.organizationId === organization.id && repeated.paymentRef === paymentRef;
  if (!isSame || repeated.line !== line) {
    throw problem(
      'IDEMPOTENCY_KEY_CONFLICT',
      'this Idempotency-Key stands for another sale; a new sale needs a new one',
    );
  }
  return repeated;
}

async function replay(tx: Tx, sale: Sale, grant: GrantRecord, now: number): Promise<Sold> {
  if (grant.packageId !== sale.packageId || (sale.licenseId !== null && sale.licenseId !== grant.licenseId)) {
    throw problem('PAYMENT_LINE_CONFLICT', `this payment line was sold as ${grant.packageId} in ${grant.licenseId}`);
  }
  const license = (await findLicense(tx, grant.licenseId)) as LicenseRecord;
  const keys = await keysOfLicense(tx, license.id);
  // The key that the sale made, as long as it opens anything: only that one may the seller be told again.
  const key = keys.find((each) => isAlive(each, now)) ?? keys[0];
  if (!key) throw problem('NOT_FOUND', 'the license has no key any more');
  return { license, grant, key, replayed: true };
}

type PackageOfSale = Pick<Sale, 'organization' | 'repositoryId' | 'packageId'>;

/** The package, if it may be named on this route at all. */
export async function packageHere(tx: Tx, sale: PackageOfSale, now: number): Promise<PackageRecord> {
  await lockPackage(tx, sale.packageId, 'keep');
  const found = await findPackage(tx, sale.packageId);
  const isOwn = found?.organizationId === sale.organization.id;
  if (sale.repositoryId !== null && (!isOwn || found.repositoryId !== sale.repositoryId)) {
    const detail = `${sale.packageId} is no package of this repository; ${await offered(tx, sale, now)}`;
    throw problem('PACKAGE_NOT_OF_REPOSITORY', detail, { errors: [{ pointer: '/package_id', detail }] });
  }
  if (!isOwn) throw problem('NOT_FOUND', `there is no package ${sale.packageId}`);
  if (found.kind === 'master') throw problem('MASTER_IS_FIXED', 'a master package is not sold');
  return found;
}

async function offered(tx: Tx, { organization, repositoryId }: PackageOfSale, now: number): Promise<string> {
  const all = await packagesOf(tx, { organizationId: organization.id, repositoryId });
  const sold = all.filter((each) => each.kind !== 'master' && whyNotSold(each, now) === null);
  if (sold.length === 0) return 'it has none that is sold';
  return `it sells ${sold.map(({ id, name }) => `${id} ("${name}")`).join(', ')}`;
}

function requireSellable(sold: PackageRecord, sale: Sale, now: number): void {
  const reason = whyNotSold(sold, now);
  if (reason) throw problem(reason.code, reason.detail);
  if (sold.kind === 'addon' && sale.licenseId === null)
    throw problem('ADDON_NEEDS_LICENSE', 'name the license that the add-on is for');
}

async function makeLicense(tx: Tx, sale: Sale, by: By): Promise<LicenseRecord> {
  const customerId = await customerFor(tx, sale.organization.id, sale, by);
  const license = newLicense({ organizationId: sale.organization.id, customerId, master: false }, by.now);
  await insertLicense(tx, license, by.actor.id);
  return license;
}

async function ownLicense(
  tx: Tx,
  sale: Sale,
  licenseId: string,
  sold: PackageRecord,
  { actor, now }: By,
): Promise<LicenseRecord> {
  if (actor.productId !== null) await requireWithin(tx, actor, licenseId);
  const license = await lockLicense(tx, licenseId);
  if (!license || license.organizationId !== sale.organization.id)
    throw problem('NOT_FOUND', `there is no license ${licenseId}`);
  if (license.master) throw problem('MASTER_IS_FIXED', 'nothing is sold into a master license');
  if (license.revokedAt !== null)
    throw problem('STILL_IN_USE', 'the license is revoked; a new sale needs a new license');
  const ledger = (await ledgersOf(tx, [licenseId])).get(licenseId) ?? [];
  // An administrator of repositories sees licenses with any line of theirs, and no other.
  const { repositoryIds } = actor;
  const isSeen = ledger.some((grant) => repositoryIds?.includes(grant.package.repositoryId ?? ''));
  if (repositoryIds !== null && !isSeen) throw problem('NOT_FOUND', `there is no license ${licenseId}`);
  if ((await packagesOfSubscriptions(tx, licenseId)).has(sold.id))
    throw problem('SUBSCRIPTION_RUNS', `a subscription runs that pays for "${sold.name}" in ${licenseId}`);
  const endless = chainsOf(ledger, now).some(({ packageId, end }) => packageId === sold.id && end === 'none');
  if (endless) throw problem('NO_END_TO_EXTEND', `the license has "${sold.name}" without an end`);
  return license;
}

function toGrant(sale: Sale, sold: PackageRecord, license: LicenseRecord, by: By): GrantRecord {
  const length = sale.end === undefined ? (sale.length ?? sold.terms.length) : null;
  return {
    id: newId('grant', by.now),
    organizationId: sale.organization.id,
    licenseId: license.id,
    packageId: sold.id,
    packageVersion: sold.version,
    source: sold.kind === 'trial' ? 'trial' : sale.source,
    givenAt: toIso(by.now),
    ...{ lengthValue: length?.value ?? null, lengthUnit: length?.unit ?? null },
    endsAt: sale.end === undefined ? null : toIso(sale.end),
    quantity: sale.quantity,
    paymentRef: sale.paymentRef,
    line: sale.line,
    requestToken: sale.request?.token ?? null,
    requestKey: sale.request?.key ?? null,
    supersedes: [],
    firstUsedAt: null,
    createdAt: toIso(by.now),
    createdBy: by.actor.id,
  };
}

async function keyFor(tx: Tx, secrets: Secrets, sale: Sale, license: LicenseRecord, by: By): Promise<KeyRecord> {
  const keys = sale.licenseId === null ? [] : await keysOfLicense(tx, license.id);
  const own = keys.find((key) => isInUse(key, by.now));
  if (own) {
    if (sale.domains.length > 0) await changeDomains(tx, own, sale.domains, by);
    return own;
  }
  const { domains, text, label, purpose, siteLimit } = sale;
  await requireLimit(tx, license, siteLimit, by.now);
  const key = { licenseId: license.id, role: 'normal' as const, prefix: sale.organization.keyPrefix };
  return createKey(tx, secrets, { ...key, domains, text, label, purpose, siteLimit }, by);
}

/** A replaced key opens something until its overlap is over. */
function isAlive({ revokedAt, endsAt }: KeyRecord, now: number): boolean {
  return revokedAt === null && (endsAt === null || endsAt > toIso(now));
}

function isInUse(key: KeyRecord, now: number): boolean {
  return isAlive(key, now) && key.replacedBy === null;
}
