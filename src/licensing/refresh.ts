import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import type { Grant } from './package-terms.ts';
import { standingAt } from './standing.ts';
import { type LedgerMemory, rememberLedgers } from './store-ledgers.ts';
import type { LicenseRecord } from './store-licenses.ts';
import { ledgersOf } from './store-lookup.ts';
import { type Limits, termsAt } from './terms.ts';
import { limitsInForce } from './verdict.ts';

/** The most sites that a license has for any product; its sites are compared as a whole. null: unlimited. */
function siteLimitOf(
  grants: readonly Grant[],
  products: readonly { id: string; repositoryId: string | null }[],
  now: number,
): Limits['sites'] {
  const limits = [...products, { id: '', repositoryId: null }].map(
    (product) => limitsInForce(termsAt(grants, product, now)).limits.sites,
  );
  return limits.reduce((most, limit) => (most === null || limit === null ? null : Math.max(most, limit)), 0);
}

type Remembering = Pick<LicenseRecord, 'id' | 'countedSites' | 'overLimitAt'>;

/**
 * What a license's row remembers of its ledger, which is `grants`. A limit that shrank cuts no site: it only marks since when there
 * are too many.
 */
export function memoryOf(
  { id, countedSites, overLimitAt }: Remembering,
  grants: readonly Grant[],
  products: readonly { id: string; repositoryId: string | null }[],
  now: number,
): LedgerMemory {
  const limit = siteLimitOf(grants, products, now);
  const over = limit !== null && countedSites > limit;
  return {
    ...{ id, standing: standingAt(grants, products, now), fitsAgain: !over && overLimitAt !== null },
    overLimitAt: over ? (overLimitAt ?? toIso(now)) : null,
  };
}

/** Writes it, read anew, in the transaction of whatever changed the ledger, under the license's lock. */
export async function refreshLicense(
  tx: Tx,
  license: Pick<LicenseRecord, 'organizationId'> & Remembering,
  now: number,
): Promise<void> {
  const grants = (await ledgersOf(tx, [license.id])).get(license.id) ?? [];
  const products = await productsOfOrganization(tx, license.organizationId);
  await rememberLedgers(tx, [memoryOf(license, grants, products, now)]);
}
