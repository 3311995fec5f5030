import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { insertCustomer } from '../accounts/store-customers.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { newId } from '../ids.ts';
import type { Secrets } from '../secrets.ts';
import { type By, createKey } from './keys.ts';
import { newLicense } from './new-license.ts';
import type { PackageKind, PackageTerms } from './package-terms.ts';
import { refreshLicense } from './refresh.ts';
import { insertGrant, insertLicense } from './store-licenses.ts';
import { findMasterPackage, findPackage, insertPackage, type PackageRecord, updatePackage } from './store-packages.ts';
import { EVERY_CHANNEL } from './terms.ts';

export interface NewPackage {
  repositoryId: string | null;
  name: string;
  kind: Exclude<PackageKind, 'master'>;
  terms: PackageTerms;
}

/** Makes a package, and the master of its level if that is the level's first. */
export async function createPackage(
  tx: Tx,
  secrets: Secrets,
  organization: OrganizationRecord,
  wish: NewPackage,
  by: By,
): Promise<PackageRecord> {
  const terms = checkedTerms(wish.kind, wish.terms);
  const record: PackageRecord = {
    id: newId('package', by.now),
    organizationId: organization.id,
    repositoryId: wish.repositoryId,
    name: wish.name,
    kind: wish.kind,
    active: true,
    version: 1,
    createdAt: toIso(by.now),
    terms,
  };
  await insertPackage(tx, record, by.actor.id);
  await note(tx, by, 'package.create', record.id, { name: record.name, kind: record.kind });
  await ensureMaster(tx, secrets, organization, wish.repositoryId, by);
  return record;
}

export async function changePackage(
  tx: Tx,
  id: string,
  change: { name?: string | undefined; active?: boolean | undefined; terms?: PackageTerms | undefined },
  by: By,
): Promise<PackageRecord> {
  const record = await findPackage(tx, id);
  if (!record) throw problem('NOT_FOUND', 'there is no such package');
  if (record.kind === 'master') throw problem('MASTER_IS_FIXED');
  const terms = change.terms === undefined ? undefined : checkedTerms(record.kind, change.terms);
  await updatePackage(tx, record, { ...change, terms }, by.actor.id, toIso(by.now));
  await note(tx, by, 'package.change', id, { fields: Object.keys(change).join(' ') });
  return (await findPackage(tx, id)) as PackageRecord;
}

/** `stable` is in every package that gives channels of its own; an add-on may give none but those it names. */
function checkedTerms(kind: PackageKind, terms: PackageTerms): PackageTerms {
  if (kind !== 'master' && terms.channels.includes(EVERY_CHANNEL)) {
    throw problem('INVALID_REQUEST', 'only a master package has every channel', {
      errors: [{ pointer: '/channels', detail: 'name the channels one by one' }],
    });
  }
  return { ...terms, channels: [...new Set(['stable', ...terms.channels])] };
}

const MASTER_TERMS: PackageTerms = {
  length: null,
  fixed: null,
  startsOn: 'issue',
  channels: [EVERY_CHANNEL],
  sites: null,
  devices: null,
  seats: null,
  sessions: null,
  siteUnit: 'host',
  graceDays: 0,
  afterEnd: 'nothing',
  products: null,
  entitlements: {},
  overage: null,
  takeoverDays: null,
};

/** Each organization, and each repository that has an own package, has one master package with one license and one key. */
export async function ensureMaster(
  tx: Tx,
  secrets: Secrets,
  organization: OrganizationRecord,
  repositoryId: string | null,
  by: By,
): Promise<void> {
  if (await findMasterPackage(tx, organization.id, repositoryId)) return;
  const createdAt = toIso(by.now);
  const packageId = newId('package', by.now);
  const made = await insertPackage(
    tx,
    {
      id: packageId,
      organizationId: organization.id,
      repositoryId,
      name: 'Master (internal)',
      kind: 'master',
      active: true,
      version: 1,
      createdAt,
      terms: MASTER_TERMS,
    },
    'system',
  );
  if (!made) return;
  const customerId = newId('customer', by.now);
  const customer = {
    id: customerId,
    organizationId: organization.id,
    name: organization.name,
    email: '',
    kind: 'internal' as const,
    createdAt,
  };
  await insertCustomer(tx, customer, 'system');
  const license = newLicense({ organizationId: organization.id, customerId, master: true }, by.now);
  await insertLicense(tx, license, 'system');
  await insertGrant(tx, {
    id: newId('grant', by.now),
    organizationId: organization.id,
    licenseId: license.id,
    packageId,
    packageVersion: 1,
    source: 'master',
    givenAt: createdAt,
    lengthValue: null,
    lengthUnit: null,
    endsAt: null,
    quantity: 1,
    paymentRef: null,
    line: '1',
    requestToken: null,
    requestKey: null,
    supersedes: [],
    firstUsedAt: null,
    createdAt,
    createdBy: 'system',
  });
  await createKey(
    tx,
    secrets,
    { licenseId: license.id, role: 'master', prefix: organization.keyPrefix },
    { ...by, actor: SYSTEM_ACTOR },
  );
  await refreshLicense(tx, license, by.now);
}

function note(tx: Tx, by: By, action: string, entityId: string, changes: Record<string, string>): Promise<void> {
  return audit(tx, { actor: by.actor, action, entity: 'package', entityId, changes, requestId: by.requestId }, by.now);
}
