import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { newId } from '../ids.ts';
import { chainsOf } from './chains.ts';
import { changeLicensesIn, problemOf } from './change-licenses.ts';
import type { By } from './keys.ts';
import type { Grant } from './package-terms.ts';
import { refreshLicense } from './refresh.ts';
import { type Span, spansOf } from './spans.ts';
import {
  closingsOf,
  findGrant,
  findGrantByPayment,
  type GrantRecord,
  grantsOf,
  insertClosing,
  insertGrant,
  type LicenseRecord,
  lockLicense,
} from './store-licenses.ts';
import { ledgersOf } from './store-lookup.ts';

/** Closes a grant (a refund) or opens it again (a won dispute). Both are rows; a second closing of a closed grant is none. */
export async function closeGrant(
  tx: Tx,
  grantId: string,
  kind: 'close' | 'reopen',
  reason: string,
  by: By,
): Promise<void> {
  const grant = await findGrant(tx, grantId);
  if (!grant) throw problem('NOT_FOUND', 'there is no such grant');
  const license = (await lockLicense(tx, grant.licenseId)) as LicenseRecord;
  if (license.master) throw problem('MASTER_IS_FIXED', 'the grant of a master license cannot be closed');
  const last = (await closingsOf(tx, [grantId])).at(-1);
  if ((last?.kind ?? 'reopen') === kind) return;
  const at = toIso(by.now);
  await insertClosing(tx, {
    id: newId('closing', by.now),
    grantId,
    kind,
    at,
    reason,
    createdAt: at,
    createdBy: by.actor.id,
  });
  await refreshLicense(tx, license, by.now);
  await note(tx, by, `grant.${kind}`, grantId, { license_id: license.id, reason });
}

/** What a change of a license's end may touch: all grants, or those of one repository's packages. */
export interface EndChange {
  licenseId: string;
  repositoryId: string | null;
  /** ms UTC; null: without an end. */
  end: number | null;
  /** Given: a paid renewal that ends there. Without: an end that is set by hand. */
  paymentRef: string | null;
}

/**
 * Sets until when a license lasts. With a payment it is a `renewal` grant behind what is there, which a refund can close; without
 * one an `admin` grant takes the place of what runs of each package. Returns false for a payment that came before.
 */
export async function changeEnd(tx: Tx, change: EndChange, by: By): Promise<boolean> {
  const license = await lockLicense(tx, change.licenseId);
  if (!license) throw problem('NOT_FOUND', 'there is no such license');
  if (license.master) throw problem('MASTER_IS_FIXED', 'a master license has no end');
  if (change.paymentRef === null) return setByHand(tx, license, change, by);
  const earlier = await findGrantByPayment(tx, license.organizationId, change.paymentRef, '1');
  if (earlier && (earlier.licenseId !== license.id || earlier.source !== 'renewal'))
    throw problem('PAYMENT_LINE_CONFLICT', `this payment was sold as ${earlier.packageId} in ${earlier.licenseId}`);
  if (earlier) return false;
  const ledger = (await ledgersOf(tx, [license.id])).get(license.id) ?? [];
  // What another package took the place of is not renewed, and its time is as the whole ledger has it.
  const carrying = new Set(chainsOf(ledger, by.now).map(({ packageId }) => packageId));
  const mine = spansOf(ledger).filter(
    ({ grant }) => isMainOf(grant, change.repositoryId) && carrying.has(grant.package.id),
  );
  if (mine.length === 0) throw problem('NOTHING_OPEN', 'the license has nothing open whose end could be set');
  const base = renewed(mine, change, by);
  const record = (await grantsOf(tx, license.id)).find(({ id }) => id === base.id) as GrantRecord;
  await insertGrant(tx, { ...record, source: 'renewal', supersedes: [], ...newRow(change, by) });
  await refreshLicense(tx, license, by.now);
  const end = change.end === null ? null : toIso(change.end);
  await note(tx, by, 'license.end', license.id, { valid_until: end, payment_ref: change.paymentRef });
  return true;
}

async function setByHand(tx: Tx, license: LicenseRecord, { end, repositoryId }: EndChange, by: By): Promise<boolean> {
  const change = { kind: 'end', packageId: null, end, repositoryId } as const;
  const order = { change, reason: '', requestOf: () => null, payment: null, bulkId: null };
  const outcome = (await changeLicensesIn(tx, license.organizationId, [license.id], order, by)).get(license.id);
  if (outcome?.kind === 'refused') throw problemOf(outcome);
  return true;
}

function isMainOf(grant: Grant, repositoryId: string | null): boolean {
  return grant.package.kind !== 'addon' && (repositoryId === null || grant.package.repositoryId === repositoryId);
}

/** The grant that a paid renewal goes on with: the one that lasts longest. */
function renewed(mine: readonly Span[], change: EndChange, by: By): Grant {
  const last = mine.reduce<Span | null>(
    (a, b) => (a === null || (b.end ?? Infinity) > (a.end ?? Infinity) ? b : a),
    null,
  );
  if (last === null) throw problem('NOTHING_OPEN', 'the license has nothing that could be renewed');
  if (last.end === null && !last.unstarted) throw problem('NO_END_TO_EXTEND');
  const start = last.end !== null && (last.graceEnd ?? last.end) > by.now ? last.end : by.now;
  if (change.end !== null && change.end <= start) {
    throw problem('END_NOT_LATER', `the license already lasts until ${toIso(start)}`);
  }
  return last.grant;
}

function newRow(
  change: EndChange,
  by: By,
): Omit<
  GrantRecord,
  'organizationId' | 'licenseId' | 'packageId' | 'packageVersion' | 'quantity' | 'source' | 'supersedes'
> {
  return {
    id: newId('grant', by.now),
    givenAt: toIso(by.now),
    lengthValue: null,
    lengthUnit: null,
    endsAt: change.end === null ? null : toIso(change.end),
    startsAt: null,
    subscriptionId: null,
    paymentRef: change.paymentRef,
    line: '1',
    requestToken: null,
    requestKey: null,
    firstUsedAt: null,
    createdAt: toIso(by.now),
    createdBy: by.actor.id,
  };
}

function note(
  tx: Tx,
  by: By,
  action: string,
  entityId: string,
  changes: Parameters<typeof audit>[1]['changes'],
): Promise<void> {
  const entity = action.startsWith('grant') ? 'grant' : 'license';
  return audit(tx, { actor: by.actor, action, entity, entityId, changes, requestId: by.requestId }, by.now);
}
