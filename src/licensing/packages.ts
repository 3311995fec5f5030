import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { insertCustomer } from '../accounts/store-customers.ts';
import { type AuditChanges, audit } from '../audit/audit.ts';
import { changesBetween } from '../audit/changes.ts';
import { toIso } from '../clock.ts';
import { isForeignKeyViolation, type Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { newId } from '../ids.ts';
import type { Secrets } from '../secrets.ts';
import { type By, createKey } from './keys.ts';
import { newLicense } from './new-license.ts';
import { type PackagePrice, unchecked } from './package-price.ts';
import type { PackageKind, PackageTerms } from './package-terms.ts';
import { packageView, type WholePackage } from './package-view.ts';
import { refreshLicense } from './refresh.ts';
import { setPrices } from './set-prices.ts';
import { insertGrant, insertLicense } from './store-licenses.ts';
import {
  countGrantsOf,
  deletePackage,
  findMasterPackage,
  findPackage,
  insertPackage,
  lastPosition,
  type PackageHead,
  type PackageRecord,
  updatePackage,
} from './store-packages.ts';
import { pricesOf, replacePrices } from './store-prices.ts';
import { EVERY_CHANNEL } from './terms.ts';

export interface NewPackage {
  repositoryId: string | null;
  name: string;
  description?: string | undefined;
  kind: Exclude<PackageKind, 'master'>;
  /** Behind all others of the organization by default. */
  position?: number | undefined;
  prices?: readonly PackagePrice[] | undefined;
  terms: PackageTerms;
}

/** Makes a package, and the master of its level if that is the level's first. */
export async function createPackage(
  tx: Tx,
  secrets: Secrets,
  organization: OrganizationRecord,
  wish: NewPackage,
  by: By,
): Promise<WholePackage> {
  const { prices = [] } = wish;
  const record: PackageRecord = {
    id: newId('package', by.now),
    organizationId: organization.id,
    repositoryId: wish.repositoryId,
    name: wish.name,
    description: wish.description ?? '',
    kind: wish.kind,
    active: true,
    position: wish.position ?? (await lastPosition(tx, organization.id)) + 1,
    version: 1,
    createdAt: toIso(by.now),
    terms: checkedTerms(wish.kind, wish.terms),
  };
  await insertPackage(tx, record, by.actor.id);
  if (prices.length > 0) await setPrices(tx, record, prices, by);
  await note(tx, by, 'package.create', record.id, { name: record.name, kind: record.kind });
  await ensureMaster(tx, secrets, organization, wish.repositoryId, by);
  return { ...record, prices: prices.map(unchecked) };
}

type PackageChange = { [K in keyof PackageHead]?: PackageHead[K] | undefined } & {
  terms?: PackageTerms | undefined;
  prices?: readonly PackagePrice[] | undefined;
};

/**
 * Changes what the change names; terms that differ make a new version. The caller has locked the package, so that of two changes at
 * once each makes its own version. What was sold keeps the version that it was sold in.
 */
export async function changePackage(
  tx: Tx,
  before: WholePackage,
  change: PackageChange,
  by: By,
): Promise<WholePackage> {
  if (before.kind === 'master') throw problem('MASTER_IS_FIXED');
  const { prices, ...named } = change;
  const wanted = named.terms === undefined ? before.terms : checkedTerms(before.kind, named.terms);
  const terms = Object.keys(changesBetween(before.terms, wanted)).length === 0 ? undefined : wanted;
  if (prices !== undefined) await setPrices(tx, before, prices, by);
  await updatePackage(tx, before, { ...named, terms }, by.actor.id, toIso(by.now));
  const after: WholePackage = {
    ...((await findPackage(tx, before.id)) as PackageRecord),
    prices: prices === undefined ? before.prices : ((await pricesOf(tx, [before.id])).get(before.id) ?? []),
  };
  const changes = changesBetween(packageView(before), packageView(after));
  if (Object.keys(changes).length > 0) await note(tx, by, 'package.change', before.id, changes);
  return after;
}

/**
 * Only what was never sold can be deleted; else throws STILL_IN_USE with how often it was, or with what else names it. A sale that
 * is under way at this moment wins.
 */
export async function deleteUnsold(tx: Tx, record: WholePackage, by: By): Promise<void> {
  if (record.kind === 'master') throw problem('MASTER_IS_FIXED');
  const sold = await countGrantsOf(tx, record.id);
  if (sold > 0) {
    const times = sold === 1 ? 'once' : `${sold} times`;
    throw problem('STILL_IN_USE', `the package was sold ${times}; make it inactive instead`);
  }
  await replacePrices(tx, record, [], by.actor.id, toIso(by.now));
  try {
    await deletePackage(tx, record.id);
  } catch (error) {
    if (!isForeignKeyViolation(error)) throw error;
    throw problem('STILL_IN_USE', 'something else names the package; make it inactive instead');
  }
  await note(tx, by, 'package.delete', record.id, { name: record.name, kind: record.kind, version: record.version });
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
      description: '',
      kind: 'master',
      active: true,
      position: 0,
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

function note(tx: Tx, by: By, action: string, entityId: string, changes: AuditChanges): Promise<void> {
  return audit(tx, { actor: by.actor, action, entity: 'package', entityId, changes, requestId: by.requestId }, by.now);
}
