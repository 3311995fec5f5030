import { type AuditEvent, auditAll } from '../audit/audit.ts';
import { isoOrNull, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { newId } from '../ids.ts';
import { packagesOfSubscriptions } from '../payments/store-deals.ts';
import { subscriptionsOfLicenses } from '../payments/store-license-subscriptions.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import { decideChange } from './decide-change.ts';
import type { By } from './keys.ts';
import { type Decision, type LicenseChange, type NewGrant, type Refusal, refused } from './license-change.ts';
import type { Grant } from './package-terms.ts';
import { memoryOf } from './refresh.ts';
import { insertGrants, packageVersionsOf, rememberLedgers } from './store-ledgers.ts';
import { type GrantRecord, type LicenseRecord, lockLicenses, updateLicenses } from './store-licenses.ts';
import { ledgersOf } from './store-lookup.ts';

import { packagesOf } from './store-packages.ts';

/** What a change comes with. */
export interface ChangeOrder {
  change: LicenseChange;
  reason: string;
  /** Token and key that make the first grant of a license unique for ever; null: nothing does. */
  requestOf: (licenseId: string) => { token: string; key: string } | null;
  payment: { ref: string; line: string } | null;
  /** Of a bulk change: named in the audit. */
  bulkId: string | null;
}

export type Outcome =
  | { kind: 'changed'; grantIds: string[]; validUntil: string | null }
  | { kind: 'unchanged' }
  | Refusal;

const MOST_PACKAGES = 10_000;

interface Work {
  license: LicenseRecord;
  ledger: readonly Grant[];
  decision: Decision;
}

/**
 * Changes licenses of one organization, under their locks: a refused one is left as it is, and the others are changed all the same.
 * A few statements, whatever their number.
 */
export async function changeLicensesIn(
  tx: Tx,
  organizationId: string,
  ids: readonly string[],
  order: ChangeOrder,
  by: By,
): Promise<Map<string, Outcome>> {
  const licenses = await lockLicenses(tx, [...ids].sort());
  const works = await decideAll(tx, organizationId, licenses, order.change, by.now);
  const rows = await grantRows(tx, works, order, by);
  await insertGrants(
    tx,
    [...rows.values()].flatMap((made) => made.map(({ row }) => row)),
  );
  const ends = await writeAll(tx, organizationId, works, rows, order, by.now);
  const outcomes = new Map<string, Outcome>(ids.map((id) => [id, refused('NOT_FOUND', 'there is no such license')]));
  const events: AuditEvent[] = [];
  for (const { license, decision } of works) {
    if (decision.kind === 'refused' || decision.kind === 'unchanged') {
      outcomes.set(license.id, decision);
      continue;
    }
    const grantIds = (rows.get(license.id) ?? []).map(({ row }) => row.id);
    const validUntil = ends.get(license.id) ?? null;
    outcomes.set(license.id, { kind: 'changed', grantIds, validUntil });
    events.push(eventOf(license, order, { grantIds, validUntil }, by));
  }
  await auditAll(tx, organizationId, events, by.now);
  return outcomes;
}

/** Until when each license lasts that is changed. */
async function writeAll(
  tx: Tx,
  organizationId: string,
  works: readonly Work[],
  rows: ReadonlyMap<string, readonly Made[]>,
  { change, reason }: ChangeOrder,
  now: number,
): Promise<Map<string, string | null>> {
  const stated = works.filter(({ decision }) => decision.kind === 'state').map(({ license }) => license);
  const ids = stated.map(({ id }) => id);
  if (ids.length > 0) await updateLicenses(tx, ids, stateFields(change, reason, now));
  const products = await productsOfOrganization(tx, organizationId);
  const memories = works
    .filter(({ decision }) => decision.kind === 'grants')
    .map(({ license, ledger }) => {
      const grants = [...ledger, ...(rows.get(license.id) ?? []).map(({ grant }) => grant)];
      return memoryOf(license, grants, products, now);
    });
  await rememberLedgers(tx, memories);
  return new Map([
    ...stated.map(({ id, validUntil }): [string, string | null] => [id, validUntil]),
    ...memories.map(({ id, standing }): [string, string | null] => [id, isoOrNull(standing.validUntil)]),
  ]);
}

/** What a change would do, without doing it. Ids that are not there, or another organization's, are missing in the answer. */
export async function decisionsOf(
  tx: Tx,
  organizationId: string,
  licenses: readonly LicenseRecord[],
  change: LicenseChange,
  now: number,
): Promise<Map<string, Decision>> {
  const works = await decideAll(tx, organizationId, licenses, change, now);
  return new Map(works.map(({ license, decision }) => [license.id, decision]));
}

async function decideAll(
  tx: Tx,
  organizationId: string,
  licenses: readonly LicenseRecord[],
  change: LicenseChange,
  now: number,
): Promise<Work[]> {
  const own = licenses.filter((license) => license.organizationId === organizationId);
  const ledgers = await ledgersOf(
    tx,
    own.map(({ id }) => id),
  );
  const offers = new Map(
    (await packagesOf(tx, { organizationId }, null, MOST_PACKAGES)).map((each) => [each.id, each]),
  );
  const paid = await runningPackages(
    tx,
    own.map(({ id }) => id),
  );
  return own.map((license) => {
    const ledger = ledgers.get(license.id) ?? [];
    const running = paid.get(license.id) ?? new Set<string>();
    return { license, ledger, decision: decideChange(change, { license, ledger, offers, running, now }) };
  });
}

/** What subscriptions pay for, license by license; most have none. */
async function runningPackages(tx: Tx, ids: readonly string[]): Promise<Map<string, Set<string>>> {
  const running = (await subscriptionsOfLicenses(tx, ids)).filter(({ runs }) => runs);
  const packages = new Map<string, Set<string>>();
  for (const id of new Set(running.map(({ licenseId }) => licenseId)))
    packages.set(id, await packagesOfSubscriptions(tx, id));
  return packages;
}

interface Made {
  row: GrantRecord;
  grant: Grant;
}

async function grantRows(tx: Tx, works: readonly Work[], order: ChangeOrder, by: By): Promise<Map<string, Made[]>> {
  const drafts = works.flatMap(({ license, decision }) =>
    decision.kind === 'grants' ? [{ license, grants: decision.grants }] : [],
  );
  const bases = drafts.flatMap(({ grants }) =>
    grants.flatMap(({ version }) => (typeof version === 'number' ? [] : [version.of])),
  );
  const versions = await packageVersionsOf(tx, bases);
  return new Map(
    drafts.map(({ license, grants }) => [
      license.id,
      grants.map((draft, i) => toRow(draft, license, versions, i === 0 ? order : null, by)),
    ]),
  );
}

function toRow(
  draft: NewGrant,
  license: LicenseRecord,
  versions: ReadonlyMap<string, number>,
  order: ChangeOrder | null,
  by: By,
): Made {
  const { sold, version, source, length, endsAt, quantity, supersedes } = draft;
  const packageVersion = typeof version === 'number' ? version : versions.get(version.of);
  if (packageVersion === undefined) throw new Error(`a grant of ${license.id} is missing`);
  const id = newId('grant', by.now);
  const request = order?.requestOf(license.id) ?? null;
  const paymentRef = order?.payment?.ref ?? null;
  const row: GrantRecord = {
    ...{
      id,
      organizationId: license.organizationId,
      licenseId: license.id,
      packageId: sold.id,
      packageVersion,
      source,
    },
    ...{ givenAt: toIso(by.now), lengthValue: length?.value ?? null, lengthUnit: length?.unit ?? null },
    ...{ endsAt: endsAt === null ? null : toIso(endsAt), quantity, paymentRef, line: order?.payment?.line ?? '1' },
    ...{ requestToken: request?.token ?? null, requestKey: request?.key ?? null, supersedes, firstUsedAt: null },
    ...{ createdAt: toIso(by.now), createdBy: by.actor.id },
  };
  const time = { givenAt: by.now, length, endsAt, firstUsedAt: null, closedAt: null, subscription: null };
  return { row, grant: { id, package: sold, source, ...time, quantity, paymentRef, supersedes } };
}

function stateFields(change: LicenseChange, reason: string, now: number): Parameters<typeof updateLicenses>[2] {
  const at = toIso(now);
  if (change.kind === 'revoke') return { revokedAt: at, stateReason: reason };
  return change.kind === 'suspend'
    ? { suspendedAt: at, heldAt: null, stateReason: reason }
    : { suspendedAt: null, heldAt: null, stateReason: null };
}

function eventOf(
  license: LicenseRecord,
  { change, reason, payment, bulkId }: ChangeOrder,
  { grantIds, validUntil }: { grantIds: string[]; validUntil: string | null },
  by: By,
): AuditEvent {
  const isState = grantIds.length === 0;
  return {
    ...{ actor: by.actor, action: `license.${change.kind}`, entity: 'license', entityId: license.id },
    changes: {
      ...(isState ? {} : { valid_until: { from: license.validUntil, to: validUntil }, grants: grantIds }),
      ...(reason === '' ? {} : { reason }),
      ...(payment === null ? {} : { payment_ref: payment.ref }),
      ...(bulkId === null ? {} : { bulk_id: bulkId }),
    },
    requestId: by.requestId,
  };
}

/** A refusal that stops the request. */
export function problemOf({ code, detail, pointer }: Refusal) {
  return problem(code, detail, pointer === undefined ? {} : { errors: [{ pointer, detail }] });
}
