import { isoOrNull } from '../clock.ts';
import { engineOf, insertMany, isUniqueViolation, type Row, type Tx } from '../db/dialect.ts';
import { columnsOf, toRow } from '../db/rows.ts';
import { problem } from '../errors.ts';
import type { Standing } from './standing.ts';

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

/** What the row of a license remembers of its ledger. */
export interface LedgerMemory {
  id: string;
  standing: Standing;
  overLimitAt: string | null;
  /** It had more sites than it may have, and has no more. */
  fitsAgain: boolean;
}

/** Of many licenses with a few statements, whose locks the caller holds. It counts as a change of each; their keys have the state too. */
export async function rememberLedgers(tx: Tx, memories: readonly LedgerMemory[]): Promise<void> {
  const fitting = memories.filter(({ fitsAgain }) => fitsAgain).map(({ id }) => id);
  if (fitting.length > 0)
    await tx('activations').whereIn('license_id', fitting).where({ over_limit: true }).update({ over_limit: false });
  const rows = memories.map(({ id, standing: { state, until, validUntil, sites }, overLimitAt }) => ({
    ...{ id, state, state_until: isoOrNull(until), valid_until: isoOrNull(validUntil), sites_allowed: sites },
    over_limit_at: overLimitAt,
  }));
  await rememberLicenses(tx, rows);
  const states = new Set(rows.map(({ state }) => state));
  for (const state of states) {
    const ids = rows.filter((row) => row.state === state).map(({ id }) => id);
    await tx('license_keys').whereIn('license_id', ids).whereNot({ state }).update({ state });
  }
}

async function rememberLicenses(tx: Tx, rows: readonly Row[]): Promise<void> {
  const columns = ['state', 'state_until', 'valid_until', 'sites_allowed', 'over_limit_at'];
  const set = (value: (column: string) => string) => columns.map((each) => `${each} = ${value(each)}`).join(', ');
  if (engineOf(tx) === 'postgres') {
    await tx.raw(
      `update licenses set ${set((each) => `j.${each}`)}, revision = licenses.revision + 1
       from json_populate_recordset(null::licenses, ?::json) j where licenses.id = j.id`,
      [JSON.stringify(rows)],
    );
    return;
  }
  await tx.raw(
    `update licenses set ${set((each) => `json_extract(j.value, '$.${each}')`)}, revision = revision + 1
     from json_each(?) j where licenses.id = json_extract(j.value, '$.id')`,
    [JSON.stringify(rows)],
  );
}

/** True where a payment stands in the ledger, a grant says that it was paid, or an order or a subscription names the license. */
export async function wasPaid(tx: Tx, licenseId: string): Promise<boolean> {
  const paid = tx('grants')
    .where({ license_id: licenseId })
    .where((own) => own.whereNotNull('payment_ref').orWhereIn('source', ['purchase', 'card']));
  if ((await paid.first('id')) !== undefined) return true;
  if ((await tx('subscriptions').where({ license_id: licenseId }).first('id')) !== undefined) return true;
  return (await tx('order_lines').where({ license_id: licenseId }).first('order_id')) !== undefined;
}

/** A license with its keys, sites and ledger. What else hangs on it makes the database refuse. */
export async function deleteLicense(tx: Tx, id: string): Promise<void> {
  await tx('activations').where({ license_id: id }).delete();
  const keys = tx('license_keys').where({ license_id: id }).select('id');
  // What its keys asked stays in the sums of usage; nobody runs anything with them.
  await tx('installations').whereIn('key_id', keys).delete();
  await tx('key_domains').whereIn('key_id', keys).delete();
  await tx('license_keys').where({ license_id: id }).delete();
  await tx('grant_closings')
    .whereIn('grant_id', tx('grants').where({ license_id: id }).select('id'))
    .delete();
  await tx('grants').where({ license_id: id }).delete();
  await tx('licenses').where({ id }).delete();
}
