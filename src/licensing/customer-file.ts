import type { Actor } from '../accounts/actor.ts';
import { CUSTOMER_COLUMNS, customerDetails } from '../accounts/customer-view.ts';
import { customerOf, readCustomer } from '../accounts/customers.ts';
import { mergedInto } from '../accounts/store-customers.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { type CellRow, rowsStream } from '../http/rows-stream.ts';
import type { StreamBody } from '../http/stream.ts';
import {
  moneyThingsOf,
  ORDER_FILE_COLUMNS,
  orderFileRows,
  PAYMENT_FILE_COLUMNS,
  paymentFileRows,
  SUBSCRIPTION_FILE_COLUMNS,
  subscriptionFileRows,
  WITHDRAWAL_FILE_COLUMNS,
  withdrawalFileRows,
} from '../payments/store-money-persons.ts';
import { LICENSE_COLUMNS, licenseCells } from './exports.ts';
import { licenseView } from './license-view.ts';
import { wholeLicenses } from './licenses.ts';
import {
  EVENT_COLUMNS,
  eventRows,
  GRANT_COLUMNS,
  grantRows,
  IMPORT_COLUMNS,
  INSTALLATION_FILE_COLUMNS,
  importRows,
  installationRows,
  KEY_FILE_COLUMNS,
  keyIdsOf,
  keyRows,
  licenseIdsOf,
  MAIL_FILE_COLUMNS,
  mailRows,
  REFUSAL_COLUMNS,
  refusalRows,
  SITE_COLUMNS,
  siteRows,
  thingsOf,
  USAGE_COLUMNS,
  usageRows,
} from './store-customer-file.ts';
import { findLicenses } from './store-licenses.ts';

interface Of {
  organizationId: string;
  licenseIds: readonly string[];
  now: number;
}

/** One kind of thing that is kept of a customer, by its licenses. Whatever is kept anew gets a line here. */
interface Part {
  columns: readonly string[];
  rows(tx: Tx, of: Of): Promise<CellRow[]>;
}

const PARTS = {
  licenses: {
    columns: LICENSE_COLUMNS,
    async rows(tx, { organizationId, licenseIds, now }) {
      const whole = await wholeLicenses(tx, organizationId, await findLicenses(tx, licenseIds));
      return [...whole.values()].map((each) => licenseCells(licenseView(each, null, now)));
    },
  },
  grants: { columns: GRANT_COLUMNS, rows: (tx, { licenseIds }) => grantRows(tx, licenseIds) },
  keys: { columns: KEY_FILE_COLUMNS, rows: (tx, { licenseIds }) => keyRows(tx, licenseIds) },
  sites: { columns: SITE_COLUMNS, rows: (tx, { licenseIds }) => siteRows(tx, licenseIds) },
  usage: { columns: USAGE_COLUMNS, rows: async (tx, { licenseIds }) => usageRows(tx, await keyIdsOf(tx, licenseIds)) },
  installations: {
    columns: INSTALLATION_FILE_COLUMNS,
    rows: async (tx, { licenseIds }) => installationRows(tx, await keyIdsOf(tx, licenseIds)),
  },
  refusals: {
    columns: REFUSAL_COLUMNS,
    rows: async (tx, { licenseIds }) => refusalRows(tx, await keyIdsOf(tx, licenseIds)),
  },
  imports: {
    columns: IMPORT_COLUMNS,
    rows: async (tx, { licenseIds }) => importRows(tx, await thingsOf(tx, licenseIds)),
  },
  // By the customer, not by its licenses.
  orders: { columns: ORDER_FILE_COLUMNS, rows: async () => [] },
  subscriptions: { columns: SUBSCRIPTION_FILE_COLUMNS, rows: async () => [] },
  payments: { columns: PAYMENT_FILE_COLUMNS, rows: async () => [] },
  withdrawals: { columns: WITHDRAWAL_FILE_COLUMNS, rows: async () => [] },
  mails: { columns: MAIL_FILE_COLUMNS, rows: async () => [] },
  events: { columns: EVENT_COLUMNS, rows: async (tx, { licenseIds }) => eventRows(tx, await thingsOf(tx, licenseIds)) },
} as const satisfies Record<string, Part>;

/** What is found by the customer itself. */
const OF_CUSTOMER: Partial<Record<FilePart, (tx: Tx, customerIds: readonly string[]) => Promise<CellRow[]>>> = {
  orders: orderFileRows,
  subscriptions: subscriptionFileRows,
  payments: paymentFileRows,
  withdrawals: withdrawalFileRows,
  mails: mailRows,
  imports: importRows,
  // What was done to the customer itself, or to its money, hangs on no license.
  events: async (tx, ids) => eventRows(tx, [...ids, ...(await moneyThingsOf(tx, ids))]),
};

export const FILE_PARTS = ['customer', ...(Object.keys(PARTS) as (keyof typeof PARTS)[])] as const;
export type FilePart = (typeof FILE_PARTS)[number];

/** So many licenses at once: what hangs on them is held in memory meanwhile. */
const BATCH = 100;

/**
 * All that is kept of a customer, and of the doubles that were merged into it: keys by their hints, never by their texts. Throws
 * NOT_FOUND.
 */
export async function openCustomerFile(db: Db, actor: Actor, id: string, now: number): Promise<CustomerFile> {
  const { record, licenses } = await readCustomer(db, actor, id);
  const customer = { ...customerDetails({ record, licenses }) };
  const ids = await db.read(async (tx) => [(await customerOf(tx, actor, id)).id, ...(await mergedInto(tx, record.id))]);
  return { db, customer, ids, organizationId: record.organizationId, now };
}

export interface CustomerFile {
  db: Db;
  customer: CellRow;
  /** Its own id, then those of its doubles. */
  ids: readonly string[];
  organizationId: string;
  now: number;
}

async function* partRows(file: CustomerFile, part: FilePart): AsyncGenerator<CellRow[]> {
  if (part === 'customer') return yield [file.customer];
  const own = OF_CUSTOMER[part];
  if (own) yield file.db.read((tx) => own(tx, file.ids));
  for (let after = ''; ; ) {
    const from = after;
    const { rows, last } = await file.db.read(async (tx) => {
      const licenseIds = await licenseIdsOf(tx, file.ids, from, BATCH);
      const of = { organizationId: file.organizationId, licenseIds, now: file.now };
      return { rows: licenseIds.length === 0 ? [] : await PARTS[part].rows(tx, of), last: licenseIds.at(-1) };
    });
    if (rows.length > 0) yield rows;
    if (last === undefined) return;
    after = last;
  }
}

/** One part alone, as CSV or JSON. */
export function customerPart(
  file: CustomerFile,
  part: FilePart,
  { format, bom }: { format: 'csv' | 'json'; bom: boolean },
): StreamBody {
  const columns = part === 'customer' ? CUSTOMER_COLUMNS : PARTS[part].columns;
  return rowsStream({ format, bom, name: `${file.ids[0]}-${part}`, columns, batches: partRows(file, part) });
}

/** Everything in one JSON object, a list a part. */
export function wholeCustomer(file: CustomerFile): StreamBody {
  return { contentType: 'application/json', fileName: `${file.ids[0]}.json`, chunks: wholeChunks(file) };
}

async function* wholeChunks(file: CustomerFile): AsyncGenerator<string> {
  yield `{\n"exported_at": ${JSON.stringify(new Date(file.now).toISOString())},\n"customer": ${JSON.stringify(file.customer)}`;
  for (const part of FILE_PARTS.slice(1)) {
    yield `,\n"${part}": [`;
    let before = '\n';
    for await (const rows of partRows(file, part)) {
      yield before + rows.map((row) => JSON.stringify(row)).join(',\n');
      before = ',\n';
    }
    yield '\n]';
  }
  yield '\n}\n';
}
