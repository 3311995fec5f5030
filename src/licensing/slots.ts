import { DAY } from '../clock.ts';

/** A site that a client says it is. A claim, never a proof. */
export interface SiteClaim {
  /** Host name as ASCII; empty where only an instance was sent. */
  host: string;
  /** The domain that was registered, or the host itself where there is none. */
  registrable: string;
  /** Why it does not count (loopback, reserved, staging ...); null: it counts. */
  exempt: string | null;
  /** A staging host is exempt only while this host holds a counted slot. */
  exemptBeside: string | null;
  /** Hash that survives a change of host. */
  instance: string | null;
  /** True: the instance is the slot, whatever the host (Dolibarr). */
  byInstance: boolean;
}

/** A slot that is held now. */
export interface Activation {
  id: string;
  identity: string;
  host: string;
  instance: string | null;
  counted: boolean;
  exemptReason: string | null;
  firstSeenAt: number;
  lastSeenAt: number;
}

export interface SlotInput {
  claim: SiteClaim;
  unit: 'host' | 'registrable';
  limit: number | null;
  /** By how many percent of the limit it may be exceeded; what is beyond the limit is marked. */
  overagePercent: number;
  /** How many slots the asking key may still claim within a limit of its own; null: it has none. */
  keyRoom: number | null;
  /** After how many silent days a site gives its slot up to a new one that would be refused; null: never. */
  takeoverDays: number | null;
  /** The counted slot that has been silent the longest; null: there is none, or nobody looked for it. */
  idlest: Pick<Activation, 'id' | 'lastSeenAt'> | null;
  /** Slots of the license that count and that do not, now. */
  counted: number;
  exempt: number;
  /** Those held slots that could be this site's: same identity, same instance, the staging host's parent. */
  held: readonly Activation[];
  now: number;
}

export type SlotDecision =
  | { kind: 'held'; id: string }
  | ({ kind: 'claim'; identity: string; exemptReason: string | null; beside: string | null } & Room & Counted)
  /** The slot follows its instance to a new host. */
  | { kind: 'move'; id: string; identity: string }
  /** A copy's free time is over: it needs a slot of its own, which `takes` (a silent original) may give up. */
  | ({ kind: 'count'; id: string; takes: string | null } & Room)
  | { kind: 'refused' };

interface Counted {
  counted: boolean;
}

/** How a counted slot finds its place. */
interface Room {
  /** The silent site that gives its slot up; null: none has to. */
  evicts: string | null;
  /** True: it lies beyond the limit, which the package allows. */
  over: boolean;
}

/** An original that was silent this long has moved; a copy is free this long. */
const COPY_DAYS = 14;

/** Exempt sites are free but not without bound. */
export function exemptCap(limit: number | null): number {
  return limit === null ? Number.POSITIVE_INFINITY : Math.max(3 * limit, 5);
}

/** How an identity begins that is an instance and no host. */
export const BY_INSTANCE = 'instance:';

/** How an identity begins that is every host below a name. */
export const WILDCARD = '*.';
/** So many labels in front of the registered domain may a wildcard have: each costs every poll of a deep host a look. */
export const WILDCARD_DEPTH = 4;

/** How many sites may count at most: the limit, and what the package allows beyond it. */
function mostCounted(limit: number | null, overagePercent: number): number | null {
  return limit === null ? null : Math.floor((limit * (100 + overagePercent)) / 100);
}

/** The wildcards that a host is under, the nearest first; `*.example.com` holds example.com too, as it stands for `www.`. */
export function wildcardsOver({ host, registrable }: Pick<SiteClaim, 'host' | 'registrable'>): string[] {
  if (registrable === '' || !registrable.includes('.') || !host.endsWith(registrable)) return [];
  const above = host
    .slice(0, host.length - registrable.length)
    .split('.')
    .filter((label) => label !== '');
  const near = above.slice(-WILDCARD_DEPTH);
  return [...near.keys(), near.length].map((i) => `${WILDCARD}${[...near.slice(i), registrable].join('.')}`);
}

/** The key under which a site holds its slot. Where domains count, a staging host shares the slot of its domain. */
export function slotIdentity(claim: SiteClaim, unit: SlotInput['unit']): string {
  if (claim.instance !== null && (claim.byInstance || claim.host === '')) return byInstance(claim.instance);
  const sharesDomain = claim.exempt === null || claim.exemptBeside !== null;
  return unit === 'registrable' && sharesDomain ? claim.registrable : claim.host;
}

function byInstance(instance: string): string {
  return `${BY_INSTANCE}${instance}`;
}

/** Every identity under which the slots that matter to a claim may be held, whatever the unit. */
export function possibleIdentities(claim: SiteClaim): string[] {
  const names = [
    claim.host,
    claim.registrable,
    claim.exemptBeside ?? '',
    claim.instance === null ? '' : byInstance(claim.instance),
    ...wildcardsOver(claim),
  ];
  return [...new Set(names.filter((name) => name !== ''))];
}

/** Who gets a slot (DESIGN §5). The same site again is always fine, at the limit too. Pure; the writer repeats it under a lock. */
export function decideSlot(input: SlotInput): SlotDecision {
  const { claim, held, now } = input;
  const identity = slotIdentity(claim, input.unit);
  const own = ownSlot(claim, identity, held);
  if (own && !isOverdueCopy(own, now)) return { kind: 'held', id: own.id };
  const exempt = own ? null : exemptReason(input);
  if (exempt !== null) return claimExempt(input, identity, exempt, besideSlot(input)?.id ?? null);
  const original = held.find((slot) => slot.counted && slot.instance !== null && slot.instance === claim.instance);
  const silent = original !== undefined && now - original.lastSeenAt >= COPY_DAYS * DAY;
  if (own && silent) return { kind: 'count', id: own.id, takes: original.id, evicts: null, over: false };
  if (!own && silent) return { kind: 'move', id: original.id, identity };
  if (!own && original) return claimExempt(input, identity, 'copy', original.id);
  const room = roomFor(input);
  if (room === null) return { kind: 'refused' };
  return own
    ? { kind: 'count', id: own.id, takes: null, ...room }
    : { kind: 'claim', identity, counted: true, exemptReason: null, beside: null, ...room };
}

/** The slot that is this site's already, whatever its time; null: it has none. */
export function slotHeldBy(claim: SiteClaim, unit: SlotInput['unit'], held: readonly Activation[]): Activation | null {
  return ownSlot(claim, slotIdentity(claim, unit), held) ?? null;
}

/**
 * The slot that is this site's already. Its name may be one of before: the package counted by another unit then, the client sent
 * no instance yet, or (Joomla's command line) it sends no host now.
 */
function ownSlot(claim: SiteClaim, identity: string, held: readonly Activation[]): Activation | undefined {
  const instance = claim.instance === null ? null : byInstance(claim.instance);
  const wildcards = wildcardsOver(claim);
  return (
    held.find((slot) => slot.identity === identity) ??
    held.find((slot) => slot.identity === instance) ??
    held.find((slot) => wildcards.includes(slot.identity)) ??
    held.find((slot) =>
      claim.host === ''
        ? slot.counted && slot.instance === claim.instance
        : slot.host === claim.host && !slot.identity.startsWith(BY_INSTANCE),
    )
  );
}

function claimExempt(
  { exempt, limit }: SlotInput,
  identity: string,
  reason: string,
  beside: string | null,
): SlotDecision {
  if (exempt >= exemptCap(limit)) return { kind: 'refused' };
  return { kind: 'claim', identity, counted: false, exemptReason: reason, beside, evicts: null, over: false };
}

/** Where one more counted slot finds its place; null: nowhere. Of a license far beyond its limit one silent site frees nothing. */
function roomFor({ limit, counted, overagePercent, keyRoom, takeoverDays, idlest, now }: SlotInput): Room | null {
  if (keyRoom !== null && keyRoom <= 0) return null;
  const most = mostCounted(limit, overagePercent);
  if (most === null || counted < most) return { evicts: null, over: limit !== null && counted >= limit };
  const isSilent = takeoverDays !== null && idlest !== null && now - idlest.lastSeenAt >= takeoverDays * DAY;
  return isSilent && counted === most ? { evicts: idlest.id, over: limit !== null && counted > limit } : null;
}

function isOverdueCopy(slot: Activation, now: number): boolean {
  return slot.exemptReason === 'copy' && now - slot.firstSeenAt >= COPY_DAYS * DAY;
}

function exemptReason({ claim, held, unit }: SlotInput): string | null {
  if (claim.byInstance || claim.exempt === null) return null;
  if (claim.exemptBeside === null) return claim.exempt;
  return besideSlot({ claim, held }) !== undefined && unit === 'host' ? claim.exempt : null;
}

/** The counted slot of the host that a staging host stands beside. */
function besideSlot({ claim, held }: Pick<SlotInput, 'claim' | 'held'>): Activation | undefined {
  return held.find((slot) => slot.counted && slot.identity === claim.exemptBeside);
}
