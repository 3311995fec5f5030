import { z } from 'zod';
import { toIso } from '../clock.ts';
import { instant } from './fields.ts';
import { GRANT_SOURCES, type Grant, LENGTH_UNITS } from './package-terms.ts';
import { openGrants, spansOf } from './spans.ts';
import type { ClosingRecord, GrantRecord } from './store-licenses.ts';

export const GrantView = z
  .object({
    id: z.string(),
    license_id: z.string(),
    package_id: z.string(),
    package_version: z.number().int(),
    source: z.enum(GRANT_SOURCES),
    state: z.enum(['open', 'closed', 'void']).meta({
      description: 'closed: refunded; void: an end set by hand whose grant was closed',
    }),
    quantity: z.number().int(),
    given_at: instant,
    duration: z.object({ value: z.number().int(), unit: z.enum(LENGTH_UNITS) }).nullable(),
    starts_at: instant.nullable().meta({ description: 'null: it gives no time, e.g. because another took its place' }),
    ends_at: instant.nullable().meta({ description: 'null beside `starts_at`: without an end, or not used yet' }),
    grace_until: instant.nullable(),
    starts_on_first_use: z.boolean().meta({ description: 'True: its time starts with the first poll or download' }),
    payment_ref: z.string().nullable(),
    line: z.string(),
    supersedes: z.array(z.string()),
    closings: z.array(
      z.object({ kind: z.enum(['close', 'reopen']), at: instant, reason: z.string(), created_by: z.string() }),
    ),
    created_at: instant,
    created_by: z.string(),
  })
  .meta({ id: 'Grant' });
export type GrantView = z.input<typeof GrantView>;

/** Every row with what it means at this moment; `ledger` is the whole ledger of the license. */
export function grantViews(
  records: readonly GrantRecord[],
  ledger: readonly Grant[],
  closings: readonly ClosingRecord[],
): GrantView[] {
  const spans = new Map(spansOf(ledger).map((span) => [span.grant.id, span]));
  const open = new Set(openGrants(ledger).map(({ id }) => id));
  const closed = new Set(ledger.filter(({ closedAt }) => closedAt !== null).map(({ id }) => id));
  return records.map((record) => {
    const span = spans.get(record.id);
    const { lengthValue: value, lengthUnit: unit } = record;
    return {
      id: record.id,
      license_id: record.licenseId,
      package_id: record.packageId,
      package_version: record.packageVersion,
      source: record.source,
      state: closed.has(record.id) ? 'closed' : open.has(record.id) ? 'open' : 'void',
      quantity: record.quantity,
      given_at: record.givenAt,
      duration: value === null || unit === null ? null : { value, unit },
      starts_at: span ? toIso(span.start) : null,
      ends_at: span && span.end !== null ? toIso(span.end) : null,
      grace_until: span && span.graceEnd !== null && span.graceEnd !== span.end ? toIso(span.graceEnd) : null,
      starts_on_first_use: span?.unstarted ?? false,
      payment_ref: record.paymentRef,
      line: record.line,
      supersedes: record.supersedes,
      closings: closings
        .filter(({ grantId }) => grantId === record.id)
        .map(({ kind, at, reason, createdBy }) => ({ kind, at, reason, created_by: createdBy })),
      created_at: record.createdAt,
      created_by: record.createdBy,
    };
  });
}
