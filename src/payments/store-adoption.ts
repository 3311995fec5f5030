import type { Tx } from '../db/dialect.ts';

/** Licenses of an organization whose owner has this address and that were sold one of these packages, oldest first. */
export async function licensesSold(
  tx: Tx,
  organizationId: string,
  email: string,
  packageIds: readonly string[],
): Promise<string[]> {
  const rows = await tx('licenses as l')
    .join('customers as c', 'c.id', 'l.customer_id')
    .where({ 'l.organization_id': organizationId, 'c.email': email.toLowerCase() })
    .whereNull('l.revoked_at')
    .whereExists(
      tx('grants as g')
        .whereRaw('g.license_id = l.id')
        .whereIn('g.package_id', [...packageIds])
        .select('g.id'),
    )
    .orderBy('l.id')
    .select('l.id');
  return rows.map(({ id }) => id as string);
}

/** The provider's id of a subscription that pays for a license and is not over; null: there is none. */
export async function subscriptionPayingFor(tx: Tx, licenseId: string): Promise<string | null> {
  const row = await tx('subscriptions')
    .where({ license_id: licenseId })
    .whereNull('ended_at')
    .whereNotIn('state', ['canceled', 'expired'])
    .orderBy('id')
    .first('external_id');
  return row ? (row.external_id as string) : null;
}
