import type { GiteaKind } from './fake-forge-gitea-bodies.ts';
import type { FakeLogin } from './fake-forge-gitea-login.ts';
import type { FakeAnswer, FakeFault, FakeRequest } from './fake-forge-server.ts';
import type { FakeToken, FakeWorld } from './fake-forge-world.ts';

/** A request with all that an answer depends on. */
export interface GiteaCall {
  request: FakeRequest;
  world: FakeWorld;
  login: FakeLogin;
  kind: GiteaKind;
  version: string;
  /** Null for nobody and for a token that is not known. */
  who: FakeToken | null;
  /** The forge's own idea of its address. */
  root: string;
  /** Where files are, if not here. */
  storeUrl: string | null;
  maxItems: number;
  fault: FakeFault | null;
}

/** `limit` is obeyed up to a cap, `per_page` is ignored, `Link` carries the other host. */
export function page<T>(call: GiteaCall, all: readonly T[]): { entries: T[]; headers: Record<string, string> } {
  const query = call.request.url.searchParams;
  const limit = Math.min(Number(query.get('limit')) || Math.min(30, call.maxItems), call.maxItems);
  const number = Math.max(Number(query.get('page')) || 1, 1);
  if (call.fault === 'endless') {
    const [first] = all;
    return { entries: first === undefined ? [] : Array<T>(limit).fill(first), headers: {} };
  }
  const next = `${call.root}${call.request.url.pathname}?limit=${limit}&page=${number + 1}`;
  return {
    entries: all.slice((number - 1) * limit, number * limit),
    headers: {
      'x-total-count': String(all.length),
      ...(number * limit < all.length ? { link: `<${next}>; rel="next"` } : {}),
    },
  };
}

export function notFound(call: GiteaCall, message = 'not found'): FakeAnswer {
  return { status: 404, body: { errors: null, message, url: `${call.root}/api/swagger` } };
}
