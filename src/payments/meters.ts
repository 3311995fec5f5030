import { requireOrganization } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { fromIso, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { PaymentTrouble, problem } from '../errors.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import { alertVendor } from './alerts.ts';
import { MAX_AGE_MS, MAX_AHEAD_MS, stepOf } from './meter-step.ts';
import { findAccount } from './store-accounts.ts';
import { findSubscription } from './store-facts.ts';
import { keepUsage, moveUsage, openUsage, type UsageRecord } from './store-meters.ts';

export interface UsageWish {
  name: string;
  value: number;
  /** The same again is counted once, for ever. Missing: each call counts. */
  identifier?: string | undefined;
  /** ms UTC; missing: now. */
  at?: number | undefined;
}

/** Keeps usage of a subscription, to be reported to its provider. `replayed`: it was here before. */
export async function reportUsage(
  { db, gateways }: Pick<PaymentDeps, 'db' | 'gateways'>,
  subscriptionId: string,
  wish: UsageWish,
  by: By,
): Promise<{ usage: UsageRecord; replayed: boolean }> {
  const at = wish.at ?? by.now;
  if (by.now - at > MAX_AGE_MS) throw wrongTime('is more than 35 days ago: no provider bills that any more');
  if (at - by.now > MAX_AHEAD_MS) throw wrongTime('lies in the future');
  return db.tx(async (tx) => {
    const subscription = await findSubscription(tx, subscriptionId);
    if (!subscription) throw problem('NOT_FOUND');
    requireOrganization(by.actor, subscription.organizationId);
    const { accountId, organizationId, provider } = subscription;
    if (!gateways[provider]?.sendMeter) throw problem('NOT_SUPPORTED', `"${provider}" bills no usage`);
    const id = newId('usage', by.now);
    const { name, value, identifier = id } = wish;
    const fresh: UsageRecord = {
      ...{ id, organizationId, accountId, subscriptionId, name, value, identifier, at: toIso(at), state: 'pending' },
      ...{ triedAt: null, sentAt: null, detail: '', createdAt: toIso(by.now), createdBy: by.actor.id },
    };
    const usage = await keepUsage(tx, fresh);
    const replayed = usage.id !== id;
    if (replayed) requireSame(usage, fresh, wish.at !== undefined);
    else {
      const changes = { usage: { from: null, to: `${name}: ${value}` } };
      const about = { actor: by.actor, action: 'subscription.report_usage', entity: 'subscription' };
      await audit(tx, { ...about, entityId: subscriptionId, changes, requestId: by.requestId, organizationId }, by.now);
    }
    return { usage, replayed };
  });
}

function wrongTime(detail: string) {
  return problem('INVALID_REQUEST', undefined, { errors: [{ pointer: '/at', detail }] });
}

function requireSame(known: UsageRecord, now: UsageRecord, timed: boolean): void {
  const fields = ['subscriptionId', 'name', 'value', ...(timed ? (['at'] as const) : [])] as const;
  if (fields.some((field) => known[field] !== now[field]))
    throw problem('ALREADY_EXISTS', 'this identifier was reported with other usage');
}

const AT_ONCE = 100;

/** Tells the providers what they do not know yet. What stays unsettled is tried again the next time. */
export async function sendUsage(deps: PaymentDeps, onError: (error: unknown, what: string) => void): Promise<void> {
  let after = '';
  for (;;) {
    const open = await deps.db.read((tx) => openUsage(tx, after, AT_ONCE));
    for (const usage of open) {
      await sendOne(deps, usage).catch((error: unknown) => onError(error, `usage ${usage.id}`));
    }
    const last = open.at(-1);
    if (!last || open.length < AT_ONCE) return;
    after = last.id;
  }
}

async function sendOne(deps: PaymentDeps, usage: UsageRecord): Promise<void> {
  const now = deps.clock();
  const step = stepOf(usage, now);
  if (step === 'uncertain') {
    const detail = 'it was sent, no answer came for a day, and sending it again could bill it twice';
    return settle(deps, usage, { state: step, detail });
  }
  if (step === 'dropped') return settle(deps, usage, { state: step, detail: 'it is older than 35 days' });
  const { account, customer } = await whose(deps.db, usage);
  const send = account && deps.gateways[account.provider]?.sendMeter;
  // An account that is off may be on again before the usage is too old.
  if (!account?.active || !send) return;
  if (customer === null) return settle(deps, usage, { state: 'refused', detail: NO_CUSTOMER });
  // Before it is sent: whoever dies now leaves a row that says that it may count.
  const tried: UsageRecord = { ...usage, state: 'unconfirmed', triedAt: usage.triedAt ?? toIso(now) };
  const own = await deps.db.tx((tx) => moveUsage(tx, usage, { state: tried.state, triedAt: tried.triedAt }));
  if (!own) return;
  const { name, value, identifier, at } = usage;
  const event = { name, value, identifier, at: fromIso(at), externalCustomerId: customer };
  try {
    const answer = await send(openAccount(deps, account), event);
    if (answer === 'sent') await settle(deps, tried, { state: 'sent', sentAt: toIso(deps.clock()) });
    else await settle(deps, tried, { state: 'refused', detail: NO_CUSTOMER });
  } catch (error) {
    await unanswered(deps, usage, tried, error);
  }
}

const NO_CUSTOMER = 'the provider has no such customer';

async function whose(db: Db, { accountId, subscriptionId }: UsageRecord) {
  return db.read(async (tx) => ({
    account: await findAccount(tx, accountId),
    customer: (await findSubscription(tx, subscriptionId))?.externalCustomerId ?? null,
  }));
}

/** A clear no counted nothing, so that it is as if it had not been tried; of anything else nobody knows. */
async function unanswered(deps: PaymentDeps, before: UsageRecord, tried: UsageRecord, error: unknown): Promise<void> {
  const reason = error instanceof PaymentTrouble ? error.reason : null;
  if (reason === 'refused') return settle(deps, tried, { state: 'refused', detail: (error as PaymentTrouble).message });
  if (reason === 'unauthorized' || reason === 'rate_limited') {
    await deps.db.tx((tx) => moveUsage(tx, tried, { state: before.state, triedAt: before.triedAt }));
  }
  throw error;
}

/** For good. What was not billed is said to the vendor. */
async function settle(
  { db, clock }: PaymentDeps,
  usage: UsageRecord,
  change: Pick<UsageRecord, 'state'> & Partial<Pick<UsageRecord, 'sentAt' | 'detail'>>,
): Promise<void> {
  const { id, organizationId, accountId, name, value } = usage;
  await db.tx(async (tx) => {
    if (!(await moveUsage(tx, usage, change)) || change.state === 'sent') return;
    const detail = `usage ${name}: ${value} (${id}): ${change.detail ?? ''}`;
    const code = `USAGE_${change.state.toUpperCase()}`;
    await alertVendor(tx, { organizationId, accountId, code, subject: usage.subscriptionId, detail }, clock());
  });
}
