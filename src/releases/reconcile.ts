import { toIso } from '../clock.ts';
import { ForgeTrouble } from '../errors.ts';
import { type RepositorySide, sideOfRepository } from '../forge/connections.ts';
import type { RemoteRepository, RemoteState } from '../forge/forge.ts';
import { findOrganization, updateRepository } from '../forge/store.ts';
import { failDeliveries, settleDeliveries } from '../forge/store-deliveries.ts';
import type { Lease } from '../jobs/worker.ts';
import { planBridges } from '../moving/bridge.ts';
import { markCommits } from './mark-commits.ts';
import { editionFault } from './product.ts';
import { type Progress, type ReconcileDeps, reconcileProduct } from './reconcile-product.ts';
import { productsOfRepository, renameProduct } from './store-products.ts';
import { mergeRules, repositoryTagRulesSchema, type TagRules, tagRulesSchema } from './tag-rules.ts';

export type { Progress, ReconcileDeps } from './reconcile-product.ts';

export interface Reconciled {
  state: 'done' | 'unreachable' | 'unknown';
  /** Candidates that were looked at because something had changed. */
  looked: number;
}

/**
 * Makes what we know of a repository true: reads the forge afresh, ingests what changed, withdraws what is gone. Hooks, the sweep
 * and the CLI all end here. Safe to stop at any point: every release is written by itself. What goes wrong is noted on the
 * repository and thrown, so that it is tried again; what was known stays.
 */
export async function reconcile(
  deps: ReconcileDeps,
  repositoryId: string,
  lease: Lease,
  onProgress: (progress: Progress) => void = () => undefined,
): Promise<Reconciled> {
  const side = await sideOfRepository(deps, repositoryId);
  if (side === null) return { state: 'unknown', looked: 0 };
  const begunAt = toIso(deps.clock());
  try {
    const result = await look(deps, side, lease, onProgress);
    await noteSuccess(deps, side, result, begunAt, lease);
    return result;
  } catch (error) {
    // A lost lease and a database that is away both show here again; the first error is the one that matters.
    await noteFailure(deps, repositoryId, error, lease).catch(() => undefined);
    throw error;
  }
}

async function look(
  deps: ReconcileDeps,
  side: RepositorySide,
  lease: Lease,
  onProgress: (progress: Progress) => void,
): Promise<Reconciled> {
  const found = await readForge(side);
  if (found === null) return { state: 'unreachable', looked: 0 };
  const { repository, state } = found;
  await noteRepository(deps, side, repository, lease);
  const { products, rules } = await deps.db.read(async (tx) => {
    const organization = await findOrganization(tx, side.stored.organizationId);
    return {
      products: await productsOfRepository(tx, side.stored.id),
      rules: rulesOf(organization?.rules ?? '{}', side.stored.rules),
    };
  });
  let looked = 0;
  const troubles: ForgeTrouble[] = [];
  for (const product of products) {
    const done = await reconcileProduct(deps, {
      side: { ...side, repository },
      ...{ product, rules, state, lease, onProgress },
    });
    looked += done.looked;
    troubles.push(...done.troubles);
  }
  await markCommits(deps, { side: { ...side, repository }, products, state, lease });
  if (troubles[0]) throw troubles[0];
  return { state: 'done', looked };
}

/** null: a 404, which also means "no right". */
async function readForge(side: RepositorySide): Promise<{ repository: RemoteRepository; state: RemoteState } | null> {
  const repository = await side.driver.repositoryById(side.connection, side.repository.id);
  const state = repository && (await side.driver.state(side.connection, repository));
  return repository && state && { repository, state };
}

function rulesOf(organization: string, repository: string): TagRules {
  return mergeRules(
    tagRulesSchema.parse(JSON.parse(organization)),
    repositoryTagRulesSchema.parse(JSON.parse(repository)),
  );
}

/** A repository that is not to be seen is never deleted: what we have of it goes on being served. */
async function noteSuccess(
  deps: ReconcileDeps,
  { stored }: RepositorySide,
  { state }: Reconciled,
  begunAt: string,
  lease: Lease,
): Promise<void> {
  const now = toIso(deps.clock());
  const change =
    state === 'done'
      ? { syncedAt: now, syncError: null }
      : {
          unreachableSince: stored.unreachableSince ?? now,
          syncError: 'the forge says that there is no such repository, or that the token may not see it',
        };
  await deps.db.tx(async (tx) => {
    await lease.check(tx);
    await updateRepository(tx, stored.id, change);
    await settleDeliveries(tx, stored.id, begunAt);
    await planBridges(tx, { repositoryId: stored.id }, now);
  });
}

async function noteFailure(deps: ReconcileDeps, repositoryId: string, error: unknown, lease: Lease): Promise<void> {
  const syncError = inWords(error);
  await deps.db.tx(async (tx) => {
    await lease.check(tx);
    await updateRepository(tx, repositoryId, { syncError });
    await failDeliveries(tx, repositoryId, syncError);
    await planBridges(tx, { repositoryId }, toIso(deps.clock()));
  });
}

/** Only what is written for people: any other message may hold anything. */
function inWords(error: unknown): string {
  if (error instanceof ForgeTrouble) return error.message.slice(0, 500);
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) {
    return 'something went wrong here, not on the forge; the log says what';
  }
  return error.code === 'ENOSPC' || error.code === 'EDQUOT'
    ? 'the disk that keeps the files of releases is full'
    : `the files of releases cannot be kept: ${String(error.code)}`;
}

async function noteRepository(
  deps: ReconcileDeps,
  side: RepositorySide,
  remote: RemoteRepository,
  lease: Lease,
): Promise<void> {
  const { stored } = side;
  const now = toIso(deps.clock());
  await deps.db.tx(async (tx) => {
    await lease.check(tx);
    const { name, webUrl } = remote;
    // A plain Git remote knows no owner: the operator named it.
    const owner = remote.owner || stored.owner;
    await updateRepository(tx, stored.id, { owner, name, webUrl, private: remote.private, unreachableSince: null });
    if (name.toLowerCase() === stored.name.toLowerCase() || editionFault(name) !== null) return;
    for (const product of await productsOfRepository(tx, stored.id)) {
      if (product.slug.toLowerCase() === stored.name.toLowerCase())
        await renameProduct(tx, product, name, 'system', now);
    }
  });
}
