import { fromIso } from '../clock.ts';
import { among, fastRead, type Tx } from '../db/dialect.ts';
import type { Activation } from './slots.ts';

/** The reads of slots on the poll path: one prepared statement each, whatever the length of the lists. */

interface SlotRow {
  id: string;
  license_id: string;
  identity: string;
  host: string;
  instance: string | null;
  counted: boolean | number;
  exempt_reason: string | null;
  first_seen_at: string;
  last_seen_at: string;
}

const COLUMNS = 'id, license_id, identity, host, instance, counted, exempt_reason, first_seen_at, last_seen_at';

/** The held slots of the licenses that have one of these identities or instances; the caller keeps those that concern it. */
export async function heldSlots(
  tx: Tx,
  licenseIds: readonly string[],
  identities: readonly string[],
  instances: readonly string[],
): Promise<Map<string, Activation[]>> {
  const held = new Map<string, Activation[]>(licenseIds.map((id) => [id, []]));
  if (identities.length === 0 && instances.length === 0) return held;
  const base = `select ${COLUMNS} from activations where license_id ${among(tx)} and released_at is null`;
  const licenses = JSON.stringify(licenseIds);
  // Two statements by two indexes: one with `or` reads all slots of a license.
  const rows = await fastRead<SlotRow>(
    tx,
    'held-slots',
    `${base} and kind = 'site' and identity ${among(tx)} union ${base} and instance ${among(tx)}`,
    [licenses, JSON.stringify(identities), licenses, JSON.stringify(instances)],
  );
  for (const row of rows) held.get(row.license_id)?.push(toSlot(row));
  return held;
}

function toSlot(row: SlotRow): Activation {
  return {
    id: row.id,
    identity: row.identity,
    host: row.host,
    instance: row.instance,
    counted: Boolean(row.counted),
    exemptReason: row.exempt_reason,
    firstSeenAt: fromIso(row.first_seen_at),
    lastSeenAt: fromIso(row.last_seen_at),
  };
}

export type Idlest = Pick<Activation, 'id' | 'lastSeenAt'>;

/** Of each license the counted site that has been silent the longest. Asked only where a site would be refused. */
export async function idlestSlots(tx: Tx, licenseIds: readonly string[]): Promise<Map<string, Idlest>> {
  const rows = await fastRead<{ id: string; license_id: string; last_seen_at: string }>(
    tx,
    'idlest-slots',
    `select a.id, a.license_id, a.last_seen_at from licenses l join activations a on a.id = (
       select s.id from activations s where s.license_id = l.id and s.released_at is null and s.counted and s.kind = 'site'
       order by s.last_seen_at, s.id limit 1)
     where l.id ${among(tx)}`,
    [JSON.stringify(licenseIds)],
  );
  return new Map(rows.map((row) => [row.license_id, { id: row.id, lastSeenAt: fromIso(row.last_seen_at) }]));
}
