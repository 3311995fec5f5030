import type { Route } from '../../src/http/route.ts';
import type { ApiServer } from './api-server.ts';

/** A request and its answer as the OpenAPI document shows them. */
interface ApiExample {
  parameters?: Record<string, string | number | boolean>;
  body?: unknown;
  status: number;
  answer?: unknown;
}

interface Wish {
  params?: Record<string, string>;
  query?: Record<string, string | number | boolean>;
  body?: unknown;
  /** Whoever asks instead of the teller. */
  token?: string | null;
  /** Of a person's browser, in place of a token. */
  session?: Record<string, string>;
}

export interface Teller {
  /** Calls an operation as its document says it is called; throws where it is refused. The first call of each becomes its example. */
  // biome-ignore lint/suspicious/noExplicitAny: the story looks into any answer and fails where a field is missing
  does(operationId: string, wish?: Wish): Promise<any>;
  /** What was told, with ids, keys and tokens that are the same in every run. */
  examples(): Record<string, ApiExample>;
}

/** Tells a story to the API and writes down what was said; what runs here for it is shown under another address. */
export function makeTeller(
  api: ApiServer,
  routes: readonly Route[],
  addresses: readonly (readonly [here: string, shown: string])[],
): Teller {
  const told = new Map<string, ApiExample>();
  return {
    async does(operationId, { params = {}, query = {}, body, token, session } = {}) {
      const route = routes.find((each) => each.operationId === operationId);
      if (!route) throw new Error(`there is no operation ${operationId}`);
      const path = route.path
        .replace('/api/v1', '')
        .replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(named(params, name, operationId)));
      const pairs = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
      const search = new URLSearchParams(pairs);
      const address = search.size > 0 ? `${path}?${search}` : path;
      const caller = session !== undefined ? api.as(null) : token === undefined ? api : api.as(token);
      const how = session === undefined ? {} : { headers: session };
      const answer =
        route.method === 'get' || route.method === 'delete'
          ? await caller[route.method](address, how)
          : await caller[route.method](address, body, how);
      if (answer.status >= 300) throw new Error(`${operationId} answered ${answer.status}: ${answer.text}`);
      if (!told.has(operationId)) {
        const parameters = { ...params, ...query };
        told.set(operationId, {
          ...(Object.keys(parameters).length > 0 ? { parameters } : {}),
          ...(body === undefined ? {} : { body }),
          status: answer.status,
          ...(answer.text === '' ? {} : { answer: answer.json ?? answer.text }),
        });
      }
      return answer.json ?? answer.text;
    },
    examples() {
      const inOrder = [...told].sort(([a], [b]) => (a < b ? -1 : 1));
      return steady(Object.fromEntries(told), Object.fromEntries(inOrder), addresses) as Record<string, ApiExample>;
    },
  };
}

function named(params: Record<string, string>, name: string, operationId: string): string {
  const value = params[name];
  if (value === undefined) throw new Error(`${operationId} needs the parameter ${name}`);
  return value;
}

/** Ids are numbered in the order in which the story meets them; what is secret becomes a text that is no secret. */
function steady(asTold: unknown, shown: unknown, addresses: readonly (readonly [string, string])[]): unknown {
  const numbers = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const [id, kind = ''] of JSON.stringify(asTold).matchAll(/([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}\b/g)) {
    if (numbers.has(id)) continue;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    numbers.set(id, `${kind}_01kdz6m4w0${String(count).padStart(16, '0')}`);
  }
  const text = JSON.stringify(shown)
    .replace(/\b(ord|lic|cus)_[0-9a-z]{26}_1[0-9a-f]{40}\b/g, '$1_EXAMPLE')
    .replace(/[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}\b/g, (id) => numbers.get(id) ?? id)
    .replace(/FG1(-[0-9A-Z]{7}){4}\b/g, 'FG1-EXAMPLE-EXAMPLE-EXAMPLE-EXAMPLE')
    .replace(/FG1…[0-9A-Z]{4}\b/g, 'FG1…MPLE')
    .replace(/\bfgt_[A-Za-z0-9]{20,}\b/g, 'fgt_EXAMPLE')
    .replace(/\bfgt_…\w{4}\b/g, 'fgt_…MPLE')
    .replace(/\bwhsec_[A-Za-z0-9+/=]{20,}/g, 'whsec_EXAMPLE')
    .replace(/\bwhs…[A-Za-z0-9+/=]{4}/g, 'whs…MPLE')
    .replace(/"duration_ms":\d+/g, '"duration_ms":12')
    .replace(/"next_cursor":"[\w-]+"/g, '"next_cursor":"eyJleGFtcGxlIjoxfQ"');
  return JSON.parse(addresses.reduce((all, [here, shown]) => all.replaceAll(here, shown), text));
}
