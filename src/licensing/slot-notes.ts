import { BY_INSTANCE, WILDCARD } from './slots.ts';

/** What a slot stands for: one host (or instance), every host of a registered domain, every host below a name. */
export type Covers = 'host' | 'domain' | 'wildcard';

/**
 * Why a slot is free again: its holder gave it up with the key (`self`), whoever manages the license did (`manager`), its site moved
 * away (`moved`), it was silent and another one needed it (`takeover`), a wildcard holds it now (`wildcard`), or the site that it
 * was a staging host of is gone (`beside`).
 */
const RELEASE_REASONS = ['self', 'manager', 'moved', 'takeover', 'wildcard', 'beside'] as const;
export type ReleaseReason = (typeof RELEASE_REASONS)[number];

/** What is remembered of a slot beside who holds it. */
export interface SlotNotes {
  label: string | null;
  covers: Covers;
  /** The activation that it is a copy or a staging host of. */
  besideId: string | null;
  /** It was claimed beyond the limit, and the license still is beyond it. */
  overLimit: boolean;
  releaseReason: ReleaseReason | null;
}

/** Why a staging host is exempt that somebody declared to be one. */
export const DECLARED = 'declared';

/** What the slot of an identity stands for. */
export function coversOf(identity: string, host: string, unit: 'host' | 'registrable', counted: boolean): Covers {
  if (identity.startsWith(WILDCARD)) return 'wildcard';
  const isDomain = unit === 'registrable' && counted && !identity.startsWith(BY_INSTANCE) && host !== '';
  return isDomain ? 'domain' : 'host';
}
