import type { Actor } from '../accounts/actor.ts';
import { organizationOfThing } from '../accounts/store-places.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { redactKeys } from '../http/redact.ts';
import { kindOfId, newId } from '../ids.ts';
import { eventTypeOf } from '../notify/event-types.ts';
import { announce, type News } from '../notify/outbox.ts';
import type { AuditChanges } from './changes.ts';
import { type AuditRecord, insertAuditRow, insertAuditRows } from './store-audit.ts';

export type { AuditChanges } from './changes.ts';

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
  /** Only where the thing itself cannot tell, because it was just deleted. */
  organizationId?: string;
}

/**
 * Writes who did what in the transaction that does it, so that neither stands without the other, and tells the organization's
 * webhooks that want to know.
 */
export async function audit(tx: Tx, event: AuditEvent, now: number): Promise<void> {
  const organizationId = event.organizationId ?? (await organizationOf(tx, event.entityId));
  await insertAuditRow(tx, rowOf(event, organizationId, now));
  await announce(tx, newsOf(event, organizationId), now);
}

/** The same for many things of one organization, with few statements. */
export async function auditAll(
  tx: Tx,
  organizationId: string,
  events: readonly AuditEvent[],
  now: number,
): Promise<void> {
  const rows = events.map((event) => rowOf(event, organizationId, now));
  await insertAuditRows(tx, rows);
  const news = events.flatMap((event) => newsOf(event, organizationId));
  if (news.length > 0) await announce(tx, news, now);
}

function rowOf(event: AuditEvent, organizationId: string | null, now: number): AuditRecord {
  const { actor, action, entity, entityId, changes, requestId } = event;
  return {
    id: newId('audit', now),
    at: toIso(now),
    organization_id: organizationId,
    actor: actor.id,
    actor_kind: actor.kind,
    action,
    entity,
    entity_id: entityId,
    // The rule above is the caller's; the mask only keeps a slip from being stored for years.
    changes: redactKeys(JSON.stringify(changes)),
    request_id: requestId,
  };
}

function newsOf({ actor, action, entityId, changes }: AuditEvent, organizationId: string | null): News[] {
  const type = eventTypeOf(action, changes);
  if (type === null || organizationId === null) return [];
  const by = { kind: actor.kind, id: actor.id };
  return [{ type, organizationId, id: entityId, by, changed: Object.keys(changes) }];
}

async function organizationOf(tx: Tx, entityId: string): Promise<string | null> {
  const kind = kindOfId(entityId);
  if (kind === 'organization') return entityId;
  return kind === null ? null : organizationOfThing(tx, kind, entityId);
}
