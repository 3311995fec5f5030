import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';

/** Something that a vendor must look at: one row, however often it shows. */
export interface AlertRecord {
  id: string;
  organizationId: string;
  accountId: string;
  /** Stable, SCREAMING_SNAKE, e.g. `UNKNOWN_PRICE`. */
  code: string;
  /** What it is about: an external or own id. */
  subject: string;
  detail: string;
  count: number;
  firstAt: string;
  lastAt: string;
  dismissedAt: string | null;
}

const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'accountId', 'code', 'subject', 'detail', 'count', 'firstAt', 'lastAt', 'dismissedAt'],
);

/** True: it is new. One that was dismissed stays so: it is counted, and nobody is told again. */
export async function raiseAlert(tx: Tx, alert: AlertRecord): Promise<boolean> {
  const { organizationId, code, subject } = alert;
  const countOnce = () =>
    tx('payment_alerts')
      .where({ organization_id: organizationId, code, subject })
      .update({ count: tx.raw('count + 1'), last_at: alert.lastAt, detail: alert.detail });
  if ((await countOnce()) > 0) return false;
  const made = await tx('payment_alerts')
    .insert(toRow(alert))
    .onConflict(['organization_id', 'code', 'subject'])
    .ignore()
    .returning('id');
  // Of two at the same moment one is the first.
  if (made.length === 0) await countOnce();
  return made.length > 0;
}

export async function findAlert(tx: Tx, id: string): Promise<AlertRecord | null> {
  const row = await tx('payment_alerts').where({ id }).first(COLUMNS);
  return row ? fromRow<AlertRecord>(row) : null;
}
