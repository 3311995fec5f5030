import type { Gateway } from './gateway.ts';
import { paypalGateway } from './paypal/driver.ts';
import { shopGateway } from './shop/driver.ts';
import { stripeGateway } from './stripe/driver.ts';

/** One line a provider. */
export const gateways: Readonly<Record<string, Gateway>> = {
  paypal: paypalGateway,
  shop: shopGateway,
  stripe: stripeGateway,
};
