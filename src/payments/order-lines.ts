import { findCustomerByEmail } from '../accounts/store-customers.ts';
import type { Tx } from '../db/dialect.ts';
import { type FieldError, problem } from '../errors.ts';
import { chainsOf, mainChains } from '../licensing/chains.ts';
import { findLicense, hasHadPackage, type LicenseRecord } from '../licensing/store-licenses.ts';
import { ledgersOf } from '../licensing/store-lookup.ts';
import { findPackage, lockPackage, type PackageRecord } from '../licensing/store-packages.ts';
import { pricesOfOrganization } from '../licensing/store-prices.ts';
import type { OrderWish } from './order-wish.ts';
import { isKnown, type OfferPrice, whyNotAt } from './sold-price.ts';
import type { OrderLineRecord } from './store-orders.ts';
import { packagesRunningIn } from './store-selling.ts';

/** A line of an order with what it was taken from. */
export interface WantedLine {
  offer: PackageRecord;
  price: OfferPrice;
  quantity: number;
}

/** The packages and prices that are wanted, as they are now. Throws INVALID_REQUEST, PACKAGE_INACTIVE and MASTER_IS_FIXED. */
export async function wantedLines(
  tx: Tx,
  organizationId: string,
  { items }: OrderWish,
  now: number,
): Promise<WantedLine[]> {
  const prices = await pricesOfOrganization(tx, organizationId);
  const lines: WantedLine[] = [];
  for (const [i, { price: code, quantity }] of items.entries()) {
    const price = prices.find((each) => each.code === code);
    if (!price) throw wrong(`/items/${i}/price`, 'is no price of the organization');
    await lockPackage(tx, price.packageId, 'keep');
    const offer = await findPackage(tx, price.packageId);
    if (!offer) throw wrong(`/items/${i}/price`, 'is no price of the organization');
    if (offer.kind === 'master') throw problem('MASTER_IS_FIXED', 'a master package is not sold');
    const reason = whyNotAt(offer, price, now);
    if (reason !== null || !isKnown(price)) throw problem('PACKAGE_INACTIVE', reason ?? code);
    if (offer.kind === 'trial' && quantity > 1) throw wrong(`/items/${i}/quantity`, 'must be 1: a trial is given once');
    lines.push({ offer, price, quantity });
  }
  const [first, ...others] = lines;
  const errors = others.flatMap(({ price }, i): FieldError[] => {
    if (price.provider !== first?.price.provider)
      return [{ pointer: `/items/${i + 1}/price`, detail: 'is of another payment provider than the first' }];
    if (price.currency !== first.price.currency)
      return [{ pointer: `/items/${i + 1}/price`, detail: 'is in another currency than the first' }];
    return [];
  });
  if (errors.length > 0) throw problem('INVALID_REQUEST', 'the items cannot be bought together', { errors });
  return lines;
}

function wrong(pointer: string, detail: string) {
  return problem('INVALID_REQUEST', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}

/**
 * Where each line goes. Throws ADDON_NEEDS_LICENSE, TRIAL_USED, NO_END_TO_EXTEND, SUBSCRIPTION_RUNS and what forbids any sale into the
 * license. It is decided again when the money is there; this spares the buyer a payment that could not be honoured.
 */
export async function placedLines(
  tx: Tx,
  organizationId: string,
  wish: OrderWish,
  lines: readonly WantedLine[],
  now: number,
): Promise<{ license: LicenseRecord | null; kinds: Pick<OrderLineRecord, 'kind' | 'licenseId'>[] }> {
  const license = wish.licenseId === null ? null : await licenseFor(tx, organizationId, wish.licenseId);
  const hasBase = lines.some(({ offer }) => offer.kind !== 'addon');
  if (license === null && !hasBase)
    throw problem('ADDON_NEEDS_LICENSE', 'buy the add-on together with a package, or into a license');
  await requireFirstTrials(tx, organizationId, wish, license, lines);
  if (license === null) {
    const kinds = lines.map(({ offer }) => ({
      ...{ kind: offer.kind === 'addon' ? ('into' as const) : ('new' as const), licenseId: null },
    }));
    return { license, kinds };
  }
  await requireRoom(tx, license, wish, lines, now);
  const kinds = lines.map(({ offer }) => ({
    kind: wish.kind === 'switch' && offer.kind !== 'addon' ? ('switch' as const) : ('into' as const),
    licenseId: license.id,
  }));
  return { license, kinds };
}

async function licenseFor(tx: Tx, organizationId: string, id: string): Promise<LicenseRecord> {
  const license = await findLicense(tx, id);
  if (license?.organizationId !== organizationId) throw problem('NOT_FOUND', 'there is no such license');
  if (license.master) throw problem('MASTER_IS_FIXED', 'nothing is sold into a master license');
  if (license.revokedAt !== null)
    throw problem('STILL_IN_USE', 'the license is revoked; a new sale needs a new license');
  return license;
}

/**
 * Whoever types an address learns here whether it had the trial. That is less than what the silence would do: the buyer would pay for
 * what he then is not given. How often it may be asked from one network is limited like any order.
 */
async function requireFirstTrials(
  tx: Tx,
  organizationId: string,
  { email }: OrderWish,
  license: LicenseRecord | null,
  lines: readonly WantedLine[],
): Promise<void> {
  const trials = lines.filter(({ offer }) => offer.kind === 'trial');
  if (trials.length === 0) return;
  const known = license || email === '' ? null : await findCustomerByEmail(tx, organizationId, email);
  const customerId = license?.customerId ?? known?.id ?? null;
  for (const { offer } of trials)
    if (customerId !== null && (await hasHadPackage(tx, customerId, offer.id))) throw problem('TRIAL_USED');
}

/** DESIGN §2.5: nothing more of what has no end, or goes on by itself. */
async function requireRoom(
  tx: Tx,
  license: LicenseRecord,
  { kind }: OrderWish,
  lines: readonly WantedLine[],
  now: number,
): Promise<void> {
  const ledger = (await ledgersOf(tx, [license.id])).get(license.id) ?? [];
  const chains = chainsOf(ledger, now);
  const running = await packagesRunningIn(tx, license.id);
  for (const { offer } of lines) {
    if (running.has(offer.id)) throw problem('SUBSCRIPTION_RUNS', `a subscription of "${offer.name}" runs already`);
    const isEndless = chains.some(({ packageId, end }) => packageId === offer.id && end === 'none');
    if (isEndless) throw problem('NO_END_TO_EXTEND', `the license has "${offer.name}" without an end`);
  }
  if (kind !== 'switch') return;
  const bases = lines.filter(({ offer }) => offer.kind !== 'addon');
  if (bases.length !== 1) throw wrong('/items', 'must hold one package that takes the place of the old one');
  const carriers = mainChains(chains).filter(({ open }) => open.length > 0);
  if (carriers.length === 0) throw problem('NOTHING_OPEN', 'nothing runs in the license; buy into it instead');
  const paid = carriers.find(({ packageId }) => running.has(packageId));
  if (paid) throw problem('SUBSCRIPTION_RUNS', 'change the plan of the subscription instead');
}
