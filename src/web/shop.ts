import express, { type Router } from 'express';
import { PaymentTrouble } from '../errors.ts';
import { makeFloodLimiter } from '../http/limits.ts';
import type { Logger } from '../http/log.ts';
import type { TrustedProxies } from '../http/network.ts';
import type { PaymentDeps } from '../payments/accounts.ts';
import { subjectOf } from '../payments/gateway.ts';
import type { PaymentEvents } from '../payments/processing.ts';
import type { LinkTokens } from '../payments/tokens.ts';
import { buyRouter } from './buy.ts';
import { type OrderPageDeps, orderRouter } from './order.ts';
import type { PageDeps } from './product-page.ts';
import { renewRouter } from './renew.ts';
import { withdrawRouter } from './withdraw.ts';

/** A buyer reloads his page and tries again; a program that does so hundreds of times asks the provider as often. */
const TRIES = { burst: 40, perSecond: 0.5, networks: 10_000 };
const DECLARATIONS = { burst: 10, perSecond: 1 / 60, networks: 10_000 };

export interface ShopPageDeps extends Pick<PageDeps, 'catalog' | 'formats'>, Pick<OrderPageDeps, 'gate'> {
  payments: PaymentDeps;
  paymentEvents: PaymentEvents;
  links: LinkTokens;
  trusted: TrustedProxies;
  log: Logger;
}

/** The pages on which people buy, see what they bought, renew and withdraw. */
export function shopRouter(deps: ShopPageDeps): Router {
  const { payments, paymentEvents, log, ...rest } = deps;
  const ground: OrderPageDeps = {
    ...payments,
    ...rest,
    flood: makeFloodLimiter(TRIES),
    declarations: makeFloodLimiter(DECLARATIONS),
    async sync({ accountId, externalId }) {
      if (externalId === null) return;
      const subject = subjectOf('checkout', externalId);
      await paymentEvents.worker.syncNow(accountId, subject).catch((error: unknown) => {
        if (!(error instanceof PaymentTrouble)) throw error;
        log.warn({ err: error, account: accountId }, 'a payment could not be looked at for its buyer');
      });
    },
  };
  const router = express.Router();
  router.use(buyRouter(ground), orderRouter(ground), renewRouter(ground), withdrawRouter(ground));
  return router;
}
