import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exampleFacts } from '../../feeds/joomla/fixtures/example.ts';
import { toIso } from '../../src/clock.ts';
import type { Db } from '../../src/db/connect.ts';
import { newId } from '../../src/ids.ts';
import { replaceArtifacts, saveRelease } from '../../src/releases/store-releases.ts';
import type { Teller } from './api-examples.ts';
import { connecting, writing } from './api-story-accounts.ts';
import { money, seeMoney } from './api-story-money.ts';
import { selling } from './api-story-selling.ts';
import { settingUp } from './api-story-settings.ts';
import { startFakeForge } from './fake-forge.ts';
import { playedForge, SEED_NOW, seedForge, seedOrganization, seedProduct, seedRepository, seedSite } from './seed.ts';
import { type SeededPerson, seedOperator } from './seed-people.ts';

/** A site of a license, seen by a poll before. */
type SeeSite = (licenseId: string, host: string) => Promise<void>;

const MANIFEST = `<?xml version="1.0" encoding="utf-8"?>
<extension type="plugin" group="system" method="upgrade">
  <name>Hello</name>
  <version>1.2.0</version>
  <files><filename plugin="hello">hello.php</filename></files>
</extension>
`;

/** What there is before the story begins: Acme on a forge, with a repository, its product and a release. */
export async function setScene(db: Db) {
  const remote = await startFakeForge({ kind: 'gitea', now: () => SEED_NOW });
  const repo = await remote.createRepository({ owner: 'acme', name: 'hello' });
  await remote.pushBranch(repo, { 'hello.xml': MANIFEST, 'hello.php': '<?php\n' });
  const forge = await seedForge(db, { ...playedForge(remote), name: 'git.example.com' });
  const helpdesk = String(remote.createTeam('acme', { name: 'Helpdesk' }).id);
  const organization = await seedOrganization(db, forge, { owner: 'acme', slug: 'acme', name: 'Acme' });
  const repository = await seedRepository(db, organization, { name: 'hello', remoteId: String(repo.id) });
  const product = await seedProduct(db, organization, repository, { name: 'Hello', description: 'Greets visitors.' });
  const releaseId = newId('release', SEED_NOW);
  const at = toIso(SEED_NOW);
  await db.tx((tx) =>
    saveRelease(tx, {
      ...{ id: releaseId, productId: product.id, version: '1.2.0', tag: 'v1.2.0', commitId: 'c'.repeat(40) },
      ...{ webUrl: 'https://git.example.com/acme/hello/releases/tag/v1.2.0', forgeReleaseId: '12', channel: 'stable' },
      ...{ clientWord: 'stable', notes: 'Greets more people.', changelog: [], security: false, targets: {} },
      ...{ phpMinimum: '8.1', state: 'listed', fingerprint: '', firstSeenAt: at, updatedAt: at },
      ...{ withdrawnAt: null, yankedAt: null, yankedBy: null, yankReason: null },
    }),
  );
  const digest = { sha256: 'a'.repeat(64), sha384: 'b'.repeat(96), sha512: 'c'.repeat(128) };
  const facts = exampleFacts({
    ...{ type: 'plugin', element: 'hello', folder: 'system', client: 'site', name: 'Hello', version: '1.2.0' },
    ...{ updateServers: [], changelogUrl: null, manifestPath: 'hello.xml' },
  });
  const artifact = {
    ...{ id: newId('artifact', SEED_NOW), releaseId, platform: 'joomla' as const, fileName: 'plg_hello-1.2.0.zip' },
    ...{ size: 20_480, ...digest, facts, repack: null, listed: true, createdAt: at },
    source: { kind: 'asset' as const, id: '31', locator: '31', name: 'plg_hello-1.2.0.zip' },
  };
  await db.tx((tx) => replaceArtifacts(tx, releaseId, [artifact], 'test', at));
  const seeSite: SeeSite = async (licenseId, host) => void (await seedSite(db, { id: licenseId }, host));
  const receiver = createServer((_req, res) => void res.writeHead(204).end());
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks/feedgate`;
  const addresses = [
    [remote.url, 'https://git.example.com'],
    [new URL(receiverUrl).origin, 'https://shop.example'],
  ] as const;
  async function close() {
    receiver.close();
    await remote.close();
  }
  const operator = await seedOperator(db);
  const paid = (licenseId: string) => seeMoney(db, licenseId);
  return {
    db,
    organization,
    repository,
    product,
    releaseId,
    seeSite,
    paid,
    receiverUrl,
    addresses,
    close,
    operator,
    helpdesk,
  };
}

type Does = Teller['does'];

const ORG = { org: 'acme' };
const REPO = { org: 'acme', repo: 'hello' };
const BUYER = { customer_name: 'Ada Lovelace', customer_email: 'ada@example.com' };

/** One life of an organization, in which every operation of the API is called once at least, the way that its caller would. */
export async function tellStory(teller: Teller, scene: Awaited<ReturnType<typeof setScene>>): Promise<void> {
  const { does } = teller;
  const product = { id: scene.product.id };
  await catalog(does, product);
  const packages = await sellable(does, scene.product.id);
  const sold = await shop(does, packages);
  await scene.seeSite(sold.license, 'example.com');
  await managed(does, sold, packages);
  await usage(does, product, { id: sold.key });
  await broughtIn(does);
  await customers(does);
  await found(does, sold);
  await dated(does, packages);
  await told(does, scene.receiverUrl);
  await looked(does, sold);
  await moved(does, product);
  await many(does, packages, sold);
  await releases(does, { id: scene.releaseId }, product);
  await people(does, scene.operator, scene.helpdesk);
  await settingUp(does, packages, product);
  await selling(teller, scene.db, scene, packages);
  await money(does, await scene.paid(sold.license), sold.text);
  await connecting(does);
  await writing(does, scene.db, scene, sold.license);
}

async function catalog(does: Does, product: { id: string }): Promise<void> {
  await does('listOrganizations');
  await does('getOrganization', { params: ORG });
  await does('changeOrganization', {
    params: ORG,
    body: { support_url: 'https://acme.example/help', renew_url: 'https://acme.example/renew' },
  });
  await does('listChannels', { params: ORG });
  const rules = await does('getOrganizationTagRules', { params: ORG });
  await does('setOrganizationTagRules', { params: ORG, body: rules });
  const own = await does('getRepositoryTagRules', { params: REPO });
  await does('setRepositoryTagRules', { params: REPO, body: own.repository });
  await does('listProducts', { params: ORG });
  await does('createProduct', { params: ORG, body: { slug: 'desk-app', name: 'Desk app', platforms: ['joomla'] } });
  await does('getProduct', { params: product });
  await does('changeProduct', { params: product, body: { mode: 'listed', open_channels: ['stable'] } });
  await does('addAlias', { params: product, body: { path: 'raw/acme/hello/updates.xml', document: 'updates.xml' } });
  await does('listAliases', { params: product });
  await does('removeAlias', { params: product, query: { path: 'raw/acme/hello/updates.xml' } });
  await does('listProblems', { params: product });
  await does('syncProduct', { params: product });
}

async function sellable(does: Does, productId: string) {
  const yearly = await does('createRepositoryPackage', {
    params: REPO,
    body: {
      name: 'One year',
      duration: { value: 1, unit: 'year' },
      channels: ['stable'],
      sites: 3,
      after_end: 'owned',
    },
  });
  const bundle = await does('createOrganizationPackage', {
    params: ORG,
    body: { name: 'Everything, for life', duration: null, channels: ['stable', 'beta'], sites: null },
  });
  const more = await does('createRepositoryPackage', {
    params: REPO,
    body: {
      name: 'Five more sites',
      kind: 'addon',
      duration: { value: 1, unit: 'year' },
      sites: 5,
      products: [productId],
    },
  });
  await does('listRepositoryPackages', { params: REPO });
  await does('listOrganizationPackages', { params: ORG });
  await does('getRepositoryPackage', { params: { ...REPO, id: yearly.id } });
  await does('getOrganizationPackage', { params: { ...ORG, id: bundle.id } });
  await does('changeRepositoryPackage', { params: { ...REPO, id: yearly.id }, body: { grace_days: 7 } });
  await does('listRepositoryPackageVersions', { params: { ...REPO, id: yearly.id } });
  await does('listOrganizationPackageVersions', { params: { ...ORG, id: bundle.id } });
  const slip = { name: 'A slip', duration: null, sites: 1 };
  const here = await does('createRepositoryPackage', { params: REPO, body: slip });
  await does('deleteRepositoryPackage', { params: { ...REPO, id: here.id } });
  const there = await does('createOrganizationPackage', { params: ORG, body: slip });
  await does('deleteOrganizationPackage', { params: { ...ORG, id: there.id } });
  await does('changeOrganizationPackage', { params: { ...ORG, id: bundle.id }, body: { name: 'Everything for life' } });
  return { yearly: yearly.id as string, bundle: bundle.id as string, addon: more.id as string };
}

type Packages = Awaited<ReturnType<typeof sellable>>;

async function shop(does: Does, packages: Packages) {
  const sale = { ...BUYER, package_id: packages.yearly, domains: ['example.com'], payment_ref: 'order-1001' };
  const sold = await does('sellRepositoryLicenseKey', { params: REPO, body: sale });
  const bought = { ...BUYER, package_id: packages.bundle, payment_ref: 'order-1002' };
  const whole = await does('sellOrganizationLicenseKey', { params: ORG, body: bought });
  const renewal = { valid_until: '2028-01-01T00:00:00Z', payment_ref: 'order-1003' };
  const here = { ...REPO, id: sold.id };
  const there = { ...ORG, id: whole.id };
  await does('changeRepositoryLicenseKey', { params: here, body: renewal });
  await does('changeOrganizationLicenseKey', { params: there, body: { domains: ['*.example.org'] } });
  await does('listRepositoryLicenseKeys', { params: REPO, query: { limit: 1 } });
  await does('listOrganizationLicenseKeys', { params: ORG, query: { license_id: whole.license_id } });
  await does('getRepositoryLicenseKey', { params: here });
  await does('getOrganizationLicenseKey', { params: there });
  const question = { product: 'acme/hello', site: 'https://example.com/', channel: 'stable' };
  await does('validateLicense', { body: { key: sold.key, ...question }, token: null });
  await activated(does, whole.key);
  await does('validateRepositoryLicenseKey', { params: here, body: question });
  await does('validateOrganizationLicenseKey', { params: there, body: question });
  await does('getRepositoryLicenseKeyUsage', { params: here });
  await does('getOrganizationLicenseKeyUsage', { params: there });
  return { key: sold.id as string, license: sold.license_id as string, text: sold.key as string };
}

/** What a site does with its key. */
async function activated(does: Does, key: string): Promise<void> {
  const site = { product: 'acme/hello', site: 'https://shop.example.org/', label: 'The shop' };
  const runs = { version: '1.2.0', platform: 'joomla', platform_version: '5.2.1' };
  await does('activateLicense', { body: { key, ...site, ...runs }, token: null });
  await does('listOwnSites', { body: { key }, token: null });
  await does('deactivateLicense', { body: { key, site: 'blog.example.org' }, token: null });
}

type Sold = Awaited<ReturnType<typeof shop>>;

async function managed(does: Does, sold: Sold, packages: Packages): Promise<void> {
  const license = { id: sold.license };
  await does('listLicenses', { params: ORG, query: { customer_email: 'ada@example.com' } });
  await does('createLicense', { params: ORG, body: { ...BUYER, package_id: packages.yearly, source: 'admin' } });
  await does('getLicense', { params: license });
  await does('changeLicense', { params: license, body: { notes: 'Asked for an invoice in French.' } });
  const grant = await does('addGrant', {
    params: license,
    body: { package_id: packages.addon, payment_ref: 'order-1004' },
  });
  await does('listGrants', { params: license });
  await does('closeGrant', { params: { id: grant.id }, body: { reason: 'refunded' } });
  await does('reopenGrant', { params: { id: grant.id }, body: { reason: 'the dispute was won' } });
  await does('suspendLicense', { params: license });
  await does('resumeLicense', { params: license });
  const second = await does('addKey', { params: license, body: { label: 'The blog', domains: ['blog.example.com'] } });
  await does('listKeys', { params: ORG });
  await does('getKey', { params: { id: second.id } });
  await does('showKey', { params: { id: second.id } });
  await does('changeKey', { params: { id: second.id }, body: { label: 'The old blog' } });
  await does('suspendKey', { params: { id: second.id } });
  await does('resumeKey', { params: { id: second.id } });
  await does('replaceKey', { params: { id: second.id }, body: { overlap_days: 14, reason: 'the agency changed' } });
  await does('revokeKey', { params: { id: second.id }, body: { reason: 'leaked' } });
  await does('deleteKey', { params: { id: second.id } });
  await does('addSite', { params: license, body: { site: 'blog.example.com', label: 'The blog' } });
  const sites = await does('listSites', { params: license });
  await does('listOrganizationSites', { params: ORG, query: { host: 'example' } });
  await does('releaseSite', { params: { ...license, site_id: sites.items[0].id } });
  await does('revokeLicense', { params: license });
}

async function broughtIn(does: Does): Promise<void> {
  const csv = 'key,package,customer_email,valid_until\nOLD-1234,Everything for life,eve@example.com,2027-01-31\n';
  const body = { kind: 'keys', csv, source: 'old shop', timezone: 'Europe/Berlin', dry_run: false };
  const made = await does('createImport', { params: ORG, body });
  await does('listImports', { params: ORG });
  await does('getImport', { params: { ...ORG, id: made.import.id } });
}

async function usage(does: Does, product: { id: string }, key: { id: string }): Promise<void> {
  await does('getProductUsage', { params: product, query: { group_by: 'code' } });
  await does('exportProductUsage', { params: product, query: { group_by: 'version' } });
  await does('getOrganizationUsage', { params: ORG, query: { from: '2025-12-01', to: '2026-01-31' } });
  await does('exportOrganizationUsage', { params: ORG });
  await does('getKeyUsage', { params: key, query: { group_by: 'site' } });
  await does('exportKeyUsage', { params: key, query: { format: 'json' } });
  await does('listInstallations', { params: product, query: { version: '1.2' } });
  await does('exportInstallations', { params: product, query: { below: '1.3.0' } });
  await does('listProductRefusals', { params: product });
  await does('listKeyRefusals', { params: key });
}

async function releases(does: Does, release: { id: string }, product: { id: string }): Promise<void> {
  await does('listReleases', { params: product });
  await does('getRelease', { params: release });
  await does('yankRelease', { params: release, body: { reason: 'It breaks the menu.' } });
  await does('unyankRelease', { params: release });
  await does('listProductSites', { params: product });
  await does('retireProduct', { params: product });
  await does('unretireProduct', { params: product });
}

async function customers(does: Does): Promise<void> {
  const wish = {
    name: 'Grace Hopper',
    email: 'grace@example.com',
    organization_name: 'Navy',
    external_customer_id: 'crm-7',
  };
  const grace = await does('createCustomer', { params: ORG, body: wish });
  const twin = await does('createCustomer', { params: ORG, body: { name: 'G. Hopper', email: 'grace@example.com' } });
  await does('listCustomers', { params: ORG, query: { q: 'hopper', sort: 'name' } });
  await does('listCustomerDoubles', { params: ORG });
  await does('getCustomer', { params: { id: grace.id } });
  await does('changeCustomer', { params: { id: grace.id }, body: { kind: 'reseller', notes: 'Pays by invoice.' } });
  await does('mergeCustomer', { params: { id: twin.id }, body: { into: grace.id } });
  await does('exportCustomers', { params: ORG });
  await does('exportCustomer', { params: { id: grace.id } });
  await does('anonymizeCustomer', { params: { id: grace.id }, body: { dry_run: true } });
}

async function found(does: Does, sold: Sold): Promise<void> {
  await does('searchOrganizationLicenseKeys', { params: ORG, body: { key: sold.text } });
  await does('searchRepositoryLicenseKeys', { params: REPO, body: { key: sold.text } });
  await does('listRepositoryLicenses', { params: REPO, query: { status: 'active', sort: 'valid_until' } });
  await does('exportOrganizationLicenses', { params: ORG, query: { customer_email: 'ada@example.com' } });
  await does('exportRepositoryLicenses', { params: REPO, query: { format: 'json' } });
  await does('exportOrganizationLicenseKeys', { params: ORG, query: { never_used: true } });
  await does('exportRepositoryLicenseKeys', { params: REPO, query: { purpose: 'commercial' } });
}

async function dated(does: Does, packages: Packages): Promise<void> {
  const sale = { ...BUYER, package_id: packages.yearly };
  const made = await does('createLicense', { params: ORG, body: { ...sale, payment_ref: 'order-1005' } });
  const license = { id: made.id };
  await does('renewLicense', { params: license, body: { payment_ref: 'order-1006' } });
  await does('extendLicense', { params: license, body: { days: 14, reason: 'an outage of ours' } });
  await does('shortenLicense', { params: license, body: { until: '2026-12-31T23:59:59Z' } });
  await does('switchLicense', { params: license, body: { package_id: packages.bundle, payment_ref: 'order-1007' } });
  const mistake = await does('createLicense', { params: ORG, body: { ...sale, source: 'admin' } });
  await does('deleteLicense', { params: { id: mistake.id } });
}

async function told(does: Does, url: string): Promise<void> {
  const wish = { url, types: ['license.*', 'key.revoked'] };
  const made = await does('createWebhook', { params: ORG, body: { ...wish, description: 'The shop' } });
  const hook = { id: made.id };
  await does('listWebhooks', { params: ORG });
  await does('getWebhook', { params: hook });
  await does('changeWebhook', { params: hook, body: { types: ['*'] } });
  await does('rotateWebhookSecret', { params: hook, body: { overlap_hours: 24 } });
  await does('testWebhook', { params: hook });
  const deliveries = await does('listWebhookDeliveries', { params: hook });
  const delivery = { id: deliveries.items[0].id };
  await does('getWebhookDelivery', { params: delivery });
  await does('resendWebhookDelivery', { params: delivery });
  await does('removeWebhook', { params: hook });
}

async function looked(does: Does, sold: Sold): Promise<void> {
  await does('listAudit', { params: ORG, query: { action: 'key', limit: 2 } });
  await does('listAuditOf', { params: { id: sold.license }, query: { limit: 2 } });
}

/** By a person in his browser. */
async function people(does: Does, { session, otherSessionId }: SeededPerson, team: string): Promise<void> {
  await does('getMe', { session });
  await does('listMySessions', { session });
  await does('endMySession', { params: { id: otherSessionId }, session });
  await does('endMyOtherSessions', { session });
  await does('getTeamRoles', { params: ORG });
  await does('setTeamRoles', { params: ORG, body: { team_roles: [{ team_id: team, role: 'support' }] } });
}

async function moved(does: Does, product: { id: string }): Promise<void> {
  await does('adoptProduct', { params: product, body: { dry_run: true } });
  await does('adoptOrganization', { params: ORG, body: { dry_run: true } });
  await does('setBridge', { params: product, body: { branch: 'main', path: 'updates.xml' } });
  await does('getMoving', { params: product });
  await does('endBridge', { params: product });
}

async function many(does: Does, { yearly, bundle }: Packages, sold: Sold): Promise<void> {
  await does('makeOrganizationTestKey', { params: ORG, body: { package_id: bundle, days: 14 } });
  await does('makeRepositoryTestKey', { params: REPO, body: { package_id: yearly, label: 'On the laptop' } });
  const wish = { package_id: yearly, count: 2, name: 'Marketplace, January', label: 'marketplace' };
  const batch = await does('makeRepositoryKeyBatch', { params: REPO, body: wish });
  await does('makeOrganizationKeyBatch', { params: ORG, body: { package_id: bundle, count: 1 } });
  await does('listKeyBatches', { params: ORG });
  await does('getKeyBatch', { params: { id: batch.id } });
  await does('exportKeyBatch', { params: { id: batch.id } });
  const plan = { action: 'extend', params: { days: 7 }, selection: { license_ids: [sold.license] } };
  const bulk = await does('planBulk', { params: ORG, body: plan });
  await does('runBulk', { params: { id: bulk.id } });
  const other = await does('planBulk', { params: ORG, body: plan });
  await does('cancelBulk', { params: { id: other.id } });
  await does('listBulk', { params: ORG });
  await does('getBulk', { params: { id: bulk.id } });
  await does('listBulkResults', { params: { id: bulk.id } });
  await does('exportBulkResults', { params: { id: bulk.id } });
}
