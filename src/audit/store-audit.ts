import type { Tx } from '../db/dialect.ts';

/** One row of who did what. `changes` is JSON text; instants are ISO-8601 UTC. */
export interface AuditRow {
  id: string;
  at: string;
  actor: string;
  action: string;
  entity: string;
  entity_id: string;
  changes: string;
  request_id: string | null;
}

/** Rows are only ever added. */
export async function insertAuditRow(tx: Tx, row: AuditRow): Promise<void> {
  await tx('audit_events').insert(row);
}

/** What happened to one thing, newest first. */
export async function auditRowsOf(tx: Tx, entityId: string, limit: number): Promise<AuditRow[]> {
  return tx('audit_events')
    .where({ entity_id: entityId })
    .orderBy('id', 'desc')
    .limit(limit)
    .select('id', 'at', 'actor', 'action', 'entity', 'entity_id', 'changes', 'request_id');
}
