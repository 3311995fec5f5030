import type { DolibarrFacts, TargetRange } from '../../src/releases/release.ts';
import { comparePhpVersions } from '../../src/releases/version-order.ts';

/**
 * False where the release needs a newer Dolibarr: the client compares version numbers only, announces whatever is higher, and the
 * module then fails to activate. What the release or product says of its target wins over the descriptor's
 * `need_dolibarr_version`. Dolibarr enforces no maximum, so none is looked at. The client kit decides by the same rule.
 */
export function fitsDolibarr(
  target: TargetRange | null,
  { dolibarrMin }: Pick<DolibarrFacts, 'dolibarrMin'>,
  version: string,
): boolean {
  const min = target?.min ?? dolibarrMin?.join('.') ?? '';
  // A descriptor may say array(19, -3), which is "19 and its betas".
  const least = min.replace(/\.-.*$/, '');
  return least === '' || comparePhpVersions(version, least) >= 0;
}
