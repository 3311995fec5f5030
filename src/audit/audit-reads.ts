import type { z } from 'zod';
import { type Actor, mayTouch } from '../accounts/actor.ts';
import { organizationOfThing } from '../accounts/store-places.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import { kindOfId } from '../ids.ts';
import { type AuditView, auditView } from './audit-view.ts';
import {
  type AuditFilter,
  type AuditRecord,
  actorNames,
  auditRowsOf,
  countAudit,
  deleteAuditBefore,
  pageOfAudit,
} from './store-audit.ts';

export type AuditShown = z.input<typeof AuditView>;
type Query = { limit: number; cursor?: string | undefined };

/** Who did what, newest first. The caller has seen to it that the actor may know. */
export async function readAudit(db: Db, filter: AuditFilter, query: Query): Promise<Page<AuditShown>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    const rows = await pageOfAudit(tx, filter, after, limit + 1);
    const counted = await countAudit(tx, filter, COUNT_LIMIT + 1);
    const page = pageFrom(rows, limit, counted, ({ id }) => [id]);
    return { ...page, items: await shown(tx, page.items) };
  });
}

async function shown(tx: Tx, rows: readonly AuditRecord[]): Promise<AuditShown[]> {
  const names = await actorNames(tx, [...new Set(rows.map(({ actor }) => actor))]);
  return rows.map((row) => auditView(row, names));
}

/**
 * What was done to one thing. What is gone is told by its last row. Throws NOT_FOUND, in the same words for what never was and for
 * what is another organization's; what belongs to none is for those whose reach is the whole installation.
 */
export async function readAuditOf(db: Db, actor: Actor, id: string, query: Query): Promise<Page<AuditShown>> {
  const known = await db.read(async (tx) => {
    const kind = kindOfId(id);
    const now = kind === 'organization' ? id : kind === null ? null : await organizationOfThing(tx, kind, id);
    const [last] = await auditRowsOf(tx, id, 1);
    return { organizationId: now ?? last?.organization_id ?? null, isKnown: now !== null || last !== undefined };
  });
  const { organizationId, isKnown } = known;
  const mayKnow = organizationId === null ? actor.organizations === null : mayTouch(actor, organizationId);
  if (!isKnown || !mayKnow) throw problem('NOT_FOUND');
  return readAudit(db, { entityId: id }, query);
}

/** So many rows take a few milliseconds; writers go in between. */
const SLICE = 1_000;

/** Takes away what is older than `before`, ms UTC; the log is kept whole up to there. Returns how many rows went. */
export async function purgeAudit(db: Db, before: number): Promise<number> {
  for (let total = 0; ; ) {
    const gone = await db.tx((tx) => deleteAuditBefore(tx, toIso(before), SLICE));
    total += gone;
    if (gone < SLICE) return total;
  }
}
