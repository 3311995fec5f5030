import { makeBatch } from '../batch.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import type { Product } from '../releases/product.ts';
import { findProductsByPath, type ProductAtPath } from '../releases/store-products.ts';
import { possibleIdentities, type SiteClaim } from './slots.ts';
import { findKeysByHash, type KeyRow, ledgersOf } from './store-lookup.ts';
import { heldSlots, type Idlest, idlestSlots } from './store-slots.ts';
import type { KeyFound, LicenseSnapshot } from './verdict.ts';

/** What a poll asks the database. */
export interface LookupRequest {
  /** Addresses that the request may mean, the likeliest first: `org/repo`, or an old full path. */
  paths: readonly string[];
  /** Look-up hash of the key; null: none was sent, or it cannot be one. */
  keyHash: string | null;
  site: SiteClaim | null;
  /** True: the site that has been silent the longest is wanted too. */
  withIdlest?: boolean | undefined;
}

export interface LookupAnswer {
  product: Product | null;
  /** Which of `paths` led there. */
  path: string | null;
  /** The document that this path is the whole address of; null: it names the product alone. */
  document: string | null;
  key: Extract<KeyFound, { kind: 'none' | 'unknown' | 'found' }>;
}

export type Lookup = (request: LookupRequest) => Promise<LookupAnswer>;

const MOST_AT_ONCE = 256;
const MOST_WAITING = 20_000;

/**
 * The one seam between a poll and the database (DESIGN §4). Requests that come while a look-up runs are answered by the next
 * one together: four statements whatever their number.
 */
export function makeLookup(db: Db): Lookup {
  return makeBatch<LookupRequest, LookupAnswer>({
    most: MOST_AT_ONCE,
    mostWaiting: MOST_WAITING,
    answerAll: (requests) => db.read((tx) => lookupAll(tx, requests)),
  });
}

/** Also used inside a transaction, under the license's lock, where a slot is claimed. */
export async function lookupAll(tx: Tx, requests: readonly LookupRequest[]): Promise<LookupAnswer[]> {
  const paths = [...new Set(requests.flatMap((request) => request.paths))].filter(isText);
  const hashes = [...new Set(requests.flatMap(({ keyHash }) => (keyHash === null ? [] : [keyHash])))];
  const products = paths.length > 0 ? await findProductsByPath(tx, paths) : new Map<string, ProductAtPath>();
  const keys = hashes.length > 0 ? await findKeysByHash(tx, hashes) : new Map<string, KeyRow>();
  const licenseIds = [...new Set([...keys.values()].map((key) => key.licenseId))];
  const ledgers = licenseIds.length > 0 ? await ledgersOf(tx, licenseIds) : new Map();
  const claims = requests.flatMap(({ site, keyHash }) =>
    site !== null && keyHash !== null && keys.has(keyHash) ? [site] : [],
  );
  const identities = [...new Set(claims.flatMap(possibleIdentities))];
  const instances = [...new Set(claims.flatMap(({ instance }) => (instance === null ? [] : [instance])))];
  const held = await heldSlots(tx, licenseIds, identities, instances);
  const isIdlestWanted = requests.some(({ withIdlest }) => withIdlest);
  const idlest = isIdlestWanted ? await idlestSlots(tx, licenseIds) : new Map<string, Idlest>();

  return requests.map((request) => {
    const path = request.paths.find((each) => products.has(each)) ?? null;
    const found = path === null ? undefined : products.get(path);
    const place = { product: found?.product ?? null, path, document: found?.document ?? null };
    if (request.keyHash === null) return { ...place, key: { kind: 'none' } };
    const row = keys.get(request.keyHash);
    if (!row) return { ...place, key: { kind: 'unknown' } };
    const slots = { held: held.get(row.licenseId) ?? [], idlest: idlest.get(row.licenseId) ?? null };
    const license = toSnapshot(row, ledgers.get(row.licenseId) ?? [], slots, request.site);
    return { ...place, key: { kind: 'found', license } };
  });
}

/** PostgreSQL refuses a text with a NUL, and with it everything that is asked beside it. */
function isText(path: string): boolean {
  return !path.includes('\0');
}

function toSnapshot(
  row: KeyRow,
  grants: LicenseSnapshot['grants'],
  { held, idlest }: Pick<LicenseSnapshot, 'held' | 'idlest'>,
  site: SiteClaim | null,
): LicenseSnapshot {
  const mine = site === null ? [] : possibleIdentities(site);
  return {
    id: row.licenseId,
    organizationId: row.organizationId,
    suspended: row.licenseSuspended,
    revoked: row.licenseRevoked,
    key: {
      ...{ id: row.keyId, suspended: row.keySuspended, revoked: row.keyRevoked, domains: row.domains },
      ...{ siteLimit: row.keySiteLimit, countedSites: row.keyCountedSites, endsAt: row.keyEndsAt },
      ...{ replacedBy: row.keyReplacedBy, purpose: row.keyPurpose },
      ...(row.keyTextUnknown ? { textUnknown: true } : {}),
    },
    grants,
    countedSites: row.countedSites,
    exemptSites: row.exemptSites,
    idlest,
    held: held.filter(
      (slot) => mine.includes(slot.identity) || (site?.instance != null && slot.instance === site.instance),
    ),
  };
}
