import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { kindOfId } from '../ids.ts';
import type { Level } from '../releases/level.ts';
import { type Product, productPath } from '../releases/product.ts';
import type { Platform } from '../releases/release.ts';
import { findProduct, findProductByName, productsOfRepository } from '../releases/store-products.ts';
import { findReleaseByVersion } from '../releases/store-releases.ts';
import { downloadCode, visibleReleases } from './access.ts';
import { versionOrNull } from './extension-version.ts';
import { type Asked, type Credentials, type Gate, siteClaim } from './gate.ts';
import { keyAt } from './level-keys.ts';
import { lookupAll } from './lookup.ts';
import { noLicense, type Validation, validationCode, validationOf } from './validation.ts';
import { mayTakeOver, verdict } from './verdict.ts';

export interface ValidateDeps {
  db: Db;
  clock: Clock;
  gate: Gate;
}

/** What a client says of itself beside its key; null: nothing. */
export interface Asker {
  site: string | null;
  instance: string | null;
  channel: string | null;
  /** Of the product. */
  version: string | null;
  platform: Platform | null;
  /** Features that are asked for by name. */
  entitlements: readonly string[];
  /** Sent back as it came. */
  nonce: string | null;
}

/**
 * What a poll with this key would get now. Claims nothing and counts as usage of the kind `validate`. `onMiss` is called where the
 * look-up found nothing, before anything is written; it may throw.
 */
export async function validateByText(
  deps: ValidateDeps,
  keyText: string,
  productName: string,
  asker: Asker,
  onMiss: () => Promise<void>,
): Promise<Validation> {
  const stamp = { now: deps.clock(), nonce: asker.nonce };
  if (deps.gate.isMalformed(keyText)) return noLicense('KEY_MALFORMED', stamp);
  const product = await deps.db.read((tx) => findServed(tx, productName));
  const asked =
    product && (await deps.gate.ask('validate', [productPath(product)], credentialsOf(keyText, product, asker)));
  if (asked === null || asked.verdict.code === 'NOT_FOUND') await onMiss();
  return asked ? answer(deps, asked, asker) : noLicense('NOT_FOUND', stamp);
}

/** The same for a key by its id; `productName` null: the product at the level's own address. Throws NOT_FOUND. */
export async function validateById(
  deps: ValidateDeps,
  level: Level,
  keyId: string,
  productName: string | null,
  asker: Asker,
): Promise<Validation> {
  const asked = await deps.db.read(async (tx): Promise<Asked> => {
    const { key } = await keyAt(tx, level, keyId);
    const product = await productAt(tx, level, productName);
    const site = siteClaim(credentialsOf(null, product, asker));
    const ask = async (withIdlest: boolean) => {
      const [found] = await lookupAll(tx, [{ paths: [], keyHash: key.hash, site, withIdlest }]);
      const proof = found?.key ?? { kind: 'unknown' as const };
      const question = { now: deps.clock(), kind: 'validate' as const, product, key: proof, site };
      return { question, verdict: verdict(question) };
    };
    const first = await ask(false);
    const decided = mayTakeOver(first.verdict) ? await ask(true) : first;
    return { product, path: productPath(product), document: null, ...decided, keyHash: key.hash };
  });
  return answer(deps, asked, asker);
}

async function answer({ db, gate }: ValidateDeps, asked: Asked, asker: Asker): Promise<Validation> {
  const code = validationCode(asked, asker.channel, await refusesVersion(db, asked, asker.version), asker.entitlements);
  const extensionVersion = versionOrNull(asker.version);
  const use = { kind: 'validate', platformVersion: '', extensionVersion, code };
  await gate.record(asked, use).catch(() => {
    throw problem('UNAVAILABLE', 'the answer could not be recorded', { retryAfterSeconds: 5 });
  });
  return validationOf(asked, code, asker.nonce);
}

/** After the end of a license that leaves versions, whether this one is not among them. */
async function refusesVersion(db: Db, { product, verdict: found }: Asked, version: string | null): Promise<boolean> {
  const isLeft = found.code === 'EXPIRED' && found.remainders.some((left) => left.kind === 'owned');
  if (version === null || !isLeft) return false;
  const record = await db.read((tx) => findReleaseByVersion(tx, product.id, version));
  if (!record) return false;
  const release = { ...record, firstSeenAt: Date.parse(record.firstSeenAt) };
  const access = visibleReleases(product, found, [release])[0]?.access ?? 'hidden';
  return downloadCode(found, release, access) === 'UPDATES_EXPIRED';
}

/** Where a client does not say what it is, a product of one platform does. */
export function credentialsOf(
  keyText: string | null,
  product: Product,
  { site, instance, platform }: Pick<Asker, 'site' | 'instance' | 'platform'>,
): Credentials {
  const [only] = product.platforms.length === 1 ? product.platforms : [];
  return { keyText, siteText: site, instanceText: instance, platform: platform ?? only ?? null };
}

/** By `org/repo[/edition]`, an old address too, or by id; a retired product is not served. */
export async function findServed(tx: Tx, name: string): Promise<Product | null> {
  const path = name.trim().replace(/^\/+|\/+$/g, '');
  const found = kindOfId(path) === 'product' ? await findProduct(tx, path) : await findProductByName(tx, path);
  return found?.retiredAt === null ? found : null;
}

async function productAt(tx: Tx, { organization, repository }: Level, name: string | null): Promise<Product> {
  const found = name === null ? await onlyProduct(tx, repository) : await findServed(tx, name);
  const isHere = found?.organizationId === organization.id;
  if (isHere && (repository === null || found.repositoryId === repository.id)) return found;
  const detail =
    name === null
      ? 'is required here: it cannot be told which product is meant'
      : `is no product of the ${repository === null ? 'organization' : 'repository'}`;
  throw problem('INVALID_REQUEST', `/product: ${detail}`, { errors: [{ pointer: '/product', detail }] });
}

/** The main edition of a repository, or the only one. */
async function onlyProduct(tx: Tx, repository: Level['repository']): Promise<Product | null> {
  if (repository === null) return null;
  const all = await productsOfRepository(tx, repository.id);
  return all.find(({ edition }) => edition === '') ?? (all.length === 1 ? (all[0] ?? null) : null);
}
