import { type Clock, toIso } from '../clock.ts';
import { ForgeTrouble } from '../errors.ts';
import type { ForgeDeps, RepositorySide } from '../forge/connections.ts';
import type { RemoteState } from '../forge/forge.ts';
import type { Lease } from '../jobs/worker.ts';
import type { Cache } from '../updates/feed-cache.ts';
import { type Candidate, candidatesOf, fingerprint } from './candidates.ts';
import { isImported } from './imported.ts';
import { type IngestDeps, ingest } from './ingest.ts';
import type { Product } from './product.ts';
import type { PackageFacts, Platform } from './release.ts';
import { bumpRevision } from './store-products.ts';
import {
  artifactsOfProduct,
  dropProblemsOfOtherTags,
  type ReleaseRecord,
  releasesOfProduct,
} from './store-releases.ts';
import type { TagRules } from './tag-rules.ts';
import { type Settled, withdraw, writeIngested } from './write-release.ts';

export interface ReconcileDeps extends ForgeDeps {
  clock: Clock;
  ingest: Omit<IngestDeps, 'now'>;
  /** Every address of a product's feed on a platform, the current one first. */
  feedUrls(product: Product, platform: Platform): Promise<string[]>;
  /** The product's page, for people. */
  pageOf(product: Product): string;
  /** By product and tag: what the last look at a tag without a release of its own ended in. Forgotten at a restart. */
  settled: Cache<Settled>;
}

export interface Progress {
  product: string;
  tag: string;
  done: number;
  total: number;
}

/** One product of a repository that was just read. */
export interface Pass {
  side: RepositorySide;
  product: Product;
  rules: TagRules;
  state: RemoteState;
  lease: Lease;
  onProgress(progress: Progress): void;
}

interface Changed {
  candidate: Candidate;
  print: string;
}

/** With these there is no sense in asking for the next file. */
const FORGE_IS_AWAY: readonly ForgeTrouble['reason'][] = ['unreachable', 'timeout', 'rate_limited', 'unauthorized'];

/**
 * Ingests what changed for one product and withdraws what is gone. A forge that cannot give one file is no reason to leave out the
 * other releases: such troubles are returned, and that release stays as it was.
 */
export async function reconcileProduct(
  deps: ReconcileDeps,
  pass: Pass,
): Promise<{ looked: number; troubles: ForgeTrouble[] }> {
  const { side, product, rules, state, lease } = pass;
  const from = side.driver.capabilities.releases ? product.settings.releaseFrom : 'tags';
  const candidates = candidatesOf(state, from);
  const changed = inOrder(deps, await changedOf(deps, product, candidates, rules));
  const feedUrls = new Map<Platform, string[]>();
  for (const platform of product.platforms) feedUrls.set(platform, await deps.feedUrls(product, platform));
  const troubles: ForgeTrouble[] = [];
  for (const [i, each] of changed.entries()) {
    lease.signal.throwIfAborted();
    pass.onProgress({ product: product.name, tag: each.candidate.tag, done: i, total: changed.length });
    try {
      await lookAt(deps, pass, each, candidates, feedUrls);
    } catch (error) {
      if (!(error instanceof ForgeTrouble) || FORGE_IS_AWAY.includes(error.reason)) throw error;
      troubles.push(error);
    }
  }
  await withdrawGone(deps, product, candidates, lease);
  return { looked: changed.length, troubles };
}

async function lookAt(
  deps: ReconcileDeps,
  { side, product, rules, lease }: Pass,
  { candidate, print }: Changed,
  candidates: readonly Candidate[],
  feedUrls: ReadonlyMap<Platform, string[]>,
): Promise<void> {
  const earlier = await listedFacts(deps, product);
  const ingested = await ingest(
    { ...deps.ingest, now: toIso(deps.clock()) },
    { side, product, rules, candidate, feedUrls: (platform) => feedUrls.get(platform) ?? [], earlier },
  );
  const settled = await writeIngested(deps, { product, candidate, fingerprint: print, ingested, candidates, lease });
  if (settled) deps.settled.set(settledKey(product, candidate), settled);
}

async function changedOf(
  deps: ReconcileDeps,
  product: Product,
  candidates: readonly Candidate[],
  rules: TagRules,
): Promise<Changed[]> {
  const releases = await deps.db.read((tx) => releasesOfProduct(tx, product.id));
  const living = releases.filter(({ state }) => state !== 'withdrawn');
  const prints = new Set(living.map(({ tag, fingerprint }) => `${tag}\n${fingerprint}`));
  const tags = new Set(candidates.map(({ tag }) => tag));
  return candidates
    .map((candidate) => ({ candidate, print: fingerprint(candidate, product, rules) }))
    .filter(({ candidate, print }) => {
      if (prints.has(`${candidate.tag}\n${print}`)) return false;
      const settled = deps.settled.peek(settledKey(product, candidate));
      return settled?.fingerprint !== print || !stillHolds(settled, living, tags);
    });
}

function settledKey(product: Product, { tag }: Candidate): string {
  return `${product.id}\n${tag}`;
}

/** A duplicate is free as soon as the tag that holds its version lets go. */
function stillHolds({ duplicateOf }: Settled, living: readonly ReleaseRecord[], tags: ReadonlySet<string>): boolean {
  if (duplicateOf === null) return true;
  const { version, tag } = duplicateOf;
  return tags.has(tag) && living.some((release) => release.version === version && release.tag === tag);
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
export async function listedFacts(
  deps: Pick<ReconcileDeps, 'db' | 'ingest'>,
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
  const isGone = (release: ReleaseRecord) =>
    release.state !== 'withdrawn' && !tags.has(release.tag) && !isImported(release);
  await deps.db.tx(async (tx) => {
    await lease.check(tx);
    const now = toIso(deps.clock());
    const releases = await releasesOfProduct(tx, product.id);
    const gone = releases.filter(isGone);
    const imported = releases.filter(isImported).map(({ tag }) => tag);
    await withdraw(tx, gone, now);
    await dropProblemsOfOtherTags(tx, product.id, [...tags, ...imported]);
    if (gone.length > 0) await bumpRevision(tx, product.id);
  });
}
