import { createVerify, X509Certificate } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32, gzipSync } from 'node:zlib';
import * as acts from './fake-paypal-acts.ts';
import { type Certified, certify } from './fake-paypal-certificates.ts';
import { type Delivery, deliver, type Signing, signedHeaders, transmissionOf } from './fake-paypal-hooks.ts';
import { answerApi, type Call } from './fake-paypal-routes.ts';
import {
  type Answer,
  type FakeBuyer,
  type FakeDispute,
  type FakeEvent,
  type FakePaypalWorld,
  type FakePlan,
  failure,
  unitsOf,
} from './fake-paypal-world.ts';

/** How an answer is spoiled. A function does as it likes with the response. */
export type Break =
  | { status: number; body?: string; headers?: Record<string, string> }
  | 'garbage'
  | 'no-type'
  | 'bad-gzip'
  | 'gzip'
  | 'html'
  | 'truncated'
  | 'silent'
  | 'drip'
  | ((response: ServerResponse) => void);

/**
 * A PayPal on 127.0.0.1, with a certificate authority of its own. Everything is the same each time; time is the clock's.
 *
 *   const paypal = await startFakePaypal({ clock: () => now });
 *   const gateway = makePaypalGateway({ roots: [paypal.root] });
 *   // account: credentials {client_id: paypal.clientId, client_secret: paypal.secret}, apiBase: paypal.url
 *   const plan = paypal.addPlan({ price: '10.00', currency: 'EUR' });
 *   paypal.addWebhook(`${server.url}/api/paypal/webhook`);   // or by the gateway's registerHook
 *   // ... start a checkout, then be the buyer:
 *   await paypal.approve(orderOrSubscriptionId);             // or open the checkout's url: it approves and goes back
 *   await paypal.renew(subscriptionId);
 *   await paypal.fail(subscriptionId);
 *   await paypal.refund(captureOrSaleId, '5.00');
 *   const dispute = await paypal.dispute([captureId]);
 *   await paypal.resolve(dispute.id, 'RESOLVED_BUYER_FAVOUR', '3.00');
 *
 * Acts tell the webhooks before they end. `hold`, `release`, `drop`, `forget` and `copies` say how; `break` spoils answers.
 */
export interface FakePaypal extends FakePaypalWorld {
  clientId: string;
  secret: string;
  /** The authority, as PEM. */
  root: string;
  /** What signs, and its authority's key for making others. */
  authority: Certified;
  signer: Certified;
  /** By name: served below /v1/notifications/certs/. */
  certificates: Map<string, string>;
  requests: { method: string; path: string; requestId: string | undefined; token: string; body: unknown }[];
  deliveries: Delivery[];
  /** Events that nobody was told of yet. */
  held: FakeEvent[];
  /** How often every event is told. */
  copies: number;
  /** How long new tokens are good, in seconds. */
  tokenSeconds: number;
  addPlan(more?: Partial<Omit<FakePlan, 'price' | 'setupFee'>> & { price?: string; setupFee?: string }): FakePlan;
  addWebhook(url: string, types?: string[]): string;
  approve(id: string, buyer?: Partial<FakeBuyer>): Promise<void>;
  /** An eCheck arrives, or does not. */
  settle(paymentId: string, status: 'COMPLETED' | 'DECLINED'): Promise<void>;
  renew(subscriptionId: string): Promise<string | null>;
  fail(subscriptionId: string): Promise<void>;
  cancel(subscriptionId: string): Promise<void>;
  suspend(subscriptionId: string): Promise<void>;
  reactivate(subscriptionId: string): Promise<void>;
  expire(subscriptionId: string): Promise<void>;
  /** All that is left, unless an amount is named. Gives the refund's id. */
  refund(paymentId: string, value?: string, status?: 'COMPLETED' | 'PENDING'): Promise<string>;
  settleRefund(refundId: string, status: 'COMPLETED' | 'FAILED'): Promise<void>;
  /** PayPal takes the money back by itself. */
  reverse(paymentId: string): Promise<string>;
  dispute(paymentIds: string[], more?: Partial<FakeDispute>): Promise<FakeDispute>;
  changeDispute(id: string, change: Partial<FakeDispute>): Promise<void>;
  resolve(id: string, outcome: string, refunded?: string): Promise<void>;
  /** The approval is taken back before there was a capture. */
  withdraw(orderId: string): Promise<void>;
  /** Of orders and subscriptions: the id of the newest payment that is not declined. */
  lastPayment(of: string): string;
  hold(): void;
  /** In the order that `sorted` puts them in. */
  release(sorted?: (events: FakeEvent[]) => FakeEvent[]): Promise<void>;
  /** The next events reach no webhook, but are listed. */
  drop(count: number): void;
  /** The next events are neither told nor listed. */
  forget(count: number): void;
  resend(event: FakeEvent): Promise<void>;
  /** Tells those once more that did not answer 2xx. */
  retry(): Promise<void>;
  /** The signed delivery of an event or of any bytes, without sending it. */
  signed(
    raw: FakeEvent | string | Uint8Array,
    webhookId: string,
    more?: Partial<Signing>,
  ): { raw: Buffer; headers: Record<string, string> };
  certUrl(name: string): string;
  /** Spoils the next `times` answers on paths that match. */
  break(path: RegExp, how: Break, times?: number): void;
  expireTokens(): void;
  close(): Promise<void>;
}

export interface FakePaypalOptions {
  clock?: () => number;
  clientId?: string;
  secret?: string;
}

const FIRST_INSTANT = Date.UTC(2026, 0, 15, 12);

export async function startFakePaypal(options: FakePaypalOptions = {}): Promise<FakePaypal> {
  const server = http.createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const now = options.clock ?? (() => FIRST_INSTANT);
  const authority = certify({ subject: 'Fake Root Authority', issuer: null, authority: true });
  const signer = certify({ subject: 'messageverificationcerts.paypal.com', issuer: authority });
  const certificates = new Map([['CERT-FAKE', signer.pem]]);
  const tokens = new Map<string, number>();
  const breaks: { path: RegExp; how: Break; times: number }[] = [];
  const replies = new Map<string, Answer>();
  const losing = { dropped: 0, forgotten: 0 };
  let holding = false;
  let counter = 0;
  let sent = 0;
  const count = () => ++counter;
  const certUrl = (name: string) => `${url}/v1/notifications/certs/${name}`;

  const fake: FakePaypal = {
    ...{ url, now, authority, signer, certificates, clientId: options.clientId ?? 'fake-client' },
    ...{ secret: options.secret ?? 'fake-secret', root: authority.pem, requests: [], deliveries: [], held: [] },
    ...{ copies: 1, tokenSeconds: 32_400, plans: new Map(), orders: new Map(), subscriptions: new Map() },
    ...{ payments: new Map(), refunds: new Map(), disputes: new Map(), webhooks: new Map(), events: [] },
    ...{ nextCaptures: [], closed: new Set<string>(), certUrl },
    nextId: (prefix) => `${prefix}${(2_000_000_000 + count() * 7_919).toString(36).toUpperCase().padStart(14, '8A4')}`,
    async emit(type, resourceType, resource, version = '1.0') {
      const id = `WH-${fake.nextId('')}-${fake.nextId('')}`;
      const links = [{ href: `${url}/v1/notifications/webhooks-events/${id}`, rel: 'self', method: 'GET' }];
      const about = { resource_type: resourceType, event_type: type, summary: `${type} at the fake` };
      const versions = { event_version: '1.0', resource_version: version, create_time: new Date(now()).toISOString() };
      // As it is now: what happens later must not change what was told.
      const event: FakeEvent = { id, ...versions, ...about, resource: structuredClone(resource), links };
      if (losing.forgotten > 0) {
        losing.forgotten--;
        return;
      }
      fake.events.push(event);
      if (losing.dropped > 0) losing.dropped--;
      else if (holding) fake.held.push(event);
      else await tell(event);
    },
    addPlan({ price = '10.00', setupFee = '0', ...more } = {}) {
      const currency = more.currency ?? 'EUR';
      const plan: FakePlan = {
        ...{ id: fake.nextId('P-'), name: 'A plan', status: 'ACTIVE', currency, trial: null },
        ...{ price: unitsOf(price, currency), setupFee: unitsOf(setupFee, currency) },
        interval: { unit: 'MONTH', count: 1 },
        ...more,
      };
      fake.plans.set(plan.id, plan);
      return plan;
    },
    addWebhook(hookUrl, types = ['*']) {
      const id = fake.nextId('WH');
      fake.webhooks.set(id, { id, url: hookUrl, types });
      return id;
    },
    approve: (id, buyer) => acts.approve(fake, id, buyer),
    settle: (id, status) => acts.settle(fake, id, status),
    renew: (id) => acts.charge(fake, id, 'paid'),
    fail: async (id) => void (await acts.charge(fake, id, 'failed')),
    cancel: (id) => acts.changeStatus(fake, id, 'CANCELLED'),
    suspend: (id) => acts.changeStatus(fake, id, 'SUSPENDED'),
    reactivate: (id) => acts.changeStatus(fake, id, 'ACTIVE'),
    expire: (id) => acts.changeStatus(fake, id, 'EXPIRED'),
    refund: (id, value, status = 'COMPLETED') => refund(id, value, { status }),
    settleRefund: (id, status) => acts.settleRefund(fake, id, status),
    reverse: (id) => refund(id, undefined, { reversed: true }),
    dispute: (ids, more) => acts.dispute(fake, ids, more),
    changeDispute: (id, change) => acts.changeDispute(fake, id, change),
    resolve(id, code, value) {
      const currency = acts.must(fake.disputes.get(id), id).currency;
      const refunded = value === undefined ? null : unitsOf(value, currency);
      return acts.changeDispute(fake, id, { status: 'RESOLVED', outcome: { code, refunded } });
    },
    async withdraw(id) {
      Object.assign(acts.must(fake.orders.get(id), id), { status: 'VOIDED' });
      await fake.emit('CHECKOUT.PAYMENT-APPROVAL.REVERSED', 'checkout-order', { order_id: id }, '2.0');
    },
    lastPayment(of) {
      const all = [...fake.payments.values()].filter(({ status }) => status !== 'DECLINED');
      return acts.must(all.findLast(({ orderId, subscriptionId }) => orderId === of || subscriptionId === of)?.id, of);
    },
    hold() {
      holding = true;
    },
    async release(sorted = (events) => events) {
      holding = false;
      for (const event of sorted(fake.held.splice(0))) await tell(event);
    },
    drop(times) {
      losing.dropped += times;
    },
    forget(times) {
      losing.forgotten += times;
    },
    resend: (event) => tell(event),
    async retry() {
      const failed = fake.deliveries.filter(({ status }) => status === null || status >= 300);
      fake.deliveries = fake.deliveries.filter((delivery) => !failed.includes(delivery));
      for (const { event, webhook, transmissionId } of failed) {
        fake.deliveries.push(await deliver(fake, signing(), event, webhook, transmissionId));
      }
    },
    signed(what, webhookId, more = {}) {
      const isEvent = typeof what === 'object' && !(what instanceof Uint8Array);
      const raw = Buffer.from(isEvent ? JSON.stringify(what) : (what as string));
      const time = new Date(now()).toISOString();
      const plain = { ...signing(), webhookId, time, transmissionId: transmissionOf(++sent) };
      return { raw, headers: signedHeaders(raw, { ...plain, ...more }) };
    },
    break(path, how, times = 1) {
      breaks.push({ path, how, times });
    },
    expireTokens: () => tokens.clear(),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return fake;

  function signing(): Pick<Signing, 'certUrl' | 'key'> {
    return { certUrl: certUrl('CERT-FAKE'), key: signer.key };
  }

  async function tell(event: FakeEvent): Promise<void> {
    const concerned = [...fake.webhooks.values()].filter(
      ({ types }) => types.includes('*') || types.includes(event.event_type),
    );
    for (const webhook of concerned) {
      const transmissionId = transmissionOf(++sent);
      for (let copy = 0; copy < fake.copies; copy++) {
        fake.deliveries.push(await deliver(fake, signing(), event, webhook, transmissionId));
      }
    }
  }

  async function refund(id: string, value: string | undefined, more: { status?: string; reversed?: boolean }) {
    const payment = acts.must(fake.payments.get(id), id);
    const made = await acts.refund(fake, id, value === undefined ? null : unitsOf(value, payment.currency), more);
    if (typeof made === 'string') throw new Error(made);
    return made.id;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = new URL(request.url ?? '/', url);
    const text = (await request.toArray()).map(String).join('');
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
    const body = bodyOf(text, isForm);
    const token = request.headers.authorization ?? '';
    const requestId = request.headers['paypal-request-id'] as string | undefined;
    const method = request.method ?? 'GET';
    fake.requests.push({ method, path: address.pathname + address.search, requestId, token, body });
    const broken = breaks.find(({ path, times }) => times > 0 && path.test(address.pathname));
    if (broken) {
      broken.times--;
      return spoil(response, broken.how);
    }
    if (address.pathname.startsWith('/pay/')) return page(address.pathname, response);
    const certificate = /^\/v1\/notifications\/certs\/(.+)$/.exec(address.pathname)?.[1];
    if (certificate !== undefined) return sendCertificate(certificate, response);
    const call = { method, path: address.pathname, query: address.searchParams, body };
    send(response, await replyTo(call, text, token, requestId));
  }

  async function replyTo(call: Call, text: string, token: string, requestId: string | undefined): Promise<Answer> {
    if (call.path === '/v1/oauth2/token') return grant(token, call);
    const until = tokens.get(token.replace(/^Bearer /, ''));
    if (until === undefined || until <= now()) return failure(401, 'AUTHENTICATION_FAILURE');
    if (call.path === '/v1/notifications/verify-webhook-signature') return verifySignature(call, text);
    const key = requestId === undefined || call.method !== 'POST' ? null : `${call.path} ${requestId}`;
    const known = key === null ? undefined : replies.get(key);
    if (known) return known;
    const answer = await answerApi(fake, call);
    if (key !== null && answer.status < 300) replies.set(key, answer);
    return answer;
  }

  function grant(basic: string, { method, body }: Call): Answer {
    const expected = `Basic ${Buffer.from(`${fake.clientId}:${fake.secret}`).toString('base64')}`;
    if (method !== 'POST' || body['grant_type'] !== 'client_credentials') return failure(400, 'unsupported_grant_type');
    if (basic !== expected) return { status: 401, body: { error: 'invalid_client' } };
    const token = `A21AA${count()}`;
    tokens.set(token, now() + fake.tokenSeconds * 1_000);
    const body_ = { access_token: token, token_type: 'Bearer', app_id: 'APP-FAKE', expires_in: fake.tokenSeconds };
    return { status: 200, body: { scope: 'https://uri.paypal.com/services/payments/payment', ...body_ } };
  }

  /** Over the very bytes that were put in, as PayPal would have sent them. */
  function verifySignature({ body }: Call, text: string): Answer {
    const raw = /"webhook_event"\s*:\s*(\{.*\})\s*\}\s*$/s.exec(text)?.[1] ?? '';
    const field = (name: string) => String(body[name]);
    const signed = [field('transmission_id'), field('transmission_time'), field('webhook_id'), crc32(raw)].join('|');
    const name = field('cert_url').split('/').at(-1) ?? '';
    const known = certificates.get(name) === signer.pem && fake.webhooks.has(field('webhook_id'));
    const certificate = known ? new X509Certificate(signer.pem).publicKey : null;
    const check = createVerify('sha256').update(signed);
    const isGood = certificate !== null && check.verify(certificate, field('transmission_sig'), 'base64');
    return { status: 200, body: { verification_status: isGood ? 'SUCCESS' : 'FAILURE' } };
  }

  /** The page that a buyer is sent to: opening it is agreeing. */
  async function page(path: string, response: ServerResponse): Promise<void> {
    const [, , id = '', away] = path.split('/');
    const thing = fake.orders.get(id) ?? fake.subscriptions.get(id);
    if (thing === undefined) return send(response, { status: 404 });
    if (away === undefined) await fake.approve(id);
    const back = new URL(away === undefined ? thing.returnUrl : thing.cancelUrl);
    back.searchParams.set(thing.kind === 'order' ? 'token' : 'subscription_id', id);
    response.writeHead(302, { location: back.href }).end();
  }

  function sendCertificate(name: string, response: ServerResponse): void {
    const pem = certificates.get(name);
    response.writeHead(pem === undefined ? 404 : 200, { 'content-type': 'application/x-x509-ca-cert' }).end(pem);
  }
}

function bodyOf(text: string, isForm: boolean): Record<string, unknown> {
  if (isForm) return Object.fromEntries(new URLSearchParams(text));
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const headers = { 'content-type': 'application/json', 'paypal-debug-id': 'f00dfeed' };
  response.writeHead(status, headers).end(body === undefined ? undefined : JSON.stringify(body));
}

function spoil(response: ServerResponse, how: Break): void {
  if (typeof how === 'function') how(response);
  else if (typeof how === 'object') response.writeHead(how.status, how.headers).end(how.body);
  else if (how === 'garbage') response.writeHead(200, { 'content-type': 'application/json' }).end('{"id": "half');
  else if (how === 'no-type') response.writeHead(200).end('{"id": "no type"');
  else if (how === 'html') response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad gateway</html>');
  else if (how === 'bad-gzip') spoilPacked(response, Buffer.from('this is not packed'));
  else if (how === 'gzip') spoilPacked(response, gzipSync('{"access_token":"x"'));
  else if (how === 'truncated') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
    response.write('{"id": "', () => response.destroy());
  } else if (how === 'drip') drip(response);
}

function spoilPacked(response: ServerResponse, bytes: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bytes);
}

/** A byte every few milliseconds, for ever. */
function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 5);
  response.on('close', () => clearInterval(timer));
}
