import { toIso } from '../clock.ts';
import { type Chain, chainsOf, mainChains } from './chains.ts';
import {
  type Decision,
  type LicenseChange,
  type LicenseNow,
  nothingOpen,
  type Offer,
  type Refusal,
  refused,
  soldAs,
  unclear,
  whyNotSold,
} from './license-change.ts';
import type { Length } from './package-terms.ts';

type Switch = Extract<LicenseChange, { kind: 'switch' }>;

/**
 * Another package, or the same one another number of times, at once (DESIGN §2.6): what runs of the old one is cut now, the new one
 * goes on to the same end unless another is named. What follows is what a customer has who bought the new one now to that end.
 */
export function switched(change: Switch, state: LicenseNow): Decision {
  const to = state.offers.get(change.to);
  if (!to) return refused('NOT_FOUND', `there is no package ${change.to}`, '/package_id');
  if (to.kind === 'master') return refused('MASTER_IS_FIXED', 'a master package is not sold', '/package_id');
  if (to.kind === 'trial') return refused('INVALID_REQUEST', 'nobody is switched to a trial', '/package_id');
  const reason = whyNotSold(to, state.now);
  if (reason) return reason;
  const chains = chainsOf(state.ledger, state.now);
  const from = chainToLeave(change, chains, to, state);
  if ('code' in from) return from;
  const beside = chains.find(({ packageId }) => packageId === to.id && packageId !== from.packageId);
  const runsBeside = beside?.open.some(({ end }) => end === null || end > state.now) ?? false;
  if (runsBeside)
    return refused('ALREADY_EXISTS', `the license has "${to.name}" beside it; end one of the two first`, '/package_id');
  const time = timeOf(change, from, to, state.now);
  if ('code' in time) return time;
  const quantity = change.quantity ?? from.current.quantity;
  if (isSame(from, to, quantity, time)) return { kind: 'unchanged' };
  // What is in grace only would push the start of the new grant back to its end.
  const supersedes = [...from.pending, ...(beside?.pending ?? [])].map(({ id }) => id);
  const grant = { source: 'switch' as const, ...time, quantity, supersedes };
  return { kind: 'grants', grants: [{ sold: soldAs(to), version: to.version, ...grant }] };
}

function chainToLeave(change: Switch, chains: readonly Chain[], to: Offer, state: LicenseNow): Chain | Refusal {
  const running = chains.filter(({ open }) => open.length > 0);
  const meant = (change.from === null ? meantBy(to, running) : running).filter(
    ({ packageId }) => change.from === null || packageId === change.from,
  );
  const [from, ...others] = meant;
  if (!from) return change.from === null ? nothingOpen(null) : nothingOpen(change.from);
  if (others.length > 0) return unclear(meant, state, '/from_package_id');
  if ((from.kind === 'addon') !== (to.kind === 'addon'))
    return refused(
      'INVALID_REQUEST',
      'an add-on is switched to an add-on, a base package to a base package',
      '/package_id',
    );
  return from;
}

/** The same package in another quantity goes before all others. */
function meantBy(to: Offer, running: readonly Chain[]): Chain[] {
  const same = running.filter(({ packageId }) => packageId === to.id);
  if (same.length > 0) return same;
  return to.kind === 'addon' ? running.filter(({ kind }) => kind === 'addon') : mainChains(running);
}

function timeOf(
  change: Switch,
  { end, pending, current }: Chain,
  to: Offer,
  now: number,
): { length: Length | null; endsAt: number | null } | Refusal {
  if (change.end !== undefined) {
    if (change.end !== null && change.end <= now)
      return refused('END_IN_PAST', `${toIso(change.end)} does not lie ahead`, '/valid_until');
    return { length: null, endsAt: change.end ?? to.terms.fixed?.until ?? null };
  }
  if (end === 'none') return { length: null, endsAt: to.terms.fixed?.until ?? null };
  if (end !== 'unstarted') {
    if (end > now) return { length: null, endsAt: end };
    return refused(
      'END_NOT_LATER',
      `it ended on ${toIso(end)} and is in grace; renew it first, or name an end`,
      '/valid_until',
    );
  }
  if (pending.length === 1 && current.endsAt === null && current.length !== null && to.terms.fixed === null)
    return { length: current.length, endsAt: null };
  return refused(
    'INVALID_REQUEST',
    'its time begins with its first use; name the end of the new package',
    '/valid_until',
  );
}

function isSame(
  from: Chain,
  to: Offer,
  quantity: number,
  { length, endsAt }: { length: Length | null; endsAt: number | null },
): boolean {
  const { current } = from;
  const isPackage = from.packageId === to.id && JSON.stringify(current.package.terms) === JSON.stringify(to.terms);
  const isTime = length !== null || (from.end === 'none' ? endsAt === null : from.end === endsAt);
  return isPackage && quantity === current.quantity && isTime && from.pending.length === 1;
}
