import { requireWithin } from '../accounts/places.ts';
import { type AuditEvent, audit, auditAll } from '../audit/audit.ts';
import { breathe } from '../batch.ts';
import { isoOrNull, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { lockOrganization } from '../forge/store.ts';
import { newId } from '../ids.ts';
import type { Level } from '../releases/level.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import type { Secrets } from '../secrets.ts';
import { type By, newKey } from './keys.ts';
import { whyNotSold } from './license-change.ts';
import type { KeyPurpose } from './license-key.ts';
import { newLicense } from './new-license.ts';
import { knownCustomer, ownCustomer } from './own-customers.ts';
import type { Grant } from './package-terms.ts';
import { packageHere } from './sales.ts';
import { standingAt } from './standing.ts';
import { type BatchRecord, countUp, findBatchNamed, insertBatch, insertRows } from './store-batches.ts';
import { findPackage, type PackageRecord } from './store-packages.ts';

export interface BatchDeps {
  db: Db;
  secrets: Secrets;
}

export interface BatchWish {
  /** null: it is called by its id, and cannot be asked for again. */
  name: string | null;
  packageId: string;
  count: number;
  quantity: number;
  /** null: the unsold stock. */
  customerId: string | null;
  label: string;
  purpose: KeyPurpose;
  source: 'admin' | 'import';
}

/** So many are made in one transaction, which takes a fraction of a second; polls are written in between. */
const CHUNK = 250;

/**
 * Makes keys in advance, each with a license of its own. The same name again makes what is still missing, e.g. after a crash, and
 * nothing twice. Throws ALREADY_EXISTS where that name stands for something else.
 */
export async function makeBatch(
  deps: BatchDeps,
  level: Level,
  wish: BatchWish,
  by: By,
  onProgress: (made: number) => void = () => undefined,
): Promise<BatchRecord> {
  let name = wish.name;
  for (;;) {
    const batch = await deps.db.tx((tx) => makeSome(tx, deps.secrets, level, { ...wish, name }, by));
    name = batch.name;
    onProgress(batch.made);
    if (batch.made >= batch.count) return batch;
    await breathe();
  }
}

async function makeSome(tx: Tx, secrets: Secrets, level: Level, wish: BatchWish, by: By): Promise<BatchRecord> {
  const { organization } = level;
  // Two calls of one name would both make what is missing.
  await lockOrganization(tx, organization.id);
  const earlier = wish.name === null ? null : await findBatchNamed(tx, organization.id, wish.name);
  if (earlier && earlier.wish !== asText(wish, level))
    throw problem('ALREADY_EXISTS', 'a batch of this name was made with something else', {
      errors: [{ pointer: '/name', detail: 'stands for another batch' }],
    });
  const batch = earlier ?? (await beginBatch(tx, level, wish, by));
  const more = Math.min(batch.count - batch.made, CHUNK);
  if (more > 0) {
    await makeKeys(tx, secrets, level, batch, wish, more, by);
    await countUp(tx, batch.id, more);
  }
  return { ...batch, made: batch.made + more };
}

function asText({ name: _, ...wish }: BatchWish, { repository }: Level): string {
  return JSON.stringify({ ...wish, repository: repository?.id ?? null });
}

async function beginBatch(tx: Tx, level: Level, wish: BatchWish, by: By): Promise<BatchRecord> {
  const { organization, repository } = level;
  const repositoryId = repository?.id ?? null;
  for (const named of [wish.packageId, wish.customerId]) if (named) await requireWithin(tx, by.actor, named);
  const sold = await packageHere(tx, { organization, repositoryId, packageId: wish.packageId }, by.now);
  const reason = whyNotSold(sold, by.now);
  if (reason)
    throw problem(reason.code, reason.detail, { errors: [{ pointer: '/package_id', detail: reason.detail }] });
  if (sold.kind === 'addon') throw problem('ADDON_NEEDS_LICENSE', 'a key made in advance has no license to add to');
  if (sold.kind === 'trial') throw problem('TRIAL_USED', 'a trial is given to one customer once, not made in advance');
  const customerId =
    wish.customerId === null
      ? await ownCustomer(tx, organization.id, 'stock', by)
      : await knownCustomer(tx, organization.id, wish.customerId);
  const id = newId('batch', by.now);
  const batch: BatchRecord = {
    ...{ id, organizationId: organization.id, repositoryId, packageId: sold.id, customerId, name: wish.name ?? id },
    ...{ wish: asText(wish, level), count: wish.count, made: 0, createdAt: toIso(by.now) },
  };
  await insertBatch(tx, batch, by.actor.id);
  const changes = { name: batch.name, package_id: sold.id, count: wish.count, customer_id: customerId };
  const event = { actor: by.actor, action: 'batch.create', entity: 'batch', entityId: id, changes };
  await audit(tx, { ...event, requestId: by.requestId, organizationId: organization.id }, by.now);
  return batch;
}

/** A few statements for all of them: their terms are alike. */
async function makeKeys(
  tx: Tx,
  secrets: Secrets,
  { organization }: Level,
  batch: BatchRecord,
  wish: BatchWish,
  count: number,
  by: By,
): Promise<void> {
  const sold = (await findPackage(tx, batch.packageId)) as PackageRecord;
  const at = toIso(by.now);
  const products = await productsOfOrganization(tx, organization.id);
  const { until, validUntil, sites, state } = standingAt([grantOf(sold, wish, by.now)], products, by.now);
  const standing = { state, stateUntil: isoOrNull(until), validUntil: isoOrNull(validUntil), sitesAllowed: sites };
  const made = { createdAt: at, createdBy: by.actor.id };
  const owner = { organizationId: organization.id, customerId: batch.customerId, master: false };
  const licenses = Array.from({ length: count }, () => newLicense(owner, by.now));
  const prefix = organization.keyPrefix;
  const keys = licenses.map(({ id: licenseId }) =>
    newKey(
      secrets,
      { licenseId, role: 'normal', prefix, label: wish.label, purpose: wish.purpose, batchId: batch.id },
      by.now,
    ),
  );
  const line = {
    ...{ organizationId: organization.id, packageId: sold.id, packageVersion: sold.version, source: wish.source },
    ...{ givenAt: at, lengthValue: sold.terms.length?.value ?? null, lengthUnit: sold.terms.length?.unit ?? null },
    ...{ endsAt: null, quantity: wish.quantity, paymentRef: null, line: '1', requestToken: null, requestKey: null },
    ...{ supersedes: [], firstUsedAt: null, ...made },
  };
  await insertRows(
    tx,
    'licenses',
    licenses.map((license) => ({ ...license, ...standing, ...made })),
  );
  await insertRows(
    tx,
    'grants',
    licenses.map(({ id: licenseId }) => ({ id: newId('grant', by.now), licenseId, ...line })),
    ['supersedes'],
  );
  await insertRows(
    tx,
    'license_keys',
    keys.map((key) => ({ ...key, organizationId: organization.id, ...made })),
  );
  const shared = { actor: by.actor, requestId: by.requestId };
  const events = keys.flatMap(({ id, licenseId, hint }): AuditEvent[] => [
    {
      ...{ ...shared, action: 'license.create', entity: 'license', entityId: licenseId },
      changes: { customer_id: batch.customerId, batch_id: batch.id },
    },
    {
      ...{ ...shared, action: 'key.create', entity: 'key', entityId: id },
      changes: { license_id: licenseId, hint, batch_id: batch.id },
    },
  ]);
  await auditAll(tx, organization.id, events, by.now);
}

function grantOf({ id, kind, repositoryId, terms }: PackageRecord, wish: BatchWish, now: number): Grant {
  return {
    ...{ id: '', package: { id, kind, repositoryId, terms }, source: wish.source, givenAt: now, length: terms.length },
    ...{
      endsAt: null,
      quantity: wish.quantity,
      paymentRef: null,
      supersedes: [],
      firstUsedAt: null,
      closedAt: null,
      subscription: null,
    },
  };
}
