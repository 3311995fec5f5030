import type { Gateway } from './gateway.ts';
import { shopGateway } from './shop/driver.ts';

/** One line a provider. */
export const gateways: Readonly<Record<string, Gateway>> = {
  shop: shopGateway,
};
