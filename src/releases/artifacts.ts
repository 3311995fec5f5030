import { type Clock, MINUTE, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { ForgeTrouble, problem } from '../errors.ts';
import type { ForgeConnection, ForgeDriver, RemoteRepository } from '../forge/forge.ts';
import { RECONCILE } from '../forge/hooks.ts';
import { enqueue } from '../jobs/store.ts';
import type { RepackPlan } from '../updates/feed-format.ts';
import { type ArtifactStore, type Digest, TooLarge } from './artifact-store-io.ts';
import type { ReleaseProblem } from './release.ts';
import { repack } from './repack-io.ts';
import { type ArtifactRecord, type ForgeSource, forgetFingerprint } from './store-releases.ts';
import { withholdImport } from './withhold-import.ts';

/** A repository with everything that is needed to ask its forge. */
export interface ForgeSide {
  driver: ForgeDriver;
  connection: ForgeConnection;
  repository: RemoteRepository;
}

/** Finds the forge of a product; null: the product has none. */
type ForgeSideOf = (product: Owner) => Promise<ForgeSide | null>;

export type Fetched = { kind: 'file'; path: string; digest: Digest } | { kind: 'gone' } | { kind: 'too_large' };

/** Streams the bytes of a source into the store's incoming folder; the caller keeps or drops them. */
export async function fetchSource(
  store: ArtifactStore,
  side: ForgeSide,
  source: ForgeSource,
  maxBytes: number,
): Promise<Fetched> {
  const { driver, connection, repository } = side;
  const remote =
    source.kind === 'asset'
      ? await driver.openAsset(connection, repository, source)
      : await driver.openArchive(connection, repository, source.commit);
  if (remote === null) return { kind: 'gone' };
  if (remote.size !== null && remote.size > maxBytes) return { kind: 'too_large' };
  try {
    return { kind: 'file', ...(await store.receive(remote.stream, maxBytes)) };
  } catch (error) {
    if (error instanceof TooLarge) return { kind: 'too_large' };
    throw error;
  }
}

export type Reshaped = { ok: true; path: string; digest: Digest } | { ok: false; problem: ReleaseProblem };

/** Brings a received file into the shape that the client installs; the received file is dropped. */
export async function reshape(store: ArtifactStore, path: string, plan: RepackPlan): Promise<Reshaped> {
  let target: string | null = null;
  try {
    target = await store.scratch();
    const made = await repack(path, plan, target);
    return made.ok ? { ok: true, path: target, digest: await store.digest(target) } : made;
  } catch (error) {
    if (target !== null) await store.drop(target);
    throw error;
  } finally {
    await store.drop(path);
  }
}

interface Owner {
  id: string;
  repositoryId: string | null;
}

export interface FillDeps {
  store: ArtifactStore;
  sideOf: ForgeSideOf;
  maxBytes: number;
  clock: Clock;
  /** The forge has other bytes now, or none: the release has to be looked at afresh. */
  onLost(artifact: ArtifactRecord, product: Owner): Promise<void>;
}

/** How long a file that the forge has no more is not asked for again, ms. */
const LOST_FOR_MS = MINUTE;

/**
 * The path of an artifact's bytes: from the store, else fetched from the forge once, however many ask. Other bytes are never served
 * under the old hash. Throws UNAVAILABLE where the forge does not answer, and where it has these bytes no more: then the release is
 * looked at afresh, which ends in a new hash or in a problem. What was imported has no forge to be fetched from: it is withheld until
 * it is imported again. null: the product has no forge.
 */
export function makeFill(deps: FillDeps) {
  const { store, clock } = deps;
  const flights = new Map<string, Promise<string | null>>();
  const lostUntil = new Map<string, number>();

  async function fetchOrLose(artifact: ArtifactRecord, product: Owner): Promise<string | null> {
    const { sha256 } = artifact;
    if ((lostUntil.get(sha256) ?? 0) > clock()) throw lost();
    lostUntil.delete(sha256);
    if (artifact.source.kind === 'import') {
      await deps.onLost(artifact, product);
      throw problem('UNAVAILABLE', 'the imported file is in the store no more; it has to be imported again');
    }
    const side = await deps.sideOf(product);
    if (side === null) return null;
    if (await fetchAgain(deps, artifact, side)) return store.pathOf(sha256);
    await deps.onLost(artifact, product);
    lostUntil.set(sha256, clock() + LOST_FOR_MS);
    throw lost();
  }

  return async (artifact: ArtifactRecord, product: Owner): Promise<string | null> => {
    const { sha256, size } = artifact;
    if (await store.has(sha256, size)) return store.pathOf(sha256);
    const flying = flights.get(sha256);
    if (flying) return flying;
    const flight = fetchOrLose(artifact, product).finally(() => flights.delete(sha256));
    flights.set(sha256, flight);
    return flight;
  };
}

function lost() {
  return problem('UNAVAILABLE', 'the forge has the file no more as it was; the release is looked at again');
}

/** True: the bytes are in the store again. */
async function fetchAgain(
  { store, maxBytes }: FillDeps,
  { source, repack: plan, sha256 }: ArtifactRecord,
  side: ForgeSide,
): Promise<boolean> {
  if (source.kind === 'import') return false;
  const fetched = await fetchSource(store, side, source, maxBytes).catch((error: unknown) => {
    if (error instanceof ForgeTrouble) throw problem('UNAVAILABLE', 'the forge does not answer');
    throw error;
  });
  if (fetched.kind !== 'file') return false;
  const made: Reshaped = plan === null ? { ok: true, ...fetched } : await reshape(store, fetched.path, plan);
  if (!made.ok) return false;
  if (made.digest.sha256 === sha256) await store.keep(made.path, sha256);
  else await store.drop(made.path);
  return made.digest.sha256 === sha256;
}

/**
 * Plans a look at a release whose file the forge does not give as it was, though nothing that the forge tells has changed: another
 * build of zlib deflates the same contents to other bytes, a backup came back with another file. The look takes in what is there.
 * An imported release is not on the forge, so it leaves the feeds instead.
 */
export async function healRelease(
  { db, clock }: { db: Db; clock: Clock },
  { releaseId, source }: ArtifactRecord,
  { repositoryId }: { repositoryId: string | null },
): Promise<void> {
  const now = toIso(clock());
  await db.tx(async (tx) => {
    if (source.kind === 'import') return withholdImport(tx, releaseId, now);
    await forgetFingerprint(tx, releaseId);
    if (repositoryId !== null) await enqueue(tx, { kind: RECONCILE, subject: repositoryId, runAt: now }, now);
  });
}
