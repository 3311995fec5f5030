import { expect, it } from 'vitest';
import type { Length } from '../licensing/package-terms.ts';
import { MAIL_LANGUAGES } from '../notify/mail-facts.ts';
import type { OfferPrice } from '../payments/sold-price.ts';
import { payText } from './price-words.ts';

const length = (value: number, unit: Length['unit']): Length => ({ value, unit });

it.each<[Length | null, Length | null, string, string, string]>([
  [null, null, 'once, without an end', 'einmalig, ohne Ende', 'en une fois, sans limite de durée'],
  [null, length(1, 'month'), 'once, for 1 month', 'einmalig, für 1 Monat', 'en une fois, pour 1 mois'],
  [null, length(14, 'day'), 'once, for 14 days', 'einmalig, für 14 Tage', 'en une fois, pour 14 jours'],
  [length(1, 'year'), null, 'every year, until', 'jedes Jahr, bis', 'chaque année, jusqu’à'],
  [length(1, 'month'), null, 'every month, until', 'jeden Monat, bis', 'chaque mois, jusqu’à'],
  [length(3, 'month'), null, 'every 3 months, until', 'alle 3 Monate, bis', 'tous les 3 mois, jusqu’à'],
])('a price says how often and for how long in every language', (interval, own, ...said) => {
  const price = { amount_minor: 4_900, currency: 'EUR', interval, duration: null } as OfferPrice;
  for (const [i, language] of MAIL_LANGUAGES.entries())
    expect(payText(price, own, 'Stripe', language)).toContain(` ${said[i]}`);
});
