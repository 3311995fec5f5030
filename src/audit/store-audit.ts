import { insertMany, type Tx } from '../db/dialect.ts';

/** One row of who did what. `changes` is JSON text; instants are ISO-8601 UTC. */
export interface AuditRecord {
  id: string;
  at: string;
  /** null: a matter of the whole installation. */
  organization_id: string | null;
  actor: string;
  /** null: of a row that is older than this column. */
  actor_kind: string | null;
  action: string;
  entity: string;
  entity_id: string;
  changes: string;
  request_id: string | null;
}

const COLUMNS = [
  ...(['id', 'at', 'organization_id', 'actor', 'actor_kind', 'action', 'entity', 'entity_id', 'changes'] as const),
  'request_id',
] as const;

/** Rows are only ever added; old ones are taken away by age alone (`deleteAuditBefore`). */
export async function insertAuditRow(tx: Tx, row: AuditRecord): Promise<void> {
  await tx('audit_events').insert(row);
}

/** The same for many, with one statement. */
export async function insertAuditRows(tx: Tx, rows: readonly AuditRecord[]): Promise<void> {
  await insertMany(
    tx,
    'audit_events',
    COLUMNS,
    rows.map((row) => ({ ...row })),
  );
}

/** What happened to one thing, newest first. */
export async function auditRowsOf(tx: Tx, entityId: string, limit: number): Promise<AuditRecord[]> {
  return tx('audit_events')
    .where({ entity_id: entityId })
    .orderBy('id', 'desc')
    .limit(limit)
    .select([...COLUMNS]);
}

export interface AuditFilter {
  /** undefined: of every organization, and of none. */
  organizationId?: string | undefined;
  entity?: string | undefined;
  entityId?: string | undefined;
  actor?: string | undefined;
  /** The beginning of the action, e.g. `key.`. */
  action?: string | undefined;
  /** ISO; `from` is included, `to` is not. */
  from?: string | undefined;
  to?: string | undefined;
}

function filtered(tx: Tx, filter: AuditFilter) {
  const query = tx('audit_events');
  const { organizationId, entity, entityId, actor, action, from, to } = filter;
  if (organizationId !== undefined) query.where('organization_id', organizationId);
  if (entity !== undefined) query.where('entity', entity);
  if (entityId !== undefined) query.where('entity_id', entityId);
  if (actor !== undefined) query.where('actor', actor);
  // Both ends compare bytewise: `~` comes after every sign of an action.
  if (action !== undefined) query.where('action', '>=', action).where('action', '<', `${action}~`);
  if (from !== undefined) query.where('at', '>=', from);
  if (to !== undefined) query.where('at', '<', to);
  return query;
}

/** Newest first. */
export async function pageOfAudit(
  tx: Tx,
  filter: AuditFilter,
  before: string | null,
  limit: number,
): Promise<AuditRecord[]> {
  const query = filtered(tx, filter)
    .orderBy('id', 'desc')
    .limit(limit)
    .select([...COLUMNS]);
  return before === null ? query : query.where('id', '<', before);
}

/** Exact up to `most`; counting stops there. */
export async function countAudit(tx: Tx, filter: AuditFilter, most: number): Promise<number> {
  return (await filtered(tx, filter).limit(most).select('id')).length;
}

/** What actors are called, by id: the name of a token, the login of a person, the hint of a key. */
export async function actorNames(tx: Tx, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = [
    ...(await tx('api_tokens').whereIn('id', ids).select('id', 'name')),
    ...(await tx('users').whereIn('id', ids).select('id', 'login as name')),
    ...(await tx('license_keys').whereIn('id', ids).select('id', 'hint as name')),
  ];
  return new Map(rows.map(({ id, name }) => [id as string, name as string]));
}

/** The one way that rows go: by age, the oldest first, at most `most` at once. Returns how many went. */
export async function deleteAuditBefore(tx: Tx, before: string, most: number): Promise<number> {
  const old = tx('audit_events').where('at', '<', before).orderBy('at').limit(most).select('id');
  return tx('audit_events').whereIn('id', old).delete();
}
