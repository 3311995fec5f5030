import type { Tx } from '../db/dialect.ts';

/** Ids of the packages that running subscriptions pay for in a license. */
export async function packagesRunningIn(tx: Tx, licenseId: string): Promise<Set<string>> {
  const granted: { package_id: string }[] = await tx('grants as g')
    .join('subscriptions as s', 's.id', 'g.subscription_id')
    .where({ 'g.license_id': licenseId, 's.runs': true })
    .select('g.package_id');
  const ordered: { package_id: string }[] = await tx('order_lines as l')
    .join('subscriptions as s', 's.order_id', 'l.order_id')
    .where({ 'l.license_id': licenseId, 'l.recurring': true, 's.runs': true })
    .select('l.package_id');
  return new Set([...granted, ...ordered].map(({ package_id }) => package_id));
}

/** By what id an account of a provider knows a customer who paid before; null: it does not. */
export async function externalCustomerOf(tx: Tx, accountId: string, customerId: string): Promise<string | null> {
  const row: { external_customer_id: string } | undefined = await tx('orders')
    .where({ account_id: accountId, customer_id: customerId })
    .whereNotNull('external_customer_id')
    .orderBy('id', 'desc')
    .first('external_customer_id');
  return row?.external_customer_id ?? null;
}
