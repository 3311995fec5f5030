import { createHash } from 'node:crypto';

interface Grant {
  token: Promise<string>;
  /** On the clock of `elapsed`; until it is known, infinite. */
  staleAt: number;
}

const MOST = 1_000;

/** How a token is asked for: the token and for how many seconds it is good. */
export type AskForToken = () => Promise<{ token: string; seconds: number }>;

/**
 * Access tokens, by base address, client id and secret, so that two hosts or two secrets never share one. However many callers want
 * one at once, it is asked for once; a failure is kept for nobody.
 */
export class Tokens {
  readonly #grants = new Map<string, Grant>();
  readonly #elapsed: () => number;

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
  }

  get(key: string, ask: AskForToken): Promise<string> {
    const known = this.#grants.get(key);
    if (known !== undefined && this.#elapsed() < known.staleAt) return known.token;
    const grant: Grant = { token: Promise.resolve(''), staleAt: Number.POSITIVE_INFINITY };
    grant.token = this.#grant(key, grant, ask);
    if (this.#grants.size >= MOST) this.#grants.clear();
    this.#grants.set(key, grant);
    return grant.token;
  }

  /** It was refused. One that somebody else has already renewed stays. */
  async drop(key: string, token: string): Promise<void> {
    const grant = this.#grants.get(key);
    if (grant !== undefined && (await grant.token.catch(() => token)) === token) this.#forget(key, grant);
  }

  async #grant(key: string, grant: Grant, ask: AskForToken): Promise<string> {
    try {
      const { token, seconds } = await ask();
      // Renewed a minute early, so that none ends on the way; short ones halfway.
      grant.staleAt = this.#elapsed() + Math.max(seconds - 60, seconds / 2) * 1_000;
      return token;
    } catch (error) {
      this.#forget(key, grant);
      throw error;
    }
  }

  #forget(key: string, grant: Grant): void {
    if (this.#grants.get(key) === grant) this.#grants.delete(key);
  }
}

/** Says nothing about the secret. */
export function tokenKey(baseUrl: string, clientId: string, secret: string): string {
  return createHash('sha256')
    .update(JSON.stringify([baseUrl, clientId, secret]))
    .digest('base64');
}
