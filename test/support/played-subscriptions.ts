import type { GatewayAccount, SubscriptionActions } from '../../src/payments/gateway.ts';
import type { PlayedGateway } from './played-gateway.ts';

/** What a provider was asked to do. */
export interface AskedOf {
  action: string;
  externalId: string;
  key: string;
  account: GatewayAccount;
  more: object;
}

/** Lets a played provider do everything to subscriptions, and writes down what it was asked. */
export function playSubscriptions(played: PlayedGateway): AskedOf[] {
  const asked: AskedOf[] = [];
  const note = (action: string, account: GatewayAccount, externalId: string, key: string, more: object = {}) => {
    if (played.failure) throw played.failure.error;
    asked.push({ action, externalId, key, account, more });
  };
  const plain =
    (action: string) =>
    async (account: GatewayAccount, externalId: string, key: string): Promise<void> =>
      note(action, account, externalId, key);
  const subscriptions: SubscriptionActions = {
    ...{ uncancel: plain('uncancel'), pause: plain('pause'), resume: plain('resume') },
    cancel: async (account, externalId, when, key) => note('cancel', account, externalId, key, { when }),
    async change(account, externalId, to, key) {
      note('change', account, externalId, key, to);
      return { approvalUrl: null };
    },
  };
  played.subscriptions = subscriptions;
  played.portal = async (account, externalId, returnUrl) => {
    note('portal', account, externalId, '', { returnUrl });
    return `https://pay.example.com/portal/${externalId}`;
  };
  return asked;
}
