import type { Length } from '../licensing/package-terms.ts';
import { moneyText } from '../money.ts';
import type { MailLanguage } from '../notify/mail-facts.ts';
import type { OfferPrice } from '../payments/sold-price.ts';

interface PriceWords {
  once: string;
  /** Each such length there is something to pay. */
  every(length: Length): string;
  /** So long it lasts. */
  lasts(length: Length): string;
  untilCanceled: string;
  noEnd: string;
  /** What stands on the button. */
  pay(price: string, lasts: string, provider: string): string;
}

const DE = { day: ['Tag', 'Tage'], month: ['Monat', 'Monate'], year: ['Jahr', 'Jahre'] } as const;
const FR = { day: ['jour', 'jours'], month: ['mois', 'mois'], year: ['an', 'ans'] } as const;

const WORDS: Readonly<Record<MailLanguage, PriceWords>> = {
  en: {
    once: 'once',
    every: ({ value, unit }) => (value === 1 ? `every ${unit}` : `every ${value} ${unit}s`),
    lasts: ({ value, unit }) => `for ${value} ${unit}${value === 1 ? '' : 's'}`,
    untilCanceled: 'until you cancel',
    noEnd: 'without an end',
    pay: (price, lasts, provider) => `${price}, ${lasts}: pay with ${provider}`,
  },
  de: {
    once: 'einmalig',
    every: ({ value, unit }) =>
      value === 1 ? `${unit === 'year' ? 'jedes' : 'jeden'} ${DE[unit][0]}` : `alle ${value} ${DE[unit][1]}`,
    lasts: ({ value, unit }) => `für ${value} ${DE[unit][value === 1 ? 0 : 1]}`,
    untilCanceled: 'bis Sie kündigen',
    noEnd: 'ohne Ende',
    pay: (price, lasts, provider) => `${price}, ${lasts}: mit ${provider} zahlen`,
  },
  fr: {
    once: 'en une fois',
    every: ({ value, unit }) =>
      value === 1 ? `chaque ${unit === 'year' ? 'année' : FR[unit][0]}` : `tous les ${value} ${FR[unit][1]}`,
    lasts: ({ value, unit }) => `pour ${value} ${FR[unit][value === 1 ? 0 : 1]}`,
    untilCanceled: 'jusqu’à ce que vous résiliez',
    noEnd: 'sans limite de durée',
    pay: (price, lasts, provider) => `${price}, ${lasts} : payer avec ${provider}`,
  },
};

/** `€49.00 every 3 months, until you cancel: pay with Stripe`; `length`: of the package, where the price has none of its own. */
export function payText(price: OfferPrice, length: Length | null, provider: string, language: MailLanguage): string {
  const words = WORDS[language];
  const { amount_minor, currency, interval, duration } = price;
  const own = duration ?? length;
  const often = interval === null ? words.once : words.every(interval);
  const ends = own === null ? words.noEnd : words.lasts(own);
  const amount = `${moneyText(amount_minor, currency, language)} ${often}`;
  return words.pay(amount, interval === null ? ends : words.untilCanceled, provider);
}

/** A day in UTC, as everybody reads it. */
export function dayText(instant: string | number): string {
  return new Date(instant).toISOString().slice(0, 10);
}
