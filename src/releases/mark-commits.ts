import { toIso } from '../clock.ts';
import { ForgeTrouble } from '../errors.ts';
import type { RepositorySide } from '../forge/connections.ts';
import type { RemoteState } from '../forge/forge.ts';
import { newId } from '../ids.ts';
import type { Lease } from '../jobs/worker.ts';
import { candidatesOf } from './candidates.ts';
import { type CommitFindings, commitStatusOf, STATUS_CONTEXT } from './commit-status.ts';
import type { Product } from './product.ts';
import type { ReconcileDeps } from './reconcile-product.ts';
import type { ReleaseProblem } from './release.ts';
import { problemsOfProduct, releasesOfProduct, setProductProblem } from './store-releases.ts';
import { rememberStatus, sentStatuses } from './store-statuses.ts';

/** A repository with a long past is marked in slices, the newest commits first. */
const MOST_A_LOOK = 50;

interface Look {
  side: RepositorySide;
  products: readonly Product[];
  state: RemoteState;
  lease: Lease;
}

/**
 * Marks the commits of a repository's releases with what was found in them: one status a commit, sent again only when it changed.
 * A forge that takes none is noted as the problem COMMIT_STATUS_REFUSED of the products, and stops nothing else.
 */
export async function markCommits(deps: ReconcileDeps, look: Look): Promise<void> {
  const { side, products, lease } = look;
  const [first] = products;
  const mayMark = side.driver.capabilities.commitStatus && side.connection.token !== null && !side.repository.archived;
  if (!mayMark || first === undefined) return;
  const targetUrl = deps.pageOf(first);
  const sent = await deps.db.read((tx) => sentStatuses(tx, side.stored.id));
  const marks = (await findingsOf(deps, look)).map((each) => {
    const status = { ...commitStatusOf(each), context: STATUS_CONTEXT, targetUrl };
    return { commit: each.commit, status, text: JSON.stringify(status) };
  });
  const due = marks.filter(({ commit, text }) => sent.get(commit) !== text).slice(0, MOST_A_LOOK);
  let refusal: ForgeTrouble | null = null;
  for (const { commit, status, text } of due) {
    lease.signal.throwIfAborted();
    refusal = await troubleOf(side.driver.setStatus(side.connection, side.repository, commit, status));
    if (refusal !== null) break;
    await deps.db.tx(async (tx) => {
      await lease.check(tx);
      await rememberStatus(tx, { repositoryId: side.stored.id, commit, sent: text }, toIso(deps.clock()));
    });
  }
  if (due.length > 0) await noteRefusal(deps, look, refusal);
}

async function troubleOf(work: Promise<void>): Promise<ForgeTrouble | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof ForgeTrouble) return error;
    throw error;
  }
}

/** Newest first, as far as the forge tells; commits of which nothing is known (ignored tags) are left out. */
async function findingsOf(deps: ReconcileDeps, { side, products, state }: Look): Promise<CommitFindings[]> {
  const byCommit = new Map<string, { versions: string[]; problems: ReleaseProblem[] }>();
  for (const product of products) {
    const from = side.driver.capabilities.releases ? product.settings.releaseFrom : 'tags';
    const { releases, problems } = await deps.db.read(async (tx) => ({
      releases: await releasesOfProduct(tx, product.id),
      problems: await problemsOfProduct(tx, product.id),
    }));
    for (const { tag, commit } of candidatesOf(state, from)) {
      const own = releases.filter((each) => each.tag === tag && each.state !== 'withdrawn');
      const found = problems.filter((each) => each.tag === tag);
      if (own.length === 0 && found.length === 0) continue;
      const known = byCommit.get(commit) ?? { versions: [], problems: [] };
      known.versions.push(...own.map(({ version }) => version));
      known.problems.push(...found);
      byCommit.set(commit, known);
    }
  }
  return [...byCommit].map(([commit, found]) => ({ commit, ...found }));
}

async function noteRefusal(
  deps: ReconcileDeps,
  { side, products, lease }: Look,
  refusal: ForgeTrouble | null,
): Promise<void> {
  const now = deps.clock();
  const found = refusal === null ? null : refusedProblem(side, refusal);
  await deps.db.tx(async (tx) => {
    await lease.check(tx);
    for (const { id } of products) {
      const known = (await problemsOfProduct(tx, id)).find(({ code }) => code === 'COMMIT_STATUS_REFUSED');
      if ((known?.detail ?? null) === (found?.detail ?? null)) continue;
      const kept = found && { ...found, id: newId('problem', now) };
      await setProductProblem(tx, id, 'COMMIT_STATUS_REFUSED', kept, toIso(now));
    }
  });
}

function refusedProblem({ repository }: RepositorySide, { message }: ForgeTrouble): ReleaseProblem {
  return {
    code: 'COMMIT_STATUS_REFUSED',
    severity: 'warning',
    platform: null,
    detail: `The commits of ${repository.owner}/${repository.name} cannot be marked with what was found: ${message}.`,
    fix: 'Give the token of the forge the right to write commit statuses; releases and feeds do not depend on it.',
  };
}
