import type { Tx } from '../db/dialect.ts';
import type { By } from '../licensing/keys.ts';
import type { Secrets } from '../secrets.ts';
import type { Snapshot } from './facts.ts';
import type { AccountRecord } from './store-accounts.ts';

/** `parked`: what it belongs to is not there (yet), so the same look is worth taking again. */
export interface Applied {
  state: 'done' | 'ignored' | 'parked';
  /** In words, for whoever looks after events. */
  detail: string;
}

/**
 * Writes what was read of one subject and brings the ledger to what all facts amount to, in the caller's transaction: facts, grants,
 * closings, suspension by disputes, mails. Doing it again changes nothing.
 */
export async function applySnapshot(
  _tx: Tx,
  _secrets: Secrets,
  _account: AccountRecord,
  _snapshot: Snapshot,
  _by: By,
): Promise<Applied> {
  throw new Error('not built yet');
}
