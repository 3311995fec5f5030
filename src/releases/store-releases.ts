import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import type { RepackPlan } from '../updates/feed-format.ts';
import type { Changelog, ClientWord, PackageFacts, Platform, ReleaseProblem, TargetRange } from './release.ts';

/** `withheld`: found, but an error keeps it out of every feed. `withdrawn`: gone from the forge. */
type ReleaseState = 'listed' | 'withheld' | 'withdrawn';

export interface ReleaseRecord {
  id: string;
  productId: string;
  version: string;
  /** `import:VERSION` where it was brought in and is not on the forge. */
  tag: string;
  commitId: string;
  forgeReleaseId: string | null;
  channel: string;
  clientWord: ClientWord;
  notes: string;
  changelog: Changelog;
  security: boolean;
  targets: Partial<Record<Platform, TargetRange>>;
  phpMinimum: string | null;
  webUrl: string;
  state: ReleaseState;
  /** Of everything on the forge that it was made from; the same again means nothing to do. */
  fingerprint: string;
  firstSeenAt: string;
  updatedAt: string;
  withdrawnAt: string | null;
  yankedAt: string | null;
  yankedBy: string | null;
  yankReason: string | null;
}

/** Where the bytes of an artifact come from when the store has lost them. */
export type ArtifactSource = ForgeSource | ImportSource;
export type ForgeSource =
  | { kind: 'asset'; id: string; locator: string; name: string }
  | { kind: 'archive'; tag: string; commit: string };
/** It was brought in from elsewhere and is in the store alone; `from` is the host that it came from. */
interface ImportSource {
  kind: 'import';
  from: string;
  name: string;
}

export interface ArtifactRecord {
  id: string;
  releaseId: string;
  platform: Platform;
  fileName: string;
  size: number;
  sha256: string;
  sha384: string;
  sha512: string;
  facts: PackageFacts;
  source: ArtifactSource;
  /** How the forge's file was changed before it was hashed; null: it was not. */
  repack: RepackPlan | null;
  listed: boolean;
  createdAt: string;
}

const RELEASE_SHAPE = { json: ['changelog', 'targets'], booleans: ['security'] };
const RELEASE = columnsOf(
  ...['id', 'productId', 'version', 'tag', 'commitId', 'forgeReleaseId', 'channel', 'clientWord', 'notes', 'changelog'],
  ...['security', 'targets', 'phpMinimum', 'webUrl', 'state', 'fingerprint', 'firstSeenAt', 'updatedAt', 'withdrawnAt'],
  ...['yankedAt', 'yankedBy', 'yankReason'],
);
const ARTIFACT_SHAPE = { json: ['facts', 'source', 'repack'], booleans: ['listed'] };
const ARTIFACT = columnsOf(
  ...[
    'id',
    'releaseId',
    'platform',
    'fileName',
    'size',
    'sha256',
    'sha384',
    'sha512',
    'facts',
    'source',
    'repack',
    'listed',
  ],
  'createdAt',
);

function toRelease(row: object): ReleaseRecord {
  return fromRow(row, RELEASE_SHAPE);
}

function toArtifact(row: object): ArtifactRecord {
  return fromRow(row, ARTIFACT_SHAPE);
}

export async function releasesOfProduct(tx: Tx, productId: string): Promise<ReleaseRecord[]> {
  return (await tx('releases').select(RELEASE).where({ product_id: productId }).orderBy('id')).map(toRelease);
}

export async function findRelease(tx: Tx, id: string): Promise<ReleaseRecord | null> {
  const row = await tx('releases').select(RELEASE).where({ id }).first();
  return row ? toRelease(row) : null;
}

export async function findReleaseByVersion(tx: Tx, productId: string, version: string): Promise<ReleaseRecord | null> {
  const row = await tx('releases').select(RELEASE).where({ product_id: productId, version }).first();
  return row ? toRelease(row) : null;
}

export async function releasesOfTag(tx: Tx, productId: string, tag: string): Promise<ReleaseRecord[]> {
  return (await tx('releases').select(RELEASE).where({ product_id: productId, tag }).orderBy('id')).map(toRelease);
}

/** The artifacts in force (not replaced) of all releases of a product. */
export async function artifactsOfProduct(tx: Tx, productId: string): Promise<ArtifactRecord[]> {
  const rows = await tx('artifacts as a')
    .join('releases as r', 'r.id', 'a.release_id')
    .select(ARTIFACT.map((name) => `a.${name}`))
    .where('r.product_id', productId)
    .whereNull('a.replaced_at')
    .orderBy('a.id');
  return rows.map(toArtifact);
}

export async function saveRelease(tx: Tx, release: ReleaseRecord): Promise<void> {
  const row = toRow(release, RELEASE_SHAPE);
  const changed = await tx('releases').where({ id: release.id }).update(row);
  if (changed === 0) await tx('releases').insert(row);
}

/** Makes exactly these the artifacts in force; those with other bytes or gone platforms are kept as replaced. */
export async function replaceArtifacts(
  tx: Tx,
  releaseId: string,
  artifacts: readonly ArtifactRecord[],
  actor: string,
  now: string,
): Promise<void> {
  const before = (await tx('artifacts').select(ARTIFACT).where({ release_id: releaseId, replaced_at: null })).map(
    toArtifact,
  );
  const kept = before.filter((old) => artifacts.some((each) => isSameArtifact(old, each)));
  const gone = before.filter((old) => !kept.includes(old)).map(({ id }) => id);
  if (gone.length > 0) await tx('artifacts').whereIn('id', gone).update({ replaced_at: now });
  for (const artifact of artifacts) {
    if (kept.some((old) => isSameArtifact(old, artifact))) continue;
    await tx('artifacts').insert({ ...toRow(artifact, ARTIFACT_SHAPE), created_by: actor });
  }
}

/** By what a site or a refill sees of it. */
function isSameArtifact(a: ArtifactRecord, b: ArtifactRecord): boolean {
  const fields = ['platform', 'fileName', 'sha256', 'facts', 'source', 'repack', 'listed'] as const;
  return fields.every((field) => JSON.stringify(a[field]) === JSON.stringify(b[field]));
}

/** Makes exactly these the problems of a product's tag; one that was there before keeps its id and its date. */
export async function replaceProblems(
  tx: Tx,
  where: { productId: string; releaseId: string | null; tag: string },
  problems: readonly (ReleaseProblem & { id: string })[],
  now: string,
): Promise<void> {
  const { productId, tag, releaseId } = where;
  const rows = await tx('problems').where({ product_id: productId, tag }).orderBy('id');
  const before = rows.map((row) => fromRow<ProblemRecord>(row));
  const kept = before.filter((old) => problems.some((each) => isSameProblem(old, each)));
  const gone = before.filter((old) => !kept.includes(old)).map(({ id }) => id);
  if (gone.length > 0) await tx('problems').whereIn('id', gone).delete();
  const moved = kept.filter((old) => old.releaseId !== releaseId).map(({ id }) => id);
  if (moved.length > 0) await tx('problems').whereIn('id', moved).update({ release_id: releaseId });
  for (const found of problems) {
    if (kept.some((old) => isSameProblem(old, found))) continue;
    await tx('problems').insert({ ...toRow(found), ...toRow(where), created_at: now });
  }
}

function isSameProblem(a: ReleaseProblem, b: ReleaseProblem): boolean {
  const fields = ['code', 'severity', 'platform', 'detail', 'fix'] as const;
  return fields.every((field) => a[field] === b[field]);
}

/** Makes this the one problem of its code that a product as a whole has (tag empty); null: it has none. */
export async function setProductProblem(
  tx: Tx,
  productId: string,
  code: ReleaseProblem['code'],
  found: (ReleaseProblem & { id: string }) | null,
  now: string,
): Promise<void> {
  await tx('problems').where({ product_id: productId, tag: '', code }).delete();
  if (found === null) return;
  await tx('problems').insert({ ...toRow(found), product_id: productId, release_id: null, tag: '', created_at: now });
}

export type ProblemRecord = ReleaseProblem & { id: string; releaseId: string | null; tag: string; createdAt: string };

export async function problemsOfProduct(tx: Tx, productId: string): Promise<ProblemRecord[]> {
  const rows = await tx('problems').where({ product_id: productId }).orderBy('id');
  return rows.map((row) => fromRow<ProblemRecord>(row));
}

/** The next look at the repository looks at the release again, as if it had changed on the forge. */
export async function forgetFingerprint(tx: Tx, releaseId: string): Promise<void> {
  await tx('releases').where({ id: releaseId }).update({ fingerprint: '' });
}

/** Gone from the forge: in no feed any more, but known, and back with the same first-seen instant when the tag comes back. */
export async function withdrawRelease(tx: Tx, id: string, now: string): Promise<void> {
  await tx('releases').where({ id }).update({ state: 'withdrawn', withdrawn_at: now, updated_at: now });
}

export async function yankRelease(
  tx: Tx,
  id: string,
  yank: { yankedAt: string | null; yankedBy: string | null; yankReason: string | null },
): Promise<void> {
  await tx('releases').where({ id }).update(toRow(yank));
}

/** Problems of tags that are gone are gone with them; those of the product as a whole (tag empty) stay. */
export async function dropProblemsOfOtherTags(tx: Tx, productId: string, tags: readonly string[]): Promise<void> {
  await tx('problems')
    .where({ product_id: productId })
    .whereNotIn('tag', [...tags, ''])
    .delete();
}

/** How many listed releases of an organization's products each channel has; those with none are missing. */
export async function releasesByChannel(tx: Tx, organizationId: string): Promise<Map<string, number>> {
  const rows: { channel: string; count: number | string }[] = await tx('releases as r')
    .join('products as p', 'p.id', 'r.product_id')
    .where({ 'p.organization_id': organizationId, 'r.state': 'listed', 'r.yanked_at': null })
    .groupBy('r.channel')
    .select('r.channel', tx.raw('count(*) as count'));
  return new Map(rows.map(({ channel, count }) => [channel, Number(count)]));
}
