/** What is used of the package, which comes without types: its request builders and its environment. */
declare module '@paypal/checkout-server-sdk' {
  export interface SdkRequest {
    path: string;
    verb: string;
    body: unknown;
    headers: Record<string, string>;
  }

  class PayPalEnvironment {
    constructor(clientId: string, clientSecret: string, baseUrl: string, webUrl: string);
    baseUrl: string;
    clientId: string;
    clientSecret: string;
    webUrl: string;
    authorizationString(): string;
  }

  class PayPalHttpClient {
    constructor(environment: PayPalEnvironment);
    environment: PayPalEnvironment;
    execute(request: SdkRequest): Promise<{ statusCode: number; headers: object; result: unknown }>;
  }

  class Builder implements SdkRequest {
    path: string;
    verb: string;
    body: unknown;
    headers: Record<string, string>;
  }

  class AccessTokenRequest extends Builder {
    constructor(environment: PayPalEnvironment);
  }
  class OrdersCreateRequest extends Builder {
    prefer(prefer: string): this;
    requestBody(order: object): this;
  }
  class OrdersGetRequest extends Builder {
    constructor(orderId: string);
  }
  class OrdersCaptureRequest extends Builder {
    constructor(orderId: string);
    payPalRequestId(id: string): this;
    prefer(prefer: string): this;
    requestBody(action: object): this;
  }
  class CapturesGetRequest extends Builder {
    constructor(captureId: string);
  }
  class RefundsGetRequest extends Builder {
    constructor(refundId: string);
  }

  const sdk: {
    core: {
      PayPalEnvironment: typeof PayPalEnvironment;
      PayPalHttpClient: typeof PayPalHttpClient;
      AccessTokenRequest: typeof AccessTokenRequest;
    };
    orders: {
      OrdersCreateRequest: typeof OrdersCreateRequest;
      OrdersGetRequest: typeof OrdersGetRequest;
      OrdersCaptureRequest: typeof OrdersCaptureRequest;
    };
    payments: { CapturesGetRequest: typeof CapturesGetRequest; RefundsGetRequest: typeof RefundsGetRequest };
  };
  export default sdk;
}
