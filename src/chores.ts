import { purgeReplies } from './accounts/replies.ts';
import { purgeSignIns } from './accounts/sessions.ts';
import type { Core } from './app.ts';
import { purgeAudit } from './audit/audit-reads.ts';
import { mendDrift } from './forge/drift.ts';
import { RECONCILE } from './forge/hooks.ts';
import { listRepositories } from './forge/store.ts';
import type { Chores } from './jobs/schedule.ts';
import { forgetPlans } from './licensing/bulk-runs.ts';
import { forgetOldUsage } from './licensing/retention.ts';
import { addMonths } from './licensing/spans.ts';
import { settleStandings } from './licensing/standings.ts';
import { purgeStrikes } from './licensing/strikes.ts';
import { rollUp } from './licensing/usage.ts';
import { flushAddressCounts } from './moving/bridge.ts';
import { announceEnds } from './notify/expiries.ts';
import { queueReminders } from './notify/reminders.ts';
import { purgeWebhooks } from './notify/sending.ts';
import { takeVariables } from './payments/account-variables.ts';
import { checkAllPrices } from './payments/check-prices.ts';
import { forgetUnpaidBuyers, purgeEventBodies } from './payments/event-care.ts';
import { sendUsage } from './payments/meters.ts';
import { watchGateBypass } from './releases/gate-bypass.ts';
import { watchKeylessPolls } from './releases/keyless.ts';

/** What each instance does again and again; none of it minds being done twice. */
export function choresOf({ config, db, clock, forge, log, addresses, payments, paymentEvents }: Core): Chores {
  const onError = (err: unknown, what: string) => log.warn({ err }, what);
  return {
    sweepKind: RECONCILE,
    subjectsToSweep: async () => (await db.read((tx) => listRepositories(tx, null))).map(({ id }) => id),
    async rollUp() {
      await eachOf(onError, {
        'the state of licenses': () => settleStandings(db, clock()),
        'the counts of old addresses': () => flushAddressCounts(db, addresses),
      });
      return rollUp(db);
    },
    often: () => paymentEvents.reconcileDue(),
    async hourly() {
      await eachOf(onError, {
        'ends of licenses': () => announceEnds(db, clock()),
        'reminders of customers': () => queueReminders(db, clock()),
        'usage for payment providers': () => sendUsage(payments, onError),
        'the payment accounts of variables': () => takeVariables(payments),
        'orders that are open': () => paymentEvents.sweep('recent'),
      });
    },
    async daily() {
      await eachOf(onError, {
        'the hooks': () => mendDrift(forge, onError),
        'polls without a key': () => watchKeylessPolls(db, clock),
        'ways round the gate': () => watchGateBypass(forge),
        'the prices at payment providers': () => checkAllPrices(payments, onError),
        'orders, subscriptions and payments that are open': () => paymentEvents.sweep('all'),
        'old replies': () => purgeReplies(db, clock()),
        'old plans of bulk changes': () => forgetPlans(db, clock()),
        'old sign-ins': () => purgeSignIns(db, clock()),
        'old webhook events': () => purgeWebhooks(db, clock()),
        'old bodies of payment events': () => purgeEventBodies(db, clock()),
        'buyers who never paid': () => forgetUnpaidBuyers(db, clock()),
        'old strikes': () => purgeStrikes(db, clock()),
        'the old audit': () => purgeAudit(db, addMonths(clock(), -config.auditMonths)),
        'old usage': () => forgetOldUsage(db, clock(), config.usageMonths),
      });
    },
    onError,
  };
}

/** One after the other; what fails with one, and would fail every day, keeps no other from being done. */
async function eachOf(onError: Chores['onError'], chores: Record<string, () => Promise<unknown>>): Promise<void> {
  for (const [what, chore] of Object.entries(chores)) await chore().catch((error: unknown) => onError(error, what));
}
