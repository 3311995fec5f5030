import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { Problem } from '../errors.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { newId } from '../ids.ts';
import { chainsOf, mainChains } from '../licensing/chains.ts';
import { closeGrant } from '../licensing/grants.ts';
import { type By, createKey } from '../licensing/keys.ts';
import { newLicense } from '../licensing/new-license.ts';
import { customerFor } from '../licensing/own-customers.ts';
import { noteGrant, noteLicense } from '../licensing/sales.ts';
import { keysOfLicense } from '../licensing/store-keys.ts';
import {
  type DealGrant,
  findLicense,
  type GrantRecord,
  insertGrant,
  insertLicense,
  type LicenseRecord,
  lockLicense,
} from '../licensing/store-licenses.ts';
import { ledgersOf } from '../licensing/store-lookup.ts';
import type { Secrets } from '../secrets.ts';
import type { Deal, Wanted } from './deal.ts';
import { keyOf } from './plan-ledger.ts';
import { updateOrder, updateOrderLine } from './store-orders.ts';

export interface IssueGround {
  secrets: Secrets;
  organization: OrganizationRecord;
  deal: Deal;
  /** What the provider says of the buyer, where the order knows nothing. */
  buyer: { name: string; email: string };
  by: By;
}

export interface Issued {
  /** All licenses that the deal has lines in. */
  licenseIds: Set<string>;
  /** Made now, open: their buyers get a key. */
  made: string[];
  /** More of a license that was there: added now, open. */
  added: { licenseId: string; source: GrantRecord['source'] }[];
  /** Revoked licenses that a subscription goes on paying for. */
  forRevoked: Set<string>;
  /** Of the subscription. */
  licenseId: string | null;
  customerId: string | null;
}

/**
 * Brings the ledger to what is wanted: missing lines are written, lines that were given back are closed, and those that are not any
 * more opened again. What a person has closed or opened by hand stays as it is.
 */
export async function issue(
  tx: Tx,
  ground: IssueGround,
  wanted: readonly Wanted[],
  existing: readonly DealGrant[],
): Promise<Issued> {
  const { deal } = ground;
  const state: State = {
    ...{ licenseIds: new Set(), made: [], added: [], forRevoked: new Set() },
    licenseId: deal.subscription?.licenseId ?? null,
    customerId: deal.order?.customerId ?? deal.subscription?.customerId ?? null,
    grants: new Map(existing.map((each) => [keyOf(each.grant.paymentRef ?? '', each.grant.line), each.grant])),
    lines: new Map(deal.lines.map(({ line, licenseId }) => [line, licenseId])),
  };
  for (const want of wanted) {
    const known = existing.find(({ grant }) => keyOf(grant.paymentRef ?? '', grant.line) === want.key);
    if (known) await settle(tx, ground, state, want, known);
    else await write(tx, ground, state, want);
  }
  return state;
}

interface State extends Issued {
  grants: Map<string, GrantRecord>;
  /** Where each line of the order goes. */
  lines: Map<string, string | null>;
}

async function settle(
  tx: Tx,
  ground: IssueGround,
  state: State,
  want: Wanted,
  { grant, last }: DealGrant,
): Promise<void> {
  state.licenseIds.add(grant.licenseId);
  await remember(tx, ground, state, want, grant.licenseId);
  const { by } = ground;
  // By hand: nothing that a provider tells goes over it.
  if (last !== null && last.createdBy !== by.actor.id) return;
  const isOpen = (last?.kind ?? 'reopen') === 'reopen';
  if (isOpen === want.open) return;
  const reason = want.open ? 'the money was not given back after all' : want.reason;
  await closeGrant(tx, grant.id, want.open ? 'reopen' : 'close', reason, by);
}

async function write(tx: Tx, ground: IssueGround, state: State, want: Wanted): Promise<void> {
  const { by, organization, deal } = ground;
  const license = await licenseFor(tx, ground, state, want);
  const takesPlace = await supersededBy(tx, ground, state, want, license);
  const { time } = want;
  const grant: GrantRecord = {
    ...{ id: newId('grant', by.now), organizationId: organization.id, licenseId: license.id },
    ...{ packageId: want.packageId, packageVersion: want.packageVersion, quantity: want.quantity },
    source: takesPlace.length > 0 ? 'switch' : want.source === 'switch' ? 'purchase' : want.source,
    givenAt: toIso(want.givenAt),
    lengthValue: time.kind === 'length' ? (time.length?.value ?? null) : null,
    lengthUnit: time.kind === 'length' ? (time.length?.unit ?? null) : null,
    startsAt: time.kind === 'period' ? toIso(time.start) : null,
    endsAt: time.kind === 'period' ? toIso(time.end) : null,
    subscriptionId: time.kind === 'period' ? (deal.subscription?.id ?? null) : null,
    ...{ paymentRef: want.paymentRef, line: want.line, requestToken: null, requestKey: null },
    ...{ supersedes: takesPlace, firstUsedAt: null, createdAt: toIso(by.now), createdBy: by.actor.id },
  };
  await insertGrant(tx, grant);
  await noteGrant(tx, grant, by);
  state.grants.set(want.key, grant);
  state.licenseIds.add(license.id);
  if (want.open && !state.made.includes(license.id) && license.revokedAt === null)
    state.added.push({ licenseId: license.id, source: grant.source });
  await remember(tx, ground, state, want, license.id);
  // Money that went back before it was heard of: the line stands in the ledger, closed.
  if (!want.open) await closeGrant(tx, grant.id, 'close', want.reason, by);
}

/** Lines of the subscription's own, and at its start what carries the license that it was bought for. */
async function supersededBy(
  tx: Tx,
  { deal, by }: IssueGround,
  state: State,
  want: Wanted,
  license: LicenseRecord,
): Promise<string[]> {
  const own = want.replaces.flatMap((key) => state.grants.get(key)?.id ?? []);
  const ordered = want.orderLine ?? deal.lines.find(({ recurring }) => recurring) ?? null;
  const isFirst = want.orderLine !== null || want.source === 'purchase';
  if (own.length > 0 || !isFirst || ordered?.kind !== 'switch') return own;
  const ledger = (await ledgersOf(tx, [license.id])).get(license.id) ?? [];
  const carrying = mainChains(chainsOf(ledger, by.now)).flatMap(({ pending }) => pending);
  // What was bought beside it takes the place of the same, and not of it.
  return carrying.filter(({ paymentRef }) => paymentRef !== want.paymentRef).map(({ id }) => id);
}

async function licenseFor(tx: Tx, ground: IssueGround, state: State, want: Wanted): Promise<LicenseRecord> {
  const named = targetOf(ground, state, want);
  const found = named === null ? null : await lockLicense(tx, named);
  if (found === null || found.organizationId !== ground.organization.id || found.master)
    return makeLicense(tx, ground, state, want);
  // What was revoked stays so: an order that was paid for it all the same makes a license of its own. A subscription that goes on being
  // charged opens nothing again; the vendor hears of it.
  if (found.revokedAt !== null) {
    if (!isOfSubscription(ground, want, found)) return makeLicense(tx, ground, state, want);
    state.forRevoked.add(found.id);
  }
  // What is only played is no time in a license that somebody has.
  const isPlayed = isTest(ground.deal) && !(await isTestLicense(tx, found.id));
  return isPlayed ? makeLicense(tx, ground, state, want) : found;
}

/** A period of the subscription that the license is of. */
function isOfSubscription({ deal }: IssueGround, { orderLine }: Wanted, { id }: LicenseRecord): boolean {
  return orderLine === null && deal.subscription?.licenseId === id;
}

function isTest({ order, subscription }: Deal): boolean {
  return (order?.mode ?? subscription?.mode) === 'test';
}

/** Every key of it is one for tests. */
async function isTestLicense(tx: Tx, licenseId: string): Promise<boolean> {
  return (await keysOfLicense(tx, licenseId)).every(({ purpose }) => purpose === 'test');
}

function targetOf({ deal }: IssueGround, state: State, { orderLine }: Wanted): string | null {
  if (orderLine === null) {
    const ordered = deal.lines.find(({ recurring, licenseId }) => recurring && licenseId !== null);
    return state.licenseId ?? ordered?.licenseId ?? null;
  }
  const own = state.lines.get(orderLine.line) ?? null;
  if (own !== null || orderLine.kind === 'new') return own;
  // An add-on beside what it adds to.
  const base = deal.lines.find(({ kind, line }) => kind === 'new' && (state.lines.get(line) ?? null) !== null);
  return base ? (state.lines.get(base.line) ?? null) : state.licenseId;
}

async function makeLicense(tx: Tx, ground: IssueGround, state: State, want: Wanted): Promise<LicenseRecord> {
  const { organization, secrets, by, deal } = ground;
  const customerId = await customerOf(tx, ground, state);
  const license = newLicense({ organizationId: organization.id, customerId, master: false }, by.now);
  await insertLicense(tx, license, by.actor.id);
  await noteLicense(tx, license, by);
  const key = { licenseId: license.id, role: 'normal' as const, prefix: organization.keyPrefix };
  await createKey(tx, secrets, { ...key, purpose: isTest(deal) ? 'test' : 'commercial' }, by);
  if (want.open) state.made.push(license.id);
  return (await findLicense(tx, license.id)) as LicenseRecord;
}

async function customerOf(tx: Tx, { organization, deal, buyer, by }: IssueGround, state: State): Promise<string> {
  const customer = {
    name: deal.order?.name || buyer.name,
    email: deal.order?.email || buyer.email,
  };
  state.customerId = await customerFor(tx, organization.id, { customer, customerId: state.customerId }, by).catch(
    (error: unknown) => {
      // Nothing is kept of who was anonymized meanwhile, and he has paid all the same.
      if (!(error instanceof Problem)) throw error;
      return customerFor(tx, organization.id, { customer, customerId: null }, by);
    },
  );
  if (deal.order !== null) await updateOrder(tx, deal.order.id, { customerId: state.customerId });
  return state.customerId;
}

/** Where a line went, for all that follows of the same order or subscription. */
async function remember(tx: Tx, { deal }: IssueGround, state: State, want: Wanted, licenseId: string): Promise<void> {
  const lines = want.orderLine === null ? deal.lines.filter(({ recurring }) => recurring) : [want.orderLine];
  for (const line of lines) {
    if (state.lines.get(line.line) === licenseId) continue;
    state.lines.set(line.line, licenseId);
    await updateOrderLine(tx, line, { licenseId });
  }
  if (want.time.kind === 'period') state.licenseId ??= licenseId;
}
