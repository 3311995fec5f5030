import { among, fastRead, forUpdate, isUniqueViolation, type Tx } from '../db/dialect.ts';
import { fromRow, toRow } from '../db/rows.ts';
import { problem } from '../errors.ts';
import { type Product, ProductSettings, productPath } from './product.ts';

const SHAPE = { json: ['platforms', 'openChannels', 'settings'], booleans: ['securityOpen'] };

const COLUMNS = `p.id, p.organization_id, o.slug as organization_slug, o.name as organization_name,
  o.renew_url as organization_renew_url, o.support_url as organization_support_url, p.repository_id, p.slug, p.edition, p.name, p.description, p.platforms, p.mode, p.open_channels, p.security_open, p.claim_on, p.missing_site,
  p.settings, p.revision, p.retired_at, p.created_at`;

/** For fields that came after a row was written. What stands in one was checked then, and a poll has no time to check it again. */
const NO_SETTINGS = ProductSettings.parse({});

function toProduct(row: object): Product {
  const product = fromRow<Product>(row, SHAPE);
  return { ...product, settings: { ...NO_SETTINGS, ...product.settings } };
}

/** What an owner may change. */
function changeable(product: Product) {
  const { name, description, platforms, mode, openChannels, securityOpen, claimOn, missingSite, settings, retiredAt } =
    product;
  return toRow(
    { name, description, platforms, mode, openChannels, securityOpen, claimOn, missingSite, settings, retiredAt },
    SHAPE,
  );
}

export interface ProductAtPath {
  product: Product;
  /** The feed that the whole path was once the address of; null: products' documents lie below it. */
  document: string | null;
}

/** The products behind addresses, by lower-case path; a path that leads nowhere is missing in the answer. */
export async function findProductsByPath(tx: Tx, paths: readonly string[]): Promise<Map<string, ProductAtPath>> {
  const rows = await fastRead<{ path: string; document: string | null }>(
    tx,
    'products-by-path',
    `select a.path, a.document, ${COLUMNS} from aliases a join products p on p.id = a.product_id
     join organizations o on o.id = p.organization_id
     where a.path ${among(tx)} and p.retired_at is null`,
    [JSON.stringify(paths)],
  );
  return new Map(rows.map(({ path, document, ...row }) => [path, { product: toProduct(row), document }]));
}

function select(tx: Tx) {
  return tx('products as p').join('organizations as o', 'o.id', 'p.organization_id').select(tx.raw(COLUMNS));
}

export async function findProduct(tx: Tx, id: string): Promise<Product | null> {
  const row = await select(tx).where('p.id', id).first();
  return row ? toProduct(row) : null;
}

/** By its own path `org/repo[/edition]` or any alias; retired ones too. */
export async function findProductByName(tx: Tx, path: string): Promise<Product | null> {
  const row = await select(tx).join('aliases as a', 'a.product_id', 'p.id').where('a.path', path.toLowerCase()).first();
  return row ? toProduct(row) : null;
}

export async function productsOfRepository(tx: Tx, repositoryId: string): Promise<Product[]> {
  const rows = await select(tx).where({ 'p.repository_id': repositoryId, 'p.retired_at': null }).orderBy('p.id');
  return rows.map(toProduct);
}

export async function productsOfOrganization(tx: Tx, organizationId: string | null): Promise<Product[]> {
  const query = select(tx).orderBy('p.id');
  const rows = await (organizationId === null ? query : query.where('p.organization_id', organizationId));
  return rows.map(toProduct);
}

/** Throws ALREADY_EXISTS when the address is taken, by a product or by an alias. */
export async function insertProduct(tx: Tx, product: Product, actor: string): Promise<void> {
  const made = { created_at: product.createdAt, created_by: actor };
  try {
    await tx('products').insert({
      id: product.id,
      organization_id: product.organizationId,
      repository_id: product.repositoryId,
      slug: product.slug,
      edition: product.edition,
      revision: product.revision,
      ...changeable(product),
      ...made,
    });
    await tx('aliases').insert({
      path: productPath(product),
      product_id: product.id,
      kind: 'current',
      document: null,
      ...made,
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw problem('ALREADY_EXISTS', `the address ${productPath(product)} is taken`);
    throw error;
  }
}

/** Writes everything that an owner may change and counts the revision up. */
export async function updateProduct(tx: Tx, product: Product): Promise<void> {
  await tx('products')
    .where({ id: product.id })
    .update({ ...changeable(product), revision: tx.raw('revision + 1') });
}

export async function lockProduct(tx: Tx, id: string): Promise<boolean> {
  return (await forUpdate(tx, tx('products').where({ id }).select('id'))).length > 0;
}

/** Every rendered feed of the product is out of date from now on. */
export async function bumpRevision(tx: Tx, productId: string): Promise<void> {
  await tx('products').where({ id: productId }).increment('revision', 1);
}

/** What feeds show of an organization stands in all of its products. */
export async function bumpRevisionsOf(tx: Tx, organizationId: string): Promise<void> {
  await tx('products').where({ organization_id: organizationId }).increment('revision', 1);
}

export interface Alias {
  path: string;
  kind: 'current' | 'renamed' | 'manual';
  document: string | null;
}

export async function aliasesOf(tx: Tx, productId: string): Promise<Alias[]> {
  return tx('aliases')
    .where({ product_id: productId })
    .orderBy([{ column: 'kind' }, { column: 'path' }])
    .select('path', 'kind', 'document');
}

export async function findAlias(tx: Tx, path: string): Promise<(Alias & { productId: string }) | null> {
  const row = await tx('aliases').where({ path }).first('path', 'kind', 'document', 'product_id');
  return row ? fromRow(row) : null;
}

export async function deleteAlias(tx: Tx, path: string): Promise<void> {
  await tx('aliases').where({ path }).delete();
}

/** Old addresses by which a product is still found. Throws ALREADY_EXISTS when another product has the path. */
export async function insertAlias(tx: Tx, alias: Alias, productId: string, actor: string, now: string): Promise<void> {
  const owner = await tx('aliases').where({ path: alias.path }).first('product_id');
  if (owner?.product_id === productId) return;
  if (owner) throw problem('ALREADY_EXISTS', `the address ${alias.path} belongs to another product`);
  await tx('aliases').insert({ ...alias, product_id: productId, created_at: now, created_by: actor });
}

/** Gives a product a new slug; the old address stays as an alias. False: the new address is another product's. */
export async function renameProduct(
  tx: Tx,
  product: Product,
  slug: string,
  actor: string,
  now: string,
): Promise<boolean> {
  const path = productPath({ ...product, slug });
  const taken = await tx('aliases').where({ path }).first('product_id');
  if (taken && taken.product_id !== product.id) return false;
  await tx('aliases').where({ product_id: product.id, kind: 'current' }).update({ kind: 'renamed' });
  if (taken) await tx('aliases').where({ path }).update({ kind: 'current' });
  else
    await tx('aliases').insert({
      path,
      product_id: product.id,
      kind: 'current',
      document: null,
      created_at: now,
      created_by: actor,
    });
  await tx('products').where({ id: product.id }).update({ slug });
  await bumpRevision(tx, product.id);
  return true;
}
