import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import { importTag, isImported } from './imported.ts';
import type { Product } from './product.ts';
import type { ClientWord, Platform, ReleaseProblem, TargetRange } from './release.ts';
import { bumpRevision, lockProduct } from './store-products.ts';
import {
  type ArtifactRecord,
  findReleaseByVersion,
  problemsOfProduct,
  type ReleaseRecord,
  replaceArtifacts,
  replaceProblems,
  saveRelease,
} from './store-releases.ts';

/** A release that is on no forge, with its file in the store already. */
export interface ImportedRelease {
  product: Product;
  version: string;
  channel: string;
  clientWord: ClientWord;
  notes: string;
  infoUrl: string;
  targets: Partial<Record<Platform, TargetRange>>;
  phpMinimum: string | null;
  artifact: Omit<ArtifactRecord, 'id' | 'releaseId' | 'listed' | 'createdAt'>;
  problems: readonly ReleaseProblem[];
}

/** `known`: somebody else, the forge as a rule, has written the version meanwhile; nothing was changed. */
export type WrittenImport = { state: 'written' | 'known'; id: string };

/**
 * Writes an imported release; one of the same version that was imported before and lost its file keeps its id and its date. What the
 * forge has is never touched.
 */
export async function writeImport(db: Db, wish: ImportedRelease, by: By): Promise<WrittenImport> {
  return db.tx(async (tx) => {
    const { product, version, artifact, problems } = wish;
    await lockProduct(tx, product.id);
    const before = await findReleaseByVersion(tx, product.id, version);
    if (before !== null && !isImported(before)) return { state: 'known', id: before.id };
    const now = toIso(by.now);
    const release = recordOf(wish, before, now);
    const { id, tag } = release;
    await saveRelease(tx, release);
    const file = { ...artifact, id: newId('artifact'), releaseId: id, listed: true, createdAt: now };
    await replaceArtifacts(tx, id, [file], by.actor.id, now);
    const withIds = problems.map((each) => ({ ...each, id: newId('problem') }));
    await replaceProblems(tx, { productId: product.id, releaseId: id, tag }, withIds, now);
    await bumpRevision(tx, product.id);
    await note(tx, release, artifact, by);
    return { state: 'written', id };
  });
}

/** Puts back what was withheld because its file was lost: the file is in the store again. */
export async function relistImport(db: Db, release: ReleaseRecord, artifact: ArtifactRecord, by: By): Promise<void> {
  await db.tx(async (tx) => {
    await lockProduct(tx, release.productId);
    const before = await findReleaseByVersion(tx, release.productId, release.version);
    if (before === null || !isImported(before) || before.state === 'listed') return;
    const { id, productId, tag } = before;
    await saveRelease(tx, { ...before, state: 'listed', updatedAt: toIso(by.now) });
    const own = (await problemsOfProduct(tx, productId)).filter((each) => each.tag === tag);
    const left = own.filter(({ severity }) => severity === 'warning');
    await replaceProblems(tx, { productId, releaseId: id, tag }, left, toIso(by.now));
    await bumpRevision(tx, productId);
    await note(tx, before, artifact, by);
  });
}

/** Not `release.publish`: that tells webhooks of a new version, and this one is old. */
async function note(
  tx: Tx,
  { id, version, channel }: ReleaseRecord,
  { source, sha256 }: Pick<ArtifactRecord, 'source' | 'sha256'>,
  by: By,
): Promise<void> {
  const changes = { version, channel, sha256, from: source.kind === 'import' ? source.from : null };
  const event = { actor: by.actor, action: 'release.import', entity: 'release', entityId: id, changes };
  await audit(tx, { ...event, requestId: by.requestId }, by.now);
}

function recordOf(wish: ImportedRelease, before: ReleaseRecord | null, now: string): ReleaseRecord {
  const { product, version, channel, clientWord, targets, phpMinimum, infoUrl } = wish;
  return {
    ...{ id: before?.id ?? newId('release'), productId: product.id, version, channel, clientWord, targets, phpMinimum },
    ...{ tag: importTag(version), commitId: '', forgeReleaseId: null, notes: wish.notes.slice(0, 100_000) },
    ...{ changelog: [], security: channel === 'security', webUrl: infoUrl, state: 'listed', fingerprint: 'import' },
    // Never a date of the document: nobody can check it.
    firstSeenAt: before?.firstSeenAt ?? now,
    ...{ updatedAt: now, withdrawnAt: null },
    ...{ yankedAt: before?.yankedAt ?? null, yankedBy: before?.yankedBy ?? null },
    yankReason: before?.yankReason ?? null,
  };
}
