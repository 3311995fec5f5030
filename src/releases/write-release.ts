import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { type Clock, fromIso, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import type { Lease } from '../jobs/worker.ts';
import type { Candidate } from './candidates.ts';
import { isImported } from './imported.ts';
import type { Ingested } from './ingest.ts';
import type { Product } from './product.ts';
import type { ReleaseProblem } from './release.ts';
import { bumpRevision, lockProduct } from './store-products.ts';
import {
  findReleaseByVersion,
  type ReleaseRecord,
  releasesOfTag,
  replaceArtifacts,
  replaceProblems,
  saveRelease,
  withdrawRelease,
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

/** The end of a look that left no release behind: looking again ends the same way as long as nothing changed. */
export interface Settled {
  fingerprint: string;
  /** Not null: another tag has the version, and the look ends otherwise once that is over. */
  duplicateOf: { tag: string; version: string } | null;
}

/**
 * Writes what looking at a tag ended in: the release with its files and problems, in one transaction under the job's lease. A tag
 * is one release at most: what else it was before is withdrawn. The forge's own release takes the place of an imported one of its
 * version, under the same id. null: the release itself tells how the look ended.
 */
export async function writeIngested(deps: { db: Db; clock: Clock }, input: WriteInput): Promise<Settled | null> {
  const now = toIso(deps.clock());
  return deps.db.tx(async (tx) => {
    await input.lease.check(tx);
    await lockProduct(tx, input.product.id);
    return write(tx, input, now);
  });
}

async function write(tx: Tx, input: WriteInput, now: string): Promise<Settled | null> {
  const { product, candidate, ingested, fingerprint } = input;
  const where = { productId: product.id, releaseId: null, tag: candidate.tag };
  if (ingested === null || ingested.version === null) {
    await withdrawOthers(tx, input, null, now);
    await replaceProblems(tx, where, withIds(ingested?.problems ?? []), now);
    return ingested?.lookAgain ? null : { fingerprint, duplicateOf: null };
  }
  const before = await findReleaseByVersion(tx, product.id, ingested.version);
  if (before && isImported(before) && !ingested.artifacts.some(({ listed }) => listed)) {
    // The tag is there and its file is not, or is of no use: what was imported stays until the forge has something better.
    await withdrawOthers(tx, input, null, now);
    await replaceProblems(tx, where, withIds(ingested.problems), now);
    return ingested.lookAgain ? null : { fingerprint, duplicateOf: null };
  }
  if (before && isAnotherTags(before, input)) {
    await withdrawOthers(tx, input, null, now);
    await replaceProblems(tx, where, withIds([duplicate(candidate, before)]), now);
    return { fingerprint, duplicateOf: { tag: before.tag, version: before.version } };
  }
  const release = toRelease(input, ingested, before, now);
  await withdrawOthers(tx, input, release.id, now);
  await saveRelease(tx, release);
  const artifacts = ingested.artifacts.map((each) => ({ ...each, releaseId: release.id }));
  await replaceArtifacts(tx, release.id, artifacts, 'system', now);
  await replaceProblems(tx, { ...where, releaseId: release.id }, withIds(ingested.problems), now);
  await bumpRevision(tx, product.id);
  await noteListing(tx, before, release, now);
  return null;
}

/** Tells when a version came into the feeds or left them; a release that only changed is neither. */
async function noteListing(tx: Tx, before: ReleaseRecord | null, after: ReleaseRecord, now: string): Promise<void> {
  const [was, is] = [isOffered(before), isOffered(after)];
  if (was !== is) await note(tx, after, is ? 'release.publish' : 'release.withdraw', now);
}

function isOffered(release: ReleaseRecord | null): boolean {
  return release !== null && release.state === 'listed' && release.yankedAt === null;
}

function note(tx: Tx, { id, version, tag, channel }: ReleaseRecord, action: string, now: string): Promise<void> {
  const event = { actor: SYSTEM_ACTOR, action, entity: 'release', entityId: id, changes: { version, tag, channel } };
  return audit(tx, { ...event, requestId: null }, fromIso(now));
}

/** Takes releases that are gone out of the feeds; the caller counts up the product's revision. */
export async function withdraw(tx: Tx, releases: readonly ReleaseRecord[], now: string): Promise<void> {
  for (const release of releases) {
    await withdrawRelease(tx, release.id, now);
    if (isOffered(release)) await note(tx, release, 'release.withdraw', now);
  }
}

/** The tag said another version before: a stream has moved on, a rule was changed, its file is gone. */
async function withdrawOthers(
  tx: Tx,
  { product, candidate }: WriteInput,
  keep: string | null,
  now: string,
): Promise<void> {
  const others = (await releasesOfTag(tx, product.id, candidate.tag)).filter(
    ({ id, state }) => id !== keep && state !== 'withdrawn',
  );
  await withdraw(tx, others, now);
  if (others.length > 0) await bumpRevision(tx, product.id);
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
    fingerprint: ingested.lookAgain ? '' : fingerprint,
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
