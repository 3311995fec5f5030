import { engineOf, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { reversedName } from './domain-pattern.ts';
import { registrableDomain } from './site-identity.ts';
import { DECLARED, type ReleaseReason, type SlotNotes } from './slot-notes.ts';
import { BY_INSTANCE, wildcardsOver } from './slots.ts';

export interface ActivationRecord {
  id: string;
  licenseId: string;
  /** The key that claimed it. */
  keyId: string | null;
  kind: 'site' | 'device' | 'user' | 'collector';
  /** A host, a registrable domain, `*.` and a host, or `instance:` and a hash. */
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

type WholeActivation = ActivationRecord & SlotNotes;

const COLUMNS = columnsOf(
  ...['id', 'licenseId', 'keyId', 'kind', 'identity', 'host', 'instance', 'counted', 'exemptReason', 'firstSeenAt'],
  ...['lastSeenAt', 'releasedAt', 'releasedBy', 'label', 'covers', 'besideId', 'overLimit', 'releaseReason'],
);

function toActivation(row: object): WholeActivation {
  return fromRow(row, { booleans: ['counted', 'overLimit'] });
}

/** Two unlike counters, one for what counts and one for what does not, so that a full license is told by one number. */
function count(tx: Tx, licenseId: string, counted: boolean, by: number): Promise<unknown> {
  return tx('licenses')
    .where({ id: licenseId })
    .increment(counted ? 'counted_sites' : 'exempt_sites', by);
}

/** The caller holds the license's lock. */
export async function insertActivation(tx: Tx, activation: ActivationRecord & Partial<SlotNotes>): Promise<void> {
  const organizationId = tx('licenses').where({ id: activation.licenseId }).select('organization_id');
  const found = { host_reversed: reversedName(activation.host), organization_id: organizationId };
  await tx('activations').insert({ covers: 'host', ...toRow(activation), ...found });
  await count(tx, activation.licenseId, activation.counted, 1);
}

/** A slot follows its instance to a new host. */
export async function moveActivation(tx: Tx, id: string, identity: string, host: string, now: string): Promise<void> {
  const named = { identity, host, host_reversed: reversedName(host) };
  await tx('activations')
    .where({ id })
    .update({ ...named, last_seen_at: now });
}

/** An exempt slot begins to count. */
export async function countActivation(tx: Tx, id: string, licenseId: string, overLimit = false): Promise<void> {
  const change = { counted: true, exempt_reason: null, beside_id: null, over_limit: overLimit };
  if ((await tx('activations').where({ id, counted: false }).update(change)) === 0) return;
  await count(tx, licenseId, false, -1);
  await count(tx, licenseId, true, 1);
}

/** A slot becomes free of charge, beside another one. */
export async function exemptActivation(
  tx: Tx,
  { id, licenseId, counted }: Pick<ActivationRecord, 'id' | 'licenseId' | 'counted'>,
  reason: string,
  besideId: string,
): Promise<void> {
  const change = { counted: false, exempt_reason: reason, beside_id: besideId, over_limit: false };
  await tx('activations').where({ id }).update(change);
  if (!counted) return;
  await count(tx, licenseId, true, -1);
  await count(tx, licenseId, false, 1);
}

export async function labelActivation(tx: Tx, id: string, label: string | null): Promise<void> {
  await tx('activations').where({ id }).update({ label });
}

/** What was declared a staging host of the slot goes with it. False: it was free already. */
export async function releaseActivation(
  tx: Tx,
  id: string,
  actor: string,
  now: string,
  reason: ReleaseReason = 'manager',
): Promise<boolean> {
  const free = (why: ReleaseReason) => ({
    released_at: now,
    released_by: actor,
    release_reason: why,
    over_limit: false,
  });
  const [row] = await tx('activations')
    .where({ id, released_at: null })
    .update(free(reason))
    .returning(['license_id', 'counted']);
  if (!row) return false;
  await count(tx, row.license_id, Boolean(row.counted), -1);
  const beside = await tx('activations')
    .where({ beside_id: id, exempt_reason: DECLARED, released_at: null })
    .update(free('beside'));
  if (beside > 0) await count(tx, row.license_id, false, -beside);
  return true;
}

/** What a key claimed is its successor's, so that a limit of its own holds on. */
export async function handOverSlots(tx: Tx, keyId: string, nextId: string): Promise<void> {
  await tx('activations').where({ key_id: keyId, released_at: null }).update({ key_id: nextId });
}

export async function findActivation(tx: Tx, id: string): Promise<WholeActivation | null> {
  const row = await tx('activations').select(COLUMNS).where({ id }).first();
  return row ? toActivation(row) : null;
}

/** Held slots of hosts below a name, and of that name itself. */
export async function slotsBelow(tx: Tx, licenseId: string, name: string): Promise<WholeActivation[]> {
  const rows = await tx('activations')
    .select(COLUMNS)
    .where({ license_id: licenseId, kind: 'site', covers: 'host', released_at: null })
    .where((own) =>
      own.where('host', name).orWhereRaw("host like ? escape '\\'", [`%.${name.replace(/[\\%_]/g, '\\$&')}`]),
    )
    .orderBy('id');
  return rows
    .map(toActivation)
    .filter(({ host, identity }) => (host === name || host.endsWith(`.${name}`)) && identity === host);
}

/** When slots were released with a key since then, oldest first, at most `most` of the newest. */
export async function transfersSince(tx: Tx, licenseId: string, since: string, most: number): Promise<string[]> {
  const rows: string[] = await tx('activations')
    .where({ license_id: licenseId, release_reason: 'self', counted: true })
    .where('released_at', '>', since)
    .orderBy('released_at', 'desc')
    .limit(most)
    .pluck('released_at');
  return rows.reverse();
}

/** The names under which usage knows the sites that a license holds now, those seen last first. */
export async function activeHosts(tx: Tx, licenseId: string, most: number): Promise<string[]> {
  const rows = await tx('activations')
    .where({ license_id: licenseId, kind: 'site', released_at: null })
    .orderBy('last_seen_at', 'desc')
    .limit(most)
    .select('host', 'identity');
  return [...new Set(rows.flatMap(({ host, identity }) => [host, identity] as string[]))].filter((name) => name !== '');
}

/** When a site of a license was seen last. */
export interface SiteSeen {
  licenseId: string;
  site: string;
  at: string;
}

/** A slot that such a site was seen under. */
export interface SlotSeen extends SiteSeen {
  activationId: string;
}

interface SlotRow {
  license_id: string;
  told: string;
  at: string;
  id: string;
  identity: string;
  covers: string;
  by_instance: boolean | number;
}

/**
 * The slots that sites are seen under, of each site its own first. A site is told by its host or, where usage names that, by its
 * instance; a slot that stands for a whole domain or for all hosts below a name is seen with each of them.
 */
export async function slotsSeen(tx: Tx, seen: readonly SiteSeen[]): Promise<SlotSeen[]> {
  if (seen.length === 0) return [];
  const list = seen.flatMap(({ licenseId, site, at }) => {
    const instance = site.startsWith(BY_INSTANCE) ? site.slice(BY_INSTANCE.length) : null;
    const own = { license_id: licenseId, told: site, site, at, instance, wide: null };
    return [own, ...above(site).map((wide) => ({ ...own, site: null, instance: null, wide }))];
  });
  const same = 'a.license_id = s.license_id and a.released_at is null';
  const found = await tx.raw(
    `select s.license_id, s.told, s.at, a.id, a.identity, a.covers, a.instance = s.instance as by_instance
     from ${listed(tx, ['license_id', 'told', 'at', 'site', 'instance', 'wide'])}
     ${engineOf(tx) === 'postgres' ? 'join' : 'cross join'} activations a on ${same}
       and (a.identity = s.site or a.host = s.site or a.instance = s.instance
         or (a.identity = s.wide and a.covers <> 'host'))`,
    [JSON.stringify(list)],
  );
  const rows = (Array.isArray(found) ? found : found.rows) as SlotRow[];
  return rows
    .sort((a, b) => rank(a) - rank(b) || b.identity.length - a.identity.length || (a.id < b.id ? -1 : 1))
    .map(({ license_id, told, at, id }) => ({ licenseId: license_id, site: told, at, activationId: id }));
}

/** In the order in which a claim looks for the slot that is its own. */
function rank({ identity, told, covers, by_instance }: SlotRow): number {
  if (identity === told) return 0;
  if (by_instance) return 1;
  return covers === 'host' ? 3 : 2;
}

/** Notes when slots were seen last. */
export async function touchActivations(tx: Tx, seen: readonly SlotSeen[]): Promise<void> {
  const last = new Map<string, string>();
  for (const { activationId, at } of seen) if (at > (last.get(activationId) ?? '')) last.set(activationId, at);
  if (last.size === 0) return;
  const list = [...last].map(([id, at]) => ({ id, at })).sort((a, b) => (a.id < b.id ? -1 : 1));
  await tx.raw(
    `update activations set last_seen_at = s.at from ${listed(tx, ['id', 'at'])}
     where activations.id = s.id and activations.released_at is null and activations.last_seen_at < s.at`,
    [JSON.stringify(list)],
  );
}

/** A list of records as a table `s` of texts; its one parameter is the list as JSON. */
function listed(tx: Tx, names: readonly string[]): string {
  return engineOf(tx) === 'postgres'
    ? `json_to_recordset(?::json) as s(${names.map((name) => `${name} text`).join(', ')})`
    : `(select ${names.map((name) => `json_extract(value, '$.${name}') as ${name}`).join(', ')} from json_each(?)) as s`;
}

/** The identities of slots that a host may be seen under beside its own. */
function above(site: string): string[] {
  const registrable = site.startsWith(BY_INSTANCE) ? null : registrableDomain(site);
  return registrable === null ? [] : [registrable, ...wildcardsOver({ host: site, registrable })];
}
