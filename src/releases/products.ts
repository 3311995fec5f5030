import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { RECONCILE } from '../forge/hooks.ts';
import type { OrganizationRecord, RepositoryRecord } from '../forge/store.ts';
import { newId } from '../ids.ts';
import { enqueue } from '../jobs/store.ts';
import type { By } from '../licensing/keys.ts';
import {
  DEFAULT_OPEN_CHANNELS,
  editionFault,
  type Product,
  type ProductChange,
  ProductSettings,
  productPath,
} from './product.ts';
import type { Platform } from './release.ts';
import { aliasesOf, findProduct, insertAlias, insertProduct, updateProduct } from './store-products.ts';
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
  platforms: readonly Platform[];
  mode?: Product['mode'] | undefined;
  settings?: Partial<ProductSettings> | undefined;
}

/** Makes a product and plans the first look at its repository. */
export async function addProduct(db: Db, wish: NewProduct, by: By): Promise<Product> {
  const { organization, repository, edition = '' } = wish;
  const slug = wish.slug ?? repository?.name ?? '';
  const fault = editionFault(slug) ?? (edition === '' ? null : editionFault(edition));
  if (fault)
    throw problem(
      'INVALID_REQUEST',
      `the product cannot be called "${edition === '' ? slug : `${slug}/${edition}`}": ${fault}`,
    );
  const product: Product = {
    id: newId('product', by.now),
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
    platforms: wish.platforms,
    mode: wish.mode ?? 'listed',
    openChannels: DEFAULT_OPEN_CHANNELS,
    securityOpen: false,
    claimOn: 'download',
    missingSite: 'allow',
    settings: ProductSettings.parse(wish.settings ?? {}),
    revision: 1,
    retiredAt: null,
    createdAt: toIso(by.now),
  };
  await db.tx(async (tx) => {
    await insertProduct(tx, product, by.actor.id);
    await lookAgain(tx, product, by.now);
    await note(tx, by, 'product.add', product.id, { path: productPath(product), mode: product.mode });
  });
  return product;
}

/** Changes what an owner may change. What its releases say of it may change with it, so the repository is looked at again. */
export async function changeProduct(db: Db, id: string, change: Partial<ProductChange>, by: By): Promise<Product> {
  return db.tx(async (tx) => {
    const product = await findProduct(tx, id);
    if (!product) throw problem('NOT_FOUND', 'there is no such product');
    const changed: Product = {
      ...product,
      name: change.name ?? product.name,
      description: change.description ?? product.description,
      platforms: change.platforms ?? product.platforms,
      mode: change.mode ?? product.mode,
      openChannels: change.open_channels ?? product.openChannels,
      securityOpen: change.security_open ?? product.securityOpen,
      claimOn: change.claim_on ?? product.claimOn,
      missingSite: change.missing_site ?? product.missingSite,
      settings: change.settings ?? product.settings,
    };
    await updateProduct(tx, changed);
    await lookAgain(tx, changed, by.now);
    await note(tx, by, 'product.change', id, { fields: Object.keys(change).join(' '), mode: changed.mode });
    return { ...changed, revision: product.revision + 1 };
  });
}

/** A retired product answers as an unknown one; nothing of it is deleted. */
export async function retireProduct(db: Db, id: string, retired: boolean, by: By): Promise<void> {
  await db.tx(async (tx) => {
    const product = await findProduct(tx, id);
    if (!product) throw problem('NOT_FOUND', 'there is no such product');
    await updateProduct(tx, { ...product, retiredAt: retired ? toIso(by.now) : null });
    await note(tx, by, retired ? 'product.retire' : 'product.unretire', id, {});
  });
}

/** An address at which the product was served before. `document` names the feed where the path is a whole file. */
export async function addAlias(db: Db, product: Product, path: string, document: string | null, by: By): Promise<void> {
  const clean = path.replace(/^\/+|\/+$/g, '').toLowerCase();
  if (clean === '' || clean.length > 500) throw problem('INVALID_REQUEST', 'an alias is a path of 1 to 500 characters');
  await db.tx(async (tx) => {
    await insertAlias(tx, { path: clean, kind: 'manual', document }, product.id, by.actor.id, toIso(by.now));
    await note(tx, by, 'product.alias', product.id, { path: clean });
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
    const product = await findProduct(tx, release.productId);
    if (product) await updateProduct(tx, product);
    await note(tx, by, yanked ? 'release.yank' : 'release.unyank', releaseId, { version: release.version, reason });
  });
}

async function lookAgain(tx: Tx, product: Pick<Product, 'repositoryId'>, now: number): Promise<void> {
  if (product.repositoryId === null) return;
  await enqueue(tx, { kind: RECONCILE, subject: product.repositoryId, runAt: toIso(now) }, toIso(now));
}

function note(tx: Tx, by: By, action: string, entityId: string, changes: Record<string, string>): Promise<void> {
  const entity = action.startsWith('release') ? 'release' : 'product';
  return audit(tx, { actor: by.actor, action, entity, entityId, changes, requestId: by.requestId }, by.now);
}
