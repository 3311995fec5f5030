import { insertMany, isUniqueViolation, type Row, type Tx } from '../db/dialect.ts';
import { columnsOf, toRow } from '../db/rows.ts';
import { problem } from '../errors.ts';

/** What is written of ledgers beyond one grant at a time, and how a license goes away. */

/** In the order of a grant's record. */
const GRANT_COLUMNS = columnsOf(
  ...['id', 'organizationId', 'licenseId', 'packageId', 'packageVersion', 'source', 'givenAt', 'lengthValue'],
  ...['lengthUnit', 'endsAt', 'quantity', 'paymentRef', 'line', 'requestToken', 'requestKey', 'supersedes'],
  ...['firstUsedAt', 'createdAt', 'createdBy'],
);

/** Grants are records of store-licenses.ts. Throws PAYMENT_LINE_CONFLICT when a payment line or a request is taken; the caller looks first for a replay. */
export async function insertGrants(tx: Tx, grants: readonly object[]): Promise<void> {
  try {
    const rows = grants.map((grant) => toRow(grant, { json: ['supersedes'] }) as Row);
    await insertMany(tx, 'grants', GRANT_COLUMNS, rows);
  } catch (error) {
    if (isUniqueViolation(error))
      throw problem('PAYMENT_LINE_CONFLICT', 'this payment line or request was used at the same moment; ask again');
    throw error;
  }
}

/** In which version of its package each grant was sold. */
export async function packageVersionsOf(tx: Tx, grantIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx('grants').whereIn('id', grantIds).select('id', 'package_version');
  return new Map(rows.map((row) => [row.id as string, Number(row.package_version)]));
}

/** True where a payment stands in the ledger, or a grant that says it was paid. */
export async function wasPaid(tx: Tx, licenseId: string): Promise<boolean> {
  const paid = tx('grants')
    .where({ license_id: licenseId })
    .where((own) => own.whereNotNull('payment_ref').orWhereIn('source', ['purchase', 'card']));
  return (await paid.first('id')) !== undefined;
}

/** A license with its keys, sites and ledger. What else hangs on it makes the database refuse. */
export async function deleteLicense(tx: Tx, id: string): Promise<void> {
  await tx('activations').where({ license_id: id }).delete();
  const keys = tx('license_keys').where({ license_id: id }).select('id');
  await tx('key_domains').whereIn('key_id', keys).delete();
  await tx('license_keys').where({ license_id: id }).delete();
  await tx('grant_closings')
    .whereIn('grant_id', tx('grants').where({ license_id: id }).select('id'))
    .delete();
  await tx('grants').where({ license_id: id }).delete();
  await tx('licenses').where({ id }).delete();
}
