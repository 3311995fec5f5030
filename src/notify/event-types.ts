/** What may be told to others. Types are for ever: receivers branch on them; more may come. */
export const EVENT_TYPES = {
  'key.created': 'A license key was made',
  'key.changed': 'A license key was changed: its domains, its label, its limits, what takes its place',
  'key.suspended': 'A license key was suspended',
  'key.resumed': 'A suspended license key works again',
  'key.revoked': 'A license key was revoked, for ever',
  'key.deleted': 'A revoked license key was deleted',
  'license.created': 'A license was made',
  'license.started': 'The time of a license began with its first use',
  'license.changed': 'A license was changed: its end, its notes, its packages',
  'license.renewed': 'A license was renewed',
  'license.suspended': 'A license was suspended',
  'license.resumed': 'A suspended license works again',
  'license.revoked': 'A license was revoked, for ever',
  'license.deleted': 'A license that nobody paid for was deleted',
  'license.expiring': 'A license ends within 30 days',
  'license.expired': 'A license has ended; `status` says whether a grace period lasts',
  'grant.added': 'Something was sold or given into a license',
  'grant.closed': 'A line of the ledger of a license was closed, e.g. after a refund',
  'grant.reopened': 'A closed line of the ledger was opened again, e.g. after a won dispute',
  'site.claimed': 'A site took a slot of a license',
  'site.changed': 'A slot moved to another host with its instance, or began to count',
  'site.released': 'A slot of a license became free',
  'release.published': 'A version is listed in the feeds',
  'release.withdrawn': 'A version left the feeds: it is gone from the forge, or it cannot be listed any more',
  'release.yanked': 'A version was taken out of every feed and download by hand',
  'release.unyanked': 'A yanked version is back',
  'payment.succeeded': 'Money came in, for an order or for a period of a subscription',
  'payment.failed': 'A charge failed; of a subscription it is tried again',
  'payment.refunded': 'Money of a payment went back, all of it or a part',
  'payment.disputed': 'A payment is disputed, or a dispute of it took a turn',
  'subscription.started': 'A subscription began',
  'subscription.changed':
    'A subscription was changed: its price, its quantity, a pause, a charge that came in after all',
  'subscription.past_due': 'A charge of a subscription failed; `grace_until` says until when access lasts',
  'subscription.canceled': 'A subscription will not be charged again; `cancel_at` says when it ends',
  'subscription.ended': 'A subscription is over',
  'webhook.test': 'Somebody asked for a test of this webhook',
} as const;

export type EventType = keyof typeof EVENT_TYPES;

/** What stands before the dot. */
export const EVENT_GROUPS = ['key', 'license', 'grant', 'site', 'release', 'payment', 'subscription'] as const;
export type EventGroup = (typeof EVENT_GROUPS)[number];

/** Actions whose event is not called `<thing>.changed`; null: nothing is told of it. */
const BY_ACTION = new Map<string, EventType | null>(
  Object.entries({
    'key.create': 'key.created',
    'key.show': null,
    'key.export': null,
    'key.suspend': 'key.suspended',
    'key.resume': 'key.resumed',
    'key.revoke': 'key.revoked',
    'key.delete': 'key.deleted',
    'license.create': 'license.created',
    'license.renew': 'license.renewed',
    'license.suspend': 'license.suspended',
    'license.resume': 'license.resumed',
    'license.revoke': 'license.revoked',
    'license.delete': 'license.deleted',
    'grant.add': 'grant.added',
    'grant.close': 'grant.closed',
    'grant.reopen': 'grant.reopened',
    'site.add': 'site.claimed',
    'site.claim': 'site.claimed',
    'site.activate': 'site.claimed',
    'site.release': 'site.released',
    'site.remove': 'site.released',
    'site.deactivate': 'site.released',
    'site.takeover': 'site.released',
    'release.publish': 'release.published',
    'release.withdraw': 'release.withdrawn',
    'release.yank': 'release.yanked',
    'release.unyank': 'release.unyanked',
    'payment.paid': 'payment.succeeded',
    'payment.fail': 'payment.failed',
    'payment.refund': 'payment.refunded',
    'payment.dispute': 'payment.disputed',
    'subscription.request': null,
    'subscription.start': 'subscription.started',
    'subscription.past_due': 'subscription.past_due',
    'subscription.cancel': 'subscription.canceled',
    'subscription.end': 'subscription.ended',
  } as const),
);

const CHANGED = new Map<string, EventType>([
  ['key', 'key.changed'],
  ['license', 'license.changed'],
  ['site', 'site.changed'],
  ['subscription', 'subscription.changed'],
]);

/** What an audited change is told as; null: it is told to nobody. Another change of a key, license, site or subscription is `….changed`. */
export function eventTypeOf(action: string, changes: Readonly<Record<string, unknown>>): EventType | null {
  const known = BY_ACTION.get(action);
  if (known !== undefined) return known;
  // An end that was paid for is a renewal.
  if (action === 'license.end' && (changes['payment_ref'] ?? null) !== null) return 'license.renewed';
  return CHANGED.get(action.split('.')[0] ?? '') ?? null;
}

/** True where a choice of types (`*`, `key.*`, `key.created`) holds a type. */
export function wants(types: readonly string[], type: EventType): boolean {
  return types.some((each) => each === '*' || each === type || each === `${type.split('.')[0]}.*`);
}

/** Every word that an endpoint may choose. */
export const TYPE_CHOICES: readonly string[] = [
  '*',
  ...EVENT_GROUPS.map((group) => `${group}.*`),
  ...Object.keys(EVENT_TYPES).filter((type) => type !== 'webhook.test'),
];
