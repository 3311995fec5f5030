import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { findOrganization } from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import { accountOf, gatewayOf, note } from './account-changes.ts';
import { MOST_HOOK_SECRETS } from './account-secrets.ts';
import { openAccount, type PaymentDeps, sealedAccount } from './accounts.ts';
import { hookAddress } from './hook-address.ts';
import { type AccountRecord, findAccount, lockAccount, updateAccount } from './store-accounts.ts';

/** Where the provider sends the events of an account. */
export function hookAddressOf({ db, publicUrl }: { db: Db; publicUrl: string }, account: AccountRecord) {
  return db.read(async (tx) => {
    const organization = await findOrganization(tx, account.organizationId);
    return hookAddress(publicUrl, account.provider, organization?.slug ?? account.organizationId);
  });
}

/**
 * Makes or mends our webhook at the provider and keeps its secret. One that signed until now goes on counting, so that no delivery is
 * lost on the way. `secret` is told only where it is the vendor who takes it to the other side. Throws NOT_SUPPORTED where there is
 * nothing to make.
 */
export async function registerAccountHook(
  deps: PaymentDeps,
  id: string,
  by: By,
): Promise<{ account: AccountRecord; secret: string | null }> {
  const { db } = deps;
  const account = await db.read((tx) => accountOf(tx, by.actor, id));
  refuseOfVariables(deps, account);
  const gateway = gatewayOf(deps, account.provider);
  if (!gateway.registerHook)
    throw problem('NOT_SUPPORTED', `${gateway.title} has no webhook that could be made for you`);
  const opened = openAccount(deps, account);
  // Before it is asked: a secret that it tells and that is not kept would be lost.
  if (opened.hookSecrets.length >= MOST_HOOK_SECRETS)
    throw problem('STILL_IN_USE', `${MOST_HOOK_SECRETS} secrets count already; drop the old ones first`);
  const made = await gateway.registerHook(opened, await hookAddressOf(deps, account));
  const after = await db.tx(async (tx) => {
    const before = (await lockAccount(tx, id)) ?? (await accountOf(tx, by.actor, id));
    const { credentials, hookSecrets: old } = openAccount(deps, before);
    const fresh = made.secret === null || old.includes(made.secret) ? [] : [made.secret];
    const hookSecrets = [...fresh, ...old];
    await updateAccount(tx, id, {
      hookId: made.hookId,
      ...(fresh.length > 0 ? sealedAccount(deps.secrets, id, { credentials, hookSecrets }) : {}),
    });
    const hookId = { from: before.hookId, to: made.hookId };
    await note(tx, before, 'hook', { hook_id: hookId, hook_secrets: hookSecrets.length }, by);
    return (await findAccount(tx, id)) as AccountRecord;
  });
  return { account: after, secret: gateway.secretIsOurs ? made.secret : null };
}

/** What the variables name of the webhook would win at the next start. */
function refuseOfVariables({ variables = [] }: PaymentDeps, { source, provider, mode }: AccountRecord): void {
  if (source !== 'environment') return;
  const own = variables.find((each) => each.provider === provider && each.mode === mode);
  if (!own || (own.hookSecrets === null && own.hookId === null)) return;
  throw problem('STILL_IN_USE', 'the variables of the process name the webhook of this account; take them away first');
}
