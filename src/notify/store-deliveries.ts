import { engineOf, forUpdate, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';

/** One attempt, as the log shows it. */
interface Try {
  at: string;
  status: number | null;
  duration_ms: number;
  error: string | null;
}

/** One event for one endpoint. */
export interface DeliveryRecord {
  id: string;
  endpointId: string;
  eventId: string;
  /** `failed`: given up, or its endpoint was switched off. */
  state: 'waiting' | 'delivered' | 'failed';
  /** Failed attempts since it was planned. */
  step: number;
  nextAttemptAt: string | null;
  leaseId: string | null;
  leaseUntil: string | null;
  tries: Try[];
  /** Beginning of the last answer. */
  answer: string;
  deliveredAt: string | null;
  createdAt: string;
}

/** With the event that it is of. */
export interface WholeDeliveryRecord extends DeliveryRecord {
  organizationId: string;
  type: string;
  body: string;
}

const SHAPE = { json: ['tries'] };
const COLUMNS = columnsOf(
  ...['id', 'endpointId', 'eventId', 'state', 'step', 'nextAttemptAt', 'leaseId', 'leaseUntil', 'tries', 'answer'],
  ...['deliveredAt', 'createdAt'],
).map((name) => `d.${name}`);

function whole(tx: Tx) {
  return tx('webhook_deliveries as d')
    .join('webhook_events as e', 'e.id', 'd.event_id')
    .select([...COLUMNS, 'e.organization_id', 'e.type', 'e.body']);
}

export async function findDelivery(tx: Tx, id: string): Promise<WholeDeliveryRecord | null> {
  const row = await whole(tx).where('d.id', id).first();
  return row ? fromRow(row, SHAPE) : null;
}

export interface DeliveryFilter {
  endpointId: string;
  state?: DeliveryRecord['state'] | undefined;
}

function filtered(tx: Tx, { endpointId, state }: DeliveryFilter) {
  const query = whole(tx).where('d.endpoint_id', endpointId);
  return state === undefined ? query : query.where('d.state', state);
}

/** Newest first. */
export async function pageOfDeliveries(
  tx: Tx,
  filter: DeliveryFilter,
  before: string | null,
  limit: number,
): Promise<WholeDeliveryRecord[]> {
  const query = filtered(tx, filter).orderBy('d.id', 'desc').limit(limit);
  return (await (before === null ? query : query.where('d.id', '<', before))).map((row) => fromRow(row, SHAPE));
}

export async function countDeliveries(tx: Tx, filter: DeliveryFilter, most: number): Promise<number> {
  const { endpointId, state } = filter;
  const query = tx('webhook_deliveries').where({ endpoint_id: endpointId }).limit(most).select('id');
  return (await (state === undefined ? query : query.where({ state }))).length;
}

/** Instants of one claim, ISO. What is planned or leased beyond these limits was so before the clock was set back. */
export interface ClaimTimes {
  now: string;
  leaseUntil: string;
  farthestPlan: string;
  farthestLease: string;
}

/** Endpoints that something is due for, those that waited longest first. */
export async function dueEndpoints(
  tx: Tx,
  { now, farthestPlan, farthestLease }: ClaimTimes,
  most: number,
): Promise<string[]> {
  const rows = await tx('webhook_endpoints as e')
    .where('e.active', true)
    .where((free) => free.whereNull('e.held_until').orWhere('e.held_until', '<=', now))
    .whereExists(function due() {
      this.from('webhook_deliveries as d')
        .whereRaw("d.endpoint_id = e.id and d.state = 'waiting'")
        .where((free) =>
          free.whereNull('d.lease_id').orWhere('d.lease_until', '<', now).orWhere('d.lease_until', '>', farthestLease),
        )
        .where((time) => time.where('d.next_attempt_at', '<=', now).orWhere('d.next_attempt_at', '>', farthestPlan))
        .select(tx.raw('1'));
    })
    .orderByRaw("coalesce(e.last_attempt_at, ''), e.id")
    .limit(most)
    .select('e.id');
  return rows.map(({ id }) => id as string);
}

/**
 * Leases what is due for one endpoint, in the order of its times: at most two at once, one while it fails, so that a receiver that
 * hangs holds up nobody else. Nothing while another instance is at this very endpoint.
 */
export async function claimDeliveries(
  tx: Tx,
  endpointId: string,
  times: ClaimTimes,
  most: number,
  newLease: () => string,
): Promise<{ id: string; leaseId: string }[]> {
  const own = tx('webhook_endpoints').where({ id: endpointId }).select('failing_since');
  const [endpoint] = await (engineOf(tx) === 'postgres' ? own.forUpdate().skipLocked() : own);
  if (!endpoint) return [];
  const running = await tx('webhook_deliveries')
    .where({ endpoint_id: endpointId })
    .whereNotNull('lease_id')
    .select('id');
  const room = Math.min(most, (endpoint.failing_since === null ? 2 : 1) - running.length);
  if (room <= 0) return [];
  const { now, farthestPlan, leaseUntil } = times;
  const due = await tx('webhook_deliveries')
    .where({ endpoint_id: endpointId, state: 'waiting' })
    .whereNull('lease_id')
    .where((time) => time.where('next_attempt_at', '<=', now).orWhere('next_attempt_at', '>', farthestPlan))
    .orderBy(['next_attempt_at', 'id'])
    .limit(room)
    .select('id');
  const claimed = due.map(({ id }) => ({ id: id as string, leaseId: newLease() }));
  for (const { id, leaseId } of claimed)
    await tx('webhook_deliveries').where({ id }).update({ lease_id: leaseId, lease_until: leaseUntil });
  await tx('webhook_endpoints').where({ id: endpointId }).update({ last_attempt_at: now });
  return claimed;
}

/** Leases one delivery whatever its time. False: it is being sent right now. */
export async function claimDelivery(tx: Tx, id: string, leaseId: string, leaseUntil: string): Promise<boolean> {
  const change = { lease_id: leaseId, lease_until: leaseUntil };
  return (await tx('webhook_deliveries').where({ id }).whereNull('lease_id').update(change)) > 0;
}

/** A lease that ran out belongs to a process that died; what it had in hand is due again. */
export async function freeCrashed(tx: Tx, { now, farthestLease }: ClaimTimes): Promise<void> {
  await tx('webhook_deliveries')
    .whereNotNull('lease_id')
    .where((gone) => gone.where('lease_until', '<', now).orWhere('lease_until', '>', farthestLease))
    .update({ lease_id: null, lease_until: null });
}

/** The delivery while the lease is ours; null: another has taken over, and nothing may be written. */
export async function leasedDelivery(tx: Tx, id: string, leaseId: string): Promise<WholeDeliveryRecord | null> {
  const held = await forUpdate(tx, tx('webhook_deliveries').where({ id, lease_id: leaseId }).select('id'));
  return held.length === 0 ? null : findDelivery(tx, id);
}

/** Writes what an attempt came to and ends its lease. */
export async function saveAttempt(
  tx: Tx,
  id: string,
  change: Pick<DeliveryRecord, 'state' | 'step' | 'nextAttemptAt' | 'tries' | 'answer' | 'deliveredAt'>,
): Promise<void> {
  await tx('webhook_deliveries')
    .where({ id })
    .update({ ...toRow(change, SHAPE), lease_id: null, lease_until: null });
}

/** Planned anew from the start. */
export async function planAgain(tx: Tx, id: string, at: string): Promise<void> {
  await tx('webhook_deliveries').where({ id }).update({ state: 'waiting', step: 0, next_attempt_at: at });
}

/** What waits for an endpoint that is switched off is given up. */
export async function giveUpWaiting(tx: Tx, endpointId: string): Promise<void> {
  await tx('webhook_deliveries')
    .where({ endpoint_id: endpointId, state: 'waiting' })
    .update({ state: 'failed', next_attempt_at: null });
}
