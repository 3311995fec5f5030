import { visibleReleases } from '../licensing/access.ts';
import type { Verdict } from '../licensing/verdict.ts';
import type { Product } from '../releases/product.ts';
import { entityTag } from './entity-tag.ts';
import type { FeedDocument, FeedFormat } from './feed-format.ts';
import { type Catalog, cutPerChannel, feedInput, fittingReleases, KEY_PLACE, visibilityOf } from './feed-releases.ts';

/** What is held in memory of answers. Everything is keyed by the product's revision, so nothing of it can be out of date. */

export interface Cache<V> {
  /** What is known of `key`, else what `make` gives; made once however many ask (single flight). A failure is not kept. */
  get(key: string, make: () => Promise<V>): Promise<V>;
  /** What is known, without making it. */
  peek(key: string): V | undefined;
  set(key: string, value: V): void;
}

/** Keeps the most recently used values that weigh at most `most` together; without `weightOf` each weighs 1. */
export function makeCache<V>(most: number, weightOf: (value: V) => number = () => 1): Cache<V> {
  const values = new Map<string, V>();
  const flights = new Map<string, Promise<V>>();
  let weight = 0;

  function forget(key: string): void {
    const old = values.get(key);
    if (old === undefined || !values.delete(key)) return;
    weight -= weightOf(old);
  }

  function remember(key: string, value: V): void {
    forget(key);
    values.set(key, value);
    weight += weightOf(value);
    for (const oldest of values.keys()) {
      if (weight <= most) return;
      forget(oldest);
    }
  }

  /** Makes it the youngest. */
  function touch(key: string, value: V): V {
    values.delete(key);
    values.set(key, value);
    return value;
  }

  return {
    async get(key, make) {
      const known = values.get(key);
      if (known !== undefined) return touch(key, known);
      const flying = flights.get(key);
      if (flying) return flying;
      const flight = make()
        .then((value) => {
          remember(key, value);
          return value;
        })
        .finally(() => flights.delete(key));
      flights.set(key, flight);
      return flight;
    },
    peek: (key) => values.get(key),
    set: remember,
  };
}

/** An answer as it is kept: the same for everyone who may see the same. */
export interface Body {
  bytes: Buffer;
  tag: string;
  /** Its links hold the place of a key: `withKey` before it is sent. */
  keyed: boolean;
}

interface BodyWish {
  product: Product;
  verdict: Verdict;
  format: FeedFormat;
  document: FeedDocument;
  /** Links carry the key, for a client whose feed address does. */
  keyed: boolean;
  /** The client's own version, e.g. `22.0.4`; empty: it did not say. */
  clientVersion: string;
}

export type Bodies = (wish: BodyWish) => Promise<Body>;

const MOST_BYTES = 64 * 2 ** 20;
/** What an entry weighs beside its text. */
const OVERHEAD = 500;

/** Renders each document once for all who may see the same of the same revision. */
export function makeBodies(deps: { publicUrl: string; catalog: Catalog }): Bodies {
  const cache = makeCache<Body>(MOST_BYTES, ({ bytes }) => bytes.length + OVERHEAD);
  return async ({ product, verdict, format, document, keyed, clientVersion }) => {
    // Not by the version itself: it is the client's word, and each would have a body of its own.
    const unfit =
      format.fits && clientVersion !== '' ? await unfitFor(deps.catalog, product, format, clientVersion) : '';
    const version = `${product.id}\n${product.revision}\n${document.fileName}\n${visibilityOf(verdict)}\n${keyed}\n${unfit}`;
    return cache.get(version, async () => {
      const releases = product.platforms.includes(format.platform) ? await deps.catalog(product, format) : [];
      const fitting = fittingReleases(format, product, releases, clientVersion);
      const visible = cutPerChannel(visibleReleases(product, verdict, fitting));
      if (visible.length === 0) return emptyBody(document);
      const text = document.render(feedInput({ publicUrl: deps.publicUrl, product, keyed }, visible));
      return { bytes: Buffer.from(text, 'utf8'), tag: entityTag([version, deps.publicUrl, text]), keyed };
    });
  };
}

async function unfitFor(catalog: Catalog, product: Product, format: FeedFormat, version: string): Promise<string> {
  const releases = await catalog(product, format);
  const fitting = new Set(fittingReleases(format, product, releases, version));
  return releases.flatMap((each) => (fitting.has(each) ? [] : [each.version])).join(',');
}

/** "Nothing for you", as the client of the document reads it. */
export function emptyBody(document: FeedDocument): Body {
  return {
    bytes: Buffer.from(document.empty, 'utf8'),
    tag: entityTag([document.fileName, document.empty]),
    keyed: false,
  };
}

export function withKey(body: Body, keyText: string): Body {
  if (!body.keyed) return body;
  const key = encodeURIComponent(keyText);
  const text = body.bytes.toString('utf8').replaceAll(KEY_PLACE, key);
  return { bytes: Buffer.from(text, 'utf8'), tag: entityTag([body.tag, key]), keyed: false };
}
