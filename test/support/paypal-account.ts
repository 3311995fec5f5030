import type { CheckoutLine, CheckoutRequest, Gateway, GatewayAccount } from '../../src/payments/gateway.ts';
import { makePaypalGateway } from '../../src/payments/paypal/driver.ts';
import type { FakePaypal } from './fake-paypal.ts';

/** The real gateway, which trusts the fake's authority and waits for nothing. */
export function gatewayFor(
  fake: Pick<FakePaypal, 'root'>,
  more: Parameters<typeof makePaypalGateway>[0] = {},
): Gateway {
  return makePaypalGateway({ roots: [fake.root], pause: async () => undefined, ...more });
}

/** An account at the fake, opened. */
export function accountAt(fake: FakePaypal, more: Partial<GatewayAccount> = {}): GatewayAccount {
  return {
    ...{ id: 'pac_paypal', mode: 'test', hookSecrets: [], hookId: null, externalId: null },
    credentials: { client_id: fake.clientId, client_secret: fake.secret },
    settings: { automaticTax: false, taxIds: false, invoices: false, promotionCodes: false },
    apiBase: fake.url,
    ...more,
  };
}

export function paypalLine(more: Partial<CheckoutLine> = {}): CheckoutLine {
  return { line: '1', name: 'Premium', priceId: 'premium', quantity: 1, unitMinor: 4_900, recurring: false, ...more };
}

export function paypalRequest(more: Partial<CheckoutRequest> = {}): CheckoutRequest {
  return {
    ...{ orderId: 'ord_01', attempt: 1, currency: 'EUR', lines: [paypalLine()], email: '', externalCustomerId: null },
    ...{
      language: 'de',
      successUrl: 'https://shop.example/done',
      cancelUrl: 'https://shop.example/no',
      brand: 'Verein',
    },
    ...more,
  };
}
