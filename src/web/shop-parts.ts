import type { MailLanguage } from '../notify/mail-facts.ts';
import type { Gateway } from '../payments/gateway.ts';
import { withdrawalUrlOf } from '../payments/plan-view.ts';
import type { Offers, PackageOffer } from '../payments/sold-price.ts';
import { BUY_WORDS } from './buy-words.ts';
import { escapeHtml, page } from './layout.ts';
import { payText } from './price-words.ts';
import { SHOP_WORDS } from './shop-words.ts';

type Seller = Offers['organization'];
export type Titles = Readonly<Record<string, Pick<Gateway, 'title'>>>;

/** What a buyer typed before, shown again. */
export interface Typed {
  email: string;
  quantity: string;
  agreed: boolean;
}

export const NOTHING_TYPED: Typed = { email: '', quantity: '1', agreed: false };

/** Why nothing was done; '' : nothing is wrong. */
export function fault(words: string, language: MailLanguage): string {
  return words === ''
    ? ''
    : `<div class="note" role="alert"><b>${SHOP_WORDS[language].wrong}</b> ${escapeHtml(words)}</div>`;
}

/** On every page of an account for tests. */
export function testBand(mode: 'live' | 'test', language: MailLanguage): string {
  return mode === 'test' ? `<p class="note"><b>TEST</b> ${SHOP_WORDS[language].test}</p>` : '';
}

/** Quantity, address and consent: what is asked of a buyer whatever he buys. */
export function buyerFields(
  { settings }: Seller,
  typed: Typed,
  asks: { email: boolean; quantity: boolean },
  language: MailLanguage,
): string {
  const { consent } = settings.seller;
  const words = BUY_WORDS[language];
  return [
    asks.quantity
      ? `<label for="quantity">${words.quantity}</label>\n<input id="quantity" name="quantity" type="number" min="1" max="100000" value="${escapeHtml(typed.quantity)}" required>`
      : '',
    asks.email
      ? `<label for="email">${words.email}</label>\n<input id="email" name="email" type="email" autocomplete="email" maxlength="254" value="${escapeHtml(typed.email)}">`
      : '',
    consent === null
      ? ''
      : `<input type="hidden" name="consent_version" value="${escapeHtml(consent.version)}">\n<label class="check"><input type="checkbox" name="consent" value="yes" required${typed.agreed ? ' checked' : ''}><span>${escapeHtml(consent.text)}</span></label>`,
  ]
    .filter((each) => each !== '')
    .join('\n');
}

/** One button a price; `kind` says what becomes of it in a license. */
export function priceButtons(
  { offer, prices }: PackageOffer,
  titles: Titles,
  kind: 'new' | 'into' | 'switch',
  language: MailLanguage,
): string {
  const buttons = prices.map((price) => {
    const provider = titles[price.provider]?.title ?? price.provider;
    const words = payText(price, offer.terms.length, provider, language);
    return `<button class="button" type="submit" name="choice" value="${escapeHtml(`${kind}:${price.code}`)}">${escapeHtml(words)}</button>`;
  });
  return `<div class="row">${buttons.join('\n')}</div>`;
}

/** The small print under every page of a seller. `orderId`: withdrawing from it does not begin with looking for its number. */
export function legalLinks(
  organization: Seller,
  publicUrl: string,
  { language, orderId = null }: { language: MailLanguage; orderId?: string | null },
): string {
  const words = SHOP_WORDS[language];
  const withdrawal = withdrawalUrlOf(organization, publicUrl);
  const isOurs = withdrawal?.startsWith(`${publicUrl}/withdraw/`) ?? false;
  const { termsUrl, privacyUrl } = organization.settings.seller;
  const links = [
    [words.terms, termsUrl],
    [words.privacy, privacyUrl],
    [words.withdraw, isOurs && orderId !== null ? `${withdrawal}?order=${orderId}` : withdrawal],
    [words.help, organization.supportUrl],
  ] as const;
  const shown = links.flatMap(([name, url]) => (url === null ? [] : [`<a href="${escapeHtml(url)}">${name}</a>`]));
  return shown.length === 0 ? '' : `<p class="soft">${shown.join(' · ')}</p>`;
}

/**
 * The answer to a form that begins a payment. A page with a link and no redirect: browsers hold a redirect after a form against
 * `form-action`, where the hosts of providers do not stand.
 */
export function payPage(seller: string, url: string, provider: string, language: MailLanguage): string {
  const words = SHOP_WORDS[language];
  return page(
    `${words.payTitle} – ${seller}`,
    `<h1>${words.payHeading}</h1>
<p>${escapeHtml(words.payText(provider))}</p>
<p><a class="button" href="${escapeHtml(url)}" rel="noreferrer">${escapeHtml(words.payLink(provider))}</a></p>`,
    { refreshSeconds: 1, goTo: url, language },
  );
}

export function missingPage(what: keyof (typeof SHOP_WORDS)['en']['missing'], language: MailLanguage): string {
  const { missingTitle, missingHeading, missing } = SHOP_WORDS[language];
  return page(`${missingTitle} – Feedgate`, `<h1>${missingHeading}</h1>\n<p>${missing[what]}</p>`, { language });
}

export function tooManyPage(language: MailLanguage): string {
  const { tooManyTitle, tooManyHeading, tooMany } = SHOP_WORDS[language];
  return page(`${tooManyTitle} – Feedgate`, `<h1>${tooManyHeading}</h1>\n<p>${tooMany}</p>`, { language });
}
