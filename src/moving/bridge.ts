import { audit } from '../audit/audit.ts';
import { type Clock, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { ForgeTrouble, problem } from '../errors.ts';
import { type ForgeDeps, sideOfRepository } from '../forge/connections.ts';
import { newId } from '../ids.ts';
import { enqueue } from '../jobs/store.ts';
import type { Lease } from '../jobs/worker.ts';
import type { Gate } from '../licensing/gate.ts';
import type { By } from '../licensing/keys.ts';
import { type Product, productPath } from '../releases/product.ts';
import type { ReleaseProblem } from '../releases/release.ts';
import { findProduct } from '../releases/store-products.ts';
import { setProductProblem } from '../releases/store-releases.ts';
import type { Bodies } from '../updates/feed-cache.ts';
import type { FeedFormat } from '../updates/feed-format.ts';
import type { AddressCounts } from './address-counts-cache.ts';
import {
  addAddressCounts,
  type BridgeRecord,
  bridgesOutOfDate,
  findBridge,
  noteBridge,
  removeBridge,
  saveBridge,
} from './store-moving.ts';

export type { BridgeRecord } from './store-moving.ts';

/** The job that writes the bridge of a product; its subject is the product's id. */
export const BRIDGE = 'bridge';

export interface BridgeDeps extends ForgeDeps {
  clock: Clock;
  gate: Pick<Gate, 'ask'>;
  bodies: Bodies;
  formats: readonly FeedFormat[];
}

export interface NewBridge {
  branch: string;
  path: string;
  /** null: told by the ending of the path. */
  document: string | null;
}

/** Keeps a feed file current on a branch from now on. Throws INVALID_REQUEST for what cannot be one. */
export async function setBridge(
  db: Db,
  product: Product,
  wish: NewBridge,
  documents: readonly string[],
  by: By,
): Promise<BridgeRecord> {
  if (product.repositoryId === null)
    throw problem('INVALID_REQUEST', 'the product has no repository that could hold a bridge');
  const { branch } = wish;
  const path = wish.path.replace(/^\/+/, '');
  const isPath = path !== '' && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  if (!isPath || /\p{Cc}/u.test(path + branch))
    throw problem('INVALID_REQUEST', 'the path is that of a file in the repository');
  if (path.startsWith('.git')) throw problem('INVALID_REQUEST', 'a feed is no file of Git or of a workflow');
  const document =
    wish.document ?? documents.find((each) => each.slice(-4) === path.slice(-4).toLowerCase()) ?? documents[0];
  if (document === undefined || !documents.includes(document))
    throw problem(
      'INVALID_REQUEST',
      `the document is one of ${documents.join(', ') || 'none: the product has no platform'}`,
    );
  const now = toIso(by.now);
  const bridge: BridgeRecord = {
    ...{ productId: product.id, branch, path, document, revision: null, checkedAt: null, writtenAt: null, error: null },
    ...{ createdAt: now, createdBy: by.actor.id },
  };
  await db.tx(async (tx) => {
    await saveBridge(tx, bridge);
    await plan(tx, [product.id], now);
    const changes = { branch, path, document };
    const entry = { actor: by.actor, action: 'product.bridge', entity: 'product', entityId: product.id, changes };
    await audit(tx, { ...entry, requestId: by.requestId }, by.now);
  });
  return bridge;
}

/** The file stays as it is and is not kept current any more. */
export async function endBridge(db: Db, product: Product, by: By): Promise<void> {
  await db.tx(async (tx) => {
    const known = await findBridge(tx, product.id);
    if (!(await removeBridge(tx, product.id)) || known === null) return;
    await setProductProblem(tx, product.id, 'BRIDGE_FAILED', null, toIso(by.now));
    const changes = { branch: { from: known.branch, to: null }, path: { from: known.path, to: null } };
    const entry = { actor: by.actor, action: 'product.unbridge', entity: 'product', entityId: product.id, changes };
    await audit(tx, { ...entry, requestId: by.requestId }, by.now);
  });
}

/** Plans a write for every bridge whose product has changed since; part of the transaction that changes it, or right after. */
export async function planBridges(
  tx: Tx,
  of: { repositoryId: string } | { productId: string },
  now: string,
): Promise<void> {
  await plan(tx, await bridgesOutOfDate(tx, of), now);
}

async function plan(tx: Tx, productIds: readonly string[], now: string): Promise<void> {
  for (const subject of productIds) await enqueue(tx, { kind: BRIDGE, subject, runAt: now }, now);
}

/**
 * Writes what a site without a key is shown into the bridge file, in one commit and only when the bytes differ: a hook that hears of
 * our own commit finds nothing changed. A forge that refuses is noted as BRIDGE_FAILED; any other trouble is tried again.
 */
export async function writeBridge(
  deps: BridgeDeps,
  productId: string,
  lease: Lease,
): Promise<'written' | 'unchanged' | 'refused' | 'gone'> {
  const found = await deps.db.read(async (tx) => ({
    bridge: await findBridge(tx, productId),
    product: await findProduct(tx, productId),
  }));
  const { bridge, product } = found;
  if (bridge === null || product?.repositoryId == null || product.retiredAt !== null) return 'gone';
  const side = await sideOfRepository(deps, product.repositoryId);
  const content = await openFeed(deps, product, bridge.document);
  if (side === null || content === null) return 'gone';
  try {
    const message = `Update ${bridge.path}\n\nThe update feed of ${productPath(product)}, kept current by Feedgate for sites that ask this address.`;
    const file = { branch: bridge.branch, path: bridge.path, content, message };
    const outcome = await side.driver.writeFile(side.connection, side.repository, file);
    await note(deps, { bridge, product, wrote: outcome === 'written', refusal: null }, lease);
    return outcome;
  } catch (error) {
    if (!(error instanceof ForgeTrouble) || error.reason !== 'refused') throw error;
    await note(deps, { bridge, product, wrote: false, refusal: error.message }, lease);
    return 'refused';
  }
}

/** Exactly what a poll without a key is answered. */
async function openFeed(deps: BridgeDeps, product: Product, name: string): Promise<Uint8Array | null> {
  const format = deps.formats.find(({ documents }) => documents.some(({ fileName }) => fileName === name));
  const document = format?.documents.find(({ fileName }) => fileName === name);
  if (!format || !document) return null;
  const nobody = { keyText: null, siteText: null, instanceText: null, platform: format.platform };
  const asked = await deps.gate.ask('feed', [productPath(product)], nobody);
  if (asked === null) return null;
  const wish = { product: asked.product, verdict: asked.verdict, format, document, keyed: false, clientVersion: '' };
  return (await deps.bodies(wish)).bytes;
}

async function note(
  deps: BridgeDeps,
  what: { bridge: BridgeRecord; product: Product; wrote: boolean; refusal: string | null },
  lease: Lease,
): Promise<void> {
  const { bridge, product, wrote, refusal } = what;
  const at = deps.clock();
  const now = toIso(at);
  await deps.db.tx(async (tx) => {
    await lease.check(tx);
    const change = { checkedAt: now, error: refusal, ...(refusal === null ? { revision: product.revision } : {}) };
    const isSame = await noteBridge(tx, bridge, { ...change, ...(wrote ? { writtenAt: now } : {}) });
    if (!isSame) return;
    const found = refusal === null ? null : { ...failure(bridge, refusal), id: newId('problem', at) };
    await setProductProblem(tx, product.id, 'BRIDGE_FAILED', found, now);
  });
}

function failure({ branch, path }: BridgeRecord, refusal: string): ReleaseProblem {
  return {
    code: 'BRIDGE_FAILED',
    severity: 'warning',
    platform: null,
    detail: `The bridge ${path} on ${branch} could not be written: ${refusal}. Sites that ask its raw address see what stood there before.`,
    fix: 'Give the token of the forge the right to write to that branch, or name another branch.',
  };
}

/** Writes down how often each address was asked; what cannot be written is kept for the next time. */
export async function flushAddressCounts(db: Db, counts: AddressCounts): Promise<void> {
  const taken = counts.take();
  if (taken.length === 0) return;
  try {
    await db.tx((tx) => addAddressCounts(tx, taken));
  } catch (error) {
    counts.giveBack(taken);
    throw error;
  }
}
