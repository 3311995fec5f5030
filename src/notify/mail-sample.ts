import { DAY } from '../clock.ts';
import type { DetailLabel, MailFacts } from './mail-facts.ts';
import { REMINDERS, TO_VENDOR } from './mail-text.ts';
import type { MailTemplate } from './mail-wish.ts';

export interface SampleGround {
  vendor: MailFacts['vendor'];
  keyPrefix: string;
  publicUrl: string;
  now: number;
  /** One of the vendor's own; null: it has none yet. */
  product: MailFacts['products'][number] | null;
}

const WITH_AMOUNT: ReadonlySet<MailTemplate> = new Set(['payment_failed', 'refunded']);
const WITHOUT_LICENSE: ReadonlySet<MailTemplate> = new Set([
  ...(['payment_failed', 'refunded', 'withdrawal', 'withdrawal_vendor', 'vendor_alert'] as const),
]);
const SAMPLES: Readonly<Partial<Record<MailTemplate, Readonly<Partial<Record<DetailLabel, string>>>>>> = {
  withdrawal: { order: 'A-1001', name: 'Ada Sample', email: 'ada@example.com', statement: '…' },
  withdrawal_vendor: { order: 'A-1001', name: 'Ada Sample', email: 'ada@example.com', statement: '…' },
  vendor_alert: { problem: 'UNKNOWN_PRICE', about: 'price_1001' },
};

/** What would stand in a mail, with made-up values: a key that is none, and links that lead nowhere. */
export function sampleFacts(template: MailTemplate, ground: SampleGround): MailFacts {
  const { vendor, keyPrefix, publicUrl, now, product } = ground;
  const isReminder = REMINDERS.has(template);
  const until = template === 'ended' ? now - DAY : now + 30 * DAY;
  const sample = (path: string) => `${publicUrl}/${path}/sample`;
  const details = Object.entries(SAMPLES[template] ?? {}) as [DetailLabel, string][];
  const isOfOrder = !TO_VENDOR.has(template) && template !== 'withdrawal';
  return {
    ...{ template, vendor, test: false, name: 'Ada Sample' },
    products: [product ?? { name: 'Sample', platforms: ['joomla'], url: sample('product') }],
    keys: template === 'key' || template === 'key_replaced' ? [`${keyPrefix}-SAMPLE-KEY-THAT-OPENS-NOTHING`] : [],
    license: WITHOUT_LICENSE.has(template) ? null : { until, sites: 3, renewsItself: false, over: until <= now },
    reference: isOfOrder ? 'ord_sample' : null,
    amount: WITH_AMOUNT.has(template) ? { minor: 4_900, currency: 'EUR' } : null,
    at: template === 'key' || template === 'renewed' ? null : now + 7 * DAY,
    details: details.map(([label, value]) => ({ label, value })),
    links: {
      order: isOfOrder ? sample('order') : null,
      renew: isReminder || template === 'canceled' ? sample('renew') : null,
      pay: template === 'payment_failed' ? 'https://pay.example.com/sample' : null,
      stop: isReminder ? sample('mail/stop') : null,
    },
  };
}
