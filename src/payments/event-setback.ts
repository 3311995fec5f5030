import { createHash } from 'node:crypto';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { alertVendor } from './alerts.ts';
import { endOf, pauseAfter, type Setback, STUCK, UNAUTHORIZED_PAUSE_MS } from './event-plan.ts';
import { type AccountRecord, findAccount } from './store-accounts.ts';
import {
  fewestAttempts,
  freeAccount,
  giveUpEvents,
  type Hold,
  heldAccounts,
  holdAccount,
  postponeEvents,
  releaseSubject,
} from './store-event-work.ts';

/** Writes what becomes of events whose look did not come to its end. Gives the numbers by outcome. */
export async function setBack(
  tx: Tx,
  which: Hold & { id?: string },
  account: AccountRecord | null,
  setback: Setback,
  now: number,
): Promise<Record<string, number>> {
  const { kind, detail, waitMs, owed } = setback;
  const end = endOf(setback);
  const before = end && toIso(now - end.patienceMs);
  const given = end && before !== null ? { ...end, before, detail, at: toIso(now) } : null;
  const gone = given === null ? 0 : await giveUpEvents(tx, which, given);
  const pause = kind === 'unauthorized' ? 0 : pauseAfter((await fewestAttempts(tx, which)) + 1, waitMs);
  const nextAt = toIso(now + pause);
  const again = await postponeEvents(tx, which, { nextAt, detail, counts: kind !== 'unauthorized' });
  // A single event of several leaves the subject to the others.
  if (which.id === undefined) await releaseSubject(tx, which);
  if (account && kind === 'unauthorized') await refuseAccount(tx, account, now);
  else if (account && waitMs !== undefined) await holdAccount(tx, account.id, WAIT, toIso(now + pauseAfter(1, waitMs)));
  if (account && gone > 0 && end?.state === 'stuck') {
    const own = which.subject === '' ? (which.id ?? '') : which.subject;
    const { code, subject } = owed ?? STUCK;
    await alertVendor(tx, { ...ownerOf(account), code, subject: subject ?? own, detail }, now);
  }
  return { [kind === 'parked' || kind === 'unknown' ? 'parked' : 'retried']: again, [end?.state ?? 'stuck']: gone };
}

/** The provider named a time. */
const WAIT = 'wait';

/** All of an account waits once its credentials are refused, and one alert says so; new credentials end that by themselves. */
export async function refuseAccount(tx: Tx, account: AccountRecord, now: number): Promise<void> {
  await holdAccount(tx, account.id, printOf(account), toIso(now + UNAUTHORIZED_PAUSE_MS));
  const detail = `${account.provider} refuses the credentials of this account (${account.mode} mode), so that its events wait`;
  await alertVendor(tx, { ...ownerOf(account), code: 'ACCOUNT_UNAUTHORIZED', subject: account.id, detail }, now);
}

/** Accounts whose credentials were changed since they were refused go on. */
export async function freeMendedAccounts(tx: Tx, now: string): Promise<void> {
  for (const { accountId, why } of await heldAccounts(tx)) {
    const account = why === WAIT ? null : await findAccount(tx, accountId);
    if (account && printOf(account) !== why) await freeAccount(tx, accountId, now);
  }
}

/** Tells other credentials from these without telling these. */
function printOf({ credentialsSealed }: AccountRecord): string {
  return `unauthorized:${createHash('sha256').update(credentialsSealed).digest('hex').slice(0, 16)}`;
}

function ownerOf({ organizationId, id: accountId }: AccountRecord) {
  return { organizationId, accountId };
}
