import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyInstant, anyLedger, grantOf, on, soldPackage } from '../../test/support/seed-ledger.ts';
import { licenseStatus, limitsShown, wholeTerms } from './license-status.ts';
import { termsAt, validUntil } from './terms.ts';
import { limitsInForce } from './verdict.ts';

const PRODUCTS = [
  { id: 'prd-a', repositoryId: 'rep-a' },
  { id: 'prd-b', repositoryId: 'rep-b' },
  { id: 'prd-c', repositoryId: null },
];
const FINE = { suspended: false, revoked: false };

describe('the status of a license', () => {
  it.each([
    [{ suspended: true, revoked: true }, 'active', false, 'revoked'],
    [{ suspended: true, revoked: false }, 'ended', false, 'suspended'],
    [FINE, 'active', false, 'active'],
    [FINE, 'active', true, 'trial'],
    [FINE, 'grace', true, 'grace'],
    [FINE, 'not_yet', false, 'not_yet_valid'],
    [FINE, 'ended', false, 'expired'],
    [FINE, 'canceled', false, 'canceled'],
    [FINE, 'none', false, 'expired'],
  ] as const)('is with %j, %s and trial %s: %s', (flags, state, trial, status) => {
    expect(licenseStatus(flags, { state, trial })).toBe(status);
  });
});

describe('a license as a whole', () => {
  it('is as good as it is for its best product', () => {
    const narrow = soldPackage({ id: 'pkg-a', products: ['prd-a'], sites: 1, length: { value: 1, unit: 'month' } });
    const trial = soldPackage({ id: 'pkg-b', kind: 'trial', products: ['prd-b'], sites: 9 });
    const ledger = [grantOf(narrow, '2026-01-01'), grantOf(trial, '2026-01-01')];
    const soon = wholeTerms(ledger, PRODUCTS, on('2026-01-10'));
    expect([soon.state, soon.trial, soon.limits.sites]).toEqual(['active', false, 9]);
    expect(soon.products.map(({ product }) => product.id)).toEqual(['prd-a', 'prd-b']);
    const later = wholeTerms(ledger, PRODUCTS, on('2026-03-01'));
    expect([later.state, later.trial, later.validUntil]).toEqual(['active', true, on('2027-01-01')]);
    const over = wholeTerms(ledger, PRODUCTS, on('2028-03-01'));
    expect([over.state, over.limits.sites]).toEqual(['ended', 9]);
  });

  it('counts packages that cover no product yet', () => {
    const wide = soldPackage({ repositoryId: 'rep-new' });
    const whole = wholeTerms([grantOf(wide, '2026-01-01')], PRODUCTS, on('2026-02-01'));
    expect([whole.state, whole.products, whole.limits.sites]).toEqual(['active', [], 1]);
  });

  it('begins with what begins first and was canceled with the last refund', () => {
    const fixed = (id: string, from: string) =>
      soldPackage({ id, length: null, fixed: { from: on(from), until: on('2027-01-01') } });
    const ledger = [
      grantOf(fixed('pkg-a', '2026-06-01'), '2026-01-01'),
      grantOf(fixed('pkg-b', '2026-05-01'), '2026-01-01'),
    ];
    const whole = wholeTerms(ledger, PRODUCTS, on('2026-02-01'));
    expect([whole.state, whole.startsAt, whole.limits.sites]).toEqual(['not_yet', on('2026-05-01'), 1]);
    const closed = ledger.map((grant, i) => ({ ...grant, closedAt: on(`2026-02-0${i + 1}`) }));
    const gone = wholeTerms(closed, PRODUCTS, on('2026-03-01'));
    expect([gone.state, gone.canceledAt, gone.validUntil]).toEqual(['canceled', on('2026-02-02'), null]);
  });

  it('never differs from what the gate computes for a product', () => {
    fc.assert(
      fc.property(anyLedger, anyInstant, (ledger, now) => {
        const whole = wholeTerms(ledger, PRODUCTS, now);
        expect(whole.validUntil).toBe(validUntil(ledger, PRODUCTS, now));
        for (const { product, terms, limits } of whole.products) {
          expect(terms).toEqual(termsAt(ledger, product, now));
          if (terms.state === 'active' || terms.state === 'grace') expect(limits).toEqual(limitsInForce(terms).limits);
        }
        const states = PRODUCTS.map((product) => termsAt(ledger, product, now).state);
        if (states.includes('active')) expect(whole.state).toBe('active');
        if (whole.state === 'none') expect(states).toEqual(['none', 'none', 'none']);
      }),
    );
  });

  it('shows limits while nothing is in force: of the last instant, or of the first', () => {
    const product = { id: 'prd-a', repositoryId: 'rep-a' };
    const ledger = [grantOf(soldPackage({ sites: 4 }), '2026-01-01')];
    const ended = termsAt(ledger, product, on('2030-01-01'));
    expect([ended.limits.sites, limitsShown(ledger, product, ended).sites]).toEqual([0, 4]);
    const early = termsAt(ledger, product, on('2025-01-01'));
    expect([early.limits.sites, limitsShown(ledger, product, early).sites]).toEqual([0, 4]);
  });
});
