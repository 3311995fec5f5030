import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { SCOPES } from '../../src/accounts/scope.ts';
import { createToken } from '../../src/accounts/tokens.ts';
import type { Db } from '../../src/db/connect.ts';
import type { Route } from '../../src/http/route.ts';
import { newId } from '../../src/ids.ts';
import type { MailWish } from '../../src/notify/mail-wish.ts';
import { queueMail } from '../../src/notify/mails.ts';
import { accountsOf } from '../../src/payments/store-accounts.ts';
import { declareWithdrawal } from '../../src/payments/withdrawals.ts';
import { saveRelease } from '../../src/releases/store-releases.ts';
import type { Caller } from './api-server.ts';
import { SEED_NOW, type Shop, seedPackage, seedSecrets, seedSite, seedSoldLicense } from './seed.ts';
import { seedAccount } from './seed-accounts.ts';
import { seedBusiness } from './seed-money.ts';
import { seedDelivery, seedWebhook } from './seed-webhooks.ts';

/** One of each thing that a route can name, so that nothing but the caller decides what a route answers. */
export interface Things {
  shop: Shop;
  /** Ids by the segment of the path that stands before them. */
  ids: Record<string, string>;
}

/** `api` asks as somebody who may do everything. All of it belongs to the shop's repository, but for what is an organization's. */
export async function seedThings(db: Db, api: Caller, shop: Shop): Promise<Record<string, string>> {
  const sold = await seedSoldLicense(db, shop, { repository: shop.repository });
  const site = await seedSite(db, sold.license, 'one.example.com');
  const release = newId('release');
  const at = '2026-01-01T00:00:00.000Z';
  await db.tx((tx) =>
    saveRelease(tx, {
      ...{ id: release, productId: shop.product.id, version: '1.0.0', tag: '1.0.0', commitId: '', webUrl: '' },
      ...{ forgeReleaseId: null, channel: 'stable', clientWord: 'stable', notes: '', changelog: [], security: false },
      ...{ targets: {}, phpMinimum: null, state: 'listed', fingerprint: '', firstSeenAt: at, updatedAt: at },
      ...{ withdrawnAt: null, yankedAt: null, yankedBy: null, yankReason: null },
    }),
  );
  const batch = await api.post(`/organizations/${shop.organization.slug}/license-keys/batch`, {
    ...{ package_id: sold.package.id, count: 1 },
  });
  const bulk = await api.post(`/organizations/${shop.organization.slug}/bulk`, {
    ...{ action: 'suspend', selection: { license_ids: [sold.license.id] } },
  });
  const by = { actor: CLI_ACTOR, now: SEED_NOW, requestId: null };
  const wish = { orderRef: 'none', email: 'ada@example.com', name: 'Ada' };
  const withdrawal = await declareWithdrawal(db, shop.organization, wish, 'en', by);
  return {
    withdrawals: withdrawal.id,
    batches: batch.json.id,
    bulk: bulk.json.id,
    imports: await importId(api, shop),
    packages: sold.package.id,
    'license-keys': sold.key.id,
    keys: sold.key.id,
    licenses: sold.license.id,
    customers: sold.license.customerId,
    grants: sold.grant.id,
    products: shop.product.id,
    releases: release,
    audit: sold.license.id,
    ...(await webhookIds(db, shop)),
    mails: await mailId(db, shop, sold.license),
    ...(await moneyIds(db, shop, sold)),
    accounts: await accountId(api, shop),
    tokens: await tokenId(db, shop),
    site_id: site.id,
    sessions: newId('session'),
  };
}

const OLD_KEYS = { kind: 'keys', csv: 'key,package\nold,None', source: 'old shop' };

async function importId(api: Caller, { organization }: Shop): Promise<string> {
  return (await api.post(`/organizations/${organization.slug}/imports`, OLD_KEYS)).json.import.id;
}

async function tokenId(db: Db, { organization }: Shop): Promise<string> {
  const wish = { name: 't', organizationId: organization.id, scopes: [...SCOPES], expiresAt: null };
  return (await createToken({ db, secrets: seedSecrets }, wish, CLI_ACTOR, SEED_NOW)).token.id;
}

/** Of one account an organization, as it has no second one of the same provider and mode. */
async function moneyIds(
  db: Db,
  { organization }: Shop,
  sold: Awaited<ReturnType<typeof seedSoldLicense>>,
): Promise<Record<string, string>> {
  const [known] = await db.read((tx) => accountsOf(tx, { organizationId: organization.id, provider: 'fake' }));
  const account = known ?? (await seedAccount(db, organization));
  const { license, package: each } = sold;
  const of = { account, customerId: license.customerId, licenseId: license.id, packageId: each.id };
  const made = await seedBusiness(db, organization, of);
  return {
    orders: made.order.id,
    subscriptions: made.subscription.id,
    payments: made.payment.id,
    refunds: made.refund.id,
    disputes: made.dispute.id,
    'payment-events': made.event,
    'payment-alerts': made.alert,
  };
}

/** Of a shop that has no provider behind it, so that a check asks nobody. */
const SHOP_ACCOUNT = { provider: 'shop', credentials: {} };

/** An organization has one of a kind. */
async function accountId(api: Caller, { organization }: Shop): Promise<string> {
  const list = `/organizations/${organization.slug}/payments/accounts`;
  const made = await api.post(list, { ...SHOP_ACCOUNT, mode: 'test' });
  return made.status === 201 ? made.json.id : (await api.get(list)).json.items.at(-1).id;
}

async function webhookIds(db: Db, { organization }: Shop): Promise<Record<string, string>> {
  const webhook = await seedWebhook(db, organization, { url: 'http://127.0.0.1:1/' });
  return { webhooks: webhook.id, 'webhook-deliveries': await seedDelivery(db, webhook) };
}

async function mailId(
  db: Db,
  { organization }: Shop,
  { id, customerId }: { id: string; customerId: string },
): Promise<string> {
  const wish: MailWish = {
    ...{ organizationId: organization.id, template: 'key', tag: `key:${id}`, customerId, email: 'ada@example.com' },
    ...{ language: '', about: { license_id: id }, notBefore: SEED_NOW },
  };
  return db.tx(async (tx) => {
    await queueMail(tx, wish, SEED_NOW);
    return (await tx('mails').where({ tag: wish.tag }).first('id')).id as string;
  });
}

/** A right address of the route; everything that it names exists. */
export function addressOf({ path, operationId }: Route, { shop, ids }: Things): string {
  const address = path
    .replace('/api/v1', '')
    .replace('{org}', shop.organization.slug)
    .replace('{repo}', shop.repository.name)
    .replace('{site_id}', ids['site_id'] ?? '')
    .replace(/([a-z-]+)\/\{id\}/, (_, kind: string) => `${kind}/${ids[kind]}`);
  return operationId === 'removeAlias' ? `${address}?path=${shop.path}` : address;
}

/** A right body, so that nothing but the token decides. */
export async function bodyFor(db: Db, { operationId }: Route, { shop, ids }: Things): Promise<object> {
  if (operationId === 'createImport') return OLD_KEYS;
  if (operationId === 'connectPaymentAccount') return { ...SHOP_ACCOUNT, mode: 'live' };
  if (operationId === 'testMail') return { to: 'ada@example.com' };
  const buyer = { customer_name: 'Ada', customer_email: 'ada@example.com' };
  const repository = shop.repository;
  if (/^create\w+Package$/.test(operationId)) return { name: 'New', duration: null, sites: 1 };
  if (/^sell\w+LicenseKey$|^createLicense$/.test(operationId))
    return { ...buyer, package_id: (await seedPackage(db, shop.organization, { repository })).id };
  if (operationId === 'createOrder') return { items: [{ price: 'pro' }] };
  if (operationId === 'addGrant') return { package_id: ids['packages'] };
  if (operationId === 'createProduct') return { slug: `app-${newId('job')}`, platforms: ['joomla'] };
  if (operationId === 'setBridge') return { branch: 'main', path: 'updates.xml' };
  if (operationId === 'addSite') return { site: 'two.example.com' };
  if (operationId === 'addAlias') return { path: `${shop.organization.slug}/${newId('job')}` };
  if (operationId === 'validateOrganizationLicenseKey') return { product: shop.product.id };
  if (/^search\w+LicenseKeys$/.test(operationId)) return { key: 'nobodys' };
  if (operationId === 'createCustomer') return { name: 'Ada' };
  if (operationId === 'anonymizeCustomer') return { dry_run: true };
  if (operationId === 'mergeCustomer') return { into: ids['customers'] };
  if (operationId === 'createWebhook') return { url: 'https://hooks.example.com/', types: ['*'] };
  if (/^create\w+Token$/.test(operationId)) return { name: 'CI', scopes: ['licenses:read'] };
  if (operationId === 'setTeamRoles') return { team_roles: [] };
  if (operationId === 'changeLicense') return { notes: 'n' };
  if (/^(extend|shorten)License$/.test(operationId)) return { days: 1 };
  if (/KeyBatch$/.test(operationId)) return { package_id: ids['packages'], count: 1 };
  if (operationId === 'planBulk') return { action: 'resume', selection: { license_ids: [ids['licenses']] } };
  if (operationId === 'reportSubscriptionUsage') return { name: 'calls', value: 1 };
  if (operationId === 'changeSubscription') return { price: 'premium', quantity: 1, when: 'now' };
  if (operationId === 'switchLicense') return { package_id: ids['packages'] };
  return {};
}
