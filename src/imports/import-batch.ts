import type { Tx } from '../db/dialect.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import { maskedRef } from '../licensing/personal.ts';
import type { PackageRecord } from '../licensing/store-packages.ts';
import type { Product } from '../releases/product.ts';
import type { Secrets } from '../secrets.ts';
import type { ImportItem, RowCode, RowReport } from './import-format.ts';
import {
  type BroughtIn,
  broughtIn,
  customersAtHand,
  type KeyAtHand,
  keysAtHand,
  paymentsTaken,
} from './store-imports.ts';

/** What holds for a whole run. */
export interface ImportGround {
  secrets: Secrets;
  organization: OrganizationRecord;
  source: string;
  importId: string;
  isDry: boolean;
  /** Every prefix that our keys wear here. */
  keyPrefixes: readonly string[];
  by: By;
  /** What earlier batches of this run made or would have made: `kind\nref` -> id. */
  made: Map<string, string>;
  /** Packages that a dry run would have made. */
  dryPackages: PackageRecord[];
}

/** What a batch knows before it begins, and what its rows add. */
export interface ImportBatch extends ImportGround {
  tx: Tx;
  packages: PackageRecord[];
  products: readonly Product[];
  repositories: ReadonlyMap<string, string>;
  /** From earlier runs of this source: `kind\nref` -> id. */
  before: ReadonlyMap<string, string>;
  keys: ReadonlyMap<string, KeyAtHand>;
  payments: Set<string>;
  /** `email\n…`, `external\n…`, `id\n…` -> id. */
  customers: ReadonlyMap<string, string>;
  /** What the rows of this batch made. */
  added: BroughtIn[];
  addedNow: Map<string, string>;
}

/** An id that stands for what a dry run would have made. */
export const WOULD_BE = 'would-be';

function placeOfRef(kind: string, ref: string): string {
  return `${kind}\n${ref}`;
}

/** The id of what was brought in under a name, before or by this run. */
export function madeAs(batch: ImportBatch, kind: string, ref: string): string | undefined {
  const place = placeOfRef(kind, ref);
  return batch.addedNow.get(place) ?? batch.made.get(place) ?? batch.before.get(place);
}

/** Whether this very run has made it: then the file names it twice. */
export function isOfThisRun({ addedNow, made }: ImportBatch, kind: string, ref: string): boolean {
  const place = placeOfRef(kind, ref);
  return addedNow.has(place) || made.has(place);
}

export function noteMade(batch: ImportBatch, kind: string, ref: string, entityId: string): void {
  batch.addedNow.set(placeOfRef(kind, ref), entityId);
  if (!batch.isDry && kind.indexOf(' ') < 0) batch.added.push({ kind, ref, entityId });
}

type Told = Omit<RowReport, 'line' | 'kind' | 'ref'>;

export function created(words: string, id: string): Told {
  return { outcome: 'created', code: 'NEW', words, id: id === WOULD_BE ? '' : id };
}

export function unchanged(words: string, id: string): Told {
  return { outcome: 'unchanged', code: 'KNOWN', words, id: id === WOULD_BE ? '' : id };
}

export function refused(code: RowCode, words: string): Told {
  return { outcome: 'refused', code, words, id: '' };
}

export type { Told };

/** What was anonymized since is known by what stands in its place, or the same file would bring the person back. */
async function broughtBefore(
  tx: Tx,
  { organization, source, secrets }: ImportGround,
  kind: string,
  refs: readonly string[],
): Promise<[ref: string, id: string][]> {
  const masked = new Map(refs.map((ref) => [ref, maskedRef(secrets.lookupHash, { kind, ref })]));
  const found = await broughtIn(tx, organization.id, source, kind, [...masked.keys(), ...masked.values()]);
  return [...masked].flatMap(([ref, mask]) => {
    const id = found.get(ref) ?? found.get(mask);
    return id === undefined ? [] : [[ref, id] as [string, string]];
  });
}

/** The look-up hash of each key in the items, and what else must be looked up for them, in few statements. */
export async function lookedUp(
  tx: Tx,
  ground: ImportGround,
  items: readonly ImportItem[],
  hashes: readonly string[],
  keyRefs: readonly string[],
): Promise<Pick<ImportBatch, 'before' | 'keys' | 'payments' | 'customers'>> {
  const { organization } = ground;
  const licenses = items.flatMap((item) => (item.type === 'license' ? [item] : []));
  const named = licenses.flatMap(({ customer }) => (typeof customer === 'string' ? [customer] : []));
  const inline = licenses.flatMap(({ customer }) => (typeof customer === 'object' ? [customer] : []));
  const owners = items.flatMap((item) => (item.type === 'site' && item.license !== undefined ? [item.license] : []));
  const refs = new Map<string, string[]>();
  for (const item of items) refs.set(item.type, [...(refs.get(item.type) ?? []), item.ref]);
  refs.set('customer', [...(refs.get('customer') ?? []), ...named]);
  refs.set('license', [...(refs.get('license') ?? []), ...owners]);
  refs.set('key', [...keyRefs]);
  const before = new Map<string, string>();
  for (const [kind, list] of refs)
    for (const [ref, id] of await broughtBefore(tx, ground, kind, list)) before.set(placeOfRef(kind, ref), id);
  const facts = [...inline, ...items.flatMap((item) => (item.type === 'customer' ? [item] : []))];
  const emails = [...facts.map(({ email }) => email), ...named.map((name) => name.toLowerCase())].filter(
    (each) => each !== '',
  );
  const externals = facts.flatMap((each) => each.external_customer_id ?? []);
  const customers = new Map<string, string>();
  const wanted = {
    email: emails,
    external_customer_id: externals,
    id: [...named, ...(refs.get('customer') ?? [])],
  } as const;
  for (const column of ['email', 'external_customer_id', 'id'] as const)
    for (const [value, id] of await customersAtHand(tx, organization.id, column, wanted[column]))
      customers.set(`${column}\n${value}`, id);
  const payments = licenses.flatMap(({ grants }) => grants.flatMap((grant) => grant.payment_ref ?? []));
  return {
    before,
    customers,
    keys: await keysAtHand(tx, hashes),
    payments: await paymentsTaken(tx, organization.id, payments),
  };
}
