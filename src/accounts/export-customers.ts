import type { Db } from '../db/connect.ts';
import type { Page } from '../http/paging.ts';
import type { CellRow } from '../http/rows-stream.ts';
import type { CustomerFilter } from './customer.ts';
import { customerDetails } from './customer-view.ts';
import { type CustomerSeen, customersFound } from './customers.ts';

const BATCH = 500;

/** Rows of all customers that a filter means, batch by batch, oldest first. */
export async function* exportCustomers(db: Db, filter: CustomerFilter): AsyncGenerator<CellRow[]> {
  let after: string[] | null = null;
  for (;;) {
    const place: string[] | null = after;
    const { items, next }: Page<CustomerSeen> = await db.read((tx) =>
      customersFound(tx, filter, { sort: 'created', limit: BATCH, after: place, fingerprint: '' }),
    );
    if (items.length > 0) yield items.map((seen) => ({ ...customerDetails(seen) }));
    if (next === null) return;
    after = (next as string[]).slice(1);
  }
}
