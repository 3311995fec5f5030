import type { Tx } from '../db/dialect.ts';
import { ledgersOf } from '../licensing/store-lookup.ts';
import { type MadeGrant, madeGrants } from './made-grants.ts';
import { type NamedEventRecord, newestEvents, paidGrants } from './store-money-links.ts';

/** By what the ledger and the events of a provider name a thing. */
export interface Names {
  id: string;
  accountId: string;
  /** What stands in the ledger as `payment_ref` of its payments. */
  refs: readonly string[];
  /** Subscriptions that are paid for period by period. */
  subscriptionIds: readonly string[];
  /** What is looked at as a whole. */
  subjects: readonly string[];
  /** The provider's ids of what events are about. */
  objectIds: readonly string[];
}

export interface Links {
  /** Oldest first. */
  grants: MadeGrant[];
  /** Newest first. */
  events: NamedEventRecord[];
}

/** So many events are named beside a thing; the list of events has all. */
const EVENTS_NAMED = 20;

/** What things of one organization made in the ledger, and the events that touched them, with a few statements for all. */
export async function linksOf(tx: Tx, organizationId: string, all: readonly Names[]): Promise<(names: Names) => Links> {
  const refs = [...new Set(all.flatMap((each) => each.refs))];
  const subscriptionIds = [...new Set(all.flatMap((each) => each.subscriptionIds))];
  const paid = await paidGrants(tx, organizationId, refs, subscriptionIds);
  const ledgers = await ledgersOf(tx, [...new Set(paid.map(({ licenseId }) => licenseId))]);
  const made = new Map([...ledgers].flatMap(([id, ledger]) => madeGrants(id, ledger).map((each) => [each.id, each])));
  const events = await eventsAbout(tx, all);
  return ({ accountId, refs: own, subscriptionIds: running, subjects, objectIds }) => ({
    grants: paid
      .filter(
        (each) =>
          own.includes(each.paymentRef) || (each.subscriptionId !== null && running.includes(each.subscriptionId)),
      )
      .flatMap(({ id }) => made.get(id) ?? []),
    events: events
      .filter((each) => each.accountId === accountId)
      .filter(({ subject, objectId }) => subjects.includes(subject) || objectIds.includes(objectId))
      .slice(0, EVENTS_NAMED),
  });
}

async function eventsAbout(tx: Tx, all: readonly Names[]): Promise<NamedEventRecord[]> {
  const accountIds = [...new Set(all.map(({ accountId }) => accountId))];
  const subjects = [...new Set(all.flatMap((each) => each.subjects))];
  const objectIds = [...new Set(all.flatMap((each) => each.objectIds))];
  const found = [
    ...(await newestEvents(tx, accountIds, { column: 'subject', values: subjects }, EVENTS_NAMED)),
    ...(await newestEvents(tx, accountIds, { column: 'object_id', values: objectIds }, EVENTS_NAMED)),
  ];
  const unique = new Map(found.map((event) => [event.id, event]));
  return [...unique.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
}
