import type { Tx } from './dialect.ts';

/**
 * For `where exists`: a row of a table with `organization_id` and `email` is addressed to one of these customers. So is found what
 * names nobody: an order that was never paid, a withdrawal with a wrong number, a mail about either.
 */
export function addressedTo(tx: Tx, table: string, customerIds: readonly string[]) {
  return tx('customers as addressee')
    .whereIn('addressee.id', customerIds)
    .whereNot('addressee.email', '')
    .whereRaw('addressee.organization_id = ??.organization_id and addressee.email = lower(??.email)', [table, table])
    .select(tx.raw('1'));
}
