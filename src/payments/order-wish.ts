import type { FieldError } from '../errors.ts';
import type { SellerSettings } from './seller.ts';
import type { OrderRecord } from './store-orders.ts';

/** What somebody wants to buy, before anything of it is believed. */
export interface OrderWish {
  items: readonly { price: string; quantity: number }[];
  email: string;
  language: string;
  successUrl: string | null;
  cancelUrl: string | null;
  /** The version of the text that was agreed to; null: to nothing. */
  consent: string | null;
  /** null: a new license. */
  licenseId: string | null;
  kind: 'new' | 'into' | 'switch';
}

/** What is wrong with a wish by itself. */
export function faultsOfWish(wish: OrderWish, seller: SellerSettings, publicUrl: string): FieldError[] {
  const { items, consent, licenseId, kind } = wish;
  const text = seller.consent;
  const faults: (false | FieldError)[] = [
    ...items.map(
      ({ price }, i) =>
        items.findIndex((other) => other.price === price) !== i && {
          ...{ pointer: `/items/${i}/price`, detail: 'is named twice; say its quantity' },
        },
    ),
    text !== null &&
      consent === null && {
        pointer: '/consent',
        detail: `is required: the buyer must agree to version ${text.version}`,
      },
    text !== null &&
      consent !== null &&
      consent !== text.version && {
        ...{ pointer: '/consent/version', detail: `must be ${text.version}, the text of today` },
      },
    kind !== 'new' && licenseId === null && { pointer: '/license', detail: `is required where kind is ${kind}` },
    kind === 'new' && licenseId !== null && { pointer: '/kind', detail: 'must be into or switch with a license' },
    ...(['success_url', 'cancel_url'] as const).map((name) => {
      const url = name === 'success_url' ? wish.successUrl : wish.cancelUrl;
      if (url === null || mayReturnTo(url, [...seller.returnUrls, publicUrl])) return false;
      return { pointer: `/${name}`, detail: 'is none of the addresses that the organization lets buyers return to' };
    }),
  ];
  return faults.filter((fault) => fault !== false);
}

/** An address below one of those that are listed: same origin, and its path goes on where the listed one ends. */
function mayReturnTo(address: string, listed: readonly string[]): boolean {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return false;
  return listed.some((each) => {
    const base = URL.parse(each);
    return base !== null && base.origin === url.origin && isBelow(url.pathname, base.pathname);
  });
}

function isBelow(path: string, base: string): boolean {
  // A dot segment that a server may decode leads out again.
  if (/%2e|%2f|%5c/i.test(path)) return false;
  return path === base || path.startsWith(base.endsWith('/') ? base : `${base}/`);
}

/** The text that the buyer agreed to, as it stays with the order. */
export function consentOf({ consent }: Pick<SellerSettings, 'consent'>, at: string): OrderRecord['consent'] {
  return consent === null ? {} : { version: consent.version, text: consent.text, at };
}

/** The languages that mails are written in; '' : another one. */
export function languageOf(text: string): string {
  const short = text.slice(0, 2).toLowerCase();
  return ['en', 'de', 'fr'].includes(short) ? short : '';
}
