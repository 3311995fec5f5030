import { engineOf, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { reversedName } from './domain-pattern.ts';
import { BY_INSTANCE } from './slots.ts';

export interface ActivationRecord {
  id: string;
  licenseId: string;
  /** The key that claimed it. */
  keyId: string | null;
  kind: 'site' | 'device' | 'user' | 'collector';
  /** A host, a registrable domain, or `instance:` and a hash. */
  identity: string;
  host: string;
  instance: string | null;
  counted: boolean;
  exemptReason: string | null;
  firstSeenAt: string;
  lastSeenAt: string;
  releasedAt: string | null;
  releasedBy: string | null;
}

const COLUMNS = columnsOf(
  ...['id', 'licenseId', 'keyId', 'kind', 'identity', 'host', 'instance', 'counted', 'exemptReason', 'firstSeenAt'],
  ...['lastSeenAt', 'releasedAt', 'releasedBy'],
);

function toActivation(row: object): ActivationRecord {
  return fromRow(row, { booleans: ['counted'] });
}

/** Two unlike counters, one for what counts and one for what does not, so that a full license is told by one number. */
function count(tx: Tx, licenseId: string, counted: boolean, by: 1 | -1): Promise<unknown> {
  return tx('licenses')
    .where({ id: licenseId })
    .increment(counted ? 'counted_sites' : 'exempt_sites', by);
}

/** The caller holds the license's lock. */
export async function insertActivation(tx: Tx, activation: ActivationRecord): Promise<void> {
  await tx('activations').insert({ ...toRow(activation), host_reversed: reversedName(activation.host) });
  await count(tx, activation.licenseId, activation.counted, 1);
}

/** A slot follows its instance to a new host. */
export async function moveActivation(tx: Tx, id: string, identity: string, host: string, now: string): Promise<void> {
  await tx('activations')
    .where({ id })
    .update({ identity, host, host_reversed: reversedName(host), last_seen_at: now });
}

/** An exempt slot begins to count. */
export async function countActivation(tx: Tx, id: string, licenseId: string): Promise<void> {
  const changed = await tx('activations').where({ id, counted: false }).update({ counted: true, exempt_reason: null });
  if (changed === 0) return;
  await count(tx, licenseId, false, -1);
  await count(tx, licenseId, true, 1);
}

/** False: it was free already. */
export async function releaseActivation(tx: Tx, id: string, actor: string, now: string): Promise<boolean> {
  const [row] = await tx('activations')
    .where({ id, released_at: null })
    .update({ released_at: now, released_by: actor })
    .returning(['license_id', 'counted']);
  if (!row) return false;
  await count(tx, row.license_id, Boolean(row.counted), -1);
  return true;
}

export async function findActivation(tx: Tx, id: string): Promise<ActivationRecord | null> {
  const row = await tx('activations').select(COLUMNS).where({ id }).first();
  return row ? toActivation(row) : null;
}

export async function pageOfActivations(
  tx: Tx,
  licenseId: string,
  after: string | null,
  limit: number,
): Promise<ActivationRecord[]> {
  const query = tx('activations')
    .select(COLUMNS)
    .where({ license_id: licenseId, released_at: null })
    .orderBy('id')
    .limit(limit);
  return (await (after === null ? query : query.where('id', '>', after))).map(toActivation);
}

/** When a site of a license was seen last. */
export interface SiteSeen {
  licenseId: string;
  site: string;
  at: string;
}

/**
 * When sites were seen last, from the usage that was rolled up. A site is told by its host or, where usage names that, by its
 * instance: the slot's identity may be the domain that it shares with others.
 */
export async function touchActivations(tx: Tx, seen: readonly SiteSeen[]): Promise<void> {
  if (seen.length === 0) return;
  const list = seen.map(({ licenseId, site, at }) => ({
    ...{ license_id: licenseId, site, at },
    instance: site.startsWith(BY_INSTANCE) ? site.slice(BY_INSTANCE.length) : null,
  }));
  const names = ['license_id', 'site', 'at', 'instance'];
  const values =
    engineOf(tx) === 'postgres'
      ? `json_to_recordset(?::json) as s(${names.map((name) => `${name} text`).join(', ')})`
      : `(select ${names.map((name) => `json_extract(value, '$.${name}') as ${name}`).join(', ')} from json_each(?)) as s`;
  await tx.raw(
    `update activations set last_seen_at = s.at from ${values}
     where activations.license_id = s.license_id and activations.released_at is null
       and (activations.identity = s.site or activations.host = s.site or activations.instance = s.instance)
       and activations.last_seen_at < s.at`,
    [JSON.stringify(list)],
  );
}
