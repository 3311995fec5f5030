import type { Db } from '../db/connect.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { soldWithoutPrice } from '../licensing/store-packages.ts';
import { pricesOfOrganization } from '../licensing/store-prices.ts';
import type { Finding } from './gateway.ts';
import { accountsOf } from './store-accounts.ts';

export interface SellingGround {
  mail: { transport: string };
  publicUrl: string;
}

/** What keeps an organization from selling, beside what its accounts themselves lack. */
export async function readiness(
  db: Db,
  { id, slug, settings }: OrganizationRecord,
  { mail, publicUrl }: SellingGround,
): Promise<Finding[]> {
  const { accounts, prices, unpriced } = await db.read(async (tx) => ({
    accounts: await accountsOf(tx, { organizationId: id, active: true }),
    prices: await pricesOfOrganization(tx, id),
    unpriced: await soldWithoutPrice(tx, id),
  }));
  const findings: Finding[] = [];
  const add = (severity: Finding['severity'], code: string, detail: string, fix: string) =>
    findings.push({ severity, code, detail, fix });
  if (accounts.length === 0)
    add('error', 'NO_ACCOUNT', 'no payment provider is connected', `feedgate payments connect ${slug} …`);
  if (prices.length === 0)
    add(
      'error',
      'NO_PRICES',
      'no package has a price',
      'feedgate package change <package> --price stripe:price_…:code',
    );
  for (const name of prices.length === 0 ? [] : unpriced)
    add(
      'warning',
      'PACKAGE_WITHOUT_PRICE',
      `nobody can buy "${name}": it has no price`,
      'Give it one, or leave it so.',
    );
  for (const provider of new Set(prices.map((price) => price.provider)))
    if (accounts.length > 0 && !accounts.some((account) => account.provider === provider))
      add('warning', 'PRICE_WITHOUT_ACCOUNT', `there are prices of ${provider}, and no account there`, 'Connect one.');
  if (mail.transport !== 'smtp')
    add(
      'warning',
      'MAIL_NOT_SET',
      `buyers get no mail: the transport is "${mail.transport}"`,
      'Set SMTP_URL and MAIL_FROM.',
    );
  if (!publicUrl.startsWith('https://'))
    add('warning', 'NOT_HTTPS', `${publicUrl} is no https address: providers deliver to https only`, 'Set PUBLIC_URL.');
  const { termsUrl, privacyUrl, consent, withdrawals } = settings.seller;
  const missing = [
    ...(termsUrl === null ? ['terms (--terms-url)'] : []),
    ...(privacyUrl === null ? ['privacy (--privacy-url)'] : []),
    ...(consent === null ? ['a consent (--consent-text)'] : []),
  ];
  if (withdrawals && missing.length > 0) {
    const fix = `feedgate organization set ${slug} …; --withdrawals no where somebody else is the seller`;
    add('warning', 'SELLER_SETTINGS', `the law of the EU asks a seller for ${missing.join(', ')}`, fix);
  }
  return findings;
}
