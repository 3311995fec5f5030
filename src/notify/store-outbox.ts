import { insertMany, type Tx } from '../db/dialect.ts';

/** One event, as it is told to everybody who wants it. */
export interface EventRecord {
  id: string;
  organizationId: string;
  type: string;
  at: string;
  /** The bytes that are sent. */
  body: string;
}

export interface NewDelivery {
  id: string;
  endpointId: string;
  eventId: string;
}

/** Which endpoints of some organizations are told anything at all. One statement, that finds nothing where there are none. */
export async function listeners(
  tx: Tx,
  organizationIds: readonly string[],
): Promise<{ id: string; organizationId: string; types: string[] }[]> {
  const rows = await tx('webhook_endpoints')
    .whereIn('organization_id', organizationIds)
    .where({ active: true })
    .orderBy('id')
    .select('id', 'organization_id', 'types');
  return rows.map((row) => ({ id: row.id, organizationId: row.organization_id, types: JSON.parse(row.types) }));
}

/** Events and who is to get them, each due at `at`. */
export async function insertNews(
  tx: Tx,
  events: readonly EventRecord[],
  deliveries: readonly NewDelivery[],
  at: string,
): Promise<void> {
  const rows = events.map(({ id, organizationId, type, at: when, body }) => {
    return { id, organization_id: organizationId, type, at: when, body };
  });
  await insertMany(tx, 'webhook_events', ['id', 'organization_id', 'type', 'at', 'body'], rows);
  const planned = deliveries.map(({ id, endpointId, eventId }) => ({
    ...{ id, endpoint_id: endpointId, event_id: eventId, state: 'waiting', step: 0, next_attempt_at: at },
    ...{ tries: '[]', answer: '', created_at: at },
  }));
  const columns = [
    'id',
    'endpoint_id',
    'event_id',
    'state',
    'step',
    'next_attempt_at',
    'tries',
    'answer',
    'created_at',
  ];
  await insertMany(tx, 'webhook_deliveries', columns, planned);
}

/** Takes old events and deliveries away, at most `most` of each. Returns how many went of what most went of. */
export async function deleteNewsBefore(tx: Tx, before: string, most: number): Promise<number> {
  const old = tx('webhook_deliveries').where('created_at', '<', before).orderBy('created_at').limit(most);
  const deliveries = await tx('webhook_deliveries').whereIn('id', old.select('id')).delete();
  const events = tx('webhook_events as e')
    .where('e.at', '<', before)
    .whereNotExists(function stillNeeded() {
      this.from('webhook_deliveries as d').whereRaw('d.event_id = e.id').select(tx.raw('1'));
    })
    .orderBy('e.at')
    .limit(most);
  return Math.max(deliveries, await tx('webhook_events').whereIn('id', events.select('e.id')).delete());
}
