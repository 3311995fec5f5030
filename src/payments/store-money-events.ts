import type { Knex } from 'knex';
import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import type { EventState, EventWay } from './event.ts';
import type { Mode } from './gateway.ts';

/** Events and alerts, for people who look for what went wrong. */

/** An event without its raw body. */
export interface SeenEventRecord {
  id: string;
  organizationId: string;
  accountId: string;
  provider: string;
  mode: Mode;
  eventId: string;
  type: string;
  apiVersion: string;
  objectType: string;
  objectId: string;
  subject: string;
  via: EventWay;
  state: EventState;
  attempts: number;
  nextAt: string | null;
  detail: string;
  receivedAt: string;
  doneAt: string | null;
  hasBody: boolean;
}

export interface EventFilter {
  organizationId: string;
  mode: Mode;
  provider?: string | undefined;
  state?: EventState | undefined;
  /** As it is looked at, e.g. `subscription:sub_1`, or the provider's id of an object. */
  subject?: string | undefined;
  type?: string | undefined;
}

/** Where a page of events ended. */
export interface EventPlace {
  stuck: boolean;
  id: string;
}

const OWN = [
  ...['id', 'organizationId', 'accountId', 'eventId', 'type', 'apiVersion', 'objectType', 'objectId', 'subject'],
  ...['via', 'state', 'attempts', 'nextAt', 'detail', 'receivedAt', 'doneAt'],
];
const STUCK = "case when e.state = 'stuck' then 0 else 1 end";

function withAccounts(tx: Tx): Knex.QueryBuilder {
  return tx('payment_events as e').join('payment_accounts as a', 'a.id', 'e.account_id');
}

function seenColumns(tx: Tx) {
  return [
    ...columnsOf(...OWN).map((name) => `e.${name}`),
    ...['a.provider', 'a.mode'],
    tx.raw('case when e.body is null then 0 else 1 end as has_body'),
  ];
}

function toSeen(row: object): SeenEventRecord {
  const seen = fromRow<SeenEventRecord>(row);
  return { ...seen, attempts: Number(seen.attempts), hasBody: Number(seen.hasBody) === 1 };
}

function filtered(tx: Tx, { organizationId, mode, provider, state, subject, type }: EventFilter): Knex.QueryBuilder {
  const query = withAccounts(tx).where({ 'e.organization_id': organizationId, 'a.mode': mode });
  if (provider !== undefined) query.where('a.provider', provider);
  if (state !== undefined) query.where('e.state', state);
  if (type !== undefined) query.where('e.type', type);
  if (subject !== undefined) query.where((own) => own.where('e.subject', subject).orWhere('e.object_id', subject));
  return query;
}

/** Those that are stuck first, then the newest. */
export async function pageOfEvents(
  tx: Tx,
  filter: EventFilter,
  after: EventPlace | null,
  limit: number,
): Promise<SeenEventRecord[]> {
  const query = filtered(tx, filter).orderByRaw(`${STUCK}, e.id desc`).limit(limit).select(seenColumns(tx));
  if (after !== null) {
    const rank = after.stuck ? 0 : 1;
    query.whereRaw(`(${STUCK} > ? or (${STUCK} = ? and e.id < ?))`, [rank, rank, after.id]);
  }
  return (await query).map(toSeen);
}

export async function countEvents(tx: Tx, filter: EventFilter, most: number): Promise<number> {
  return (await filtered(tx, filter).limit(most).select('e.id')).length;
}

export async function findSeenEvent(tx: Tx, id: string): Promise<SeenEventRecord | null> {
  const row = await withAccounts(tx).where('e.id', id).first(seenColumns(tx));
  return row ? toSeen(row) : null;
}

/** An alert with whose account it is about. */
export interface SeenAlertRecord {
  id: string;
  organizationId: string;
  accountId: string;
  /** null: the account is not known (any more). */
  provider: string | null;
  mode: Mode | null;
  code: string;
  subject: string;
  detail: string;
  count: number;
  firstAt: string;
  lastAt: string;
  dismissedAt: string | null;
}

export interface AlertFilter {
  organizationId: string;
  mode: Mode;
  /** True: what was dismissed instead of what is open. */
  dismissed: boolean;
  code?: string | undefined;
}

const ALERT = columnsOf(
  ...['id', 'organizationId', 'accountId', 'code', 'subject', 'detail', 'count', 'firstAt', 'lastAt', 'dismissedAt'],
).map((name) => `l.${name}`);

function alerts(tx: Tx): Knex.QueryBuilder {
  const query = tx('payment_alerts as l').leftJoin('payment_accounts as a', 'a.id', 'l.account_id');
  return query.select([...ALERT, 'a.provider', 'a.mode']);
}

function chosen(tx: Tx, { organizationId, mode, dismissed, code }: AlertFilter): Knex.QueryBuilder {
  const query = alerts(tx).where('l.organization_id', organizationId).whereRaw("coalesce(a.mode, 'live') = ?", [mode]);
  if (code !== undefined) query.where('l.code', code);
  return dismissed ? query.whereNotNull('l.dismissed_at') : query.whereNull('l.dismissed_at');
}

/** Newest first. */
export async function pageOfAlerts(
  tx: Tx,
  filter: AlertFilter,
  before: string | null,
  limit: number,
): Promise<SeenAlertRecord[]> {
  const query = chosen(tx, filter).orderBy('l.id', 'desc').limit(limit);
  return (await (before === null ? query : query.where('l.id', '<', before))).map((row: object) =>
    fromRow<SeenAlertRecord>(row),
  );
}

export async function countAlerts(tx: Tx, filter: AlertFilter, most: number): Promise<number> {
  return (await chosen(tx, filter).limit(most)).length;
}

export async function findSeenAlert(tx: Tx, id: string): Promise<SeenAlertRecord | null> {
  const row = await alerts(tx).where('l.id', id).first();
  return row ? fromRow(row) : null;
}

/** False: it was dismissed before. */
export async function dismissAlertRow(tx: Tx, id: string, dismissedAt: string): Promise<boolean> {
  return (await tx('payment_alerts').where({ id, dismissed_at: null }).update(toRow({ dismissedAt }))) > 0;
}
