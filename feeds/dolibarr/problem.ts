import type { ReleaseProblem, ReleaseProblemCode } from '../../src/releases/release.ts';

/** A problem of this platform: what was found, and what the vendor does about it. */
export function newProblem(
  code: ReleaseProblemCode,
  severity: ReleaseProblem['severity'],
  detail: string,
  fix: string,
): ReleaseProblem {
  return { code, severity, platform: 'dolibarr', detail, fix };
}
