import { PaymentTrouble, problem } from '../errors.ts';
import { csvRecords } from '../imports/import-reads.ts';
import type { By } from '../licensing/keys.ts';
import { pricesOfOrganization } from '../licensing/store-prices.ts';
import { accountOf, gatewayOf } from './account-changes.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import { findTarget, linkSubscription } from './adopt-license.ts';
import {
  type AdoptionLine,
  type AdoptionReport,
  type AdoptionWish,
  isOver,
  refusedLine,
  reportOf,
  wishesOfCsv,
} from './adoption.ts';
import type { SubscriptionFact } from './facts.ts';
import { subjectOf } from './gateway.ts';
import type { AccountRecord } from './store-accounts.ts';

export interface AdoptionCall {
  /** Ids of subscriptions with what is known of their licenses; null: the provider lists them. */
  csv: string | null;
  isDryRun: boolean;
}

/**
 * Links subscriptions that run already at a provider to licenses that were imported, so that the next renewal finds its license. A dry
 * run says what would be done and why not. Doing it again changes nothing. Throws NOT_SUPPORTED where the provider cannot list them.
 */
export async function adoptSubscriptions(
  deps: PaymentDeps,
  id: string,
  { csv, isDryRun }: AdoptionCall,
  by: By,
): Promise<AdoptionReport> {
  const account = await deps.db.read((tx) => accountOf(tx, by.actor, id));
  const lines: AdoptionLine[] = [];
  const taken = new Set<string>();
  const seen = new Set<string>();
  for await (const { wish, fact } of csv === null ? listed(deps, account) : named(deps, account, await wishesIn(csv))) {
    if (seen.has(wish.externalId)) lines.push(refusedLine(wish, 'NAMED_TWICE'));
    else lines.push(await adoptOne(deps, account, wish, fact, { isDryRun, taken, by }));
    seen.add(wish.externalId);
  }
  return reportOf(lines, isDryRun);
}

interface Found {
  wish: AdoptionWish;
  /** null: the provider knows none. */
  fact: SubscriptionFact | null;
}

async function wishesIn(csv: string): Promise<AdoptionWish[]> {
  const records = [];
  for await (const record of csvRecords(csv)) records.push(record);
  const wishes = wishesOfCsv(records);
  if (typeof wishes !== 'string') return wishes;
  throw problem('INVALID_REQUEST', `/csv: ${wishes}`, { errors: [{ pointer: '/csv', detail: wishes }] });
}

async function* listed(deps: PaymentDeps, account: AccountRecord): AsyncIterable<Found> {
  const gateway = gatewayOf(deps, account.provider);
  if (!gateway.listSubscriptions)
    throw problem('NOT_SUPPORTED', `${gateway.title} cannot list its subscriptions; name them in a CSV`);
  let page: string | null = null;
  do {
    const { subscriptions, next } = await gateway.listSubscriptions(openAccount(deps, account), page);
    for (const fact of subscriptions) {
      const { externalId } = fact;
      yield { wish: { line: null, externalId, licenseId: null, key: null, email: null }, fact };
    }
    page = next;
  } while (page !== null);
}

/** Each is read by itself. */
async function* named(deps: PaymentDeps, account: AccountRecord, wishes: AdoptionWish[]): AsyncIterable<Found> {
  const gateway = gatewayOf(deps, account.provider);
  for (const wish of wishes) {
    const subject = subjectOf('subscription', wish.externalId);
    const snapshot =
      wish.externalId === '' ? null : await gateway.read(openAccount(deps, account), subject).catch(refused);
    yield { wish, fact: snapshot?.subscription ?? null };
  }
}

/** An id of nonsense is refused by some providers instead of not being found. */
function refused(error: unknown): null {
  if (error instanceof PaymentTrouble && error.reason === 'refused') return null;
  throw error;
}

interface Run {
  isDryRun: boolean;
  /** Licenses that this very run has given a subscription, or would. */
  taken: Set<string>;
  by: By;
}

async function adoptOne(
  deps: PaymentDeps,
  account: AccountRecord,
  wish: AdoptionWish,
  fact: SubscriptionFact | null,
  { isDryRun, taken, by }: Run,
): Promise<AdoptionLine> {
  if (wish.externalId === '') return refusedLine(wish, 'NO_ID');
  if (fact === null) return refusedLine(wish, 'NOT_AT_PROVIDER');
  if (isOver(fact)) return refusedLine(wish, 'ENDED');
  const { organizationId, provider } = account;
  const work = async (tx: Parameters<typeof findTarget>[0]): Promise<AdoptionLine> => {
    const prices = await pricesOfOrganization(tx, organizationId, provider);
    const own = fact.items.flatMap(({ priceId }) => prices.filter(({ external_id: id }) => id === priceId));
    const packageIds = [...new Set(own.map(({ packageId }) => packageId))];
    const target = await findTarget(tx, deps.secrets, account, wish, fact, packageIds);
    if (target.outcome !== 'adopt') return target;
    const licenseId = target.license_id as string;
    const isFree = !taken.has(licenseId) && (isDryRun || (await linkSubscription(tx, account, fact, licenseId, by)));
    return isFree ? target : refusedLine(wish, 'LICENSE_HAS_SUBSCRIPTION', licenseId);
  };
  const line = await (isDryRun ? deps.db.read(work) : deps.db.tx(work));
  if (line.outcome === 'adopt' && line.license_id !== null) taken.add(line.license_id);
  return line;
}
