import { type Clock, toIso } from '../clock.ts';
import { ForgeTrouble } from '../errors.ts';
import { type ForgeDeps, type RepositorySide, sideOfRepository } from '../forge/connections.ts';
import { type ForgeFetch, forgeFetch } from '../forge/fetch.ts';
import { newId } from '../ids.ts';
import { isImported } from './imported.ts';
import type { Product } from './product.ts';
import type { ReleaseProblem } from './release.ts';
import { productsOfOrganization } from './store-products.ts';
import {
  type ArtifactRecord,
  artifactsOfProduct,
  type ReleaseRecord,
  releasesOfProduct,
  setProductProblem,
} from './store-releases.ts';

export interface BypassDeps extends ForgeDeps {
  clock: Clock;
}

/** `closed`: nobody without a right gets the file. `open`: anybody does. `unknown`: the forge did not say. */
export type Bypass = { product: Product; state: 'open' | 'closed' | 'unknown'; problem: ReleaseProblem | null };

/**
 * Asks the forge for a gated file as a stranger would, product by product, and keeps what it learns as the problem GATE_BYPASS.
 * Where the forge does not answer, what was known stays.
 */
export async function watchGateBypass(deps: BypassDeps): Promise<Bypass[]> {
  const products = await deps.db.read((tx) => productsOfOrganization(tx, null));
  const found: Bypass[] = [];
  for (const product of products) {
    if (product.retiredAt !== null || product.repositoryId === null) continue;
    found.push(await watch(deps, product, product.repositoryId));
  }
  return found;
}

async function watch(deps: BypassDeps, product: Product, repositoryId: string): Promise<Bypass> {
  const address = product.mode === 'open' ? null : await openAddress(deps, product, repositoryId);
  if (address === 'unknown') return { product, state: 'unknown', problem: null };
  const problem = address === null ? null : bypassProblem(address);
  const now = deps.clock();
  await deps.db.tx((tx) =>
    setProductProblem(tx, product.id, 'GATE_BYPASS', problem && { ...problem, id: newId('problem', now) }, toIso(now)),
  );
  return { product, state: problem === null ? 'closed' : 'open', problem };
}

function bypassProblem(address: string): ReleaseProblem {
  return {
    code: 'GATE_BYPASS',
    severity: 'warning',
    platform: null,
    detail: `The license gate can be walked round: the forge gives the file to anybody at ${address}.`,
    fix: 'Make the repository private on the forge (Feedgate goes on reading it with its token), or set the product to "open".',
  };
}

/** Where a stranger gets the newest gated file; null: nowhere. */
async function openAddress(
  deps: BypassDeps,
  product: Product,
  repositoryId: string,
): Promise<string | 'unknown' | null> {
  const side = await sideOfRepository(deps, repositoryId);
  const newest = await newestFile(deps, product);
  if (side === null || newest === null) return null;
  const { release, artifact } = newest;
  const asset = artifact.source.kind === 'asset' ? artifact.source.name : null;
  const addresses = side.driver.publicUrls(side.connection, side.repository, release.tag, asset);
  if (addresses.length === 0) return cloneAddress(side);
  for (const address of addresses) {
    const given = await isGivenToAnybody(address);
    if (given === 'unknown') return 'unknown';
    if (given) return address;
  }
  return null;
}

/** A forge without download pages hands out its files with the repository; we read it without a token, so anybody can. */
function cloneAddress({ stored, forge }: RepositorySide): string | null {
  return stored.private ? null : `${forge.baseUrl}/${stored.name}`;
}

async function newestFile(
  deps: Pick<BypassDeps, 'db'>,
  product: Product,
): Promise<{ release: ReleaseRecord; artifact: ArtifactRecord } | null> {
  const { releases, artifacts } = await deps.db.read(async (tx) => ({
    releases: await releasesOfProduct(tx, product.id),
    artifacts: await artifactsOfProduct(tx, product.id),
  }));
  const [newest] = releases
    .filter((each) => each.state === 'listed' && !isImported(each))
    .sort((a, b) => (a.firstSeenAt < b.firstSeenAt ? 1 : -1))
    .flatMap((release) =>
      artifacts.filter(({ releaseId }) => releaseId === release.id).map((artifact) => ({ release, artifact })),
    );
  return newest ?? null;
}

/** Only the bytes tell: a page that asks for a login answers 200 as well. */
async function isGivenToAnybody(address: string): Promise<boolean | 'unknown'> {
  const fetch = forgeFetch({ baseUrl: new URL(address).origin, token: null }, { expect: 'bytes', leaveOrigin: true });
  try {
    const answer = await fetch(address);
    if (!answer.ok || answer.body === null) return false;
    for await (const chunk of answer.body) return isZip(chunk);
    return false;
  } catch (error) {
    if (!(error instanceof ForgeTrouble)) throw error;
    if (error.reason === 'unauthorized' || error.reason === 'refused') return false;
    return error.reason === 'bad_answer' ? wasRefused(fetch, address) : 'unknown';
  }
}

/** A page in place of a file is a no; a forge that is in trouble says nothing. */
async function wasRefused(fetch: ForgeFetch, address: string): Promise<false | 'unknown'> {
  try {
    const { status } = await fetch(address, { method: 'HEAD' });
    return status < 500 ? false : 'unknown';
  } catch (error) {
    if (error instanceof ForgeTrouble) return 'unknown';
    throw error;
  }
}

/** https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7 */
function isZip(start: Uint8Array): boolean {
  return start[0] === 0x50 && start[1] === 0x4b;
}
