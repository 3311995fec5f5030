import { z } from 'zod';
import { instant } from './fields.ts';
import type { LicenseChange } from './license-change.ts';
import type { BulkCountRecord, BulkItemRecord, BulkRecord } from './store-bulk.ts';

/** The kind of the job that runs one; its subject is the id of the bulk change. */
export const BULK = 'bulk';

/** What stands in `params` of its row. */
export interface BulkParams {
  change: LicenseChange;
  reason: string;
  /** As they were sent. */
  shown: Record<string, unknown>;
}

export const BULK_ITEM_STATES = [
  ...(['would_change', 'would_stay', 'would_refuse', 'changed', 'unchanged', 'refused', 'failed'] as const),
] as const;

export const BulkItem = z
  .object({
    license_id: z.string(),
    state: z.enum(BULK_ITEM_STATES).meta({ description: '`would_…`: its turn has not come' }),
    code: z.string().nullable().meta({ description: 'Why not: a problem code' }),
    detail: z.string(),
    done_at: instant.nullable(),
  })
  .meta({ id: 'BulkItem' });

const head = {
  id: z.string().meta({ description: 'Of the plan and of its run' }),
  organization_id: z.string(),
  action: z.string(),
  params: z.looseObject({}),
  selection: z.looseObject({}),
  state: z.enum(['planned', 'queued', 'running', 'done', 'canceled']),
  total: z.number().int(),
  created_at: instant,
  created_by: z.string(),
  started_at: instant.nullable(),
  started_by: z.string().nullable(),
  ended_at: instant.nullable(),
};
export const BulkHead = z.object(head).meta({ id: 'BulkHead' });

export const BulkView = z
  .object({
    ...head,
    counts: z.object(Object.fromEntries(BULK_ITEM_STATES.map((state) => [state, z.number().int()]))),
    reasons: z.array(
      z
        .object({ state: z.enum(BULK_ITEM_STATES), code: z.string(), count: z.number().int() })
        .meta({ id: 'BulkReason' }),
    ),
    sample: z.array(BulkItem).meta({ description: 'The first rows; all of them: its results' }),
  })
  .meta({ id: 'Bulk' });
export type BulkView = z.input<typeof BulkView>;

export function bulkHead(run: BulkRecord): z.input<typeof BulkHead> {
  return {
    id: run.id,
    organization_id: run.organizationId,
    action: run.action,
    params: (JSON.parse(run.params) as BulkParams).shown,
    selection: JSON.parse(run.selection) as Record<string, unknown>,
    state: run.state,
    total: run.total,
    created_at: run.createdAt,
    created_by: run.createdBy,
    started_at: run.startedAt,
    started_by: run.startedBy,
    ended_at: run.endedAt,
  };
}

export function bulkItem({ licenseId, state, code, detail, doneAt }: BulkItemRecord): z.input<typeof BulkItem> {
  return { license_id: licenseId, state, code, detail, done_at: doneAt };
}

export function bulkView(
  run: BulkRecord,
  counts: readonly BulkCountRecord[],
  sample: readonly BulkItemRecord[],
): BulkView {
  const countOf = (state: BulkCountRecord['state']) =>
    counts.filter((each) => each.state === state).reduce((sum, { count }) => sum + count, 0);
  return {
    ...bulkHead(run),
    counts: Object.fromEntries(BULK_ITEM_STATES.map((state) => [state, countOf(state)])),
    reasons: counts.flatMap(({ state, code, count }) => (code === null ? [] : [{ state, code, count }])),
    sample: sample.map(bulkItem),
  };
}
