import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import { type EventCause, eventBody } from './event-data.ts';
import { type EventType, wants } from './event-types.ts';
import { type EventRecord, insertNews, listeners, type NewDelivery } from './store-outbox.ts';
import { thingData } from './things.ts';

/** Something that happened to a key, a license, a grant, a site or a release. */
export interface News extends EventCause {
  type: EventType;
  organizationId: string;
  /** The id of the thing. */
  id: string;
}

/**
 * Writes what happened for every webhook that wants to know, in the transaction in which it happens: neither stands without the
 * other. Where nobody listens this is one read, and nothing is written.
 */
export async function announce(tx: Tx, news: readonly News[], now: number): Promise<void> {
  if (news.length === 0) return;
  const all = await listeners(tx, [...new Set(news.map(({ organizationId }) => organizationId))]);
  const events: EventRecord[] = [];
  const deliveries: NewDelivery[] = [];
  for (const each of news) {
    const told = all.filter(
      ({ organizationId, types }) => organizationId === each.organizationId && wants(types, each.type),
    );
    if (told.length === 0) continue;
    const event = await eventOf(tx, each, now);
    events.push(event);
    for (const { id } of told)
      deliveries.push({ id: newId('webhook_delivery', now), endpointId: id, eventId: event.id });
  }
  if (events.length > 0) await insertNews(tx, events, deliveries, toIso(now));
}

async function eventOf(tx: Tx, { type, organizationId, id, by, changed }: News, now: number): Promise<EventRecord> {
  const object = type.split('.')[0] ?? '';
  // Of what was deleted only its id is left to tell.
  const thing = (await thingData(tx, id, now)) ?? { object, id, url: '' };
  const data = { ...thing, organization_id: organizationId, by, changed };
  const at = toIso(now);
  return { id: newId('webhook_event', now), organizationId, type, at, body: eventBody(type, at, data) };
}
