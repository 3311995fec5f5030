import type { Clock } from '../clock.ts';
import type { PaymentVariables } from '../config-payments.ts';
import type { Db } from '../db/connect.ts';
import type { Secrets } from '../secrets.ts';
import type { Gateway, GatewayAccount } from './gateway.ts';
import type { AccountRecord } from './store-accounts.ts';

const SEAL = 'payment-account';

/** What every verb of payments stands on. */
export interface PaymentGround {
  secrets: Pick<Secrets, 'open' | 'seal'>;
  gateways: Readonly<Record<string, Gateway>>;
  /** By provider: another host in the place of the provider's own. */
  apiBases: Readonly<Record<string, string | null>>;
}

/** The same with what else a verb needs that works by itself. */
export interface PaymentDeps extends PaymentGround {
  secrets: Secrets;
  db: Db;
  clock: Clock;
  publicUrl: string;
  /** What the variables of the process have: it wins at every start. Missing: nothing. */
  variables?: readonly PaymentVariables[];
}

/** An account with its secrets opened: for a call to its provider, and never to be kept or logged. */
export function openAccount(
  { secrets, apiBases }: Pick<PaymentGround, 'secrets' | 'apiBases'>,
  account: AccountRecord,
): GatewayAccount {
  const { id, mode, hookId, externalId, settings, provider } = account;
  return {
    ...{ id, mode, hookId, externalId, settings },
    credentials: JSON.parse(secrets.open(SEAL, id, account.credentialsSealed)) as Record<string, string>,
    hookSecrets: JSON.parse(secrets.open(SEAL, id, account.hookSecretsSealed)) as string[],
    apiBase: apiBases[provider] ?? null,
  };
}

/** Its secrets as they are stored. */
export function sealedAccount(
  secrets: Pick<Secrets, 'seal'>,
  id: string,
  { credentials, hookSecrets }: Pick<GatewayAccount, 'credentials' | 'hookSecrets'>,
): Pick<AccountRecord, 'credentialsSealed' | 'hookSecretsSealed'> {
  return {
    credentialsSealed: secrets.seal(SEAL, id, JSON.stringify(credentials)),
    hookSecretsSealed: secrets.seal(SEAL, id, JSON.stringify(hookSecrets)),
  };
}
