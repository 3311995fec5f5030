import { toIso } from '../../src/clock.ts';
import type { Db } from '../../src/db/connect.ts';
import { newId } from '../../src/ids.ts';
import { sealedAccount } from '../../src/payments/accounts.ts';
import { type AccountRecord, insertAccount } from '../../src/payments/store-accounts.ts';
import { SEED_NOW, seedSecrets } from './seed.ts';

let count = 0;

/** An account of the provider `fake`, in live mode. */
export async function seedAccount(
  db: Db,
  organization: { id: string },
  change: Partial<AccountRecord> = {},
): Promise<AccountRecord> {
  count += 1;
  const id = change.id ?? newId('payment_account');
  const account: AccountRecord = {
    ...{ id, organizationId: organization.id, provider: 'fake', mode: 'live' },
    ...sealedAccount(seedSecrets, id, { credentials: { secret: 'sk_1' }, hookSecrets: ['hook_1'] }),
    ...{ hookId: null, externalId: `acct_${count}`, source: 'api', active: true, cursor: null },
    settings: { automaticTax: false, taxIds: false, invoices: false, promotionCodes: false },
    ...{ reconciledAt: null, checkedAt: null, faults: [] },
    ...{ createdAt: toIso(SEED_NOW), createdBy: 'test' },
    ...change,
  };
  await db.tx((tx) => insertAccount(tx, account));
  return account;
}

/** An account at Stripe that nobody has asked yet. */
export function seedStripeAccount(
  db: Db,
  organization: { id: string },
  change: Partial<AccountRecord> = {},
): Promise<AccountRecord> {
  return seedAccount(db, organization, { provider: 'stripe', externalId: null, ...change });
}

/** What a shop signs with. */
export const SHOP_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** An account of a shop of another kind, which has nothing at a provider. */
export async function seedShopAccount(
  db: Db,
  organization: { id: string },
  change: Partial<AccountRecord> = {},
  hookSecrets: readonly string[] = [SHOP_SECRET],
): Promise<AccountRecord> {
  const id = change.id ?? newId('payment_account');
  const sealed = sealedAccount(seedSecrets, id, { credentials: {}, hookSecrets });
  return seedAccount(db, organization, { id, provider: 'shop', externalId: null, ...sealed, ...change });
}
