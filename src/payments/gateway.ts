import type { z } from 'zod';
import type { FieldError } from '../errors.ts';
import type { Length } from '../licensing/package-terms.ts';
import type { Snapshot, SubscriptionFact } from './facts.ts';

/**
 * The contract of a payment gateway. Drivers are stateless and safe to call concurrently; credentials are passed in. Whatever they
 * ask of the network throws PaymentTrouble (src/errors.ts) where the provider does not do its part; a normal "there is none" is null.
 */

/** Money of live and of test mode never meets. */
export const MODES = ['live', 'test'] as const;
export type Mode = (typeof MODES)[number];

/** What is switched on for payment pages; a provider takes of it what it knows. */
export interface CheckoutSettings {
  automaticTax: boolean;
  taxIds: boolean;
  invoices: boolean;
  promotionCodes: boolean;
}

/** A vendor's account at a provider, opened for use. */
export interface GatewayAccount {
  id: string;
  mode: Mode;
  /** In the shape of the gateway's `credentials`. */
  credentials: Readonly<Record<string, string>>;
  /** All that may have signed a delivery now, the newest first. */
  hookSecrets: readonly string[];
  /** The provider's id of our webhook, where it needs one to tell whether a delivery is for us. */
  hookId: string | null;
  /** The provider's own id of the account; null: not known yet. */
  externalId: string | null;
  settings: CheckoutSettings;
  /** Another host in the place of the provider's: a proxy or a fake. null: the provider's own. */
  apiBase: string | null;
}

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** `for`: which of several accounts was meant is told by which of them it is valid for. */
export type HookVerdict =
  | { ok: true }
  | { ok: false; reason: 'unsigned' | 'invalid' | 'stale' | 'early' | 'foreign'; detail: string };

/** What can be told of a signed event without asking anybody. Only ids are ever used of it, never amounts or states. */
export interface ParsedEvent {
  /** The provider's id of the event, the same in every delivery of it. */
  eventId: string;
  /** The provider's id of this very delivery, where a signature binds it and not the whole body; else null. */
  deliveryId: string | null;
  type: string;
  /** null: the event does not say. */
  live: boolean | null;
  /** The account that it is about, where it says so. */
  accountId: string | null;
  apiVersion: string;
  objectType: string;
  objectId: string;
  /** What must be looked at afresh; '' : ask `locate`. null: nothing that concerns us, it is only kept. */
  subject: string | null;
  /** Of gateways whose events are the facts themselves (the provider has no API to read from). */
  facts?: Snapshot;
}

/** `errors`: which fields are wrong, where the sender can mend them. */
export type ParseResult = { ok: true; event: ParsedEvent } | { ok: false; detail: string; errors?: FieldError[] };

/** A price as the provider has it. */
export interface RemotePrice {
  externalId: string;
  active: boolean;
  name: string;
  amountMinor: number;
  currency: string;
  /** null: one-off. */
  interval: Length | null;
}

export interface CheckoutLine {
  line: string;
  name: string;
  priceId: string;
  quantity: number;
  /** Of one piece, before tax, as we know it. */
  unitMinor: number;
  recurring: boolean;
}

export interface CheckoutRequest {
  orderId: string;
  /** Counts up where an earlier page of the same order expired. */
  attempt: number;
  currency: string;
  lines: readonly CheckoutLine[];
  /** '' : not known yet. */
  email: string;
  /** The provider's id of a customer who bought before. */
  externalCustomerId: string | null;
  language: string;
  successUrl: string;
  cancelUrl: string;
  /** What the provider shows above the payment, e.g. the name of the seller. */
  brand: string;
}

export interface StartedCheckout {
  externalId: string;
  url: string;
  /** ms UTC; null: the provider names no end. */
  expiresAt: number | null;
}

export interface Finding {
  severity: 'error' | 'warning' | 'ok';
  /** Stable, SCREAMING_SNAKE. */
  code: string;
  detail: string;
  /** What to do about it; '' : nothing. */
  fix: string;
}

export interface ListedEvents {
  events: ParsedEvent[];
  /** Hand it in again for what follows; null: that was all. */
  next: string | null;
}

/** What can be done to a subscription by its owner or the vendor. Each is idempotent by the key that is handed in. */
export interface SubscriptionActions {
  /** At the end of the paid period, or at once. Where the provider knows no end of period it is canceled now and the paid time stays. */
  cancel(account: GatewayAccount, externalId: string, when: 'period_end' | 'now', key: string): Promise<void>;
  /** Takes back a cancellation that has not come to its end. null: the provider cannot. */
  uncancel: ((account: GatewayAccount, externalId: string, key: string) => Promise<void>) | null;
  pause: ((account: GatewayAccount, externalId: string, key: string) => Promise<void>) | null;
  resume: ((account: GatewayAccount, externalId: string, key: string) => Promise<void>) | null;
  /**
   * Another price or quantity of one item: `now` is charged for the rest of the period at once and holds when it is paid,
   * `period_end` begins with the next period. `approvalUrl`: the buyer must agree there first.
   */
  change:
    | ((
        account: GatewayAccount,
        externalId: string,
        to: { itemId: string; priceId: string; quantity: number; when: 'now' | 'period_end'; returnUrl: string },
        key: string,
      ) => Promise<{ approvalUrl: string | null }>)
    | null;
}

/** Usage that the provider bills, as one of its meters counts it. */
export interface MeterEvent {
  /** What the vendor named the meter's events. */
  name: string;
  externalCustomerId: string;
  value: number;
  /** The same in every try: within a day the provider counts it once. */
  identifier: string;
  /** When it was used, ms UTC. */
  at: number;
}

/**
 * What is stored of a subject already, for a provider that tells one thing only once: it lists no refunds of a payment, or forgets
 * under which price an older one was made.
 */
export interface Known {
  /** External ids of refunds, and the id of the object that the event named if that is one. */
  refunds: readonly string[];
  payments: readonly { externalId: string; priceId: string | null; quantity: number }[];
  /** An order of ours was sent to it. */
  isOrdered: boolean;
}

export interface Gateway {
  provider: string;
  /** For people. */
  title: string;
  /** What a vendor must hand over, by name (snake_case, as the API takes it); all of it is secret. */
  credentials: z.ZodObject<Record<string, z.ZodType<string>>>;
  /** The mode that credentials are of, as far as they show it by themselves; missing or null: they do not. */
  modeOf?(credentials: Readonly<Record<string, string>>): Mode | null;
  /** The events that our webhook must be told. */
  eventTypes: readonly string[];
  /** Over the raw bytes. `now` ms UTC. */
  verify(raw: Uint8Array, headers: Headers, account: GatewayAccount, now: number): Promise<HookVerdict>;
  /** Only called with what was verified, and with what `listEvents` of the provider holds. */
  parse(raw: Uint8Array, headers: Headers): ParseResult;
  /** Which subject an object belongs to; null: none of ours, as far as the provider knows. */
  locate(account: GatewayAccount, event: Pick<ParsedEvent, 'type' | 'objectType' | 'objectId'>): Promise<string | null>;
  /** Everything about a subject, afresh. null: the provider knows nothing of it. */
  read(account: GatewayAccount, subject: string, known?: Known): Promise<Snapshot | null>;
  /** What has several names as a subject has one under which it is looked at, so that two looks at once share one lock. */
  mainSubject?(subject: string): string;
  /** Its signed events are the facts: there is nothing that could be read afresh. */
  tellsAll?: true;
  /** `read` is to be told what is known. */
  wantsKnown?: true;
  /** The provider's own list, oldest first as far as it goes. null: it has none. */
  listEvents: ((account: GatewayAccount, since: number, page: string | null) => Promise<ListedEvents>) | null;
  /** What is missing or wrong: credentials, mode, webhook, its events and its version. */
  check(account: GatewayAccount, hookUrl: string): Promise<{ externalId: string | null; findings: Finding[] }>;
  /** Makes or mends the webhook; the secret is told this once. null: there is nothing to make. */
  registerHook:
    | ((account: GatewayAccount, hookUrl: string) => Promise<{ hookId: string; secret: string | null }>)
    | null;
  /** The secret of deliveries is made here, so that `registerHook` asks nobody and its secret is shown to the vendor, once. */
  secretIsOurs?: true;
  /** null: there is none (any more). Gateways without prices of their own have no such function. */
  readPrice: ((account: GatewayAccount, externalId: string) => Promise<RemotePrice | null>) | null;
  /** A one-off sale has no price at the provider: amount and currency are ours alone, and `readPrice` is for what recurs. */
  oneOffIsOurs?: true;
  /** Refused (PaymentTrouble `refused`) where the lines cannot be sold together. null: nothing can be bought through it by us. */
  startCheckout: ((account: GatewayAccount, request: CheckoutRequest) => Promise<StartedCheckout>) | null;
  subscriptions: SubscriptionActions | null;
  /** A page of the provider on which its customer looks after payment and invoices; null: it has none. */
  portal: ((account: GatewayAccount, externalCustomerId: string, returnUrl: string) => Promise<string>) | null;
  /** Every subscription that is not over, for taking over what runs already. null: the provider cannot list them. */
  listSubscriptions:
    | ((
        account: GatewayAccount,
        page: string | null,
      ) => Promise<{ subscriptions: SubscriptionFact[]; next: string | null }>)
    | null;
  /** Missing: the provider bills no usage. */
  sendMeter?: (account: GatewayAccount, event: MeterEvent) => Promise<'sent' | 'no_customer'>;
}

/** Subjects: what is looked at as a whole, under one lock. */
export type SubjectKind = 'checkout' | 'subscription' | 'price';

/** As it stands in the inbox and is locked by. */
export function subjectOf(kind: SubjectKind, externalId: string): string {
  return `${kind}:${externalId}`;
}

export function partsOfSubject(subject: string): { kind: SubjectKind; externalId: string } {
  const at = subject.indexOf(':');
  return { kind: subject.slice(0, at) as SubjectKind, externalId: subject.slice(at + 1) };
}
