import { forUpdate, isUniqueViolation, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { problem } from '../errors.ts';
import type { GrantSource, Length } from './package-terms.ts';

export interface LicenseRecord {
  id: string;
  organizationId: string;
  customerId: string;
  master: boolean;
  /** A cache of the ledger, written in the same transaction as whatever changes it. ISO; null: no end, or nothing is open. */
  validUntil: string | null;
  countedSites: number;
  exemptSites: number;
  overLimitAt: string | null;
  suspendedAt: string | null;
  revokedAt: string | null;
  /** Set beside `suspendedAt` where an open dispute suspended it, and nobody's hand. */
  heldAt: string | null;
  /** Why it is suspended or revoked, as whoever did it wrote. */
  stateReason: string | null;
  notes: string;
  /** Counts up with every change. */
  revision: number;
  createdAt: string;
}

export interface GrantRecord {
  id: string;
  organizationId: string;
  licenseId: string;
  packageId: string;
  packageVersion: number;
  source: GrantSource;
  givenAt: string;
  lengthValue: number | null;
  lengthUnit: Length['unit'] | null;
  endsAt: string | null;
  quantity: number;
  paymentRef: string | null;
  /** Which line of the payment; `1` unless the shop says otherwise. */
  line: string;
  requestToken: string | null;
  requestKey: string | null;
  supersedes: string[];
  firstUsedAt: string | null;
  /** Of a period that a subscription paid for: when it begins, and which one. */
  startsAt?: string | null;
  subscriptionId?: string | null;
  createdAt: string;
  createdBy: string;
}

export interface ClosingRecord {
  id: string;
  grantId: string;
  kind: 'close' | 'reopen';
  at: string;
  reason: string;
  createdAt: string;
  createdBy: string;
}

const LICENSE = columnsOf(
  ...['id', 'organizationId', 'customerId', 'master', 'validUntil', 'countedSites', 'exemptSites', 'overLimitAt'],
  ...['suspendedAt', 'revokedAt', 'heldAt', 'stateReason', 'notes', 'revision', 'createdAt'],
);
const GRANT_SHAPE = { json: ['supersedes'] };

function toLicense(row: object): LicenseRecord {
  return fromRow(row, { booleans: ['master'] });
}

export async function insertLicense(tx: Tx, license: LicenseRecord, actor: string): Promise<void> {
  await tx('licenses').insert({ ...toRow(license), created_by: actor });
}

export async function findLicense(tx: Tx, id: string): Promise<LicenseRecord | null> {
  const row = await tx('licenses').select(LICENSE).where({ id }).first();
  return row ? toLicense(row) : null;
}

/** In the order of the ids; those that are gone are left out. */
export async function findLicenses(tx: Tx, ids: readonly string[]): Promise<LicenseRecord[]> {
  const rows = await tx('licenses').select(LICENSE).whereIn('id', ids);
  const found = new Map(rows.map((row) => [row.id, toLicense(row)]));
  return ids.flatMap((id) => found.get(id) ?? []);
}

/** Everything that decides about a license takes this lock first. */
export async function lockLicense(tx: Tx, id: string): Promise<LicenseRecord | null> {
  const row = (await forUpdate(tx, tx('licenses').select(LICENSE).where({ id })))[0];
  return row ? toLicense(row) : null;
}

/** Locked in the order of their ids, so that two who do so never wait for each other. */
export async function lockLicenses(tx: Tx, ids: readonly string[]): Promise<LicenseRecord[]> {
  const query = tx('licenses').select(LICENSE).whereIn('id', ids).orderBy('id');
  return (await forUpdate(tx, query)).map(toLicense);
}

export async function updateLicense(
  tx: Tx,
  id: string,
  change: Partial<Omit<LicenseRecord, 'id' | 'organizationId' | 'customerId' | 'master' | 'revision' | 'createdAt'>>,
): Promise<void> {
  await tx('licenses')
    .where({ id })
    .update({ ...toRow(change), revision: tx.raw('revision + 1') });
}

/** Since when a license has more sites than its limit, where that is new. */
export async function markOverLimit(tx: Tx, id: string, at: string): Promise<void> {
  await tx('licenses').where({ id, over_limit_at: null }).update({ over_limit_at: at });
}

/** The same of many at once. */
export async function updateLicenses(
  tx: Tx,
  ids: readonly string[],
  change: Pick<Partial<LicenseRecord>, 'suspendedAt' | 'revokedAt' | 'heldAt' | 'stateReason'>,
): Promise<void> {
  await tx('licenses')
    .whereIn('id', ids)
    .update({ ...toRow(change), revision: tx.raw('revision + 1') });
}

/** Throws PAYMENT_LINE_CONFLICT when the payment line is taken; the caller looks first for a replay. */
export async function insertGrant(tx: Tx, grant: GrantRecord): Promise<void> {
  try {
    await tx('grants').insert(toRow(grant, GRANT_SHAPE));
  } catch (error) {
    if (isUniqueViolation(error))
      throw problem('PAYMENT_LINE_CONFLICT', 'this payment line was used at the same moment; ask again');
    throw error;
  }
}

export async function grantsOf(tx: Tx, licenseId: string): Promise<GrantRecord[]> {
  return (await tx('grants').where({ license_id: licenseId }).orderBy('id')).map((row) =>
    fromRow<GrantRecord>(row, GRANT_SHAPE),
  );
}

export async function findGrantByPayment(
  tx: Tx,
  organizationId: string,
  paymentRef: string,
  line: string,
): Promise<GrantRecord | null> {
  const row = await tx('grants').where({ organization_id: organizationId, payment_ref: paymentRef, line }).first();
  return row ? fromRow<GrantRecord>(row, GRANT_SHAPE) : null;
}

/** A grant with who closed or opened it last. */
export interface DealGrant {
  grant: GrantRecord;
  /** null: nobody ever did. */
  last: { kind: 'close' | 'reopen'; createdBy: string } | null;
}

/** The grants that payments made, by their references. */
export async function grantsOfPayments(
  tx: Tx,
  organizationId: string,
  paymentRefs: readonly string[],
): Promise<DealGrant[]> {
  if (paymentRefs.length === 0) return [];
  const last = (column: string) =>
    tx.raw(
      `(select c.${column} from grant_closings c where c.grant_id = g.id order by c.at desc, c.id desc limit 1) as last_${column}`,
    );
  const rows = await tx('grants as g')
    .where('g.organization_id', organizationId)
    .whereIn('g.payment_ref', paymentRefs)
    .orderBy('g.id')
    .select('g.*', last('kind'), last('created_by'));
  return rows.map(({ last_kind: kind, last_created_by: createdBy, ...row }) => ({
    grant: fromRow<GrantRecord>(row, GRANT_SHAPE),
    last: kind === null ? null : { kind, createdBy },
  }));
}

export async function findGrantByRequest(tx: Tx, token: string, key: string): Promise<GrantRecord | null> {
  const row = await tx('grants').where({ request_token: token, request_key: key }).first();
  return row ? fromRow<GrantRecord>(row, GRANT_SHAPE) : null;
}

export async function findGrant(tx: Tx, id: string): Promise<GrantRecord | null> {
  const row = await tx('grants').where({ id }).first();
  return row ? fromRow<GrantRecord>(row, GRANT_SHAPE) : null;
}

/** Trials that a customer has had of a package; one each. */
export async function hasHadPackage(tx: Tx, customerId: string, packageId: string): Promise<boolean> {
  const row = await tx('grants as g')
    .join('licenses as l', 'l.id', 'g.license_id')
    .where({ 'l.customer_id': customerId, 'g.package_id': packageId })
    .first('g.id');
  return row !== undefined;
}

/** Stamps the first use once; a later call changes nothing. True: this call was the first. */
export async function stampFirstUse(tx: Tx, grantId: string, at: string): Promise<boolean> {
  return (await tx('grants').where({ id: grantId, first_used_at: null }).update({ first_used_at: at })) > 0;
}

export async function insertClosing(tx: Tx, closing: ClosingRecord): Promise<void> {
  await tx('grant_closings').insert(toRow(closing));
}

export async function closingsOf(tx: Tx, grantIds: readonly string[]): Promise<ClosingRecord[]> {
  const rows = await tx('grant_closings').whereIn('grant_id', grantIds).orderBy(['at', 'id']);
  return rows.map((row) => fromRow<ClosingRecord>(row));
}
