import { moneyText } from '../money.ts';
import type { OrderSeen } from '../payments/order-reads.ts';
import { escapeHtml, page } from './layout.ts';
import { dayText } from './price-words.ts';
import { fault, legalLinks, type Titles, testBand } from './shop-parts.ts';

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
}

type State = OrderSeen['order']['state'];

const HEADLINES: Record<State, string> = {
  open: 'Waiting for the payment',
  processing: 'The payment is on its way',
  paid: 'Thank you',
  failed: 'The payment failed',
  expired: 'The payment was not finished in time',
  mismatch: 'The payment is being looked into',
};

const SENTENCES: Record<State, string> = {
  open: 'As soon as the payment is confirmed, the key stands here and goes out by mail. This page looks again by itself.',
  processing:
    'You have confirmed it, and your bank takes its time. The key comes by mail when the money is there; this page looks again by itself.',
  paid: 'The payment is confirmed.',
  failed: 'Nothing was taken. You can try again.',
  expired: 'Nothing was taken. You can begin again.',
  mismatch: 'What was paid is not what was ordered, so a person looks at it. The vendor has been told.',
};

export function orderPage(
  { publicUrl, gateways }: { publicUrl: string; gateways: Titles },
  { order, organization, lines, licenses }: OrderSeen,
  around: Around,
): string {
  const head = around.refreshSeconds === null ? {} : { refreshSeconds: around.refreshSeconds };
  const title = HEADLINES[order.state];
  const sold = lines.map(
    ({ line, name }) =>
      `<tr><th scope="row"><bdi>${escapeHtml(name)}</bdi></th><td>${line.quantity}</td><td>${escapeHtml(moneyText(line.unitMinor * line.quantity, order.currency))}</td></tr>`,
  );
  return page(
    `${around.wrong === '' ? '' : 'Error: '}${title} – ${organization.name}`,
    `${testBand(order.mode)}
<h1>${title}</h1>
<p class="by"><bdi>${escapeHtml(organization.name)}</bdi></p>
<p role="status">${SENTENCES[order.state]}</p>
${fault(around.wrong)}
${licenses.map((license) => licenseBox(license, around.files.get(license.id) ?? [])).join('\n')}
${['open', 'failed', 'expired'].includes(order.state) ? payForm(around.own, gateways[order.provider]?.title ?? order.provider) : ''}
<h2>Order</h2>
<div class="scroll"><table><thead><tr><th scope="col">What</th><th scope="col">Number</th><th scope="col">Before tax</th></tr></thead>
<tbody>${sold.join('\n')}</tbody></table></div>
<dl><dt>Order</dt><dd><code>${escapeHtml(order.id)}</code></dd><dt>Ordered</dt><dd>${dayText(order.createdAt)} (UTC)</dd></dl>
${legalLinks(organization, publicUrl)}`,
    head,
  );
}

function payForm(own: string, provider: string): string {
  return `<form method="post" action="${escapeHtml(own)}"><p><button class="button" type="submit">Go to the payment at ${escapeHtml(provider)}</button></p></form>`;
}

function licenseBox(
  { key, state, validUntil, products }: OrderSeen['licenses'][number],
  files: readonly FileOfKey[],
): string {
  if (state === 'canceled') return '<p class="note">This was given back: the license is not valid any more.</p>';
  const until = validUntil === null ? 'without an end' : `until ${dayText(validUntil)} (UTC)`;
  const names = [...new Set(products.map(({ name }) => name))].map((name) => `<bdi>${escapeHtml(name)}</bdi>`);
  const links = files.map(
    ({ product, platform, version, url }) =>
      `<p><a class="button" href="${escapeHtml(url)}" rel="noreferrer">Download ${escapeHtml(product)} ${escapeHtml(version)} for ${escapeHtml(platform)}</a></p>`,
  );
  return `<h2>Your license key</h2>
${key === null ? '<p>The license has its key already; it came by mail when it was made.</p>' : `<label for="key">Copy it into the extension</label>\n<input class="key" id="key" readonly value="${escapeHtml(key)}">`}
<p>Valid ${until}${names.length === 0 ? '' : `, for ${names.join(', ')}`}.</p>
${links.join('\n')}`;
}
