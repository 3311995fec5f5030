import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyInstant, anyLedger, grantOf, on, soldPackage } from '../../test/support/seed-ledger.ts';
import { DAY } from '../clock.ts';
import { licenseStatus, wholeTerms } from './license-status.ts';
import { standingAt } from './standing.ts';

const PRODUCTS = [
  { id: 'prd-a', repositoryId: 'rep-a' },
  { id: 'prd-b', repositoryId: 'rep-b' },
];

describe('the standing of a license', () => {
  it('holds until it says, whatever the ledger', () => {
    fc.assert(
      fc.property(
        anyLedger,
        anyInstant,
        fc.integer({ min: 0, max: 3_000 }),
        fc.boolean(),
        (ledger, now, days, half) => {
          const { until, ...remembered } = standingAt(ledger, PRODUCTS, now);
          const later = now + days * DAY + (half ? DAY / 2 : 0);
          if (until !== null && later >= until) return;
          const whole = wholeTerms(ledger, PRODUCTS, later);
          expect(remembered.state).toBe(licenseStatus({ suspended: false, revoked: false }, whole));
          expect(remembered.validUntil).toBe(whole.validUntil);
          const isOpen = whole.state !== 'canceled' && whole.state !== 'none';
          expect(remembered.sites).toBe(isOpen ? whole.limits.sites : null);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('says when it may change: at the end, and at the end of the grace', () => {
    const ledger = [grantOf(soldPackage({ graceDays: 7 }), '2026-01-01')];
    const at = (day: string) => standingAt(ledger, PRODUCTS, on(day));
    expect(at('2025-12-01')).toMatchObject({ state: 'not_yet_valid', until: on('2026-01-01') });
    expect(at('2026-06-01')).toMatchObject({ state: 'active', until: on('2027-01-01'), sites: 1 });
    expect(at('2027-01-01')).toMatchObject({ state: 'grace', until: on('2027-01-08') });
    expect(at('2027-01-08')).toMatchObject({ state: 'expired', until: null, validUntil: on('2027-01-01') });
    expect(standingAt([], PRODUCTS, on('2026-01-01'))).toMatchObject({ state: 'expired', until: null, sites: null });
  });
});
