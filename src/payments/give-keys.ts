import type { Actor } from '../accounts/actor.ts';
import { requireOrganization, requireScope } from '../accounts/actor.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { Problem, problem } from '../errors.ts';
import { findOrganization, type OrganizationRecord } from '../forge/store.ts';
import { kindOfId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import type { Length } from '../licensing/package-terms.ts';
import { type Sold, sell } from '../licensing/sales.ts';
import { textForSeller } from '../licensing/shop.ts';
import { pricesOfOrganization } from '../licensing/store-prices.ts';
import { sellTestKey } from '../licensing/test-keys.ts';
import { type Secrets, sameText } from '../secrets.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import { alertVendor } from './alerts.ts';
import { refuseNul } from './hook-places.ts';
import { type KeyOptions, type KeyWish, keyPath, keyQuery, keySignature } from './key-request.ts';
import { type AccountRecord, accountsOf, findAccount } from './store-accounts.ts';

/** Shops that ask for a key and mail what they are answered: form or JSON in, the key or keys out. */
export interface GiveKeysDeps {
  db: Db;
  secrets: Secrets;
}

/** Whose address was called: an organization, or one of its accounts for shops. */
export interface KeyPlace {
  organization: OrganizationRecord;
  /** Whose secrets may have signed the address. */
  accounts: AccountRecord[];
}

const PROVIDER = 'shop';
/** Keys of one request: each is a license of its own. */
const MOST_KEYS = 500;

/** By an account's id, or by an organization's slug or id. Throws NOT_FOUND. */
export async function keyPlaceOf({ db }: Pick<GiveKeysDeps, 'db'>, place: string): Promise<KeyPlace> {
  refuseNul(place);
  return db.read(async (tx) => {
    const account = kindOfId(place) === 'payment_account' ? await findAccount(tx, place) : null;
    const organization = await findOrganization(tx, account?.organizationId ?? place);
    if (!organization || (account !== null && account.provider !== PROVIDER))
      throw problem('NOT_FOUND', 'there is no such account for shops, and no such organization');
    const own = { organizationId: organization.id, provider: PROVIDER };
    return { organization, accounts: account === null ? await accountsOf(tx, own) : [account] };
  });
}

/** Who an address speaks for that was signed with a secret of an account. Throws SIGNATURE_INVALID. */
export function signerOf(
  { secrets }: Pick<GiveKeysDeps, 'secrets'>,
  { accounts }: KeyPlace,
  options: KeyOptions,
  signature: string,
): { actor: Actor; test: boolean } {
  for (const account of accounts.filter(({ active }) => active)) {
    const { hookSecrets } = openAccount({ secrets, apiBases: {} }, account);
    const mine = hookSecrets
      .filter((secret) => secret !== '')
      .map((secret) => keySignature(secret, account.id, options));
    if (mine.some((own) => sameText(own, signature))) return { actor: actorOf(account), test: account.mode === 'test' };
  }
  throw problem('SIGNATURE_INVALID', 'the address is not signed for what it says');
}

/** The address for a shop, signed with the newest secret. Throws NOT_FOUND, and NOT_SUPPORTED where the account can sign nothing. */
export async function keyAddress(
  deps: Pick<PaymentDeps, 'db' | 'secrets' | 'publicUrl'>,
  actor: Actor,
  accountId: string,
  options: KeyOptions,
): Promise<string> {
  const account = await deps.db.read((tx) => findAccount(tx, accountId));
  if (!account) throw problem('NOT_FOUND');
  requireOrganization(actor, account.organizationId);
  const [secret] = openAccount({ ...deps, apiBases: {} }, account).hookSecrets;
  if (account.provider !== PROVIDER || !secret)
    throw problem('NOT_SUPPORTED', 'only an account of the provider "shop" with a secret signs such addresses');
  const query = keyQuery(options);
  const signature = keySignature(secret, account.id, options);
  return `${deps.publicUrl}${keyPath(account.id)}?${query === '' ? '' : `${query}&`}sig=${signature}`;
}

/** It sells and is told what it sold itself: an address that leaks opens nobody else's key. */
function actorOf({ id, organizationId }: AccountRecord): Actor {
  return {
    ...{ kind: 'client', id, organizations: [organizationId], repositoryIds: null, productId: null },
    ...{ scopes: new Set(['payments:write'] as const), role: 'support' },
  };
}

/** Throws FORBIDDEN and NOT_FOUND for a token that may not sell here. */
export function requireSeller(actor: Actor, { organization }: KeyPlace): void {
  requireScope(actor, 'payments:write');
  requireOrganization(actor, organization.id);
}

/**
 * The key or keys of one line of an order, all or none. The same order and line get the same keys for ever, also when they are asked
 * for twenty times at once.
 */
export async function giveKeys(
  deps: GiveKeysDeps,
  place: KeyPlace,
  options: KeyOptions,
  wish: KeyWish,
  by: By,
): Promise<string[]> {
  const product = options.sell ?? wish.product;
  const offer = await deps.db.read((tx) => offerOf(tx, place.organization.id, product));
  if (offer === null) {
    await deps.db.tx((tx) => noteUnknown(tx, place, product, wish.order, by.now));
    throw problem('PACKAGE_UNCLEAR', `no price and no package is called "${product ?? ''}"`);
  }
  const run = () => deps.db.tx((tx) => keysOf(tx, deps.secrets, place, options, { ...wish, ...offer }, by));
  try {
    return await run();
  } catch (error) {
    // Of two requests for one line at the same moment the second finds, on another look, what the first has sold.
    if (!(error instanceof Problem) || error.code !== 'PAYMENT_LINE_CONFLICT') throw error;
    return run();
  }
}

interface Offer {
  packageId: string;
  length: Length | null;
}

/** By our code of a price, by what the shop calls it, or by a package's id. */
async function offerOf(tx: Tx, organizationId: string, name: string | null): Promise<Offer | null> {
  if (name === null) return null;
  if (kindOfId(name) === 'package') return { packageId: name, length: null };
  const prices = await pricesOfOrganization(tx, organizationId);
  const price =
    prices.find(({ code }) => code === name) ??
    prices.find(({ provider, external_id: id }) => provider === PROVIDER && id === name) ??
    prices.find(({ external_id: id }) => id === name);
  return price ? { packageId: price.packageId, length: price.duration ?? price.interval } : null;
}

async function noteUnknown(tx: Tx, place: KeyPlace, product: string | null, order: string, now: number): Promise<void> {
  const name = (product ?? '').slice(0, 200);
  const about = { organizationId: place.organization.id, accountId: place.accounts[0]?.id ?? '' };
  const detail = `a shop asked for a key of "${name}" for its order ${order}, and nothing is called so`;
  await alertVendor(tx, { ...about, code: 'UNKNOWN_PRICE', subject: name || 'no product', detail }, now);
}

async function keysOf(
  tx: Tx,
  secrets: Secrets,
  { organization }: KeyPlace,
  { keys }: KeyOptions,
  wish: KeyWish & Offer,
  by: By,
): Promise<string[]> {
  const howMany = keys === 'order' ? 1 : wish.quantity;
  if (howMany > MOST_KEYS) throw problem('INVALID_REQUEST', `at most ${MOST_KEYS} keys are made at once`);
  const texts: string[] = [];
  for (let piece = 1; piece <= howMany; piece++) {
    const line = piece === 1 ? wish.line : `${wish.line}#${piece}`;
    const sold = await soldLine(
      tx,
      secrets,
      organization,
      { ...wish, line, quantity: keys === 'order' ? wish.quantity : 1 },
      by,
    );
    const text = textForSeller(secrets, by.actor, sold.key, sold.grant);
    if (text === null) throw problem('FORBIDDEN', 'this line was sold by somebody else, who alone is told its key');
    texts.push(text);
  }
  return texts;
}

/** A test order has a series of payment references of its own: one that pays for real later is another sale. */
function soldLine(
  tx: Tx,
  secrets: Secrets,
  organization: OrganizationRecord,
  { order, line, quantity, packageId, length, test, name, email }: KeyWish & Offer,
  by: By,
): Promise<Sold> {
  const level = { organization, repository: null };
  if (test) {
    const wish = {
      productId: null,
      packageId,
      days: null,
      sites: undefined,
      label: `test order ${order}`,
      request: null,
    };
    return sellTestKey(tx, secrets, level, { ...wish, payment: { ref: `test:${order}`, line } }, by);
  }
  const sale = { organization, repositoryId: null, packageId, licenseId: null, quantity, customer: { name, email } };
  const paid = { source: 'purchase' as const, paymentRef: order, line, request: null, domains: [], length };
  return sell(tx, secrets, { ...sale, ...paid }, by);
}
