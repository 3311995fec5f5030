import { type Actor, requireOrganization } from '../accounts/actor.ts';
import { type AuditChanges, audit } from '../audit/audit.ts';
import { changesBetween } from '../audit/changes.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { isForeignKeyViolation, isUniqueViolation, type Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import { type AccountChange, changedSecrets, credentialsOf, refuseForeignMode, secretOf } from './account-secrets.ts';
import type { SettingsChange } from './account-view.ts';
import { openAccount, type PaymentDeps, sealedAccount } from './accounts.ts';
import type { CheckoutSettings, Gateway, Mode } from './gateway.ts';
import {
  type AccountRecord,
  accountsOf,
  deleteAccount,
  findAccount,
  insertAccount,
  isAccountUsed,
  lockAccount,
  updateAccount,
} from './store-accounts.ts';

export interface AccountWish {
  provider: string;
  mode: Mode;
  credentials: Readonly<Record<string, string>>;
  /** The newest first. */
  hookSecrets: readonly string[];
  hookId: string | null;
  settings: SettingsChange;
}

/** Throws NOT_FOUND, in the same words for one that is not there and one that the actor may not touch. */
export async function accountOf(tx: Tx, actor: Actor, id: string): Promise<AccountRecord> {
  const found = await findAccount(tx, id);
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}

export function readAccount(db: Db, actor: Actor, id: string): Promise<AccountRecord> {
  return db.read((tx) => accountOf(tx, actor, id));
}

export function listAccounts(db: Db, organizationId: string): Promise<AccountRecord[]> {
  return db.read((tx) => accountsOf(tx, { organizationId }));
}

/** Throws INVALID_REQUEST for a provider that we do not know. */
export function gatewayOf({ gateways }: Pick<PaymentDeps, 'gateways'>, provider: string): Gateway {
  const found = Object.hasOwn(gateways, provider) ? gateways[provider] : undefined;
  if (found) return found;
  const detail = `is one of ${Object.keys(gateways).join(', ')}`;
  throw problem('INVALID_REQUEST', `/provider: ${detail}`, { errors: [{ pointer: '/provider', detail }] });
}

/** Connects an account. An organization has one of each provider and mode. */
export async function connectAccount(
  deps: Pick<PaymentDeps, 'db' | 'secrets' | 'gateways'>,
  organizationId: string,
  wish: AccountWish,
  by: By,
  source: AccountRecord['source'] = 'api',
): Promise<AccountRecord> {
  const gateway = gatewayOf(deps, wish.provider);
  const credentials = credentialsOf(gateway, wish.credentials);
  refuseForeignMode(gateway, wish.mode, credentials);
  const id = newId('payment_account', by.now);
  const hookSecrets = wish.hookSecrets.map((text, i) => secretOf(text, `/hook_secrets/${i}`));
  const account: AccountRecord = {
    ...{ id, organizationId, provider: wish.provider, mode: wish.mode, source, active: true },
    ...sealedAccount(deps.secrets, id, { credentials, hookSecrets }),
    ...{ hookId: wish.hookId, externalId: null, settings: withSettings(NOTHING_ON, wish.settings) },
    ...{ cursor: null, reconciledAt: null, checkedAt: null, faults: [] },
    ...{ createdAt: toIso(by.now), createdBy: by.actor.id },
  };
  try {
    await deps.db.tx(async (tx) => {
      await insertAccount(tx, account);
      const { provider, mode } = account;
      await note(tx, account, 'connect', { provider, mode, source, hook_secrets: hookSecrets.length }, by);
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const words = `an account at ${gateway.title} for ${wish.mode} mode is connected already; change that one`;
    throw problem('ALREADY_EXISTS', words);
  }
  return account;
}

const NOTHING_ON: CheckoutSettings = { automaticTax: false, taxIds: false, invoices: false, promotionCodes: false };

function withSettings(before: CheckoutSettings, change: SettingsChange): CheckoutSettings {
  return {
    automaticTax: change.automatic_tax ?? before.automaticTax,
    taxIds: change.tax_ids ?? before.taxIds,
    invoices: change.invoices ?? before.invoices,
    promotionCodes: change.promotion_codes ?? before.promotionCodes,
  };
}

/**
 * Changes what the change names. Secrets of deliveries overlap: a new one stands beside those that there are until they are dropped.
 * What the variables of the process have of an account is refused here.
 */
export async function changeAccount(
  deps: Pick<PaymentDeps, 'db' | 'secrets' | 'gateways' | 'apiBases'>,
  id: string,
  change: AccountChange,
  by: By,
): Promise<AccountRecord> {
  return deps.db.tx(async (tx) => {
    await accountOf(tx, by.actor, id);
    const before = (await lockAccount(tx, id)) ?? (await accountOf(tx, by.actor, id));
    refuseOfVariables(before, change);
    const gateway = gatewayOf(deps, before.provider);
    const { secrets, changes } = changedSecrets(gateway, before.mode, openAccount(deps, before), change);
    const settings = withSettings(before.settings, change.settings ?? {});
    const { active = before.active, hook_id: hookId = before.hookId } = change;
    const sealed = secrets === null ? {} : sealedAccount(deps.secrets, id, secrets);
    await updateAccount(tx, id, { ...sealed, settings, active, hookId });
    const plain = changesBetween(
      { active: before.active, hook_id: before.hookId, settings: before.settings },
      { active, hook_id: hookId, settings },
    );
    if (Object.keys({ ...plain, ...changes }).length > 0)
      await note(tx, before, 'change', { ...plain, ...changes }, by);
    return (await findAccount(tx, id)) as AccountRecord;
  });
}

/** The variables win at every start, so that a change of what they have would not last. */
function refuseOfVariables({ source }: AccountRecord, change: AccountChange): void {
  if (source !== 'environment') return;
  const { settings: _, ...rest } = change;
  const said = Object.entries(rest).filter(([, value]) => value !== undefined);
  if (said.length === 0) return;
  const detail = 'comes from the variables of the process; change it there and start again';
  const errors = said.map(([name]) => ({ pointer: `/${name}`, detail }));
  throw problem('INVALID_REQUEST', `the account ${detail}`, { errors });
}

/** Only while nothing was ordered through it: afterwards it may be switched off, and goes on telling what was bought. */
export async function removeAccount(db: Db, id: string, by: By): Promise<void> {
  try {
    await db.tx(async (tx) => {
      const account = await accountOf(tx, by.actor, id);
      await lockAccount(tx, id);
      if (account.source === 'environment')
        throw problem('STILL_IN_USE', 'the account comes from the variables of the process; take it away there');
      if (await isAccountUsed(tx, id)) throw stillUsed();
      const { provider, mode } = account;
      await note(tx, account, 'remove', { provider, mode }, by);
      await deleteAccount(tx, id);
    });
  } catch (error) {
    // What was ordered in this very moment.
    throw isForeignKeyViolation(error) ? stillUsed() : error;
  }
}

function stillUsed() {
  return problem('STILL_IN_USE', 'something was ordered through it; switch it off instead');
}

/** By ids and plain values: no secret, nor a part of one. */
export function note(tx: Tx, account: AccountRecord, what: string, changes: AuditChanges, by: By): Promise<void> {
  const { id: entityId, organizationId } = account;
  const about = { actor: by.actor, action: `payment_account.${what}`, entity: 'payment_account', entityId };
  return audit(tx, { ...about, organizationId, changes, requestId: by.requestId }, by.now);
}
