import { type AuditChanges, audit } from '../audit/audit.ts';
import { changesBetween } from '../audit/changes.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { RECONCILE } from '../forge/hooks.ts';
import { findOrganization, lockOrganization, type OrganizationRecord, type RepositoryRecord } from '../forge/store.ts';
import { newId } from '../ids.ts';
import { enqueue } from '../jobs/store.ts';
import type { By } from '../licensing/keys.ts';
import { planBridges } from '../moving/bridge.ts';
import { requireChannels } from './channels.ts';
import { editionFault, type Product, ProductSettings, productPath } from './product.ts';
import { changedProduct, type ProductEdit } from './product-change.ts';
import { productView } from './product-view.ts';
import type { Platform } from './release.ts';
import { aliasesOf, bumpRevision, findProduct, insertProduct, lockProduct, updateProduct } from './store-products.ts';
import { findRelease, yankRelease } from './store-releases.ts';

export interface NewProduct {
  organization: OrganizationRecord;
  /** null: an app without a repository. */
  repository: RepositoryRecord | null;
  /** Path below the organization; the repository's name by default. */
  slug?: string | undefined;
  edition?: string | undefined;
  name?: string | undefined;
  description?: string | undefined;
  /** What is left out is as the organization says of new products. */
  platforms?: readonly Platform[] | undefined;
  mode?: Product['mode'] | undefined;
  /** In place of a mode: `strict` or `open`. */
  requireKey?: boolean | undefined;
  openChannels?: readonly string[] | undefined;
  securityOpen?: boolean | undefined;
  claimOn?: Product['claimOn'] | undefined;
  missingSite?: Product['missingSite'] | undefined;
  settings?: Partial<ProductSettings> | undefined;
}

/** Makes a product and plans the first look at its repository. */
export async function addProduct(db: Db, wish: NewProduct, by: By): Promise<Product> {
  const product = newProduct(wish, by.now);
  await db.tx(async (tx) => {
    if (wish.openChannels !== undefined) await requireKnown(tx, product.organizationId, wish.openChannels);
    await insertProduct(tx, product, by.actor.id);
    await lookAgain(tx, product, by.now);
    await note(tx, by, 'product.add', product.id, { path: productPath(product), mode: product.mode });
  });
  return product;
}

function newProduct(wish: NewProduct, now: number): Product {
  const { organization, repository, edition = '' } = wish;
  const slug = wish.slug ?? repository?.name ?? '';
  const fault = editionFault(slug) ?? (edition === '' ? null : editionFault(edition));
  const called = edition === '' ? slug : `${slug}/${edition}`;
  if (fault) throw problem('INVALID_REQUEST', `the product cannot be called "${called}": ${fault}`);
  const { newProduct: defaults } = organization.settings;
  const platforms = wish.platforms ?? defaults.platforms;
  if (platforms === null) {
    const detail = 'is required: the organization does not say what new products are for';
    throw problem('INVALID_REQUEST', `/platforms: ${detail}`, { errors: [{ pointer: '/platforms', detail }] });
  }
  const settings = ProductSettings.parse(wish.settings ?? {});
  return {
    id: newId('product', now),
    organizationId: organization.id,
    organizationSlug: organization.slug,
    organizationName: organization.name,
    organizationRenewUrl: organization.renewUrl,
    organizationSupportUrl: organization.supportUrl,
    repositoryId: repository?.id ?? null,
    slug,
    edition,
    name: wish.name ?? slug,
    description: wish.description ?? '',
    platforms,
    mode: wish.mode ?? (wish.requireKey === undefined ? defaults.mode : wish.requireKey ? 'strict' : 'open'),
    openChannels: wish.openChannels ?? defaults.openChannels,
    securityOpen: wish.securityOpen ?? false,
    claimOn: wish.claimOn ?? defaults.claimOn,
    missingSite: wish.missingSite ?? defaults.missingSite,
    settings: { ...settings, targets: { ...defaults.targets, ...settings.targets } },
    revision: 1,
    retiredAt: null,
    createdAt: toIso(now),
  };
}

/**
 * Changes what an owner may change. What its releases say of it may change with it, so the repository is looked at again. `check`
 * sees the product as it is when its turn comes, and throws where it must not be changed any more.
 */
export async function changeProduct(
  db: Db,
  id: string,
  edit: ProductEdit,
  by: By,
  check: (now: Product) => void = () => undefined,
): Promise<Product> {
  return db.tx((tx) => changeProductIn(tx, id, edit, by, check));
}

export async function changeProductIn(
  tx: Tx,
  id: string,
  edit: ProductEdit,
  by: By,
  check: (now: Product) => void = () => undefined,
): Promise<Product> {
  const found = await findProduct(tx, id);
  // The organization before its products, as everywhere.
  if (found && edit.open_channels !== undefined) await requireKnown(tx, found.organizationId, edit.open_channels);
  const before = await lockedProduct(tx, id);
  check(before);
  const after = changedProduct(before, edit);
  const changes = changesBetween(told(before), told(after));
  if (Object.keys(changes).length === 0) return before;
  await updateProduct(tx, after);
  await lookAgain(tx, after, by.now);
  await note(tx, by, 'product.change', id, changes);
  return { ...after, revision: before.revision + 1 };
}

/** What an owner sets, as he knows it. */
function told(product: Product) {
  const { revision: _, warnings: __, ...set } = productView(product);
  return set;
}

/** A channel that is in use cannot go, and one that is gone cannot be named: both wait for the organization. */
async function requireKnown(tx: Tx, organizationId: string, channels: readonly string[]): Promise<void> {
  await lockOrganization(tx, organizationId);
  const organization = await findOrganization(tx, organizationId);
  requireChannels(organization?.rules ?? '{}', channels, '/open_channels');
}

async function lockedProduct(tx: Tx, id: string): Promise<Product> {
  await lockProduct(tx, id);
  const product = await findProduct(tx, id);
  if (!product) throw problem('NOT_FOUND', 'there is no such product');
  return product;
}

/** A retired product answers as an unknown one; nothing of it is deleted. Twice is no error and writes nothing. */
export async function retireProduct(db: Db, id: string, retired: boolean, by: By): Promise<void> {
  await db.tx(async (tx) => {
    const product = await lockedProduct(tx, id);
    if ((product.retiredAt !== null) === retired) return;
    const retiredAt = retired ? toIso(by.now) : null;
    await updateProduct(tx, { ...product, retiredAt });
    const changes = { retired_at: { from: product.retiredAt, to: retiredAt } };
    await note(tx, by, retired ? 'product.retire' : 'product.unretire', id, changes);
  });
}

/** Every address at which a document of the product is served, the current one first. */
export async function feedUrlsOf(
  db: Db,
  publicUrl: string,
  product: Product,
  documents: readonly string[],
): Promise<string[]> {
  const aliases = await db.read((tx) => aliasesOf(tx, product.id));
  const whole = aliases.filter((alias) => alias.document !== null).map((alias) => `${publicUrl}/${alias.path}`);
  const bases = aliases.filter((alias) => alias.document === null).map((alias) => alias.path);
  const current = productPath(product);
  const order = [current, ...bases.filter((path) => path !== current)];
  return [...order.flatMap((path) => documents.map((document) => `${publicUrl}/${path}/${document}`)), ...whole];
}

/** Takes a version out of every feed and download, or puts it back. */
export async function yank(db: Db, releaseId: string, yanked: boolean, reason: string, by: By): Promise<void> {
  await db.tx(async (tx) => {
    const release = await findRelease(tx, releaseId);
    if (!release) throw problem('NOT_FOUND', 'there is no such release');
    if ((release.yankedAt !== null) === yanked) return;
    await yankRelease(tx, releaseId, {
      yankedAt: yanked ? toIso(by.now) : null,
      yankedBy: yanked ? by.actor.id : null,
      yankReason: yanked ? reason : null,
    });
    await bumpRevision(tx, release.productId);
    await planBridges(tx, { productId: release.productId }, toIso(by.now));
    await note(tx, by, yanked ? 'release.yank' : 'release.unyank', releaseId, { version: release.version, reason });
  });
}

async function lookAgain(tx: Tx, product: Pick<Product, 'repositoryId'>, now: number): Promise<void> {
  if (product.repositoryId === null) return;
  await enqueue(tx, { kind: RECONCILE, subject: product.repositoryId, runAt: toIso(now) }, toIso(now));
}

function note(tx: Tx, by: By, action: string, entityId: string, changes: AuditChanges): Promise<void> {
  const entity = action.startsWith('release') ? 'release' : 'product';
  return audit(tx, { actor: by.actor, action, entity, entityId, changes, requestId: by.requestId }, by.now);
}
