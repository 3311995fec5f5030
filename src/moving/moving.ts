import { feedFormats, movers } from '../../feeds/index.ts';
import { DAY, dayOf } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { findForge, findRepository, type RepositoryRecord } from '../forge/store.ts';
import { type Product, productPath } from '../releases/product.ts';
import { newestFacts } from '../releases/product-reads.ts';
import { feedUrlsOf } from '../releases/products.ts';
import { aliasesOf } from '../releases/store-products.ts';
import { problemsOfProduct } from '../releases/store-releases.ts';
import { pageUrl } from '../updates/feed-releases.ts';
import {
  adoptStep,
  keepStep,
  type Moving,
  type OldAddress,
  privateStep,
  releaseStep,
  type StepGround,
  watchStep,
} from './moving-steps.ts';
import { aliasPathOf, isOnForge, placeOf, rawAddressOf } from './old-address.ts';
import type { OldRoute } from './routes.ts';
import { findAdoption } from './store-adoptions.ts';
import { addressCounts, type BridgeRecord, findBridge } from './store-moving.ts';

export interface MovingDeps {
  db: Db;
  publicUrl: string;
}

const WATCHED = 14 * DAY;

/** How far a product has come on its way here, step by step in the order that loses no site. */
export async function movingOf(deps: MovingDeps, product: Product, now: number): Promise<Moving> {
  const ground = await groundOf(deps, product, now);
  const { bridge, adoption, counts } = ground;
  const addresses = addressesOf(ground, product);
  const current = counts.find(({ path }) => path === productPath(product));
  const kept = keepStep(addresses, ground);
  const release = releaseStep(ground);
  return {
    steps: [
      kept,
      adoptStep(ground),
      release,
      watchStep(addresses, current?.polls ?? 0),
      privateStep(ground, product, { addresses, before: [kept, release] }),
    ],
    ...{ addresses, bridge, adoption, currentPolls: current?.polls ?? 0 },
  };
}

/** Every old address of products, for the lines of a proxy. */
export async function oldRoutesOf(deps: MovingDeps, products: readonly Product[], now: number): Promise<OldRoute[]> {
  const routes: OldRoute[] = [];
  for (const product of products) {
    const ground = await groundOf(deps, product, now);
    const document = movers.find(({ platform }) => product.platforms.includes(platform))?.document ?? 'updates.xml';
    const feedUrl = `${pageUrl(deps.publicUrl, product)}/${document}`;
    for (const { url, kept } of addressesOf(ground, product))
      routes.push({ url, product: productPath(product), feedUrl, isAlias: kept === 'alias' });
  }
  return routes;
}

interface Ground extends StepGround {
  bridge: BridgeRecord | null;
  aliases: { path: string; kind: string; document: string | null }[];
  counts: { path: string; polls: number; lastAt: string }[];
}

async function groundOf({ db, publicUrl }: MovingDeps, product: Product, now: number): Promise<Ground> {
  const stored = await db.read(async (tx) => {
    const repository = product.repositoryId === null ? null : await findRepository(tx, product.repositoryId);
    const forge = repository && (await findForge(tx, repository.forgeId));
    return {
      ...{ bridge: await findBridge(tx, product.id), adoption: await findAdoption(tx, product.id), repository },
      forgeUrl: forge && /^https?:/.test(forge.baseUrl) ? forge.baseUrl : null,
      aliases: await aliasesOf(tx, product.id),
      counts: await addressCounts(tx, product.id, dayOf(now - WATCHED)),
      bypass: (await problemsOfProduct(tx, product.id)).some(({ code }) => code === 'GATE_BYPASS'),
    };
  });
  const documents = feedFormats
    .filter(({ platform }) => product.platforms.includes(platform))
    .flatMap((each) => each.documents);
  const names = documents.filter(({ kind }) => kind === 'feed').map(({ fileName }) => fileName);
  const urls = await feedUrlsOf(db, publicUrl, product, names);
  return {
    ...stored,
    asked: await askedBy(db, product),
    ours: new Set(urls.flatMap((url) => placeOf(url) ?? [])),
  };
}

async function askedBy(db: Db, product: Product): Promise<string[] | null> {
  let asked: string[] | null = null;
  for (const mover of movers) {
    const format = feedFormats.find(({ platform }) => platform === mover.platform);
    const facts =
      format && product.platforms.includes(mover.platform)
        ? await newestFacts(db, product, mover.platform, format.compareVersions)
        : null;
    if (facts) asked = [...(asked ?? []), ...mover.asks(facts)];
  }
  return asked;
}

/** What manifests named before, what the newest release still names beside us, and aliases of whole files. */
function addressesOf(
  { adoption, asked, ours, aliases, counts, bridge, repository, forgeUrl }: Ground,
  product: Product,
): OldAddress[] {
  const known = [...(adoption?.oldUrls ?? []), ...(asked ?? [])];
  const foreign = known.filter((url) => placeOf(url) !== null && !ours.has(placeOf(url) ?? ''));
  const manual = aliases.filter(({ kind }) => kind === 'manual');
  const base = forgeUrl ?? 'https://old.example';
  const unnamed = manual.filter(({ path }) => !foreign.some((url) => aliasPathOf(url) === path));
  const urls = [...new Set([...foreign, ...unnamed.map(({ path }) => `${base}/${path}`)])];
  const isBridged = (url: string) =>
    bridge !== null &&
    repository !== null &&
    isFileOf(url, bridge, repository, aliases) &&
    !(repository.private && isOnForge(url, forgeUrl));
  return urls.map((url) => {
    const path = aliasPathOf(url);
    const isAlias = manual.some((alias) => alias.path === path);
    const count = counts.find((each) => each.path === path && path !== productPath(product));
    const kept = isAlias ? 'alias' : isBridged(url) ? 'bridge' : 'open';
    return { url, kept, polls: count?.polls ?? 0, lastAt: count?.lastAt ?? null };
  });
}

/** Whether an address is that of the bridge file, also under a former name of the repository: a forge leads that on. */
function isFileOf(
  url: string,
  bridge: BridgeRecord,
  { owner, name }: RepositoryRecord,
  aliases: Ground['aliases'],
): boolean {
  const raw = rawAddressOf(url);
  const former = aliases.filter(({ kind }) => kind === 'renamed').map(({ path }) => path.split('/')[1]);
  const names = [name.toLowerCase(), ...former];
  return (
    raw !== null &&
    raw.branch === bridge.branch &&
    raw.path === bridge.path &&
    raw.owner.toLowerCase() === owner.toLowerCase() &&
    names.includes(raw.repository.toLowerCase())
  );
}
