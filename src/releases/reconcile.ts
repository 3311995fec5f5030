import { type Clock, toIso } from '../clock.ts';
import { type ForgeDeps, type RepositorySide, sideOfRepository } from '../forge/connections.ts';
import type { RemoteRepository, RemoteState } from '../forge/forge.ts';
import { findOrganization, updateRepository } from '../forge/store.ts';
import type { Lease } from '../jobs/worker.ts';
import { type Candidate, candidatesOf, fingerprint } from './candidates.ts';
import { type IngestDeps, ingest } from './ingest.ts';
import type { Product } from './product.ts';
import type { PackageFacts, Platform } from './release.ts';
import { bumpRevision, productsOfRepository, renameProduct } from './store-products.ts';
import {
  artifactsOfProduct,
  dropProblemsOfOtherTags,
  type ReleaseRecord,
  releasesOfProduct,
  withdrawRelease,
} from './store-releases.ts';
import { mergeRules, repositoryTagRulesSchema, type TagRules, tagRulesSchema } from './tag-rules.ts';
import { writeIngested } from './write-release.ts';

export interface ReconcileDeps extends ForgeDeps {
  clock: Clock;
  ingest: Omit<IngestDeps, 'now'>;
  /** Every address of a product's feed on a platform, the current one first. */
  feedUrls(product: Product, platform: Platform): Promise<string[]>;
}

export interface Progress {
  product: string;
  tag: string;
  done: number;
  total: number;
}

export interface Reconciled {
  state: 'done' | 'unreachable' | 'unknown';
  /** Candidates that were looked at because something had changed. */
  looked: number;
}

/**
 * Makes what we know of a repository true: reads the forge afresh, ingests what changed, withdraws what is gone. Hooks, the sweep
 * and the CLI all end here. Safe to stop at any point: every release is written by itself.
 */
export async function reconcile(
  deps: ReconcileDeps,
  repositoryId: string,
  lease: Lease,
  onProgress: (progress: Progress) => void = () => undefined,
): Promise<Reconciled> {
  const side = await sideOfRepository(deps, repositoryId);
  if (side === null) return { state: 'unknown', looked: 0 };
  const remote = await side.driver.repositoryById(side.connection, side.repository.id);
  const state = remote === null ? null : await side.driver.state(side.connection, remote);
  if (remote === null || state === null) {
    await noteUnreachable(deps, side, lease);
    return { state: 'unreachable', looked: 0 };
  }
  await noteRepository(deps, side, remote, lease);
  const { products, rules } = await deps.db.read(async (tx) => {
    const organization = await findOrganization(tx, side.stored.organizationId);
    return {
      products: await productsOfRepository(tx, repositoryId),
      rules: rulesOf(organization?.rules ?? '{}', side.stored.rules),
    };
  });
  let looked = 0;
  for (const product of products) {
    looked += await reconcileProduct(deps, { ...side, repository: remote }, product, rules, state, lease, onProgress);
  }
  await deps.db.tx(async (tx) => {
    await lease.check(tx);
    await updateRepository(tx, repositoryId, { syncedAt: toIso(deps.clock()), syncError: null });
  });
  return { state: 'done', looked };
}

export function rulesOf(organization: string, repository: string): TagRules {
  return mergeRules(
    tagRulesSchema.parse(JSON.parse(organization)),
    repositoryTagRulesSchema.parse(JSON.parse(repository)),
  );
}

/** A forge's 404 also means "no right": what we have goes on being served. */
async function noteUnreachable(deps: ReconcileDeps, side: RepositorySide, lease: Lease): Promise<void> {
  await deps.db.tx(async (tx) => {
    await lease.check(tx);
    await updateRepository(tx, side.stored.id, {
      unreachableSince: side.stored.unreachableSince ?? toIso(deps.clock()),
      syncError: 'the forge says that there is no such repository, or that the token may not see it',
    });
  });
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
    if (name.toLowerCase() === stored.name.toLowerCase()) return;
    for (const product of await productsOfRepository(tx, stored.id)) {
      if (product.slug.toLowerCase() === stored.name.toLowerCase())
        await renameProduct(tx, product, name, 'system', now);
    }
  });
}

async function reconcileProduct(
  deps: ReconcileDeps,
  side: RepositorySide,
  product: Product,
  rules: TagRules,
  state: RemoteState,
  lease: Lease,
  onProgress: (progress: Progress) => void,
): Promise<number> {
  const from = side.driver.capabilities.releases ? product.settings.releaseFrom : 'tags';
  const candidates = candidatesOf(state, from);
  const changed = inOrder(deps, await changedOf(deps, product, candidates, rules));
  const feedUrls = new Map<Platform, string[]>();
  for (const platform of product.platforms) feedUrls.set(platform, await deps.feedUrls(product, platform));
  for (const [i, { candidate, print }] of changed.entries()) {
    lease.signal.throwIfAborted();
    onProgress({ product: product.name, tag: candidate.tag, done: i, total: changed.length });
    const earlier = await listedFacts(deps, product);
    const ingested = await ingest(
      { ...deps.ingest, now: toIso(deps.clock()) },
      { side, product, rules, candidate, feedUrls: (platform) => feedUrls.get(platform) ?? [], earlier },
    );
    await writeIngested(deps, { product, candidate, fingerprint: print, ingested, candidates, lease });
  }
  await withdrawGone(deps, product, candidates, lease);
  return changed.length;
}

interface Changed {
  candidate: Candidate;
  print: string;
}

async function changedOf(
  deps: ReconcileDeps,
  product: Product,
  candidates: readonly Candidate[],
  rules: TagRules,
): Promise<Changed[]> {
  const known = await deps.db.read((tx) => releasesOfProduct(tx, product.id));
  const prints = new Set(
    known.filter((release) => release.state !== 'withdrawn').map((release) => `${release.tag}\n${release.fingerprint}`),
  );
  return candidates
    .map((candidate) => ({ candidate, print: fingerprint(candidate, product, rules) }))
    .filter(({ candidate, print }) => !prints.has(`${candidate.tag}\n${print}`));
}

/**
 * Newest final version first: the first of them says what the product's extension is, and older or unripe releases that say
 * something else are the ones to doubt.
 */
function inOrder(deps: ReconcileDeps, changed: Changed[]): Changed[] {
  const compare = deps.ingest.formats[0]?.compareVersions ?? (() => 0);
  const bare = (tag: string) => tag.replace(/^[^0-9]+/, '');
  const isFinal = ({ candidate }: Changed) => !candidate.prerelease && /^[0-9.]+$/.test(bare(candidate.tag));
  return [...changed].sort(
    (a, b) => Number(isFinal(b)) - Number(isFinal(a)) || compare(bare(b.candidate.tag), bare(a.candidate.tag)),
  );
}

/** What the newest listed release on a platform says of itself, not counting the asked version. */
async function listedFacts(
  deps: ReconcileDeps,
  product: Product,
): Promise<(platform: Platform, version: string) => PackageFacts | null> {
  const { releases, artifacts } = await deps.db.read(async (tx) => ({
    releases: await releasesOfProduct(tx, product.id),
    artifacts: await artifactsOfProduct(tx, product.id),
  }));
  const versions = new Map(releases.filter((each) => each.state === 'listed').map((each) => [each.id, each.version]));
  return (platform, version) => {
    const compare = deps.ingest.formats.find((format) => format.platform === platform)?.compareVersions ?? (() => 0);
    const listed = artifacts
      .filter((each) => each.platform === platform && each.listed && versions.has(each.releaseId))
      .map(({ releaseId, facts }) => ({ version: versions.get(releaseId) as string, facts }))
      .filter((each) => each.version !== version)
      .sort((a, b) => compare(b.version, a.version));
    return listed[0]?.facts ?? null;
  };
}

async function withdrawGone(
  deps: ReconcileDeps,
  product: Product,
  candidates: readonly Candidate[],
  lease: Lease,
): Promise<void> {
  const tags = new Set(candidates.map(({ tag }) => tag));
  const isGone = (release: ReleaseRecord) => release.state !== 'withdrawn' && !tags.has(release.tag);
  await deps.db.tx(async (tx) => {
    await lease.check(tx);
    const now = toIso(deps.clock());
    const gone = (await releasesOfProduct(tx, product.id)).filter(isGone);
    for (const release of gone) await withdrawRelease(tx, release.id, now);
    await dropProblemsOfOtherTags(tx, product.id, [...tags]);
    if (gone.length > 0) await bumpRevision(tx, product.id);
  });
}
