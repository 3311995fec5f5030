import { ForgeTrouble, problem } from '../errors.ts';
import type { ForgeConnection, ForgeDriver, RemoteRepository } from '../forge/forge.ts';
import type { RepackPlan } from '../updates/feed-format.ts';
import { type ArtifactStore, type Digest, TooLarge } from './artifact-store-io.ts';
import type { ReleaseProblem } from './release.ts';
import { repack } from './repack-io.ts';
import type { ArtifactRecord, ArtifactSource } from './store-releases.ts';

/** A repository with everything that is needed to ask its forge. */
export interface ForgeSide {
  driver: ForgeDriver;
  connection: ForgeConnection;
  repository: RemoteRepository;
}

/** Finds the forge of a product; null: the product has none. */
export type ForgeSideOf = (product: { id: string; repositoryId: string | null }) => Promise<ForgeSide | null>;

export type Fetched = { kind: 'file'; path: string; digest: Digest } | { kind: 'gone' } | { kind: 'too_large' };

/** Streams the bytes of a source into the store's incoming folder; the caller keeps or drops them. */
export async function fetchSource(
  store: ArtifactStore,
  side: ForgeSide,
  source: ArtifactSource,
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
  const target = await store.scratch();
  try {
    const made = await repack(path, plan, target);
    return made.ok ? { ok: true, path: target, digest: await store.digest(target) } : made;
  } catch (error) {
    await store.drop(target);
    throw error;
  } finally {
    await store.drop(path);
  }
}

export interface FillDeps {
  store: ArtifactStore;
  sideOf: ForgeSideOf;
  maxBytes: number;
}

/**
 * The path of an artifact's bytes: from the store, else fetched from the forge once, however many ask. null: the forge has them
 * no more, or has other bytes now (they are never served under the old hash).
 */
export function makeFill({ store, sideOf, maxBytes }: FillDeps) {
  const flights = new Map<string, Promise<string | null>>();

  async function fetchAgain(
    artifact: ArtifactRecord,
    product: { id: string; repositoryId: string | null },
  ): Promise<string | null> {
    const side = await sideOf(product);
    if (side === null) return null;
    const fetched = await fetchSource(store, side, artifact.source, maxBytes).catch((error: unknown) => {
      if (error instanceof ForgeTrouble) throw problem('UNAVAILABLE', 'the forge does not answer');
      throw error;
    });
    if (fetched.kind !== 'file') return null;
    const made: Reshaped =
      artifact.repack === null ? { ok: true, ...fetched } : await reshape(store, fetched.path, artifact.repack);
    if (!made.ok) return null;
    if (made.digest.sha256 !== artifact.sha256) {
      await store.drop(made.path);
      return null;
    }
    await store.keep(made.path, artifact.sha256);
    return store.pathOf(artifact.sha256);
  }

  return async (
    artifact: ArtifactRecord,
    product: { id: string; repositoryId: string | null },
  ): Promise<string | null> => {
    if (await store.has(artifact.sha256)) return store.pathOf(artifact.sha256);
    const flying = flights.get(artifact.sha256);
    if (flying) return flying;
    const flight = fetchAgain(artifact, product).finally(() => flights.delete(artifact.sha256));
    flights.set(artifact.sha256, flight);
    return flight;
  };
}
