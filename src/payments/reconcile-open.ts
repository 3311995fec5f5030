import { DAY, HOUR, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { PaymentTrouble } from '../errors.ts';
import type { PaymentDeps } from './accounts.ts';
import { subjectOf } from './gateway.ts';
import { type AccountRecord, accountsOf } from './store-accounts.ts';
import { type OpenPage, openOrders, pendingPayments, runningSubscriptions } from './store-open.ts';
import type { EventWorker } from './work-events.ts';

export interface SweepDeps extends PaymentDeps {
  worker: Pick<EventWorker, 'syncNow'>;
  onTrouble(error: unknown, where: { account: string; subject: string }): void;
}

/** `recent`: orders of the last days only; `all`: every order, subscription and payment that is not over. */
export type Sweep = 'recent' | 'all';

const PAGE = 100;
const PARALLEL = 4;
/** A buyer needs a while, and his events come by themselves. */
const ORDER_AGE = HOUR;
const RECENT = 2 * DAY;
/** No page that is still open is older: whatever the provider says of it, nobody pays it any more. */
const OLDEST_ORDER = 60 * DAY;
/** A subscription that was looked at since needs no look today. */
const FRESH = 20 * HOUR;
/** So many failures in a row are the provider's, and no matter of what is looked at. */
const MOST_FAILURES = 10;

/** Looks at everything that is open at all accounts; what fails with one keeps no other from being looked at. */
export async function sweepOpen(deps: SweepDeps, which: Sweep): Promise<void> {
  const accounts = await deps.db.read((tx) => accountsOf(tx, { active: true }));
  for (const account of accounts) await sweepAccount(deps, account, which);
}

/** Looks at what is open at one account, since events get lost. Gives the number of looks. */
export async function sweepAccount(deps: SweepDeps, account: AccountRecord, which: Sweep): Promise<number> {
  if (deps.gateways[account.provider]?.tellsAll) return 0;
  let looks = 0;
  let failures = 0;
  for await (const subjects of openSubjects(deps, account, which)) {
    for (let i = 0; i < subjects.length; i += PARALLEL) {
      const some = subjects.slice(i, i + PARALLEL);
      const ended = await Promise.all(some.map((subject) => lookAt(deps, account, subject)));
      looks += some.length;
      failures = ended.includes('looked') ? 0 : failures + ended.length;
      if (ended.includes('useless') || failures >= MOST_FAILURES) return looks;
    }
  }
  return looks;
}

/** `useless`: the provider answers nothing now, so that nothing more is asked. */
async function lookAt(
  deps: SweepDeps,
  { id: account }: AccountRecord,
  subject: string,
): Promise<'looked' | 'failed' | 'useless'> {
  try {
    await deps.worker.syncNow(account, subject);
    return 'looked';
  } catch (error) {
    // A look writes down by itself what went wrong.
    const reason = error instanceof PaymentTrouble ? error.reason : null;
    return reason === 'unauthorized' || reason === 'rate_limited' ? 'useless' : 'failed';
  }
}

type Pager = (tx: Tx, page: OpenPage) => Promise<{ id: string; subject: string }[]>;

/** Page by page, so that it is never all in memory. */
async function* openSubjects(
  { db, clock }: SweepDeps,
  { id: accountId }: AccountRecord,
  which: Sweep,
): AsyncGenerator<string[]> {
  const now = clock();
  for (const pager of pagersOf(now, which)) {
    for (let after = ''; ; ) {
      const page = await db.read((tx) => pager(tx, { accountId, after, most: PAGE }));
      yield [...new Set(page.map(({ subject }) => subject))].filter((subject) => !subject.endsWith(':'));
      const last = page.at(-1);
      if (!last || page.length < PAGE) break;
      after = last.id;
    }
  }
}

function pagersOf(now: number, which: Sweep): Pager[] {
  const until = toIso(now - ORDER_AGE);
  const since = toIso(now - (which === 'recent' ? RECENT : OLDEST_ORDER));
  const orders: Pager = async (tx, page) =>
    (await openOrders(tx, page, { since, until })).map(({ id, externalId }) => ({
      id,
      subject: subjectOf('checkout', externalId),
    }));
  const subscriptions: Pager = async (tx, page) =>
    (await runningSubscriptions(tx, page, toIso(now - FRESH))).map(({ id, externalId }) => ({
      id,
      subject: subjectOf('subscription', externalId),
    }));
  const payments: Pager = async (tx, page) =>
    (await pendingPayments(tx, page)).map(({ id, externalId, subscription }) => ({
      id,
      subject: subjectOf(subscription ? 'subscription' : 'checkout', externalId),
    }));
  return which === 'recent' ? [orders] : [orders, subscriptions, payments];
}
