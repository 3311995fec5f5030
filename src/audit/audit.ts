import type { Actor } from '../accounts/actor.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { redactKeys } from '../http/redact.ts';
import { newId } from '../ids.ts';
import { insertAuditRow } from './store-audit.ts';

type AuditValue = string | number | boolean | null | readonly (string | number)[];

/**
 * Field by field, what something was set to, or from what to what. Ids and plain values only: a license key, a token or a
 * secret is named by its id and hint, never by its text.
 */
export type AuditChanges = Readonly<Record<string, AuditValue | { from: AuditValue; to: AuditValue }>>;

export interface AuditEvent {
  actor: Actor;
  /** What was done, e.g. `license.suspend`. */
  action: string;
  /** The kind of thing, e.g. `license`. */
  entity: string;
  entityId: string;
  changes: AuditChanges;
  /** null: it did not come by a request. */
  requestId: string | null;
}

/** Writes who did what in the transaction that does it, so that neither stands without the other. */
export async function audit(tx: Tx, event: AuditEvent, now: number): Promise<void> {
  await insertAuditRow(tx, {
    id: newId('audit', now),
    at: toIso(now),
    actor: event.actor.id,
    action: event.action,
    entity: event.entity,
    entity_id: event.entityId,
    // The rule above is the caller's; the mask only keeps a slip from being stored for years.
    changes: redactKeys(JSON.stringify(event.changes)),
    request_id: event.requestId,
  });
}
