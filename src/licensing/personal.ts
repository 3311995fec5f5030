import type { AuditChanges } from '../audit/changes.ts';

/** How names of sites look that were taken away. */
const MASKED = 'anon-';

/**
 * What stands in the place of a site's name: the same for the same site of the same license, so that counts stay right, and nothing
 * that anybody without the installation's secret can turn back. `hash` is keyed.
 */
export function maskedSite(hash: (text: string) => string, licenseId: string, name: string): string {
  if (name === '' || name.startsWith(MASKED)) return name;
  return `${MASKED}${hash(`site|${licenseId}|${name}`).slice(0, 32)}`;
}

/** What stands in the place of the name that a thing had where it was brought in from: that row is known again, nobody reads it. */
export function maskedRef(hash: (text: string) => string, { kind, ref }: { kind: string; ref: string }): string {
  return ref.startsWith(MASKED) ? ref : `${MASKED}${hash(`import|${kind}|${ref}`).slice(0, 32)}`;
}

/** Sites that are nobody's own: the same name stands on every desk. */
const EVERYBODYS = ['loopback', 'private', 'reserved'];

/** The names under which usage may tell of a site without any key. */
export function ownNames({
  identity,
  host,
  exemptReason,
}: Record<'identity' | 'host', string> & { exemptReason: string | null }): string[] {
  return EVERYBODYS.includes(exemptReason ?? '') ? [] : [...new Set([identity, host])].filter((name) => name !== '');
}

/** Fields of audit events that tell of no person: ids, amounts and times. */
const IMPERSONAL = new Set([
  ...[
    'license_id',
    'package_id',
    'product_id',
    'repository_id',
    'customer_id',
    'batch_id',
    'merged',
    'into',
    'licenses',
  ],
  ...['role', 'hint', 'kind', 'purpose', 'quantity', 'payment_ref', 'line', 'source', 'valid_until', 'ends_at', 'end'],
  ...['site_limit', 'replaced_by', 'counted', 'grants', 'from', 'to', 'status'],
]);

/** The changes of an event without what may tell of a person; that a field was changed stays. */
export function withoutPersons(changes: AuditChanges): AuditChanges {
  return Object.fromEntries(
    Object.entries(changes).map(([field, value]) => [field, IMPERSONAL.has(field) ? value : 'anonymized']),
  );
}
