import { DAY } from '../clock.ts';
import type { SubscriptionRecord } from '../payments/store-facts.ts';
import type { MailTemplate } from './mail-wish.ts';

/** What is the case when a mail is about to go out; null: the mail is about no such thing. */
export interface MailStanding {
  now: number;
  /** Of a reminder: days before the end. */
  days: number | null;
  license: {
    until: number | null;
    renewsItself: boolean;
    revoked: boolean;
    suspended: boolean;
    /** All that was sold was given back, or nothing was. */
    empty: boolean;
  } | null;
  subscription: Pick<SubscriptionRecord, 'state' | 'failedAt' | 'runs'> | null;
  keys: number;
}

type Check = (standing: MailStanding) => string | null;

const REASONS: Readonly<Partial<Record<MailTemplate, Check>>> = {
  key: ({ license, keys }) => {
    if (license?.revoked) return 'the license is revoked';
    if (license?.empty) return 'what was bought was given back meanwhile';
    return keys === 0 ? 'there is no key whose text is known' : null;
  },
  key_replaced: ({ license, keys }) => {
    if (license?.revoked) return 'the license is revoked';
    return keys === 0 ? 'the new key does not count any more' : null;
  },
  renewed({ license }) {
    if (license?.revoked) return 'the license is revoked';
    return license?.empty ? 'what was bought was given back meanwhile' : null;
  },
  expiring(standing) {
    const { license, now, days } = standing;
    if (license === null) return 'it is about no license';
    if (license.until === null || license.until - now > (days ?? 0) * DAY) return 'it was renewed meanwhile';
    if (license.until <= now) return 'it has ended meanwhile';
    return notToRemind(standing);
  },
  ended(standing) {
    const { license, now } = standing;
    if (license === null) return 'it is about no license';
    if (license.until === null || license.until > now) return 'it was renewed meanwhile';
    return notToRemind(standing);
  },
  payment_failed: ({ subscription }) => {
    if (subscription === null) return null;
    if (isOver(subscription)) return 'the subscription has ended meanwhile';
    return subscription.failedAt === null ? 'it was paid meanwhile' : null;
  },
  recovered: ({ subscription }) =>
    subscription !== null && subscription.failedAt !== null ? 'the payment failed again meanwhile' : null,
  canceled({ subscription, license }) {
    if (subscription?.runs) return 'the subscription goes on meanwhile';
    return license?.renewsItself ? 'another subscription renews the license' : null;
  },
};

function notToRemind({ license }: MailStanding): string | null {
  if (license?.renewsItself) return 'it renews itself';
  if (license?.revoked) return 'the license is revoked';
  return license?.suspended ? 'the license is suspended' : null;
}

function isOver({ state }: Pick<SubscriptionRecord, 'state'>): boolean {
  return state === 'canceled' || state === 'expired';
}

/** Why a mail is not to be sent any more; null: it still holds. */
export function whyDropped(template: MailTemplate, standing: MailStanding): string | null {
  return REASONS[template]?.(standing) ?? null;
}
