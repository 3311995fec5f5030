import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { PaymentTrouble } from '../errors.ts';
import type { By } from '../licensing/keys.ts';
import { accountOf, gatewayOf } from './account-changes.ts';
import { hookAddressOf } from './account-hooks.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import { checkPrices, type PriceFinding } from './check-prices.ts';
import type { Finding } from './gateway.ts';
import { type AccountRecord, findAccount, isAccountUsed, lockAccount, updateAccount } from './store-accounts.ts';

/** Asks the provider what is missing or wrong, looks up the prices, and keeps what was found. */
export async function checkAccount(deps: PaymentDeps, id: string, by: By): Promise<AccountRecord> {
  const { db } = deps;
  const account = await db.read((tx) => accountOf(tx, by.actor, id));
  const { externalId, findings } = await askProvider(deps, account);
  const prices = await checkPrices(deps, account.organizationId, { provider: account.provider });
  return db.tx(async (tx) => {
    const now = (await lockAccount(tx, id)) ?? (await accountOf(tx, by.actor, id));
    const identity = await identityOf(tx, now, externalId);
    const faults = [...findings, ...identity.findings, ...findingsOf(prices)];
    await updateAccount(tx, id, { externalId: identity.externalId, faults, checkedAt: toIso(by.now) });
    return (await findAccount(tx, id)) as AccountRecord;
  });
}

async function askProvider(
  deps: PaymentDeps,
  account: AccountRecord,
): Promise<{ externalId: string | null; findings: Finding[] }> {
  const gateway = gatewayOf(deps, account.provider);
  try {
    return await gateway.check(openAccount(deps, account), await hookAddressOf(deps, account));
  } catch (error) {
    if (!(error instanceof PaymentTrouble)) throw error;
    const code = `PROVIDER_${error.reason.toUpperCase()}`;
    const fix =
      error.reason === 'unauthorized'
        ? 'Hand over credentials that the provider takes.'
        : 'Check again in a while, and see that this machine may reach the provider.';
    return { externalId: null, findings: [{ severity: 'error', code, detail: error.message, fix }] };
  }
}

/** Credentials of another account would find nothing of what was sold so far. */
async function identityOf(
  tx: Tx,
  { id, externalId: known }: AccountRecord,
  seen: string | null,
): Promise<{ externalId: string | null; findings: Finding[] }> {
  if (seen === null || known === null || seen === known || !(await isAccountUsed(tx, id)))
    return { externalId: seen ?? known, findings: [] };
  const detail = `the credentials are those of ${seen}, and what was sold so far was paid to ${known}`;
  const fix = `Hand over credentials of ${known}: of another account no renewal and no refund would be found.`;
  return { externalId: known, findings: [{ severity: 'error', code: 'OTHER_ACCOUNT', detail, fix }] };
}

function findingsOf(prices: readonly PriceFinding[]): Finding[] {
  const bad = prices.filter(({ trouble, failure }) => trouble !== '' || failure !== null);
  if (bad.length > 0) {
    const fix = 'Name another price in the package, or mend the one at the provider.';
    return bad.map(({ code, trouble, detail, failure }) => ({
      ...{ severity: 'error' as const, code: failure ? 'PRICE_NOT_READ' : `PRICE_${trouble.toUpperCase()}` },
      ...{ detail: `the price ${code}: ${detail}`, fix: failure ? '' : fix },
    }));
  }
  if (prices.length === 0) return [];
  const detail = prices.length === 1 ? 'one price was found' : `all ${prices.length} prices were found`;
  return [{ severity: 'ok', code: 'PRICES', detail: `${detail} as they are here`, fix: '' }];
}
