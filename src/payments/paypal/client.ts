import { randomInt } from 'node:crypto';
import sdk, { type SdkRequest } from '@paypal/checkout-server-sdk';
import { z } from 'zod';
import { PaymentTrouble } from '../../errors.ts';
import type { GatewayAccount } from '../gateway.ts';
import { elapsedMs, pause, type Received, sendOnce } from '../send-io.ts';
import { type Tokens, tokenKey } from './tokens.ts';

const HOSTS = {
  live: { api: 'https://api-m.paypal.com', web: 'https://www.paypal.com' },
  test: { api: 'https://api-m.sandbox.paypal.com', web: 'https://www.sandbox.paypal.com' },
};
const MAX_BYTES = 4 * 1024 * 1024;
const LONGEST_WAIT_MS = 5_000;

export interface Wire {
  /** Of one try, all in all. */
  timeoutMs: number;
  /** How often at most something is asked that may be asked again. */
  tries: number;
  pause(ms: number): Promise<void>;
  elapsed(): number;
}

export const DEFAULT_WIRE: Wire = { timeoutMs: 15_000, tries: 3, pause, elapsed: elapsedMs };

/** What PayPal said; a 404 or 422 is an answer too. */
export interface Answer {
  statusCode: number;
  headers: object;
  result: unknown;
}

const Grant = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

/** The package makes this with a constructor of Buffer that Node is doing away with. */
class Environment extends sdk.core.PayPalEnvironment {
  override authorizationString(): string {
    return `Basic ${Buffer.from(`${this.clientId}:${this.clientSecret}`).toString('base64')}`;
  }
}

function environmentOf({ credentials, mode, apiBase }: GatewayAccount): Environment {
  const { client_id = '', client_secret = '' } = credentials;
  return new Environment(client_id, client_secret, apiBase ?? HOSTS[mode].api, HOSTS[mode].web);
}

/**
 * The package's client with a transport of our own. The package's would end the process over a broken body, wait for ever for a slow
 * one, and share a token between two hosts.
 * A GET, and a POST that carries its PayPal-Request-Id, is tried again after 429, 5xx and trouble of the network; a 401 once, with a
 * new token. Throws PaymentTrouble; every other status below 500 is an answer.
 */
export class PaypalClient extends sdk.core.PayPalHttpClient {
  readonly #tokens: Tokens;
  readonly #wire: Wire;

  constructor(account: GatewayAccount, tokens: Tokens, wire: Wire) {
    super(environmentOf(account));
    this.#tokens = tokens;
    this.#wire = wire;
  }

  override async execute(request: SdkRequest): Promise<Answer> {
    const { baseUrl, clientId, clientSecret } = this.environment;
    const key = tokenKey(baseUrl, clientId, clientSecret);
    const token = await this.#tokens.get(key, () => this.#askForToken());
    const answer = await this.#persist(request, `Bearer ${token}`);
    if (answer.statusCode !== 401) return answer;
    await this.#tokens.drop(key, token);
    const fresh = await this.#tokens.get(key, () => this.#askForToken());
    const again = await this.#persist(request, `Bearer ${fresh}`);
    if (again.statusCode === 401) throw new PaymentTrouble('unauthorized', `${nameOf(request)} answered 401`);
    return again;
  }

  async #askForToken(): Promise<{ token: string; seconds: number }> {
    const request = new sdk.core.AccessTokenRequest(this.environment);
    const answer = await this.#persist(request, request.headers['Authorization'] ?? '');
    if (answer.statusCode === 400 || answer.statusCode === 401 || answer.statusCode === 403) {
      throw new PaymentTrouble(
        'unauthorized',
        `PayPal does not accept the client id and secret (${answer.statusCode})`,
      );
    }
    const grant = Grant.safeParse(answer.result);
    if (!grant.success) throw new PaymentTrouble('bad_answer', `${nameOf(request)} gave no token`);
    return { token: grant.data.access_token, seconds: grant.data.expires_in };
  }

  /** Tries as often as it may. */
  async #persist(request: SdkRequest, authorization: string): Promise<Answer> {
    const again = mayRepeat(request);
    for (let tried = 1; ; tried++) {
      try {
        return await this.#try(request, authorization);
      } catch (error) {
        const wait = error instanceof PaymentTrouble ? (error.retryAfterMs ?? 200 * 2 ** tried + randomInt(200)) : null;
        if (wait === null || !again || tried >= this.#wire.tries || wait > LONGEST_WAIT_MS) throw error;
        await this.#wire.pause(wait);
      }
    }
  }

  async #try(request: SdkRequest, authorization: string): Promise<Answer> {
    const received = await sendOnce({
      method: request.verb,
      // The package joins host and path only; a base address may have a path of its own, and its paths end in a lonely `?`.
      url: new URL(`${this.environment.baseUrl.replace(/\/+$/, '')}${request.path.replace(/\?$/, '')}`),
      headers: {
        ...request.headers,
        Accept: 'application/json',
        Authorization: authorization,
        'User-Agent': 'Feedgate/1.0',
      },
      body: bodyOf(request),
      ...{ timeoutMs: this.#wire.timeoutMs, maxBytes: MAX_BYTES },
    });
    return answerOf(received, nameOf(request));
  }
}

/** For messages: nothing of a query. */
function nameOf({ verb, path }: SdkRequest): string {
  return `PayPal ${verb} ${path.split('?')[0]}`;
}

function mayRepeat({ verb, path, headers }: SdkRequest): boolean {
  return verb === 'GET' || path === '/v1/oauth2/token' || headers['PayPal-Request-Id'] !== undefined;
}

/** Text goes as it is: the package would quote it once more. */
function bodyOf({ body, headers }: SdkRequest): string | null {
  if (body === null || body === undefined) return null;
  if (typeof body === 'string') return body;
  const isForm = headers['Content-Type']?.startsWith('application/x-www-form-urlencoded') === true;
  return isForm ? new URLSearchParams(body as Record<string, string>).toString() : JSON.stringify(body);
}

function answerOf({ status, headers, text }: Received, what: string): Answer {
  if (status === 429) throw new PaymentTrouble('rate_limited', `${what} answered 429`, waitOf(headers['retry-after']));
  if (status >= 500)
    throw new PaymentTrouble('bad_answer', `${what} answered ${status}`, waitOf(headers['retry-after']));
  const result = jsonOf(text);
  const isFine = status >= 200 && status < 300;
  if (isFine && result === undefined) throw new PaymentTrouble('bad_answer', `${what} did not answer with JSON`);
  if (status < 200 || (status >= 300 && status < 400))
    throw new PaymentTrouble('bad_answer', `${what} answered ${status}`);
  return { statusCode: status, headers, result };
}

/** Whatever its type says. null: empty; undefined: no JSON. */
function jsonOf(text: string): unknown {
  if (text.trim() === '') return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function waitOf(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : undefined;
}
