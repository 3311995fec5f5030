import { moneyText } from '../money.ts';
import type { MailLanguage } from '../notify/mail-facts.ts';
import type { OrderSeen } from '../payments/order-reads.ts';
import { escapeHtml, page } from './layout.ts';
import { ORDER_WORDS } from './order-words.ts';
import { dayText } from './price-words.ts';
import { fault, legalLinks, type Titles, testBand } from './shop-parts.ts';
import { SHOP_WORDS } from './shop-words.ts';

/** The newest file of one product that a key opens. */
export interface FileOfKey {
  product: string;
  platform: string;
  version: string;
  url: string;
}

interface Around {
  /** By the id of the license. */
  files: ReadonlyMap<string, readonly FileOfKey[]>;
  /** null: nothing is waited for. */
  refreshSeconds: number | null;
  /** The page's own address. */
  own: string;
  wrong: string;
  language: MailLanguage;
}

type License = OrderSeen['licenses'][number];

export function orderPage(
  { publicUrl, gateways }: { publicUrl: string; gateways: Titles },
  { order, organization, lines, licenses }: OrderSeen,
  { files, refreshSeconds, own, wrong, language }: Around,
): string {
  const words = ORDER_WORDS[language];
  const title = words.headline[order.state];
  const sentence =
    order.state === 'paid' && licenses.length === 0
      ? `${words.sentence.paid} ${words.nothingYet}`
      : words.sentence[order.state];
  const provider = gateways[order.provider]?.title ?? order.provider;
  const sold = lines.map(
    ({ line, name }) =>
      `<tr><th scope="row"><bdi>${escapeHtml(name)}</bdi></th><td>${line.quantity}</td><td>${escapeHtml(moneyText(line.unitMinor * line.quantity, order.currency, language))}</td></tr>`,
  );
  return page(
    `${wrong === '' ? '' : `${SHOP_WORDS[language].error}: `}${title} – ${organization.name}`,
    `${testBand(order.mode, language)}
<h1>${title}</h1>
<p class="by"><bdi>${escapeHtml(organization.name)}</bdi></p>
<p role="status">${sentence}</p>
${fault(wrong, language)}
${licenses.map((license) => licenseBox(license, files.get(license.id) ?? [], language)).join('\n')}
${['open', 'failed', 'expired'].includes(order.state) ? payForm(own, words.pay(provider)) : ''}
<h2>${words.order}</h2>
<div class="scroll"><table><thead><tr><th scope="col">${words.what}</th><th scope="col">${words.number}</th><th scope="col">${words.beforeTax}</th></tr></thead>
<tbody>${sold.join('\n')}</tbody></table></div>
<dl><dt>${words.order}</dt><dd><code>${escapeHtml(order.id)}</code></dd><dt>${words.ordered}</dt><dd>${dayText(order.createdAt)} (UTC)</dd></dl>
${legalLinks(organization, publicUrl, { language, orderId: order.id })}`,
    { language, ...(refreshSeconds === null ? {} : { refreshSeconds }) },
  );
}

function payForm(own: string, words: string): string {
  return `<form method="post" action="${escapeHtml(own)}"><p><button class="button" type="submit">${escapeHtml(words)}</button></p></form>`;
}

function licenseBox(license: License, files: readonly FileOfKey[], language: MailLanguage): string {
  const words = ORDER_WORDS[language];
  const { key, state, validUntil, products } = license;
  const gone = goneWords(license, language);
  if (gone !== null) return `<p class="note">${gone}</p>`;
  const day = validUntil === null ? null : dayText(validUntil);
  const until = day === null ? words.noEnd : state === 'ended' ? words.ended(day) : words.until(day);
  const names = [...new Set(products.map(({ name }) => name))].map((name) => `<bdi>${escapeHtml(name)}</bdi>`);
  const links = files.map(
    ({ product, platform, version, url }) =>
      `<p><a class="button" href="${escapeHtml(url)}" rel="noreferrer">${escapeHtml(words.download(product, version, platform))}</a></p>`,
  );
  return `<h2>${words.keyHeading}</h2>
${key === null ? `<p>${words.keyElsewhere}</p>` : `<label for="key-${license.id}">${words.keyLabel}</label>\n<input class="key" id="key-${license.id}" readonly autocomplete="off" spellcheck="false" value="${escapeHtml(key)}">`}
<p>${until}${names.length === 0 ? '' : ` ${words.products}: ${names.join(', ')}.`}</p>
${links.join('\n')}`;
}

/** Why the license is worth nothing, where it is; null: it is worth something, or its end came. */
function goneWords({ state, revoked, suspended }: License, language: MailLanguage): string | null {
  const words = ORDER_WORDS[language];
  if (revoked) return words.revoked;
  if (state === 'canceled' || state === 'none') return words.givenBack;
  return suspended ? words.suspended : null;
}
