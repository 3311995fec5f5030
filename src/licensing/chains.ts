import type { Grant, PackageKind } from './package-terms.ts';
import { byGiven, openGrants, type Span, spansOf } from './spans.ts';

/** One package's grants in a license, as far as they are open, with what they mean at an instant. */
export interface Chain {
  packageId: string;
  kind: PackageKind;
  repositoryId: string | null;
  /** In force, in grace, or yet to come: oldest first. Empty: the package is over. */
  open: Span[];
  /** What is cut when something takes its place: the grants of `open`, and those behind one that has no end yet. */
  pending: Grant[];
  /** The grant in force or in grace, else the next to come, else the last there was. */
  current: Grant;
  /** `none`: without an end; `unstarted`: it starts at first use; else ms UTC, in the past where the package is over. */
  end: number | 'none' | 'unstarted';
}

/** A grant that another package took the place of does not come back by itself, so its chain is left out. */
export function chainsOf(ledger: readonly Grant[], now: number): Chain[] {
  const grants = openGrants(ledger);
  const spans = spansOf(ledger);
  const ids = [...new Set(grants.map((grant) => grant.package.id))];
  return ids.flatMap((packageId) => {
    const own = grants.filter((grant) => grant.package.id === packageId).sort(byGiven);
    const chain = chainOf(own, spans, grants, now);
    return chain !== null && (chain.open.length > 0 || !isSwitched(own, grants)) ? [chain] : [];
  });
}

function chainOf(grants: readonly Grant[], spans: readonly Span[], all: readonly Grant[], now: number): Chain | null {
  const last = grants.at(-1);
  if (!last) return null;
  const own = spans.filter(({ grant }) => grant.package.id === last.package.id);
  const open = own.filter(({ graceEnd }) => graceEnd === null || graceEnd > now);
  const current = (open.find(({ start }) => start <= now) ?? open[0])?.grant ?? own.at(-1)?.grant ?? last;
  const { id: packageId, kind, repositoryId } = last.package;
  const known = new Set(own.map(({ grant }) => grant.id));
  const cut = new Set(all.flatMap(({ supersedes }) => supersedes));
  const waiting = grants.filter(({ id }) => !known.has(id) && !cut.has(id));
  const pending = open.length === 0 ? [] : [...open.map(({ grant }) => grant), ...waiting];
  return {
    packageId,
    kind,
    repositoryId,
    open,
    pending,
    current,
    end: endOf(open.length > 0 ? open : own, last.givenAt),
  };
}

function endOf(spans: readonly Span[], otherwise: number): Chain['end'] {
  if (spans.length === 0) return otherwise;
  const endless = spans.filter(({ end }) => end === null);
  if (endless.length === 0) return Math.max(...spans.map(({ end }) => end ?? 0));
  return endless.every(hasLength) ? 'unstarted' : 'none';
}

/** An end that is not known yet is none that is missing. */
function hasLength({ unstarted, grant }: Span): boolean {
  return unstarted && (grant.length !== null || grant.endsAt !== null || grant.package.terms.fixed !== null);
}

function isSwitched(own: readonly Grant[], all: readonly Grant[]): boolean {
  const last = own.at(-1);
  return all.some(
    (grant) => grant.package.id !== last?.package.id && last !== undefined && grant.supersedes.includes(last.id),
  );
}

/**
 * The chains that carry a license and whose end is meant when nobody names a package: those that run; where none does, those that
 * were last. A trial steps back behind what was sold.
 */
export function mainChains(chains: readonly Chain[]): Chain[] {
  const mains = chains.filter(({ kind }) => kind !== 'addon');
  const running = mains.filter(({ open }) => open.length > 0);
  const meant = running.length > 0 ? running : mains;
  const sold = meant.filter(({ kind }) => kind !== 'trial');
  return sold.length > 0 ? sold : meant;
}
