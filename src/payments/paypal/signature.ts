import { verify, type X509Certificate } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { PaymentTrouble } from '../../errors.ts';
import type { GatewayAccount, Headers, HookVerdict } from '../gateway.ts';
import { sendOnce, trustedRoots } from '../send-io.ts';
import { certificatesIn, chainFault } from './certificates.ts';

export interface Trust {
  /** PEM; beside those of the system. */
  roots: readonly string[];
  /** Origins of certificates beside PayPal's own. */
  certHosts: readonly string[];
  names: readonly string[];
}

export const DEFAULT_TRUST: Trust = {
  roots: [],
  certHosts: [],
  names: ['messageverificationcerts.paypal.com', 'messageverificationcerts.sandbox.paypal.com'],
};

/** What PayPal says of a delivery: its own word, asked for over its API. */
export type AskPaypal = (delivery: Transmission & { webhookId: string; raw: Uint8Array }) => Promise<boolean>;

export interface Transmission {
  id: string;
  time: string;
  signature: string;
  certUrl: string;
  algorithm: string;
}

type Refused = Extract<HookVerdict, { ok: false }>;

const PATH = '/v1/notifications/certs/';
const MAX_CERT_BYTES = 64 * 1024;
const MOST_CERTIFICATES = 64;
/** Far beyond the three days in which PayPal tries again; nobody says whether the time is renewed then. */
const OLDEST_MS = 30 * 24 * 3_600_000;
const AHEAD_MS = 3_600_000;
/** Of events that were made on PayPal's page for trying out. */
const SIMULATOR = 'WEBHOOK_ID';

/** Certificates as they were fetched, by address. What they are worth is judged every time. */
class Certificates {
  readonly #kept = new Map<string, Promise<X509Certificate[] | null>>();

  get(url: URL): Promise<X509Certificate[] | null> {
    const kept = this.#kept.get(url.href);
    if (kept) return kept;
    if (this.#kept.size >= MOST_CERTIFICATES) this.#kept.clear();
    const fetched = this.#fetch(url);
    this.#kept.set(url.href, fetched);
    return fetched;
  }

  async #fetch(url: URL): Promise<X509Certificate[] | null> {
    try {
      const headers = { Accept: '*/*', 'User-Agent': 'Feedgate/1.0' };
      const limits = { timeoutMs: 10_000, maxBytes: MAX_CERT_BYTES };
      const { status, text } = await sendOnce({ method: 'GET', url, headers, body: null, ...limits });
      if (status !== 200) throw new PaymentTrouble('bad_answer', `${url.host} answered ${status} for a certificate`);
      return certificatesIn(text);
    } catch (error) {
      this.#kept.delete(url.href);
      throw error;
    }
  }
}

/**
 * Whether a delivery is PayPal's and for our webhook. The signature binds the body by its CRC-32 only, so that whoever holds one
 * delivery can make another body for it: the caller remembers the transmission, and everybody reads afresh.
 */
export class Signatures {
  readonly #certificates = new Certificates();
  readonly #trust: Trust;
  #roots: X509Certificate[] | null = null;

  constructor(trust: Trust) {
    this.#trust = trust;
  }

  async verdict(
    raw: Uint8Array,
    headers: Headers,
    account: GatewayAccount,
    now: number,
    ask: AskPaypal,
  ): Promise<HookVerdict> {
    const sent = transmissionOf(headers);
    if (sent === null) return no('unsigned', 'headers of the signature are missing');
    const fault = timeFault(sent.time, now) ?? algorithmFault(sent.algorithm);
    if (fault) return fault;
    if (account.hookId === null || account.hookId === '') return no('foreign', 'the account has no webhook id');
    if (account.hookId === SIMULATOR) return no('foreign', `${SIMULATOR} is no webhook id`);
    const url = certificateUrl(sent.certUrl, account, this.#trust.certHosts);
    if (url === null) return no('invalid', 'the certificate is not at an address of PayPal');
    const chain = await this.#certificates.get(url).catch((error: unknown) => error);
    // Nobody can tell now: the delivery is not refused for good.
    if (chain instanceof Error) throw chain;
    const certificates = chain as X509Certificate[] | null;
    const [leaf] = certificates ?? [];
    if (!certificates || !leaf) return no('invalid', 'there is no certificate at the address');
    const wrong = chainFault(certificates, this.#trusted(), { names: this.#trust.names, now });
    if (wrong !== null && wrong !== 'incomplete')
      return no('invalid', `the certificate is not to be trusted: ${wrong}`);
    const verdict = judged(raw, sent, leaf, account, account.hookId);
    // What the certificate itself has not signed is worth no question: anybody could make us ask.
    return verdict.ok && wrong === 'incomplete' ? this.#asked(raw, sent, account.hookId, ask) : verdict;
  }

  /** The chain was not sent along to its end: only PayPal can say. */
  async #asked(raw: Uint8Array, sent: Transmission, webhookId: string, ask: AskPaypal): Promise<HookVerdict> {
    return (await ask({ ...sent, webhookId, raw }))
      ? { ok: true }
      : no('invalid', 'PayPal does not know the signature');
  }

  #trusted(): readonly X509Certificate[] {
    this.#roots ??= [...trustedRoots(), ...this.#trust.roots].flatMap((pem) => certificatesIn(pem) ?? []);
    return this.#roots;
  }
}

function judged(
  raw: Uint8Array,
  sent: Transmission,
  leaf: X509Certificate,
  { mode }: GatewayAccount,
  hookId: string,
): HookVerdict {
  if (isSigned(raw, sent, leaf, hookId)) return { ok: true };
  if (!isSigned(raw, sent, leaf, SIMULATOR)) return no('invalid', 'the signature is not of this body and this webhook');
  return mode === 'test' ? { ok: true } : no('foreign', 'it is an event of the simulator');
}

function isSigned(raw: Uint8Array, { id, time, signature }: Transmission, leaf: X509Certificate, webhookId: string) {
  const text = `${id}|${time}|${webhookId}|${crc32(raw)}`;
  return verify('RSA-SHA256', Buffer.from(text), leaf.publicKey, Buffer.from(signature, 'base64'));
}

export function transmissionOf(headers: Headers): Transmission | null {
  const text = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' && value.length <= 2_000 ? value : '';
  };
  const sent = {
    id: text('paypal-transmission-id'),
    time: text('paypal-transmission-time'),
    signature: text('paypal-transmission-sig'),
    certUrl: text('paypal-cert-url'),
    algorithm: text('paypal-auth-algo'),
  };
  return Object.values(sent).includes('') ? null : sent;
}

function timeFault(time: string, now: number): Refused | null {
  const at = Date.parse(time);
  if (!Number.isFinite(at)) return no('invalid', 'its time is none');
  if (at < now - OLDEST_MS) return no('stale', `it was sent at ${time}`);
  return at > now + AHEAD_MS ? no('early', `it says that it is sent at ${time}`) : null;
}

function algorithmFault(algorithm: string): Refused | null {
  return algorithm.toLowerCase() === 'sha256withrsa' ? null : no('invalid', 'it is signed in an unknown way');
}

/** PayPal's own hosts, those of the account's mode only; another one in the place of PayPal has its certificates there too. */
function certificateUrl(text: string, { mode, apiBase }: GatewayAccount, hosts: readonly string[]): URL | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const live = ['https://api.paypal.com'];
  const own = mode === 'live' ? live : [...live, 'https://api.sandbox.paypal.com'];
  const more = apiBase !== null && URL.canParse(apiBase) ? [new URL(apiBase).origin] : [];
  const isThere = [...own, ...more, ...hosts].includes(url.origin) && url.pathname.startsWith(PATH);
  return isThere && url.username === '' && url.password === '' && url.search === '' ? url : null;
}

function no(reason: Refused['reason'], detail: string): Refused {
  return { ok: false, reason, detail };
}
