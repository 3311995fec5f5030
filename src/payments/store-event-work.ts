import { engineOf, forUpdate, type Tx } from '../db/dialect.ts';
import { fromRow } from '../db/rows.ts';

/** Who works on what now. A row of payment_locks with the subject '' holds a whole account: none of its events is begun. */

/** Instants of one claim, ISO. What is planned or leased beyond these limits was so before the clock was set back. */
export interface WorkTimes {
  now: string;
  leaseUntil: string;
  farthest: string;
}

/** A subject that is ours alone for as long as the lease holds. */
export interface Hold {
  accountId: string;
  subject: string;
  leaseId: string;
}

/** Something to do. With the subject '' it is not known yet what the event is about. */
export interface DueEvent {
  id: string;
  accountId: string;
  subject: string;
}

/** A lease that ran out belongs to a process that died: what it had in hand is due again. */
export async function freeCrashedWork(tx: Tx, { now, farthest }: WorkTimes): Promise<void> {
  const free = { lease_id: null, lease_until: null };
  await tx('payment_events')
    .whereNotNull('lease_id')
    .where((gone) => gone.where('lease_until', '<', now).orWhere('lease_until', '>', farthest))
    .update(free);
  await tx('payment_locks').where('lease_until', '<', now).orWhere('lease_until', '>', farthest).delete();
  await tx('payment_events').whereRaw("state = 'pending'").where('next_at', '>', farthest).update({ next_at: now });
}

/** True: a lease ran out. */
export async function hasCrashedWork(tx: Tx, { now }: WorkTimes): Promise<boolean> {
  const event = await tx('payment_events').whereNotNull('lease_id').where('lease_until', '<', now).first('id');
  return (
    event !== undefined || (await tx('payment_locks').where('lease_until', '<', now).first('subject')) !== undefined
  );
}

/** Events whose turn it is, the longest waiting first; not those of subjects and accounts that are in hand. */
export async function dueEvents(
  tx: Tx,
  { now }: WorkTimes,
  fullAccounts: readonly string[],
  most: number,
  lock: boolean,
): Promise<DueEvent[]> {
  const query = tx('payment_events as e')
    // Spelled out, so that the index of what waits is used.
    .whereRaw("e.state = 'pending'")
    .where('e.next_at', '<=', now)
    .whereNull('e.lease_id')
    .whereNotIn('e.account_id', [...fullAccounts])
    .whereNotExists(function inHand() {
      this.from('payment_locks as l')
        .whereRaw("l.account_id = e.account_id and l.subject in (e.subject, '')")
        .select(tx.raw('1'));
    })
    .orderBy(['e.next_at', 'e.id'])
    .limit(most)
    .select('e.id', 'e.account_id', 'e.subject');
  const rows = await (lock && engineOf(tx) === 'postgres' ? query.forUpdate('e').skipLocked() : query);
  return rows.map((row) => fromRow<DueEvent>(row));
}

/** Takes a subject, and leases all its events that came until now: one look is enough for them. False: somebody else is at it. */
export async function takeSubject(tx: Tx, hold: Hold, leaseUntil: string): Promise<boolean> {
  const { accountId, subject, leaseId } = hold;
  const row = { account_id: accountId, subject, lease_id: leaseId, lease_until: leaseUntil };
  const taken = await tx('payment_locks')
    .insert(row)
    .onConflict(['account_id', 'subject'])
    .ignore()
    .returning('lease_id');
  if (taken.length === 0) return false;
  const waiting = tx('payment_events')
    .where({ account_id: accountId, subject, lease_id: null })
    .whereRaw("state = 'pending'");
  const lease = { lease_id: leaseId, lease_until: leaseUntil };
  if (engineOf(tx) === 'sqlite') await waiting.update(lease);
  // What another worker has just locked, and will let go for want of the subject, gets a look of its own.
  else await tx('payment_events').whereIn('id', waiting.select('id').forUpdate().skipLocked()).update(lease);
  return true;
}

/** Leases one event alone. */
export async function leaseEvent(tx: Tx, id: string, leaseId: string, leaseUntil: string): Promise<boolean> {
  const change = { lease_id: leaseId, lease_until: leaseUntil };
  return (await tx('payment_events').where({ id, lease_id: null, state: 'pending' }).update(change)) > 0;
}

/** True while the subject is ours. Whatever a look writes, it asks this first in the same transaction. */
export async function holdsSubject(tx: Tx, { accountId, subject, leaseId }: Hold): Promise<boolean> {
  const where = { account_id: accountId, subject, lease_id: leaseId };
  return (await forUpdate(tx, tx('payment_locks').where(where).select('lease_id'))).length > 0;
}

export async function extendHold(tx: Tx, { accountId, subject, leaseId }: Hold, leaseUntil: string): Promise<void> {
  await tx('payment_locks')
    .where({ account_id: accountId, subject, lease_id: leaseId })
    .update({ lease_until: leaseUntil });
  await tx('payment_events').where({ lease_id: leaseId }).update({ lease_until: leaseUntil });
}

export async function releaseSubject(tx: Tx, { accountId, subject, leaseId }: Hold): Promise<void> {
  await tx('payment_locks').where({ account_id: accountId, subject, lease_id: leaseId }).delete();
}

/** What is leased, oldest first, with its body. */
export async function leasedEvents(tx: Tx, leaseId: string, after: string, most: number): Promise<LeasedEvent[]> {
  const query = tx('payment_events').where({ lease_id: leaseId }).where('id', '>', after).orderBy('id').limit(most);
  return (await query.select(LEASED)).map((row) => fromRow<LeasedEvent>(row));
}

const LEASED = ['id', 'account_id', 'event_id', 'type', 'object_type', 'object_id', 'subject', 'body', 'attempts'];
export interface LeasedEvent extends DueEvent {
  eventId: string;
  type: string;
  objectType: string;
  objectId: string;
  body: string | null;
  attempts: number;
}

/** Events of one lease: all of them, or one. */
export interface Leased {
  leaseId: string;
  id?: string;
}

function leased(tx: Tx, { leaseId, id }: Leased) {
  return tx('payment_events').where(id === undefined ? { lease_id: leaseId } : { lease_id: leaseId, id });
}

const FREE = { lease_id: null, lease_until: null };

/** Ends the work on them. Gives how many there were. */
export function settleEvents(
  tx: Tx,
  which: Leased,
  { state, detail, at }: { state: 'done' | 'ignored'; detail: string; at: string },
): Promise<number> {
  return leased(tx, which).update({ ...FREE, state, detail, next_at: null, done_at: at });
}

/** Gives up those that were tried often enough and came long enough ago. Gives how many there were. */
export function giveUpEvents(
  tx: Tx,
  which: Leased,
  end: { state: 'stuck' | 'ignored'; looks: number; before: string; detail: string; at: string },
): Promise<number> {
  const { state, detail, at } = end;
  return leased(tx, which)
    .where('attempts', '>=', end.looks - 1)
    .where('received_at', '<=', end.before)
    .update({ ...FREE, state, detail, next_at: null, done_at: at, attempts: tx.raw('attempts + 1') });
}

/** The fewest looks that any of them had. */
export async function fewestAttempts(tx: Tx, which: Leased): Promise<number> {
  const row = await leased(tx, which).min('attempts as least').first();
  return Number(row?.['least'] ?? 0);
}

/** To be tried again. `counts`: it was a try. Gives how many there were. */
export function postponeEvents(
  tx: Tx,
  which: Leased,
  { nextAt, detail, counts }: { nextAt: string; detail: string; counts: boolean },
): Promise<number> {
  const attempts = tx.raw(counts ? 'attempts + 1' : 'attempts');
  return leased(tx, which).update({ ...FREE, next_at: nextAt, detail, attempts });
}

/** What the event is about is known now; it is nobody's until somebody takes the subject. False: the lease was lost. */
export async function placeEvent(tx: Tx, { leaseId, id }: Required<Leased>, subject: string): Promise<boolean> {
  return (await leased(tx, { leaseId, id }).update({ ...FREE, subject })) > 0;
}

/** Keeps all events of an account waiting. `why` is kept as the lease. */
export async function holdAccount(tx: Tx, accountId: string, why: string, until: string): Promise<void> {
  const row = { account_id: accountId, subject: '', lease_id: why, lease_until: until };
  await tx('payment_locks').insert(row).onConflict(['account_id', 'subject']).merge(['lease_id', 'lease_until']);
}

export async function heldAccounts(tx: Tx): Promise<{ accountId: string; why: string }[]> {
  const rows = await tx('payment_locks').where({ subject: '' }).select('account_id', 'lease_id');
  return rows.map(({ account_id: accountId, lease_id: why }) => ({ accountId, why }));
}

export async function freeAccount(tx: Tx, accountId: string, now: string): Promise<void> {
  await tx('payment_locks').where({ account_id: accountId, subject: '' }).delete();
  await tx('payment_events')
    .where({ account_id: accountId })
    .whereRaw("state = 'pending'")
    .where('next_at', '>', now)
    .update({ next_at: now });
}
