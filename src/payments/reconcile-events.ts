import { MINUTE, toIso } from '../clock.ts';
import { PaymentTrouble } from '../errors.ts';
import { newId } from '../ids.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import { refuseAccount } from './event-setback.ts';
import type { Inbox } from './inbox.ts';
import { beat, LEASE_MS } from './look-events.ts';
import { type AccountRecord, accountsOf, updateAccount } from './store-accounts.ts';
import { freeCrashedWork, type Hold, heldAccounts, releaseSubject, takeSubject } from './store-event-work.ts';
import { FARTHEST_MS } from './work-events.ts';

export interface ReconcileDeps extends PaymentDeps {
  inbox: Pick<Inbox, 'take'>;
  onTrouble(error: unknown, where: { account: string; subject: string }): void;
}

/** How often each account's list is read. */
const RECONCILE_EVERY_MS = 5 * MINUTE;
/** What is read once more each time: clocks differ, and a provider may list an event late. */
const OVERLAP_MS = 15 * MINUTE;
/** No subject of a provider: there, one reads the list of an account at a time. */
const LIST = 'reconcile';

/** Reads the lists of all accounts whose turn it is; what fails with one keeps no other from being read. */
export async function reconcileDue(deps: ReconcileDeps): Promise<void> {
  const accounts = await deps.db.read((tx) => accountsOf(tx, { active: true }));
  // Another instance may have read it just now.
  const justNow = toIso(deps.clock() - RECONCILE_EVERY_MS / 2);
  for (const account of accounts) {
    if (account.reconciledAt !== null && account.reconciledAt > justNow) continue;
    await reconcileEvents(deps, account).catch((error: unknown) =>
      deps.onTrouble(error, { account: account.id, subject: LIST }),
    );
  }
}

/**
 * Brings what the provider's own list tells since the last time into the inbox, so that a lost delivery loses nothing. Gives how many
 * events were new; null: the provider has no list, its answer is refused for the time being, or somebody else reads it just now.
 */
export async function reconcileEvents(deps: ReconcileDeps, account: AccountRecord): Promise<number | null> {
  const { db, clock, gateways } = deps;
  const listEvents = gateways[account.provider]?.listEvents ?? null;
  if (listEvents === null) return null;
  const hold = { accountId: account.id, subject: LIST, leaseId: newId('lease') };
  if (!(await takeList(deps, hold))) return null;
  const stopBeating = beat(deps, hold);
  const begun = clock();
  try {
    const since = Date.parse(account.cursor ?? account.createdAt) - OVERLAP_MS;
    let taken = 0;
    for (let page: string | null = null; ; ) {
      const { events, next } = await listEvents(openAccount(deps, account), since, page);
      taken += await deps.inbox.take(account, events);
      if (next === null || next === page) break;
      page = next;
    }
    // Only now: what was not read to its end is read again from where it began.
    await db.tx((tx) => updateAccount(tx, account.id, { cursor: toIso(begun), reconciledAt: toIso(clock()) }));
    return taken;
  } catch (error) {
    if (error instanceof PaymentTrouble && error.reason === 'unauthorized')
      await db.tx((tx) => refuseAccount(tx, account, clock()));
    throw error;
  } finally {
    stopBeating();
    await db.tx((tx) => releaseSubject(tx, hold));
  }
}

async function takeList({ db, clock }: ReconcileDeps, hold: Hold): Promise<boolean> {
  const now = clock();
  const times = { now: toIso(now), leaseUntil: toIso(now + LEASE_MS), farthest: toIso(now + FARTHEST_MS) };
  return db.tx(async (tx) => {
    await freeCrashedWork(tx, times);
    if ((await heldAccounts(tx)).some(({ accountId }) => accountId === hold.accountId)) return false;
    return takeSubject(tx, hold, times.leaseUntil);
  });
}
