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
  /** Slots of the license that count and that do not, now. */
  counted: number;
  exempt: number;
  /** Those held slots that could be this site's: same identity, same instance, the staging host's parent. */
  held: readonly Activation[];
  now: number;
}

export type SlotDecision =
  | { kind: 'held'; id: string }
  | { kind: 'claim'; identity: string; counted: boolean; exemptReason: string | null }
  /** The slot follows its instance to a new host. */
  | { kind: 'move'; id: string; identity: string }
  /** A copy's free time is over: it needs a slot of its own, which `takes` (a silent original) may give up. */
  | { kind: 'count'; id: string; takes: string | null }
  | { kind: 'refused' };

/** An original that was silent this long has moved; a copy is free this long. */
const COPY_DAYS = 14;

/** Exempt sites are free but not without bound. */
export function exemptCap(limit: number | null): number {
  return limit === null ? Number.POSITIVE_INFINITY : Math.max(3 * limit, 5);
}

/** How an identity begins that is an instance and no host. */
export const BY_INSTANCE = 'instance:';

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
  if (exempt !== null) return claimExempt(input, identity, exempt);
  const original = held.find((slot) => slot.counted && slot.instance !== null && slot.instance === claim.instance);
  const silent = original !== undefined && now - original.lastSeenAt >= COPY_DAYS * DAY;
  if (own) {
    if (silent) return { kind: 'count', id: own.id, takes: original.id };
    return hasRoom(input) ? { kind: 'count', id: own.id, takes: null } : { kind: 'refused' };
  }
  if (silent) return { kind: 'move', id: original.id, identity };
  if (original) return claimExempt(input, identity, 'copy');
  return hasRoom(input) ? { kind: 'claim', identity, counted: true, exemptReason: null } : { kind: 'refused' };
}

/**
 * The slot that is this site's already. Its name may be one of before: the package counted by another unit then, the client sent
 * no instance yet, or (Joomla's command line) it sends no host now.
 */
function ownSlot(claim: SiteClaim, identity: string, held: readonly Activation[]): Activation | undefined {
  const instance = claim.instance === null ? null : byInstance(claim.instance);
  return (
    held.find((slot) => slot.identity === identity) ??
    held.find((slot) => slot.identity === instance) ??
    held.find((slot) =>
      claim.host === ''
        ? slot.counted && slot.instance === claim.instance
        : slot.host === claim.host && !slot.identity.startsWith(BY_INSTANCE),
    )
  );
}

function claimExempt({ exempt, limit }: SlotInput, identity: string, reason: string): SlotDecision {
  const isFree = exempt < exemptCap(limit);
  return isFree ? { kind: 'claim', identity, counted: false, exemptReason: reason } : { kind: 'refused' };
}

function hasRoom({ limit, counted }: SlotInput): boolean {
  return limit === null || counted < limit;
}

function isOverdueCopy(slot: Activation, now: number): boolean {
  return slot.exemptReason === 'copy' && now - slot.firstSeenAt >= COPY_DAYS * DAY;
}

function exemptReason({ claim, held, unit }: SlotInput): string | null {
  if (claim.byInstance || claim.exempt === null) return null;
  if (claim.exemptBeside === null) return claim.exempt;
  const isBeside = held.some((slot) => slot.counted && slot.identity === claim.exemptBeside);
  return isBeside && unit === 'host' ? claim.exempt : null;
}
