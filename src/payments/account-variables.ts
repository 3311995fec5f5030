import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import type { PaymentVariables } from '../config-payments.ts';
import { Problem } from '../errors.ts';
import { listOrganizations } from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import { connectAccount, gatewayOf, note } from './account-changes.ts';
import { credentialsOf } from './account-secrets.ts';
import { openAccount, type PaymentDeps, sealedAccount } from './accounts.ts';
import { type AccountRecord, accountsOf, lockAccount, updateAccount } from './store-accounts.ts';

/**
 * Makes what the variables of the process say the account of the first organization: a new one, or one that there is, which they win
 * over. Changes nothing where all is so already. Before there is an organization there is nothing to do.
 */
export async function takeVariables(deps: PaymentDeps): Promise<void> {
  const { variables = [] } = deps;
  if (variables.length === 0) return;
  const organization = (await deps.db.read(listOrganizations))[0];
  if (!organization) return;
  const by: By = { actor: SYSTEM_ACTOR, requestId: null, now: deps.clock() };
  for (const said of variables) {
    const { provider, mode } = said;
    const find = () => deps.db.read((tx) => accountsOf(tx, { organizationId: organization.id, provider, mode }));
    const [known = await connectFrom(deps, organization.id, said, by)] = await find();
    await takeOver(deps, known ?? ((await find())[0] as AccountRecord), said, by);
  }
}

/** null: another instance was first. */
async function connectFrom(deps: PaymentDeps, organizationId: string, said: PaymentVariables, by: By) {
  const { hookSecrets, ...rest } = said;
  const wish = { ...rest, hookSecrets: hookSecrets ?? [], settings: {} };
  try {
    return await connectAccount(deps, organizationId, wish, by, 'environment');
  } catch (error) {
    if (error instanceof Problem && error.code === 'ALREADY_EXISTS') return null;
    throw error;
  }
}

async function takeOver(deps: PaymentDeps, known: AccountRecord, said: PaymentVariables, by: By): Promise<void> {
  const credentials = credentialsOf(gatewayOf(deps, said.provider), said.credentials);
  if (isTaken(deps, known, said)) return;
  await deps.db.tx(async (tx) => {
    const before = await lockAccount(tx, known.id);
    if (!before || isTaken(deps, before, said)) return;
    const opened = openAccount(deps, before);
    const hookSecrets = said.hookSecrets ?? opened.hookSecrets;
    const hookId = said.hookId ?? before.hookId;
    const sealed = sealedAccount(deps.secrets, before.id, { credentials, hookSecrets });
    await updateAccount(tx, before.id, { ...sealed, hookId, source: 'environment', active: true });
    const changes = { source: { from: before.source, to: 'environment' }, hook_secrets: hookSecrets.length };
    await note(tx, before, 'change', { credentials: Object.keys(credentials).sort().join(', '), ...changes }, by);
  });
}

/** True where the account is what the variables say. */
function isTaken(deps: PaymentDeps, account: AccountRecord, said: PaymentVariables): boolean {
  if (account.source !== 'environment' || !account.active) return false;
  const { credentials, hookSecrets } = openAccount(deps, account);
  const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  return (
    isSame(Object.entries(credentials).sort(), Object.entries(said.credentials).sort()) &&
    (said.hookSecrets === null || isSame(hookSecrets, said.hookSecrets)) &&
    (said.hookId === null || account.hookId === said.hookId)
  );
}

/**
 * Switches off the accounts that came from variables which are not there any more: whoever takes credentials away means it. It can be
 * switched on and changed by the API from then on. For the server alone: a command may be called without its variables.
 */
export async function letVariablesGo(deps: PaymentDeps): Promise<AccountRecord[]> {
  const { variables = [] } = deps;
  const all = await deps.db.read((tx) => accountsOf(tx, {}));
  const gone = all.filter(
    ({ source, provider, mode }) =>
      source === 'environment' && !variables.some((said) => said.provider === provider && said.mode === mode),
  );
  const by: By = { actor: SYSTEM_ACTOR, requestId: null, now: deps.clock() };
  for (const { id } of gone) {
    await deps.db.tx(async (tx) => {
      const before = await lockAccount(tx, id);
      if (before?.source !== 'environment') return;
      await updateAccount(tx, id, { source: 'api', active: false });
      const source = { from: 'environment', to: 'api' };
      await note(tx, before, 'change', { source, active: { from: before.active, to: false } }, by);
    });
  }
  return gone;
}
