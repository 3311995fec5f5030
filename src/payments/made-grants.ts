import { toIso } from '../clock.ts';
import type { Grant, GrantSource } from '../licensing/package-terms.ts';
import { openGrants, spansOf } from '../licensing/spans.ts';

/** A line of the ledger as it stands beside the money that made it. */
export interface MadeGrant {
  id: string;
  licenseId: string;
  packageId: string;
  source: GrantSource;
  quantity: number;
  state: 'open' | 'closed' | 'void';
  /** null: it gives no time (any more). */
  startsAt: string | null;
  /** null beside `startsAt`: without an end, or not used yet. */
  endsAt: string | null;
}

/** Every line of the whole ledger of a license. */
export function madeGrants(licenseId: string, ledger: readonly Grant[]): MadeGrant[] {
  const spans = new Map(spansOf(ledger).map((span) => [span.grant.id, span]));
  const open = new Set(openGrants(ledger).map(({ id }) => id));
  return ledger.map(({ id, package: { id: packageId }, source, quantity, closedAt }) => {
    const span = spans.get(id);
    return {
      ...{ id, licenseId, packageId, source, quantity },
      state: closedAt !== null ? 'closed' : open.has(id) ? 'open' : 'void',
      startsAt: span ? toIso(span.start) : null,
      endsAt: span && span.end !== null ? toIso(span.end) : null,
    };
  });
}
