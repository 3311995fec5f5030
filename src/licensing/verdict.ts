import { DAY } from '../clock.ts';
import { isAllowed } from './allowed-sites.ts';
import type { Grant, ScopedProduct } from './package-terms.ts';
import { type Activation, decideSlot, type SiteClaim, type SlotDecision } from './slots.ts';
import { EVERY_CHANNEL, type Limits, type Remainder, type Terms, termsAt } from './terms.ts';

/** The closed list, in order of precedence: the first that applies is the answer. Refusals first, then what is allowed. */
export const VERDICT_CODES = [
  'KEY_MALFORMED',
  'NOT_FOUND',
  'KEY_REVOKED',
  'REVOKED',
  'SUSPENDED',
  'NOT_YET_VALID',
  'CANCELED',
  'EXPIRED',
  'SITE_REQUIRED',
  'SITE_NOT_ALLOWED',
  'SITE_LIMIT',
  'CHANNEL_NOT_INCLUDED',
  'UPDATES_EXPIRED',
  'ENTITLEMENT_MISSING',
  'GRACE',
  'PAST_DUE',
  'TRIAL',
  'EXPIRING',
  'VALID',
  'OPEN',
  'UNAVAILABLE',
] as const;
export type VerdictCode = (typeof VERDICT_CODES)[number];

/** From how long before its end a license is EXPIRING. */
const EXPIRING_DAYS = 14;

export const MODES = ['open', 'listed', 'strict'] as const;
export type Mode = (typeof MODES)[number];

/** What the gate knows of a product. */
export interface GatedProduct extends ScopedProduct {
  organizationId: string;
  mode: Mode;
  /** Channels that need no key in the modes `open` and `listed`. */
  openChannels: readonly string[];
  /** Security releases are for everyone, with a key or without. */
  securityOpen: boolean;
  claimOn: 'download' | 'feed';
  missingSite: 'allow' | 'deny';
}

/** A license as one key shows it, with the slots that could be the asking site's. */
export interface LicenseSnapshot {
  id: string;
  organizationId: string;
  suspended: boolean;
  revoked: boolean;
  key: {
    id: string;
    suspended: boolean;
    revoked: boolean;
    domains: readonly string[] | null;
    /** How many sites it may claim of its license's; null: as many as there are. */
    siteLimit: number | null;
    /** Counted slots that it claimed; only known where it has a limit. */
    countedSites: number;
    /** From then on it opens nothing, ms UTC; null: it goes on. */
    endsAt: number | null;
    /** The key that takes its place. */
    replacedBy: string | null;
    purpose: string;
    /** Only its hash was brought in: whoever shows it says its text for the first time. */
    textUnknown?: boolean;
  };
  grants: readonly Grant[];
  countedSites: number;
  exemptSites: number;
  held: readonly Activation[];
  /** The counted slot that has been silent the longest; null: none, or nobody looked for it. */
  idlest: Pick<Activation, 'id' | 'lastSeenAt'> | null;
}

export type KeyFound =
  | { kind: 'none' }
  | { kind: 'malformed' }
  | { kind: 'unknown' }
  | { kind: 'found'; license: LicenseSnapshot };

export interface Question {
  now: number;
  kind: 'feed' | 'download' | 'validate' | 'activate';
  product: GatedProduct;
  key: KeyFound;
  /** null: the client sent none. */
  site: SiteClaim | null;
}

/** The answer of the gate for a product. What it opens release by release stands in access.ts. */
export interface Verdict {
  allowed: boolean;
  code: VerdictCode;
  /** Channels in force; `*` is every channel. Empty unless in force and the site is fine. */
  channels: readonly string[];
  remainders: readonly Remainder[];
  /** A key that is neither unknown, revoked nor suspended opens security releases. */
  security: boolean;
  /** null: no real key of this product. */
  terms: Terms | null;
  /** What must be written before the answer is given; null: nothing. */
  claim: Exclude<SlotDecision, { kind: 'held' | 'refused' }> | null;
  /** Grants whose time starts with this answer. */
  firstUse: readonly string[];
}

/** The one decision that every feed, download and validation goes through. Pure. */
export function verdict(question: Question): Verdict {
  const { key, product, now } = question;
  if (key.kind !== 'found') return keyless(question, key.kind);
  const { license } = key;
  if (license.organizationId !== product.organizationId) return keyless(question, 'unknown');
  const terms = termsAt(license.grants, product, now);
  if (terms.state === 'none') return keyless(question, 'unknown');
  const stopped = stoppedCode(license, now);
  if (stopped) return { ...refusal(stopped), terms };
  if (terms.state === 'not_yet') return { ...refusal('NOT_YET_VALID'), terms, security: true };
  if (terms.state === 'canceled') return { ...refusal('CANCELED'), terms, security: true };
  if (terms.state === 'ended' && terms.remainders.length === 0) return { ...refusal('EXPIRED'), terms, security: true };
  return atSite(question, license, terms);
}

function refusal(code: VerdictCode): Verdict {
  return {
    allowed: false,
    code,
    channels: [],
    remainders: [],
    security: false,
    terms: null,
    claim: null,
    firstUse: [],
  };
}

/** A bad key never makes an answer worse than none; it only has another code. */
function keyless({ product, kind }: Question, key: 'none' | 'malformed' | 'unknown'): Verdict {
  if (key === 'malformed') return refusal('KEY_MALFORMED');
  if (key === 'unknown') return refusal('NOT_FOUND');
  const free = product.mode === 'open' || (product.mode === 'listed' && kind === 'feed');
  return free ? { ...refusal('OPEN'), allowed: true } : refusal('NOT_FOUND');
}

function stoppedCode({ key, revoked, suspended }: LicenseSnapshot, now: number): VerdictCode | null {
  if (key.revoked || isReplaced(key, now)) return 'KEY_REVOKED';
  if (revoked) return 'REVOKED';
  return suspended || key.suspended ? 'SUSPENDED' : null;
}

/** A key that another one has taken the place of: its overlap is over. */
export function isReplaced({ endsAt }: Pick<LicenseSnapshot['key'], 'endsAt'>, now: number): boolean {
  return endsAt !== null && now >= endsAt;
}

/** Whose the slots are that come with a key: from when it is replaced, its successor's. */
export function holderOfSlots({ id, replacedBy }: Pick<LicenseSnapshot['key'], 'id' | 'replacedBy'>): string {
  return replacedBy ?? id;
}

function atSite(question: Question, license: LicenseSnapshot, terms: Terms): Verdict {
  const { site, product } = question;
  const refused = (code: VerdictCode): Verdict => ({ ...refusal(code), terms, security: true });
  const opened: Verdict = {
    allowed: true,
    code: allowedCode(terms, question.now),
    channels: terms.channels,
    remainders: terms.remainders,
    security: true,
    terms,
    claim: null,
    firstUse: question.kind === 'feed' || question.kind === 'download' ? terms.unstarted : [],
  };
  if (terms.master) return opened;
  if (site === null) return product.missingSite === 'deny' ? refused('SITE_REQUIRED') : opened;
  if (!isSiteAllowed(license, site)) return refused('SITE_NOT_ALLOWED');
  const slot = slotFor(question, site, license, terms);
  if (slot.kind === 'refused') return refused('SITE_LIMIT');
  return claimsSlots(question) && slot.kind !== 'held' ? { ...opened, claim: slot } : opened;
}

/** A download and an activation claim a slot; a poll does where the product says so. */
function claimsSlots({ kind, product }: Question): boolean {
  return kind === 'download' || kind === 'activate' || (kind === 'feed' && product.claimOn === 'feed');
}

/** A site that is known by its instance alone has no name that a list could hold. */
function isSiteAllowed(license: LicenseSnapshot, site: SiteClaim): boolean {
  return site.host === '' || isAllowed(license.key.domains ?? [], site.host);
}

function slotFor(question: Question, claim: SiteClaim, license: LicenseSnapshot, terms: Terms): SlotDecision {
  const { limits, siteUnit, overagePercent, takeoverDays } = limitsInForce(terms);
  const { siteLimit, countedSites } = license.key;
  return decideSlot({
    claim,
    unit: siteUnit,
    limit: limits.sites,
    overagePercent,
    takeoverDays,
    keyRoom: siteLimit === null ? null : siteLimit - countedSites,
    idlest: license.idlest,
    counted: license.countedSites,
    exempt: license.exemptSites,
    held: license.held,
    now: question.now,
  });
}

type SiteTerms = { limits: Limits } & Pick<Terms, 'siteUnit' | 'overagePercent' | 'takeoverDays'>;

/** Whether a site was refused that a silent one could make place for: worth a look for it. */
export function mayTakeOver({ code, terms }: Pick<Verdict, 'code' | 'terms'>): boolean {
  return code === 'SITE_LIMIT' && terms !== null && limitsInForce(terms).takeoverDays !== null;
}

/** After the end the limits are those that stood at the last end. */
export function limitsInForce(terms: Terms): SiteTerms {
  if (terms.state !== 'ended') return terms;
  const last = [...terms.remainders].sort((a, b) => b.before - a.before)[0];
  return last ?? terms;
}

function allowedCode(terms: Terms, now: number): VerdictCode {
  if (terms.state === 'ended') return 'EXPIRED';
  if (terms.state === 'grace') return terms.pastDue ? 'PAST_DUE' : 'GRACE';
  if (terms.trial) return 'TRIAL';
  const isEnding = terms.end !== null && !terms.renews && terms.end - now <= EXPIRING_DAYS * DAY;
  return isEnding ? 'EXPIRING' : 'VALID';
}

export function opensChannel(channels: readonly string[], channel: string): boolean {
  return channels.includes(channel) || channels.includes(EVERY_CHANNEL);
}
