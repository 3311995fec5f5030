import { type Clock, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import type { Lease } from '../jobs/worker.ts';
import type { Candidate } from './candidates.ts';
import type { Ingested } from './ingest.ts';
import type { Product } from './product.ts';
import type { ReleaseProblem } from './release.ts';
import { bumpRevision, lockProduct } from './store-products.ts';
import {
  findReleaseByVersion,
  type ReleaseRecord,
  replaceArtifacts,
  replaceProblems,
  saveRelease,
} from './store-releases.ts';

export interface WriteInput {
  product: Product;
  candidate: Candidate;
  fingerprint: string;
  /** null: the tag is to be ignored. */
  ingested: Ingested | null;
  /** Everything that is on the forge now. */
  candidates: readonly Candidate[];
  lease: Lease;
}

/** Writes what looking at a tag ended in: the release with its files and problems, in one transaction under the job's lease. */
export async function writeIngested(deps: { db: Db; clock: Clock }, input: WriteInput): Promise<void> {
  const now = toIso(deps.clock());
  await deps.db.tx(async (tx) => {
    await input.lease.check(tx);
    await lockProduct(tx, input.product.id);
    await write(tx, input, now);
  });
}

async function write(tx: Tx, input: WriteInput, now: string): Promise<void> {
  const { product, candidate, ingested } = input;
  const where = { productId: product.id, releaseId: null, tag: candidate.tag };
  if (ingested === null || ingested.version === null)
    return replaceProblems(tx, where, withIds(ingested?.problems ?? []), now);
  const before = await findReleaseByVersion(tx, product.id, ingested.version);
  if (before && isAnotherTags(before, input))
    return replaceProblems(tx, where, withIds([duplicate(candidate, before)]), now);
  const release = toRelease(input, ingested, before, now);
  await saveRelease(tx, release);
  await replaceArtifacts(
    tx,
    release.id,
    ingested.artifacts.map((each) => ({ ...each, releaseId: release.id })),
    'system',
    now,
  );
  await replaceProblems(tx, { ...where, releaseId: release.id }, withIds(ingested.problems), now);
  await bumpRevision(tx, product.id);
}

/** Two living tags say the same version, e.g. `v1.0.0` and `1.0.0`: the first to be seen keeps it. */
function isAnotherTags(before: ReleaseRecord, { candidate, candidates }: WriteInput): boolean {
  return (
    before.tag !== candidate.tag && before.state !== 'withdrawn' && candidates.some(({ tag }) => tag === before.tag)
  );
}

function duplicate(candidate: Candidate, before: ReleaseRecord): ReleaseProblem {
  return {
    code: 'VERSION_DUPLICATE',
    severity: 'error',
    platform: null,
    detail: `The tags "${before.tag}" and "${candidate.tag}" are the same version, ${before.version}.`,
    fix: 'Delete one of the two tags, or ignore one by a pattern.',
  };
}

function toRelease(input: WriteInput, ingested: Ingested, before: ReleaseRecord | null, now: string): ReleaseRecord {
  const { product, candidate, fingerprint } = input;
  const isListed = ingested.artifacts.some((artifact) => artifact.listed);
  return {
    id: before?.id ?? newId('release'),
    productId: product.id,
    version: ingested.version as string,
    tag: candidate.tag,
    commitId: candidate.commit,
    forgeReleaseId: candidate.forgeReleaseId,
    channel: ingested.channel,
    clientWord: ingested.clientWord,
    notes: candidate.notes.slice(0, 100_000),
    changelog: ingested.changelog,
    security: ingested.security,
    targets: ingested.targets,
    phpMinimum: ingested.phpMinimum,
    webUrl: candidate.webUrl,
    state: isListed ? 'listed' : 'withheld',
    fingerprint,
    // Ours and for ever: the forge's dates jump when a tag moves.
    firstSeenAt: before?.firstSeenAt ?? now,
    updatedAt: now,
    withdrawnAt: null,
    yankedAt: before?.yankedAt ?? null,
    yankedBy: before?.yankedBy ?? null,
    yankReason: before?.yankReason ?? null,
  };
}

function withIds(problems: readonly ReleaseProblem[]): (ReleaseProblem & { id: string })[] {
  return problems.map((each) => ({ ...each, id: newId('problem') }));
}
