import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { changesBetween } from '../audit/changes.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { PaymentTrouble } from '../errors.ts';
import { lockPrice, notePriceSeen, type PriceRecord, pricesOfOrganization } from '../licensing/store-prices.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import { alertVendor } from './alerts.ts';
import type { RemotePrice } from './gateway.ts';
import { type PriceSeen, priceSeen } from './price-check.ts';
import { type AccountRecord, accountsOf } from './store-accounts.ts';

/** A price that was looked up, or could not be (`failure`). */
export interface PriceFinding {
  packageId: string;
  code: string;
  provider: string;
  trouble: PriceSeen['trouble'];
  detail: string;
  failure: PaymentTrouble | null;
}

/** Looks up the prices of an organization at the providers whose accounts are connected. A provider that does not answer changes nothing. */
export async function checkPrices(
  deps: PaymentDeps,
  organizationId: string,
  which: { provider?: string; externalId?: string } = {},
): Promise<PriceFinding[]> {
  const { prices, accounts } = await deps.db.read(async (tx) => ({
    prices: await pricesOfOrganization(tx, organizationId, which.provider ?? null),
    accounts: await accountsOf(tx, { organizationId, active: true }),
  }));
  const wanted = prices.filter((price) => which.externalId === undefined || price.external_id === which.externalId);
  const findings: PriceFinding[] = [];
  for (const price of wanted) {
    // Live goes before test: a price is of one of the two, and that of money counts.
    const own = accounts.filter(({ provider }) => provider === price.provider);
    own.sort((a, b) => (a.mode < b.mode ? -1 : 1));
    const [account] = own;
    if (account && hasPrices(deps, price)) findings.push(await checkOne(deps, price, [account, ...own.slice(1)]));
  }
  return findings;
}

/** False where nothing can be looked up: the provider has no prices, or none of this kind. */
function hasPrices({ gateways }: PaymentDeps, { provider, interval, amount_minor }: PriceRecord): boolean {
  const gateway = gateways[provider];
  if (!gateway?.readPrice) return false;
  return !(gateway.oneOffIsOurs && interval === null && amount_minor !== null);
}

async function checkOne(
  deps: PaymentDeps,
  price: PriceRecord,
  accounts: readonly [AccountRecord, ...AccountRecord[]],
): Promise<PriceFinding> {
  const { packageId, code, provider } = price;
  const of = { packageId, code, provider };
  try {
    const { account, remote } = await findRemote(deps, price, accounts);
    const seen = await deps.db.tx((tx) => noteSeen(tx, price.id, account, remote, deps.clock()));
    return { ...of, trouble: seen?.trouble ?? '', detail: seen?.detail ?? '', failure: null };
  } catch (error) {
    if (!(error instanceof PaymentTrouble)) throw error;
    return { ...of, trouble: price.trouble, detail: error.message, failure: error };
  }
}

/** The account that knows the price; where none does, the first. */
async function findRemote(
  deps: PaymentDeps,
  price: PriceRecord,
  accounts: readonly [AccountRecord, ...AccountRecord[]],
): Promise<{ account: AccountRecord; remote: RemotePrice | null }> {
  const read = deps.gateways[price.provider]?.readPrice ?? null;
  for (const account of accounts) {
    const remote = read && (await read(openAccount(deps, account), price.external_id));
    if (remote) return { account, remote };
  }
  return { account: accounts[0], remote: null };
}

/** null: the price was taken away meanwhile. What was sold is never touched. */
async function noteSeen(
  tx: Tx,
  id: string,
  account: AccountRecord,
  remote: RemotePrice | null,
  now: number,
): Promise<PriceSeen | null> {
  const price = await lockPrice(tx, id);
  if (!price) return null;
  const seen = priceSeen(price, remote);
  const at = toIso(now);
  await notePriceSeen(tx, id, seen, at);
  if (seen.trouble !== '' && seen.trouble !== price.trouble) {
    const code = `PRICE_${seen.trouble.toUpperCase()}`;
    const about = { organizationId: account.organizationId, accountId: account.id, subject: price.external_id };
    await alertVendor(tx, { ...about, code, detail: seen.detail }, now);
  }
  const { amount_minor, currency, interval, trouble } = price;
  const { detail: _, ...after } = seen;
  const changes = changesBetween({ amount_minor, currency, interval, trouble }, after);
  if (Object.keys(changes).length > 0) {
    const about = { actor: SYSTEM_ACTOR, action: 'package.price', entity: 'package', entityId: price.packageId };
    await audit(tx, { ...about, changes: { code: price.code, ...changes }, requestId: null }, now);
  }
  return seen;
}

/** For a subject `price:ID` of an account. */
export async function checkPrice(
  deps: PaymentDeps,
  { organizationId, provider }: AccountRecord,
  externalId: string,
): Promise<PriceFinding[]> {
  return throwFailures(await checkPrices(deps, organizationId, { provider, externalId }));
}

/** The job of an organization whose prices were set: tried again while a provider does not answer. */
export async function checkPricesJob(deps: PaymentDeps, organizationId: string): Promise<void> {
  throwFailures(await checkPrices(deps, organizationId));
}

function throwFailures(findings: PriceFinding[]): PriceFinding[] {
  const again = findings.find(({ failure }) => failure && !['unauthorized', 'refused'].includes(failure.reason));
  if (again?.failure) throw again.failure;
  return findings;
}

/** All prices of all organizations that have an account; what fails with one is told and keeps no other from being looked up. */
export async function checkAllPrices(
  deps: PaymentDeps,
  onError: (error: unknown, what: string) => void,
): Promise<void> {
  const accounts = await deps.db.read((tx) => accountsOf(tx, { active: true }));
  for (const organizationId of new Set(accounts.map((account) => account.organizationId))) {
    const findings = await checkPrices(deps, organizationId);
    for (const { failure, code } of findings) if (failure) onError(failure, `the price ${code}`);
  }
}
