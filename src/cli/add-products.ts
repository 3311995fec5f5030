import type { Core } from '../app.ts';
import { ForgeTrouble, Problem, problem } from '../errors.ts';
import { ensureRepository } from '../forge/connect.ts';
import { connectionOf } from '../forge/connections.ts';
import type { RemoteRepository } from '../forge/forge.ts';
import type { OrganizationRecord, RepositoryRecord } from '../forge/forge-reads.ts';
import { findForgeByName, forgeOverviews, handMadeHook } from '../forge/forge-reads.ts';
import { ensureRepositoryHook } from '../forge/hooks.ts';
import type { ForgeSide } from '../releases/artifacts.ts';
import { detect } from '../releases/detect.ts';
import type { FoundEdition } from '../releases/editions.ts';
import { type Product, ProductSettings, productPath } from '../releases/product.ts';
import { changedSettings } from '../releases/product-change.ts';
import { listProducts } from '../releases/product-reads.ts';
import { productView } from '../releases/product-view.ts';
import { productWarnings } from '../releases/product-warnings.ts';
import { addProduct } from '../releases/products.ts';
import type { Platform } from '../releases/release.ts';
import { pageUrl } from '../updates/feed-releases.ts';
import { type Call, EXIT, flagOf, type Io, textOf } from './command.ts';
import { changeOf, platformsOf } from './product-options.ts';
import { byCli } from './session.ts';
import { type Synced, syncRepository, syncWords } from './sync-repository.ts';

export interface Added {
  product: Product;
  feeds: string[];
}

export interface AddedRepository {
  products: Added[];
  /** Why its hook is not registered, or the lines to install by hand; null: it is. */
  hook: string | null;
  /** null: it was not asked for. */
  synced: Synced | null;
}

/** Adds what a repository releases: one product, or one for each edition of its files; then its hook, then the first look. */
export async function addRepository(
  core: Core,
  call: Call,
  organization: OrganizationRecord,
  remote: RemoteRepository,
): Promise<AddedRepository> {
  const { platforms, editions } = await whatItHolds(core, call, organization, remote);
  const repository = await ensureRepository(core.forge, organization, remote, byCli(core));
  const wishes = editions.length === 0 ? [null] : editions;
  const products: Added[] = [];
  for (const edition of wishes) products.push(await addOne(core, call, organization, repository, platforms, edition));
  const hook = await registerHook(core, repository.id);
  const synced = flagOf(call.values, 'no-sync') ? null : await syncRepository(core, call.io, repository);
  return { products, hook, synced };
}

export async function addOne(
  core: Core,
  { values }: Pick<Call, 'values'>,
  organization: OrganizationRecord,
  repository: RepositoryRecord | null,
  platforms: readonly Platform[],
  edition: FoundEdition | null,
): Promise<Added> {
  const change = changeOf(values, { platforms });
  const settings = changedSettings(ProductSettings.parse({}), change.settings ?? {});
  const assets = edition && Object.fromEntries(platforms.map((platform) => [platform, edition.asset]));
  const { name, description, mode } = change;
  const slug = textOf(values, 'slug');
  const product = await addProduct(
    core.db,
    {
      organization,
      repository,
      slug,
      edition: edition?.edition ?? textOf(values, 'edition'),
      name: edition === null ? name : `${name ?? slug ?? repository?.name} ${edition.edition}`,
      ...{ description, platforms, mode, requireKey: change.require_key },
      ...{ openChannels: change.open_channels, securityOpen: change.security_open },
      ...{ claimOn: change.claim_on, missingSite: change.missing_site },
      settings: assets === null ? settings : { ...settings, assets },
    },
    byCli(core),
  );
  return { product, feeds: feedsOf(core, product) };
}

export function feedsOf(core: Core, product: Product): string[] {
  const documents = core.reconcile.ingest.formats
    .filter(({ platform }) => product.platforms.includes(platform))
    .flatMap((format) => format.documents.filter(({ kind }) => kind === 'feed').map(({ fileName }) => fileName));
  return documents.map((document) => `${pageUrl(core.config.publicUrl, product)}/${document}`);
}

async function whatItHolds(core: Core, call: Call, organization: OrganizationRecord, remote: RemoteRepository) {
  const platforms = platformsOf(call.values);
  const isChosen = textOf(call.values, 'edition') !== undefined || call.values['asset'] !== undefined;
  if (platforms !== undefined && isChosen) return { platforms, editions: [] };
  const found = await detect(core.reconcile.ingest, await sideOf(core, organization, remote));
  const held = platforms ?? found.platforms;
  if (held.length > 0) return { platforms: held, editions: isChosen ? [] : found.editions };
  const what =
    found.candidates === 0 ? 'has no release and no tag yet' : 'releases nothing that looks like an extension';
  throw problem('INVALID_REQUEST', `${remote.owner}/${remote.name} ${what}; say --platform to add it all the same`);
}

async function sideOf(core: Core, organization: OrganizationRecord, repository: RemoteRepository): Promise<ForgeSide> {
  const forge = await findForgeByName(core.db, organization.forgeId);
  if (!forge) throw problem('NOT_FOUND', 'the forge of this organization is gone');
  return { driver: core.forge.drivers[forge.kind], connection: connectionOf(core.forge, forge), repository };
}

/** A hook that cannot be made costs speed and nothing else: the sweep looks as well. */
async function registerHook(core: Core, repositoryId: string): Promise<string | null> {
  try {
    await ensureRepositoryHook(core.forge, repositoryId);
    return await handMadeHook(core.forge, repositoryId);
  } catch (error) {
    if (error instanceof ForgeTrouble) return error.message;
    throw error;
  }
}

export interface AddedAll {
  added: { repository: string; result: AddedRepository }[];
  skipped: { repository: string; detail: string }[];
  failed: { repository: string; detail: string }[];
}

/** Every repository of the organization that releases something; those that are there already or release nothing are passed over. */
export async function addAll(core: Core, call: Call, organization: OrganizationRecord): Promise<AddedAll> {
  const forge = await findForgeByName(core.db, organization.forgeId);
  if (!forge) throw problem('NOT_FOUND', 'the forge of this organization is gone');
  const driver = core.forge.drivers[forge.kind];
  const remotes = await driver.repositories(connectionOf(core.forge, forge), organization.owner);
  const all: AddedAll = { added: [], skipped: [], failed: [] };
  for (const [i, remote] of remotes.entries()) {
    call.io.note(`[${i + 1}/${remotes.length}] ${remote.owner}/${remote.name}`);
    await addToAll(core, call, organization, remote, all);
  }
  return all;
}

async function addToAll(
  core: Core,
  call: Call,
  organization: OrganizationRecord,
  remote: RemoteRepository,
  { added, skipped, failed }: AddedAll,
): Promise<void> {
  const repository = `${remote.owner}/${remote.name}`;
  const skip = (detail: string) => void skipped.push({ repository, detail });
  if (remote.archived) return skip('it is archived');
  if (await isKnown(core, organization, remote)) return skip('it is a product already');
  try {
    added.push({ repository, result: await addRepository(core, call, organization, remote) });
  } catch (error) {
    if (error instanceof Problem && error.code === 'INVALID_REQUEST') return skip(error.message);
    if (!(error instanceof ForgeTrouble) && !(error instanceof Problem)) throw error;
    failed.push({ repository, detail: error.message });
  }
}

/** An edition of it counts, and so does a retired product: its owner does not want it. */
async function isKnown(core: Core, organization: OrganizationRecord, { id }: RemoteRepository): Promise<boolean> {
  const [overview] = await forgeOverviews(core.db, organization.forgeId);
  const stored = overview?.repositories.find(({ remoteId }) => remoteId === id);
  const products = stored === undefined ? [] : await listProducts(core.db, organization.slug, true);
  return products.some(({ repositoryId }) => repositoryId === stored?.id);
}

export function told(io: Io, { added, skipped, failed }: AddedAll): number {
  for (const { result } of added) for (const line of wordsOf(result)) io.say(line);
  for (const { repository, detail } of skipped) io.note(`passed over ${repository}: ${detail}`);
  for (const { repository, detail } of failed) io.note(`failed ${repository}: ${detail}`);
  io.say(`${added.length} added, ${skipped.length} passed over, ${failed.length} failed.`);
  warn(
    io,
    added.flatMap(({ result }) => result.products.map(({ product }) => product)),
  );
  return failed.length === 0 ? EXIT.ok : EXIT.failed;
}

export function allView({ added, skipped, failed }: AddedAll) {
  return {
    added: added.map(({ repository, result }) => ({ repository, ...addedView(result) })),
    skipped,
    failed,
  };
}

/** Each thing once, however many products it holds for. */
export function warn(io: Io, products: readonly Product[]): void {
  const words = products.flatMap(productWarnings).map(({ detail, fix }) => `Careful: ${detail} ${fix}`);
  for (const each of new Set(words)) io.note(each);
}

export function addedView({ products, hook, synced }: AddedRepository) {
  return {
    products: products.map(({ product, feeds }) => ({ ...productView(product), feeds })),
    hook,
    synced,
  };
}

export function wordsOf({ products, hook, synced }: AddedRepository): string[] {
  const lines = products.flatMap(({ product, feeds }) => [
    `Added ${productPath(product)} (${product.platforms.join(', ') || 'an app'}, ${product.mode}).`,
    ...feeds.map((feed) => `  ${feed}`),
  ]);
  if (hook !== null) lines.push(`The hook is not registered: ${hook}`);
  if (synced !== null) lines.push(syncWords(synced));
  return lines;
}
