import { NO_CUSTOMER_FACTS } from '../../src/accounts/customer.ts';
import { type CustomerRecord, insertCustomer } from '../../src/accounts/store-customers.ts';
import { toIso } from '../../src/clock.ts';
import type { Db } from '../../src/db/connect.ts';
import {
  type ForgeRecord,
  insertForge,
  insertOrganization,
  insertRepository,
  type OrganizationRecord,
  type RepositoryRecord,
} from '../../src/forge/store.ts';
import { newId } from '../../src/ids.ts';
import { keyHint, newKeyText } from '../../src/licensing/license-key.ts';
import type { PackageKind, PackageTerms } from '../../src/licensing/package-terms.ts';
import type { SlotNotes } from '../../src/licensing/slot-notes.ts';
import { type ActivationRecord, insertActivation } from '../../src/licensing/store-activations.ts';
import { insertKey, type KeyRecord } from '../../src/licensing/store-keys.ts';
import {
  type GrantRecord,
  insertClosing,
  insertGrant,
  insertLicense,
  type LicenseRecord,
} from '../../src/licensing/store-licenses.ts';
import { insertPackage, type PackageRecord } from '../../src/licensing/store-packages.ts';
import { NO_ORGANIZATION_SETTINGS } from '../../src/releases/organization-settings.ts';
import { type Product, ProductSettings, productPath } from '../../src/releases/product.ts';
import { insertProduct } from '../../src/releases/store-products.ts';
import { makeSecrets } from '../../src/secrets.ts';
import { packageTerms } from './seed-ledger.ts';

/**
 * Small builders of stored things. Each writes one row (and what it cannot be without), takes a change of what matters to a test,
 * and returns the record. Names are counted up, so that the same call twice makes two things.
 */

/** Everything is made at this instant unless a test says otherwise: 2026-01-01 12:00 UTC. */
export const SEED_NOW = Date.UTC(2026, 0, 1, 12);

export const seedSecrets = makeSecrets(Buffer.alloc(32, 1), Buffer.alloc(32, 2));

const ACTOR = 'test';
let made = 0;

function nextName(word: string): string {
  made += 1;
  return `${word}${made}`;
}

/** A forge with one organization, one repository and its product. */
export interface Shop {
  forge: ForgeRecord;
  organization: OrganizationRecord;
  repository: RepositoryRecord;
  product: Product;
  /** `org/repo`, as the poll path looks it up. */
  path: string;
}

export async function seedShop(db: Db, product: Partial<Product> = {}, at: Partial<ForgeRecord> = {}): Promise<Shop> {
  const forge = await seedForge(db, at);
  const organization = await seedOrganization(db, forge);
  const repository = await seedRepository(db, organization);
  const sold = await seedProduct(db, organization, repository, product);
  return { forge, organization, repository, product: sold, path: productPath(sold) };
}

/** What is stored of a forge that is played here; its kind is Gitea. */
export function playedForge({ url, token }: { url: string; token: string }): Partial<ForgeRecord> {
  const id = newId('forge', SEED_NOW);
  return { id, baseUrl: url, tokenSealed: seedSecrets.seal('forge-token', id, token) };
}

export async function seedForge(db: Db, change: Partial<ForgeRecord> = {}): Promise<ForgeRecord> {
  const forge: ForgeRecord = {
    id: newId('forge'),
    kind: 'gitea',
    name: nextName('forge'),
    baseUrl: 'https://git.example.com',
    tokenSealed: null,
    hookSecretsSealed: '[]',
    version: null,
    checkedAt: null,
    checkError: null,
    createdAt: toIso(SEED_NOW),
    ...change,
  };
  await db.tx((tx) => insertForge(tx, forge, ACTOR));
  return forge;
}

export async function seedOrganization(
  db: Db,
  forge: Pick<ForgeRecord, 'id'>,
  change: Partial<OrganizationRecord> = {},
): Promise<OrganizationRecord> {
  const name = nextName('org');
  const organization: OrganizationRecord = {
    id: newId('organization'),
    forgeId: forge.id,
    owner: name,
    slug: name,
    name,
    rules: '{}',
    hookScope: 'repository',
    keyPrefix: 'FG1',
    ownerId: null,
    ownerLostSince: null,
    formerPrefixes: [],
    supportUrl: null,
    renewUrl: null,
    settings: NO_ORGANIZATION_SETTINGS,
    createdAt: toIso(SEED_NOW),
    ...change,
  };
  await db.tx((tx) => insertOrganization(tx, organization, ACTOR));
  return organization;
}

export async function seedRepository(
  db: Db,
  organization: OrganizationRecord,
  change: Partial<RepositoryRecord> = {},
): Promise<RepositoryRecord> {
  const name = nextName('repo');
  const repository: RepositoryRecord = {
    id: newId('repository'),
    forgeId: organization.forgeId,
    organizationId: organization.id,
    remoteId: name,
    owner: organization.owner,
    name,
    webUrl: `https://git.example.com/${organization.owner}/${name}`,
    private: false,
    rules: '{}',
    unreachableSince: null,
    hookError: null,
    hookCheckedAt: null,
    syncedAt: null,
    syncError: null,
    createdAt: toIso(SEED_NOW),
    ...change,
  };
  await db.tx((tx) => insertRepository(tx, repository, ACTOR));
  return repository;
}

/** A product of a repository, or, without one, an app. Its mode is `strict`, so that only a key opens anything. */
export async function seedProduct(
  db: Db,
  organization: OrganizationRecord,
  repository: RepositoryRecord | null,
  change: Partial<Product> = {},
): Promise<Product> {
  const slug = repository?.name ?? nextName('app');
  const product: Product = {
    id: newId('product'),
    organizationId: organization.id,
    organizationSlug: organization.slug,
    organizationName: organization.name,
    organizationRenewUrl: organization.renewUrl,
    organizationSupportUrl: organization.supportUrl,
    repositoryId: repository?.id ?? null,
    slug,
    edition: '',
    name: slug,
    description: '',
    platforms: ['joomla'],
    mode: 'strict',
    openChannels: ['stable'],
    securityOpen: false,
    claimOn: 'download',
    missingSite: 'allow',
    settings: ProductSettings.parse({}),
    revision: 1,
    retiredAt: null,
    createdAt: toIso(SEED_NOW),
    ...change,
  };
  await db.tx((tx) => insertProduct(tx, product, ACTOR));
  return product;
}

export interface PackageChange {
  kind?: PackageKind;
  /** Given: a package of this repository; else of the organization. */
  repository?: Pick<RepositoryRecord, 'id'>;
  active?: boolean;
  terms?: Partial<PackageTerms>;
}

export async function seedPackage(
  db: Db,
  organization: Pick<OrganizationRecord, 'id'>,
  change: PackageChange = {},
): Promise<PackageRecord> {
  const record: PackageRecord = {
    id: newId('package'),
    organizationId: organization.id,
    repositoryId: change.repository?.id ?? null,
    name: nextName('package'),
    description: '',
    kind: change.kind ?? 'base',
    active: change.active ?? true,
    position: 0,
    version: 1,
    createdAt: toIso(SEED_NOW),
    terms: packageTerms(change.terms),
  };
  await db.tx((tx) => insertPackage(tx, record, ACTOR));
  return record;
}

export async function seedCustomer(
  db: Db,
  organization: Pick<OrganizationRecord, 'id'>,
  change: Partial<CustomerRecord> = {},
): Promise<CustomerRecord> {
  const name = nextName('customer');
  const customer: CustomerRecord = {
    id: newId('customer'),
    organizationId: organization.id,
    name,
    email: `${name}@example.com`,
    kind: 'customer',
    ...NO_CUSTOMER_FACTS,
    mergedInto: null,
    anonymizedAt: null,
    createdAt: toIso(SEED_NOW),
    remindersOffAt: null,
    ...change,
  };
  await db.tx((tx) => insertCustomer(tx, customer, ACTOR));
  return customer;
}

/** A license without grants and keys; of a new customer unless one is named. `validUntil` is not computed. */
export async function seedLicense(
  db: Db,
  organization: Pick<OrganizationRecord, 'id'>,
  change: Partial<LicenseRecord> = {},
): Promise<LicenseRecord> {
  const customerId = change.customerId ?? (await seedCustomer(db, organization)).id;
  const license: LicenseRecord = {
    id: newId('license'),
    organizationId: organization.id,
    customerId,
    master: false,
    validUntil: null,
    countedSites: 0,
    exemptSites: 0,
    overLimitAt: null,
    suspendedAt: null,
    revokedAt: null,
    heldAt: null,
    stateReason: null,
    notes: '',
    revision: 1,
    createdAt: toIso(SEED_NOW),
    ...change,
  };
  await db.tx((tx) => insertLicense(tx, license, ACTOR));
  return license;
}

/** A grant of a package as it is sold now, with the package's own length; `given` in ms UTC. */
export async function seedGrant(
  db: Db,
  license: Pick<LicenseRecord, 'id' | 'organizationId'>,
  sold: PackageRecord,
  { given = SEED_NOW, ...change }: Partial<GrantRecord> & { given?: number } = {},
): Promise<GrantRecord> {
  const grant: GrantRecord = {
    id: newId('grant'),
    organizationId: license.organizationId,
    licenseId: license.id,
    packageId: sold.id,
    packageVersion: sold.version,
    source: sold.kind === 'trial' || sold.kind === 'master' ? sold.kind : 'purchase',
    givenAt: toIso(given),
    lengthValue: sold.terms.length?.value ?? null,
    lengthUnit: sold.terms.length?.unit ?? null,
    endsAt: null,
    quantity: 1,
    paymentRef: null,
    line: '1',
    requestToken: null,
    requestKey: null,
    supersedes: [],
    firstUsedAt: null,
    createdAt: toIso(given),
    createdBy: ACTOR,
    ...change,
  };
  await db.tx((tx) => insertGrant(tx, grant));
  return grant;
}

/** Closes a grant (a refund) or opens it again, as a row. */
export async function seedClosing(
  db: Db,
  grant: Pick<GrantRecord, 'id'>,
  kind: 'close' | 'reopen',
  at: number = SEED_NOW,
): Promise<void> {
  const closing = { grantId: grant.id, kind, at: toIso(at), reason: 'refund', createdAt: toIso(at), createdBy: ACTOR };
  await db.tx((tx) => insertClosing(tx, { id: newId('closing'), ...closing }));
}

export interface SeededKey extends KeyRecord {
  /** The key itself, as its owner types it. */
  text: string;
}

export async function seedKey(
  db: Db,
  license: Pick<LicenseRecord, 'id'>,
  change: Partial<KeyRecord> = {},
): Promise<SeededKey> {
  const text = newKeyText('FG1');
  const id = newId('key');
  const key: KeyRecord = {
    id,
    licenseId: license.id,
    role: 'normal',
    label: '',
    purpose: 'commercial',
    siteLimit: null,
    hash: seedSecrets.lookupHash(text),
    hint: keyHint(text),
    sealed: seedSecrets.seal('license-key', id, text),
    domains: null,
    suspendedAt: null,
    revokedAt: null,
    revokeReason: null,
    lastUsedAt: null,
    endsAt: null,
    replacedBy: null,
    batchId: null,
    createdAt: toIso(SEED_NOW),
    ...change,
  };
  await db.tx((tx) => insertKey(tx, key, ACTOR));
  return { ...key, text };
}

/** A counted slot of a host, seen at `SEED_NOW`; the license's counters go along. */
export async function seedSite(
  db: Db,
  license: Pick<LicenseRecord, 'id'>,
  host: string,
  change: Partial<ActivationRecord & SlotNotes> = {},
): Promise<ActivationRecord> {
  const activation: ActivationRecord & Partial<SlotNotes> = {
    id: newId('activation'),
    licenseId: license.id,
    keyId: null,
    kind: 'site',
    identity: host,
    host,
    instance: null,
    counted: true,
    exemptReason: null,
    firstSeenAt: toIso(SEED_NOW),
    lastSeenAt: toIso(SEED_NOW),
    releasedAt: null,
    releasedBy: null,
    ...change,
  };
  await db.tx((tx) => insertActivation(tx, activation));
  return activation;
}

/** What most tests start from: a license of one package with one key. */
export async function seedSoldLicense(
  db: Db,
  shop: Pick<Shop, 'organization'>,
  change: PackageChange & { given?: number; quantity?: number } = {},
): Promise<{ package: PackageRecord; license: LicenseRecord; grant: GrantRecord; key: SeededKey }> {
  const sold = await seedPackage(db, shop.organization, change);
  const license = await seedLicense(db, shop.organization);
  const given = change.given ?? SEED_NOW;
  const grant = await seedGrant(db, license, sold, { given, quantity: change.quantity ?? 1 });
  return { package: sold, license, grant, key: await seedKey(db, license) };
}
