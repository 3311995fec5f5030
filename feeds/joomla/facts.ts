import type { JoomlaFacts, PackageFacts } from '../../src/releases/release.ts';

/** Facts of another platform here are a fault of ours, never of a vendor. */
export function joomlaFacts(facts: PackageFacts): JoomlaFacts {
  if (facts.platform !== 'joomla') throw new TypeError(`Joomla's feed was given facts of ${facts.platform}`);
  return facts;
}
