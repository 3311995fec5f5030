import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { findOrganization } from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import { aliasFault, type Product, RESERVED_SEGMENTS } from './product.ts';
import { deleteAlias, findAlias, insertAlias } from './store-products.ts';

/** An old address for a product. Whoever is bound to one organization cannot take what lies below the slug of another. */
export async function addAddress(
  db: Db,
  product: Product,
  path: string,
  document: string | null,
  by: By,
): Promise<void> {
  await db.tx((tx) => addAddressIn(tx, product, path, document, by));
}

export async function addAddressIn(
  tx: Tx,
  product: Product,
  path: string,
  document: string | null,
  by: By,
): Promise<void> {
  const [first = ''] = path.replace(/^\/+/, '').split('/', 1);
  if (RESERVED_SEGMENTS.has(first.toLowerCase())) throw refusal(`"${first}" is an address of Feedgate itself`);
  const owner = await findOrganization(tx, first);
  const isForeign = owner !== null && owner.id !== product.organizationId;
  if (isForeign && by.actor.organizations !== null)
    throw problem('ALREADY_EXISTS', `the addresses below ${first} belong to another organization`);
  await addAliasIn(tx, product, path, document, by);
}

/** An address at which the product was served before. `document` names the feed where the path is a whole file. */
export async function addAlias(db: Db, product: Product, path: string, document: string | null, by: By): Promise<void> {
  await db.tx((tx) => addAliasIn(tx, product, path, document, by));
}

async function addAliasIn(tx: Tx, product: Product, path: string, document: string | null, by: By): Promise<void> {
  const clean = cleanPath(path);
  const fault = aliasFault(clean);
  if (fault !== null) throw refusal(fault);
  await insertAlias(tx, { path: clean, kind: 'manual', document }, product.id, by.actor.id, toIso(by.now));
  const event = { actor: by.actor, action: 'product.alias', entity: 'product', entityId: product.id };
  await audit(tx, { ...event, changes: { path: clean, document }, requestId: by.requestId }, by.now);
}

/** From then on the address leads nowhere. Throws NOT_FOUND, and STILL_IN_USE for the product's own address. */
export async function removeAlias(db: Db, product: Product, path: string, by: By): Promise<void> {
  const clean = cleanPath(path);
  await db.tx(async (tx) => {
    const found = await findAlias(tx, clean);
    if (found?.productId !== product.id) throw problem('NOT_FOUND', 'the product has no such address');
    if (found.kind === 'current') throw problem('STILL_IN_USE', `${clean} is the address of the product itself`);
    await deleteAlias(tx, clean);
    const event = { actor: by.actor, action: 'product.alias_removed', entity: 'product', entityId: product.id };
    const changes = { path: clean, document: found.document };
    await audit(tx, { ...event, changes, requestId: by.requestId }, by.now);
  });
}

function cleanPath(path: string): string {
  return path
    .trim()
    .replace(/^\/+|\/+$/g, '')
    .toLowerCase();
}

function refusal(detail: string) {
  return problem('INVALID_REQUEST', `/path: ${detail}`, { errors: [{ pointer: '/path', detail }] });
}
