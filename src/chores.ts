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
import { purgeWebhooks } from './notify/sending.ts';
import { watchGateBypass } from './releases/gate-bypass.ts';
import { watchKeylessPolls } from './releases/keyless.ts';

/** What each instance does again and again; none of it minds being done twice. */
export function choresOf({ config, db, clock, forge, log, addresses }: Core): Chores {
  const onError = (err: unknown, what: string) => log.warn({ err }, what);
  return {
    sweepKind: RECONCILE,
    subjectsToSweep: async () => (await db.read((tx) => listRepositories(tx, null))).map(({ id }) => id),
    async rollUp() {
      await settleStandings(db, clock());
      await flushAddressCounts(db, addresses);
      return rollUp(db);
    },
    async hourly() {
      await announceEnds(db, clock());
    },
    async daily() {
      await mendDrift(forge, onError);
      await watchKeylessPolls(db, clock);
      await watchGateBypass(forge);
      await purgeReplies(db, clock());
      await forgetPlans(db, clock());
      await purgeSignIns(db, clock());
      await purgeWebhooks(db, clock());
      await purgeStrikes(db, clock());
      await purgeAudit(db, addMonths(clock(), -config.auditMonths));
      await forgetOldUsage(db, clock(), config.usageMonths);
    },
    onError,
  };
}
