import type { Grant, ScopedProduct } from './package-terms.ts';
import { type Terms, termsAt } from './terms.ts';
import { limitsInForce } from './verdict.ts';

/** What holds for the sites of a license as a whole: for each rule the product that is kinder to the customer decides. */
export interface SiteRules {
  /** null: unlimited. */
  limit: number | null;
  unit: Terms['siteUnit'];
  overagePercent: number;
  takeoverDays: number | null;
  /** Of a master license no site counts. */
  master: boolean;
}

export function siteRulesOf(grants: readonly Grant[], products: readonly ScopedProduct[], now: number): SiteRules {
  const all = [...products, { id: '', repositoryId: null }].map((product) => termsAt(grants, product, now));
  const rules = all.map(limitsInForce);
  const days = rules.flatMap(({ takeoverDays }) => (takeoverDays === null ? [] : [takeoverDays]));
  return {
    limit: rules.reduce<number | null>(
      (most, { limits: { sites } }) => (most === null || sites === null ? null : Math.max(most, sites)),
      0,
    ),
    unit: rules.some(({ siteUnit }) => siteUnit === 'registrable') ? 'registrable' : 'host',
    overagePercent: Math.max(0, ...rules.map(({ overagePercent }) => overagePercent)),
    takeoverDays: days.length === 0 ? null : Math.min(...days),
    master: all.some(({ master }) => master),
  };
}
