import { toIso } from '../clock.ts';
import { newId } from '../ids.ts';
import { newLicense } from '../licensing/new-license.ts';
import { refreshLicense } from '../licensing/refresh.ts';
import {
  findLicense,
  type GrantRecord,
  insertClosing,
  insertGrant,
  insertLicense,
} from '../licensing/store-licenses.ts';
import { type PlannedKey, plannedKey, writeKeys } from './bring-keys.ts';
import { customerLike, makeCustomer, packageNamed } from './bring-others.ts';
import { bringSites, type PlannedSite, plannedSites } from './bring-sites.ts';
import {
  created,
  type ImportBatch,
  isOfThisRun,
  madeAs,
  noteMade,
  refused,
  type Told,
  unchanged,
  WOULD_BE,
} from './import-batch.ts';
import type { GrantItem, LicenseItem } from './import-format.ts';
import { masterLicenseOf } from './store-imports.ts';

type PackageHere = ImportBatch['packages'][number];

/** Brings in a license with all that is its own, or its new keys where it is here already. */
export async function bringLicense(batch: ImportBatch, item: LicenseItem): Promise<Told> {
  const planned = item.keys.map((key) => plannedKey(batch, key));
  const wrong = planned.find((each) => typeof each === 'string');
  if (typeof wrong === 'string') return refused(wrong.startsWith('key: its') ? 'KEY_MALFORMED' : 'INVALID', wrong);
  const keys = planned as PlannedKey[];
  const taken = keys.some(
    ({ hash }) => (batch.keys.get(hash)?.organizationId ?? batch.organization.id) !== batch.organization.id,
  );
  if (taken) return refused('KEY_TAKEN', 'another organization here has a key with this very text');
  const fresh = keys.filter(({ hash, ref }) => !batch.keys.has(hash) && madeAs(batch, 'key', ref) === undefined);
  if (item.master) return bringMaster(batch, item, fresh);
  const known = madeAs(batch, 'license', item.ref);
  if (known !== undefined) return moreKeys(batch, item, known, fresh);
  if (keys.length > 0 && fresh.length < keys.length) return keyKnown(batch, keys);
  return wholeLicense(batch, item, fresh);
}

function keyKnown(batch: ImportBatch, keys: readonly PlannedKey[]): Told {
  const isTwice = keys.some(({ ref }) => isOfThisRun(batch, 'key', ref));
  if (isTwice) return refused('TWICE_IN_FILE', 'an earlier line has this very key');
  const at = keys.map(({ hash }) => batch.keys.get(hash)).find((each) => each !== undefined);
  return unchanged(`the key is known here already, in ${at?.licenseId ?? 'another license'}`, at?.licenseId ?? '');
}

async function moreKeys(
  batch: ImportBatch,
  item: LicenseItem,
  licenseId: string,
  fresh: readonly PlannedKey[],
): Promise<Told> {
  if (fresh.length === 0)
    return isOfThisRun(batch, 'license', item.ref)
      ? refused('TWICE_IN_FILE', 'an earlier line has this license')
      : unchanged('was brought in before', licenseId);
  await writeKeys(batch, licenseId, 'normal', fresh);
  return created(`${counted(fresh.length, 'more key')} of a license that is here`, licenseId);
}

async function bringMaster(batch: ImportBatch, item: LicenseItem, fresh: readonly PlannedKey[]): Promise<Told> {
  const repositoryId = item.repository === null ? null : batch.repositories.get(item.repository.toLowerCase());
  if (repositoryId === undefined)
    return refused('REPOSITORY_UNKNOWN', `there is no repository "${item.repository}" here`);
  const licenseId = await masterLicenseOf(batch.tx, batch.organization.id, repositoryId);
  if (licenseId === null)
    return refused('MASTER_MISSING', 'the master license is made with the first package; bring in packages first');
  noteOnce(batch, 'license', item.ref, licenseId);
  if (fresh.length === 0) return unchanged('its keys are here already', licenseId);
  await writeKeys(batch, licenseId, 'master', fresh);
  return created(`${counted(fresh.length, 'master key')} beside the one that is here`, licenseId);
}

function noteOnce(batch: ImportBatch, kind: string, ref: string, id: string): void {
  if (madeAs(batch, kind, ref) === undefined) noteMade(batch, kind, ref, id);
}

async function wholeLicense(batch: ImportBatch, item: LicenseItem, keys: readonly PlannedKey[]): Promise<Told> {
  if (keys.length === 0 && item.grants.length === 0) return refused('INVALID', 'a license needs a key or a grant');
  const owner = ownerOf(batch, item);
  if (owner === null) return refused('CUSTOMER_UNKNOWN', `there is no customer "${String(item.customer)}" here`);
  const sold = item.grants.map((grant) => packageNamed(batch, grant.package));
  const missing = item.grants.find((_, i) => sold[i] === null);
  if (missing)
    return refused('PACKAGE_UNKNOWN', `there is no package "${missing.package}" here; bring in packages first`);
  const packages = sold as PackageHere[];
  const fault = grantFault(batch, item.grants, packages);
  if (fault) return fault;
  const unit = packages[0]?.terms.siteUnit ?? 'host';
  const sites = plannedSites(item.sites, unit);
  if (typeof sites === 'string') return refused('INVALID', sites);
  const id = batch.isDry ? WOULD_BE : await writeLicense(batch, item, owner, packages, keys, sites);
  if (batch.isDry && typeof owner === 'object') await makeCustomer(batch, owner);
  noteMade(batch, 'license', item.ref, id);
  if (batch.isDry) for (const key of keys) noteMade(batch, 'key', key.ref, WOULD_BE);
  for (const { payment_ref: payment, line } of item.grants)
    if (payment !== null) batch.payments.add(`${payment}\n${line}`);
  return created(inWords(batch, item, keys.length, sites.length), id);
}

type Owner = string | Exclude<LicenseItem['customer'], string | undefined>;

/** The id of the customer, or the facts of a new one; null: there is none of that name. */
function ownerOf(batch: ImportBatch, { customer }: LicenseItem): Owner | null {
  if (typeof customer === 'string')
    return (
      madeAs(batch, 'customer', customer) ??
      batch.customers.get(`email\n${customer.toLowerCase()}`) ??
      batch.customers.get(`id\n${customer}`) ??
      madeAs(batch, 'customer email', customer.toLowerCase()) ??
      null
    );
  const nobody = { name: '', email: '', kind: 'customer' as const, organization_name: '', notes: '' };
  const facts = customer ?? { ...nobody, external_customer_id: null, external_workspace_id: null };
  return customerLike(batch, facts) ?? facts;
}

function grantFault(batch: ImportBatch, grants: readonly GrantItem[], packages: readonly PackageHere[]): Told | null {
  const refs = new Set(grants.flatMap(({ ref }) => ref ?? []));
  for (const [i, grant] of grants.entries()) {
    const sold = packages[i] as PackageHere;
    if (grant.given_at !== undefined && grant.ends_at !== null && grant.given_at > grant.ends_at)
      return refused('INVALID', 'valid_until: lies before given_at');
    if (grant.payment_ref !== null && batch.payments.has(`${grant.payment_ref}\n${grant.line}`))
      return refused('PAYMENT_TAKEN', `the payment "${grant.payment_ref}", line ${grant.line}, was sold here already`);
    if ((grant.package_version ?? 1) > sold.version)
      return refused('PACKAGE_UNKNOWN', `"${sold.name}" has no version ${grant.package_version} here`);
    const lost = grant.supersedes.find((each) => !refs.has(each));
    if (lost !== undefined)
      return refused('INVALID', `grants.${i}.supersedes: there is no grant "${lost}" in the license`);
  }
  return null;
}

function inWords(batch: ImportBatch, { grants }: LicenseItem, keys: number, sites: number): string {
  const ends = grants.flatMap((grant) => grant.ends_at ?? []);
  const isEndless = grants.some((grant) => grant.ends_at === null);
  const last = ends.sort().at(-1);
  const end =
    isEndless || last === undefined ? '' : last <= toIso(batch.by.now) ? `, ended ${last}` : `, until ${last}`;
  return `a license with ${counted(keys, 'key')}${sites > 0 ? `, ${counted(sites, 'site')}` : ''}${end}`;
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

async function writeLicense(
  batch: ImportBatch,
  item: LicenseItem,
  owner: Owner,
  packages: readonly PackageHere[],
  keys: readonly PlannedKey[],
  sites: readonly PlannedSite[],
): Promise<string> {
  const { tx, by, organization } = batch;
  const customerId = typeof owner === 'string' ? owner : await makeCustomer(batch, owner);
  const license = newLicense({ organizationId: organization.id, customerId, master: false }, by.now);
  const { notes, suspended_at: suspendedAt, revoked_at: revokedAt } = item;
  const createdAt = item.created_at ?? license.createdAt;
  await insertLicense(tx, { ...license, notes, suspendedAt, revokedAt, createdAt }, by.actor.id);
  await writeGrants(batch, license.id, item.grants, packages);
  const keyIds = await writeKeys(batch, license.id, 'normal', keys);
  await bringSites(batch, license.id, sites, keyIds);
  const now = await findLicense(tx, license.id);
  if (now) await refreshLicense(tx, now, by.now);
  return license.id;
}

async function writeGrants(
  batch: ImportBatch,
  licenseId: string,
  grants: readonly GrantItem[],
  packages: readonly PackageHere[],
): Promise<void> {
  const { tx, by, organization } = batch;
  const ids = grants.map(() => newId('grant', by.now));
  const idOf = new Map(grants.map((grant, i) => [grant.ref ?? `#${i}`, ids[i] as string]));
  for (const [i, grant] of grants.entries()) {
    const sold = packages[i] as PackageHere;
    const record: GrantRecord = {
      ...{ id: ids[i] as string, organizationId: organization.id, licenseId, packageId: sold.id },
      packageVersion: grant.package_version ?? sold.version,
      source: grant.source,
      givenAt: givenAt(grant, by.now),
      ...{ lengthValue: grant.length?.value ?? null, lengthUnit: grant.length?.unit ?? null, endsAt: grant.ends_at },
      ...{ quantity: grant.quantity, paymentRef: grant.payment_ref, line: grant.line },
      ...{ requestToken: null, requestKey: null, firstUsedAt: grant.first_used_at },
      supersedes: grant.supersedes.flatMap((ref) => idOf.get(ref) ?? []),
      ...{ createdAt: toIso(by.now), createdBy: by.actor.id },
    };
    await insertGrant(tx, record);
    for (const { kind, at, reason } of grant.closings) {
      const made = { createdAt: toIso(by.now), createdBy: by.actor.id };
      await insertClosing(tx, { id: newId('closing', by.now), grantId: record.id, kind, at, reason, ...made });
    }
  }
}

/** Where it is not said, a line that has ended was given a day before its end, so that it has a time of its own. */
function givenAt({ given_at: given, ends_at: end }: GrantItem, now: number): string {
  if (given !== undefined) return given;
  return end !== null && Date.parse(end) <= now ? toIso(Math.max(0, Date.parse(end) - 86_400_000)) : toIso(now);
}
