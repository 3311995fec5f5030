import type { Db } from '../../src/db/connect.ts';
import type { OrganizationRecord } from '../../src/forge/store.ts';
import { findLicense } from '../../src/licensing/store-licenses.ts';
import { queueMail } from '../../src/notify/mails.ts';
import type { Teller } from './api-examples.ts';
import { SEED_NOW } from './seed.ts';

type Does = Teller['does'];

const ORG = { org: 'acme' };

/** Accounts at payment providers, from the first one to the last look. Whatever asks a provider goes to one that runs here. */
export async function connecting(does: Does): Promise<void> {
  const stripe = await does('connectPaymentAccount', {
    params: ORG,
    body: {
      ...{ provider: 'stripe', mode: 'test', credentials: { secret_key: 'rk_test_the_key_of_stripe' } },
      settings: { automatic_tax: true, invoices: true },
    },
  });
  const { items } = await does('listPaymentAccounts', { params: ORG });
  await does('getPaymentAccount', { params: { id: stripe.id } });
  const change = { settings: { promotion_codes: true }, active: false };
  await does('changePaymentAccount', { params: { id: stripe.id }, body: change });
  const played = items.find((each: { provider: string }) => each.provider === 'acmepay');
  await does('checkPaymentAccount', { params: { id: played.id }, body: {} });
  const csv = 'external_id,email\nI-BW452GLLEP1G,ada@example.com\n';
  await does('adoptSubscriptions', { params: { id: played.id }, body: { csv, dry_run: true } });
  const shop = await does('connectPaymentAccount', {
    params: ORG,
    body: { provider: 'shop', mode: 'test', credentials: {} },
  });
  await does('registerPaymentHook', { params: { id: shop.id }, body: {} });
  await does('removePaymentAccount', { params: { id: shop.id } });
}

/** What is written to a buyer, and what his vendor sees of it. */
export async function writing(
  does: Does,
  db: Db,
  { organization }: { organization: OrganizationRecord },
  licenseId: string,
): Promise<void> {
  const license = await db.read((tx) => findLicense(tx, licenseId));
  await db.tx((tx) =>
    queueMail(
      tx,
      {
        ...{ organizationId: organization.id, template: 'key', tag: `key:${licenseId}`, email: 'ada@example.com' },
        ...{ customerId: license?.customerId ?? null, language: 'en', about: { license_id: licenseId } },
        notBefore: SEED_NOW,
      },
      SEED_NOW,
    ),
  );
  const { items } = await does('listMails', { params: ORG, query: { license_id: licenseId } });
  await does('getMail', { params: { id: items[0].id } });
  await does('resendMail', { params: { id: items[0].id }, body: {} });
  await does('previewMail', { params: ORG, query: { template: 'key', language: 'en' } });
  await does('testMail', { params: ORG, body: { to: 'me@acme.example', template: 'key' } });
}
