import { type Chain, chainsOf, mainChains } from './chains.ts';
import { endSet, extended, shortened } from './end-change.ts';
import {
  type Decision,
  type LicenseChange,
  type LicenseNow,
  type NewGrant,
  nothingOpen,
  refused,
  soldAs,
  unclear,
  whyNotSold,
} from './license-change.ts';
import { switched } from './switch-change.ts';

/** What a change means for one license at one instant. Pure: a dry run and the run decide alike. */
export function decideChange(change: LicenseChange, state: LicenseNow): Decision {
  const decision = decided(change, state);
  return (decision.kind === 'grants' && ofSubscription(decision.grants, state)) || decision;
}

/** Refused where lines are added to, or cut of, what a running subscription pays for. */
function ofSubscription(grants: readonly NewGrant[], { ledger, offers, running }: LicenseNow): Decision | null {
  const cut = new Set(grants.flatMap(({ supersedes }) => supersedes));
  const packages = [
    ...grants.map(({ sold }) => sold.id),
    ...ledger.filter(({ id }) => cut.has(id)).map((grant) => grant.package.id),
  ];
  const paid = packages.find((id) => running.has(id));
  if (paid === undefined) return null;
  return refused('SUBSCRIPTION_RUNS', `a subscription runs that pays for "${offers.get(paid)?.name ?? paid}"`);
}

function decided(change: LicenseChange, state: LicenseNow): Decision {
  const { license } = state;
  if (license.master) return refused('MASTER_IS_FIXED', 'a master license is changed by nobody; revoke its key');
  if (change.kind === 'suspend' || change.kind === 'resume' || change.kind === 'revoke')
    return stateChange(change.kind, license);
  if (license.revokedAt !== null)
    return refused('STILL_IN_USE', 'the license is revoked; a new sale needs a new license');
  if (change.kind === 'switch') return switched(change, state);
  if (change.kind === 'renew') return renewed(change, state);
  const repositoryId = change.kind === 'end' ? (change.repositoryId ?? null) : null;
  const chains = chainsOf(state.ledger, state.now);
  const own = repositoryId === null ? chains : chains.filter((chain) => chain.repositoryId === repositoryId);
  const meant = meantChains(own, change.packageId);
  if (meant.length === 0) return nothingOpen(change.packageId);
  if (change.kind === 'extend') return extended(meant, change.move, state.now);
  if (change.kind === 'shorten') return shortened(meant, change.move, state.now);
  return endSet(meant, change.end, state.now);
}

function stateChange(kind: 'suspend' | 'resume' | 'revoke', license: LicenseNow['license']): Decision {
  const isSo = {
    // What a dispute suspended, and would open again by itself, a hand may suspend for good.
    suspend: license.suspendedAt !== null && license.heldAt === null,
    resume: license.suspendedAt === null,
    revoke: license.revokedAt !== null,
  };
  return isSo[kind] ? { kind: 'unchanged' } : { kind: 'state' };
}

function meantChains(chains: readonly Chain[], packageId: string | null): Chain[] {
  return packageId === null ? mainChains(chains) : chains.filter((chain) => chain.packageId === packageId);
}

/** One more of its package, in the version that is sold now, as many times as it runs. */
function renewed(change: Extract<LicenseChange, { kind: 'renew' }>, state: LicenseNow): Decision {
  const { packageId } = change;
  const all = chainsOf(state.ledger, state.now);
  const meant = packageId === null ? lastOnes(mainChains(all)) : meantChains(all, packageId);
  const sold = meant.filter(({ kind }) => kind !== 'trial');
  const [chain, ...others] = sold;
  const offer = chain && state.offers.get(chain.packageId);
  if (!chain || !offer) {
    return meant.length > 0
      ? refused('NOTHING_OPEN', 'a trial is not renewed; sell a package into the license')
      : nothingOpen(packageId);
  }
  if (others.length > 0) return unclear(sold, state, '/package_id');
  if (chain.end === 'none') return refused('NO_END_TO_EXTEND', `the license has "${offer.name}" without an end`);
  if (offer.terms.fixed !== null)
    return refused('NO_END_TO_EXTEND', `the dates of "${offer.name}" are fixed; sell the next package`);
  const reason = whyNotSold(offer, state.now);
  if (reason) return reason;
  const quantity = change.quantity ?? chain.current.quantity;
  const { version, terms } = offer;
  const grant = { source: 'renewal' as const, length: terms.length, endsAt: null, quantity, supersedes: [] };
  return { kind: 'grants', grants: [{ sold: soldAs(offer), version, ...grant }] };
}

/** Of packages that are over only the last one is meant. */
function lastOnes(chains: readonly Chain[]): readonly Chain[] {
  if (chains.some(({ open }) => open.length > 0)) return chains;
  const ends = chains.map(({ end }) => (typeof end === 'number' ? end : Number.POSITIVE_INFINITY));
  return chains.filter((_, i) => ends[i] === Math.max(...ends));
}
