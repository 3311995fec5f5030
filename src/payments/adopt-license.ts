import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { kindOfId, newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import { DEFAULT_KEY_PREFIX, parseKeyText } from '../licensing/license-key.ts';
import { spansOf } from '../licensing/spans.ts';
import { findKeyByHash, prefixesInUse } from '../licensing/store-keys.ts';
import { closingsOf, findLicense, grantsOf, type LicenseRecord, lockLicense } from '../licensing/store-licenses.ts';
import { ledgersOf } from '../licensing/store-lookup.ts';
import { pricesOfOrganization } from '../licensing/store-prices.ts';
import type { Secrets } from '../secrets.ts';
import { type AdoptionLine, type AdoptionWish, countsSince, refusedLine } from './adoption.ts';
import type { SubscriptionFact } from './facts.ts';
import { subjectOf } from './gateway.ts';
import type { AccountRecord } from './store-accounts.ts';
import { licensesSold, subscriptionPayingFor } from './store-adoption.ts';
import { linkGrant } from './store-deals.ts';
import { insertEvents } from './store-events.ts';
import { findSubscriptionByExternal, insertSubscription, updateSubscription } from './store-facts.ts';

/**
 * The license that a subscription pays for: the one that is named, by the CSV or by the subscription's own notes, else the only one of
 * its customer that has its package. Never one that another subscription pays for.
 */
export async function findTarget(
  tx: Tx,
  secrets: Pick<Secrets, 'lookupHash'>,
  account: AccountRecord,
  wish: AdoptionWish,
  fact: SubscriptionFact,
  packageIds: readonly string[],
): Promise<AdoptionLine> {
  const known = await findSubscriptionByExternal(tx, account.id, fact.externalId);
  const line = { line: wish.line, external_id: fact.externalId, code: null };
  if (known && (known.licenseId !== null || known.orderId !== null)) {
    const detail = known.orderId === null ? 'it was taken over before' : 'it was sold here';
    return { ...line, outcome: 'known', license_id: known.licenseId, found_by: null, detail };
  }
  if (packageIds.length === 0) return refusedLine(wish, 'FOREIGN_PRICE');
  const named = await namedLicense(tx, secrets, account.organizationId, wish, fact);
  if (named === 'missing') return refusedLine(wish, 'LICENSE_NOT_FOUND');
  const found = named ?? (await onlyLicense(tx, account.organizationId, wish.email ?? fact.email, packageIds));
  if (typeof found === 'string') return refusedLine(wish, found);
  const { license, by } = found;
  if (license.revokedAt !== null) return refusedLine(wish, 'LICENSE_REVOKED', license.id);
  if (!(await hasAll(tx, license.id, packageIds))) return refusedLine(wish, 'LICENSE_LACKS_PACKAGE', license.id);
  if ((await subscriptionPayingFor(tx, license.id)) !== null)
    return refusedLine(wish, 'LICENSE_HAS_SUBSCRIPTION', license.id);
  return { ...line, outcome: 'adopt', license_id: license.id, found_by: by, detail: '' };
}

interface FoundLicense {
  license: LicenseRecord;
  by: Exclude<AdoptionLine['found_by'], null>;
}

/** null: nothing names one. */
async function namedLicense(
  tx: Tx,
  secrets: Pick<Secrets, 'lookupHash'>,
  organizationId: string,
  wish: AdoptionWish,
  fact: SubscriptionFact,
): Promise<FoundLicense | 'missing' | null> {
  const noted = fact.licenseRef ?? null;
  const [text, by] =
    wish.licenseId !== null
      ? [wish.licenseId, 'license' as const]
      : wish.key !== null
        ? [wish.key, 'key' as const]
        : [noted, 'note' as const];
  if (text === null) return null;
  const id = kindOfId(text) === 'license' ? text : await licenseOfKey(tx, secrets, text);
  const license = id === null ? null : await findLicense(tx, id);
  if (license?.organizationId === organizationId && !license.master) return { license, by };
  // Notes at the provider may be about anything.
  return by === 'note' ? null : 'missing';
}

async function licenseOfKey(tx: Tx, secrets: Pick<Secrets, 'lookupHash'>, text: string): Promise<string | null> {
  const parsed = parseKeyText(text.trim(), [...new Set([DEFAULT_KEY_PREFIX, ...(await prefixesInUse(tx))])]);
  if (parsed.kind === 'none' || parsed.kind === 'unusable' || parsed.kind === 'malformed') return null;
  return (await findKeyByHash(tx, secrets.lookupHash(parsed.text)))?.licenseId ?? null;
}

async function onlyLicense(
  tx: Tx,
  organizationId: string,
  email: string | null,
  packageIds: readonly string[],
): Promise<FoundLicense | 'NO_LICENSE' | 'SEVERAL_LICENSES'> {
  const sold = email === null ? [] : await licensesSold(tx, organizationId, email, packageIds);
  const fitting: string[] = [];
  for (const id of sold) if (await hasAll(tx, id, packageIds)) fitting.push(id);
  const [only, ...others] = fitting;
  if (only === undefined) return 'NO_LICENSE';
  if (others.length > 0) return 'SEVERAL_LICENSES';
  return { license: (await findLicense(tx, only)) as LicenseRecord, by: 'email' };
}

/** True where the license has every one of the packages by a line that was not closed. */
async function hasAll(tx: Tx, licenseId: string, packageIds: readonly string[]): Promise<boolean> {
  const grants = await grantsOf(tx, licenseId);
  const closings = await closingsOf(
    tx,
    grants.map(({ id }) => id),
  );
  const isClosed = (id: string) => closings.filter(({ grantId }) => grantId === id).at(-1)?.kind === 'close';
  const open = new Set(grants.filter(({ id }) => !isClosed(id)).map(({ packageId }) => packageId));
  return packageIds.every((id) => open.has(id));
}

/**
 * Writes the link and asks for a look at the subscription, which brings all the rest. False: somebody else has linked the license
 * meanwhile.
 */
export async function linkSubscription(
  tx: Tx,
  account: AccountRecord,
  fact: SubscriptionFact,
  licenseId: string,
  by: By,
): Promise<boolean> {
  const license = await lockLicense(tx, licenseId);
  const known = await findSubscriptionByExternal(tx, account.id, fact.externalId);
  if (known?.licenseId === licenseId) return true;
  if (!license || known?.licenseId || (await subscriptionPayingFor(tx, licenseId)) !== null) return false;
  const { customerId } = license;
  const id = known?.id ?? newId('subscription', by.now);
  if (known) await updateSubscription(tx, id, { licenseId, customerId });
  else await insertSubscription(tx, { ...recordOf(account, fact, license, by), id });
  await linkImported(tx, licenseId, id, await soldBy(tx, account, fact));
  await insertEvents(tx, [lookAt(account, fact.externalId, by.now)]);
  const changes = { license_id: licenseId, external_id: fact.externalId };
  const about = { actor: by.actor, action: 'subscription.adopt', entity: 'subscription', entityId: id, changes };
  await audit(tx, { ...about, requestId: by.requestId }, by.now);
  return true;
}

/** The packages that its prices sell. */
async function soldBy(tx: Tx, { organizationId, provider }: AccountRecord, { items }: SubscriptionFact) {
  const prices = await pricesOfOrganization(tx, organizationId, provider);
  const own = prices.filter(({ external_id: id }) => items.some(({ priceId }) => priceId === id));
  return new Set(own.map(({ packageId }) => packageId));
}

/** The imported time is what is paid: if the very next charge fails, grace is counted as of any other period. */
async function linkImported(
  tx: Tx,
  licenseId: string,
  subscriptionId: string,
  packageIds: ReadonlySet<string>,
): Promise<void> {
  const ledger = (await ledgersOf(tx, [licenseId])).get(licenseId) ?? [];
  for (const packageId of packageIds) {
    const spans = spansOf(ledger).filter(({ grant }) => grant.package.id === packageId && grant.source === 'import');
    const ended = spans.filter(({ end }) => end !== null).sort((a, b) => (a.end ?? 0) - (b.end ?? 0));
    const last = ended.at(-1);
    if (!last || last.end === null || ended.length < spans.length || last.grant.subscription !== null) continue;
    await linkGrant(tx, last.grant.id, { subscriptionId, startsAt: toIso(last.start), endsAt: toIso(last.end) });
  }
}

function recordOf(account: AccountRecord, fact: SubscriptionFact, license: LicenseRecord, by: By) {
  const { id: accountId, organizationId, provider, mode } = account;
  const { externalId, state, providerState, items, currency, externalCustomerId, url } = fact;
  return {
    ...{ organizationId, accountId, provider, mode, externalId, state, providerState, items, currency, url },
    ...{ orderId: null, licenseId: license.id, customerId: license.customerId, externalCustomerId },
    ...{ periodStart: iso(fact.periodStart), periodEnd: iso(fact.periodEnd), cancelAt: iso(fact.cancelAt) },
    ...{ canceledAt: iso(fact.canceledAt), endedAt: null, pausedAt: iso(fact.pausedAt) },
    ...{ paidThrough: null, failedAt: null, graceUntil: null, runs: fact.cancelAt === null, trouble: '' },
    fetchedAt: toIso(by.now),
    createdAt: countsSince(license.validUntil, by.now),
    createdBy: by.actor.id,
  };
}

function iso(at: number | null): string | null {
  return at === null ? null : toIso(at);
}

/** One look, however often it is asked for. */
function lookAt({ id: accountId, organizationId }: AccountRecord, externalId: string, now: number) {
  const at = toIso(now);
  return {
    ...{ id: newId('payment_event', now), organizationId, accountId, eventId: `adopt:${externalId}`, deliveryId: null },
    ...{ type: 'subscription.adopt', apiVersion: '', objectType: 'subscription', objectId: externalId },
    ...{ subject: subjectOf('subscription', externalId), body: null, bodySha256: '', via: 'reconcile' as const },
    ...{ state: 'pending' as const, attempts: 0, nextAt: at, leaseId: null, leaseUntil: null, detail: '' },
    ...{ receivedAt: at, doneAt: null },
  };
}
