import type { ParsedEvent } from './gateway.ts';

/**
 * One event of a provider. `pending`: to be worked on, at `nextAt`. `done`: what it is about was looked at. `ignored`: signed, but it
 * concerns nobody here; `detail` says why. `stuck`: given up after days. `dismissed`: somebody said that nothing is to be done.
 */
export const EVENT_STATES = ['pending', 'done', 'ignored', 'stuck', 'dismissed'] as const;
export type EventState = (typeof EVENT_STATES)[number];

/** How an event came to us. */
export const EVENT_WAYS = ['webhook', 'reconcile', 'shop'] as const;
export type EventWay = (typeof EVENT_WAYS)[number];

/** Longer texts than this are no ids of a provider, and no index takes them. */
const LONGEST = 255;
const INDEXED = ['eventId', 'deliveryId', 'type', 'apiVersion', 'objectType', 'objectId', 'subject'] as const;

/** As it can be stored: PostgreSQL keeps no U+0000 in a text. */
export function storable(text: string): string {
  return text.replaceAll('\0', '');
}

/** The ids of an event as they can be stored; a text: why they cannot be. */
export function storableEvent(event: ParsedEvent): ParsedEvent | string {
  if (storable(event.eventId) === '') return 'the event has no id';
  const clean = { ...event };
  for (const name of INDEXED) {
    const value = clean[name];
    if (value === null) continue;
    if (value.length > LONGEST) return `the event's ${name} is longer than ${LONGEST} characters`;
    Object.assign(clean, { [name]: storable(value) });
  }
  return clean;
}

/** What keeps a genuine event from being ours; null: nothing does. Of what it does not say nothing is concluded. */
export function strangeness(
  { live, accountId }: Pick<ParsedEvent, 'live' | 'accountId'>,
  account: { mode: 'live' | 'test'; externalId: string | null },
): string | null {
  if (live !== null && live !== (account.mode === 'live'))
    return `it is of ${live ? 'live' : 'test'} mode and the account is of ${account.mode} mode`;
  if (accountId !== null && account.externalId !== null && accountId !== account.externalId)
    return 'it is about another account of the provider';
  return null;
}
