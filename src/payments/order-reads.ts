import { type Clock, fromIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { findOrganization, type OrganizationRecord } from '../forge/store.ts';
import { textIfKnown } from '../licensing/keys.ts';
import { wholeTerms } from '../licensing/license-status.ts';
import { wholeLicense } from '../licensing/licenses.ts';
import { type KeyRecord, keysOfLicense } from '../licensing/store-keys.ts';
import { findLicense } from '../licensing/store-licenses.ts';
import { findPackage } from '../licensing/store-packages.ts';
import type { Product } from '../releases/product.ts';
import type { Secrets } from '../secrets.ts';
import type { OrderLineRecord, OrderRecord } from './store-orders.ts';
import { findOrder, linesOfOrder } from './store-orders.ts';

interface LicenseOfOrder {
  id: string;
  /** null: there is none that opens anything, its text is not known here, or it took the place of another. */
  key: string | null;
  revoked: boolean;
  suspended: boolean;
  state: ReturnType<typeof wholeTerms>['state'];
  /** ms UTC; null: without an end. */
  validUntil: number | null;
  /** What it covers now. */
  products: Product[];
}

export interface OrderSeen {
  order: OrderRecord;
  organization: OrganizationRecord;
  lines: { line: OrderLineRecord; name: string }[];
  /** Empty until it is paid. */
  licenses: LicenseOfOrder[];
}

export interface OrderReadDeps {
  db: Db;
  clock: Clock;
  secrets: Pick<Secrets, 'open'>;
}

/** An order as its buyer may see it; null: there is none. Who asks has shown the token of the order. */
export async function orderSeen({ db, clock, secrets }: OrderReadDeps, id: string): Promise<OrderSeen | null> {
  return db.read(async (tx) => {
    const order = await findOrder(tx, id);
    const organization = order && (await findOrganization(tx, order.organizationId));
    if (!order || !organization) return null;
    const rows = await linesOfOrder(tx, id);
    const lines = [];
    for (const line of rows) lines.push({ line, name: (await findPackage(tx, line.packageId))?.name ?? '' });
    const ids = order.state === 'paid' ? [...new Set(rows.flatMap(({ licenseId }) => licenseId ?? []))] : [];
    const licenses = [];
    for (const each of ids) licenses.push(...(await licenseSeen(tx, secrets, each, clock())));
    return { order, organization, lines, licenses };
  });
}

async function licenseSeen(tx: Tx, secrets: Pick<Secrets, 'open'>, id: string, now: number): Promise<LicenseOfOrder[]> {
  const record = await findLicense(tx, id);
  if (!record || record.master) return [];
  const { ledger, products } = await wholeLicense(tx, record);
  const terms = wholeTerms(ledger, products, now);
  const keys = await keysOfLicense(tx, id);
  const key = keyOfBuyer(keys, now);
  const isOpen = (state: string) => state === 'active' || state === 'grace';
  return [
    {
      ...{ id, state: terms.state, validUntil: terms.validUntil },
      ...{ revoked: record.revokedAt !== null, suspended: record.suspendedAt !== null },
      key: key && textIfKnown(secrets, key),
      products: terms.products.flatMap((each) =>
        isOpen(each.terms.state) && each.product.retiredAt === null ? [each.product] : [],
      ),
    },
  ];
}

/**
 * The key that the license was sold with. One that took its place is mailed to whoever the license belongs to, and shown to nobody who
 * has an old link: a key is replaced when mails have come into wrong hands. Keys that were made beside it are for somebody else.
 */
function keyOfBuyer(keys: readonly KeyRecord[], now: number): KeyRecord | null {
  const successors = new Set(keys.map(({ replacedBy }) => replacedBy));
  const [first] = keys
    .filter(({ id, role }) => role !== 'master' && !successors.has(id))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  if (!first || first.revokedAt !== null || first.replacedBy !== null) return null;
  return first.endsAt === null || fromIso(first.endsAt) > now ? first : null;
}
