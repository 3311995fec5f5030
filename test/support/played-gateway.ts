import { z } from 'zod';
import { NOTHING_FOUND, type Snapshot } from '../../src/payments/facts.ts';
import type { CheckoutRequest, Gateway, RemotePrice, StartedCheckout } from '../../src/payments/gateway.ts';
import { SEED_NOW } from './seed.ts';

/** A payment provider in memory, for what is about us and not about how a provider talks. */
export interface PlayedGateway extends Gateway {
  prices: Map<string, RemotePrice>;
  /** What the provider says of a subject. */
  snapshots: Map<string, Snapshot>;
  /** Every wish for a payment page, repeated ones too. */
  requests: CheckoutRequest[];
  /** The pages that there are, by order and attempt: the same wish again is the same page. */
  pages: Map<string, StartedCheckout>;
  /** Thrown instead of an answer; `after`: the page was made all the same. */
  failure: { error: Error; after: boolean } | null;
  /** How long a page lives, ms; null: it names no end. */
  pageLife: number | null;
}

export function playGateway(provider: string, clock: () => number = () => SEED_NOW): PlayedGateway {
  const fail = () => {
    if (played.failure) throw played.failure.error;
  };
  const played: PlayedGateway = {
    ...{ provider, title: provider, credentials: z.object({ secret: z.string() }), eventTypes: [] },
    ...{ prices: new Map(), snapshots: new Map(), requests: [], pages: new Map(), failure: null },
    pageLife: 60 * 60_000,
    verify: async () => ({ ok: true }),
    parse: () => ({ ok: false, detail: 'nothing is sent' }),
    locate: async () => null,
    async read(_account, subject) {
      fail();
      return played.snapshots.get(subject) ?? NOTHING_FOUND;
    },
    ...{ listEvents: null, registerHook: null, subscriptions: null, portal: null, listSubscriptions: null },
    check: async () => ({ externalId: null, findings: [] }),
    async readPrice(_account, externalId) {
      fail();
      return played.prices.get(externalId) ?? null;
    },
    async startCheckout(_account, request) {
      played.requests.push(request);
      if (played.failure && !played.failure.after) throw played.failure.error;
      const name = `${request.orderId}#${request.attempt}`;
      const known = played.pages.get(name);
      const externalId = known?.externalId ?? `page_${provider}_${played.pages.size + 1}`;
      const expiresAt = played.pageLife === null ? null : clock() + played.pageLife;
      const page = known ?? { externalId, url: `https://pay.example.com/${externalId}`, expiresAt };
      played.pages.set(name, page);
      fail();
      return page;
    },
  };
  return played;
}
