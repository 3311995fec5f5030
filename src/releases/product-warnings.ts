import type { Product } from './product.ts';

export interface ProductWarning {
  code: 'STRICT_HIDES' | 'SITE_REQUIRED_HIDES';
  /** What it means for customers, in one sentence. */
  detail: string;
  fix: string;
}

/** What an owner should hear as soon as he chooses it (DESIGN §5): settings under which stock clients get nothing. */
export function productWarnings(product: Pick<Product, 'mode' | 'missingSite' | 'platforms'>): ProductWarning[] {
  const warnings: ProductWarning[] = [];
  // Dolibarr asks the address that the module wrote, and that can hold the key.
  if (product.mode === 'strict' && product.platforms.includes('joomla')) {
    warnings.push({
      code: 'STRICT_HIDES',
      detail:
        'Stock Joomla sends no key when it looks for updates, so in the mode "strict" it sees no update at all, paid key or not.',
      fix: 'Use the mode "listed": everybody sees that there is an update, and only the download needs the key. Or ship the client kit.',
    });
  }
  if (product.missingSite === 'deny' && product.mode !== 'open' && product.platforms.length > 0) {
    warnings.push({
      code: 'SITE_REQUIRED_HIDES',
      detail:
        'No stock Joomla or Dolibarr tells its site name, so with missing_site "deny" every client without the client kit is shut out.',
      fix: 'Set missing_site to "allow": such sites are then flagged instead. Or ship the client kit.',
    });
  }
  return warnings;
}
