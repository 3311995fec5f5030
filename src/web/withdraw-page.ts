import type { OrganizationRecord } from '../forge/store.ts';
import type { WithdrawalRecord } from '../payments/store-withdrawals.ts';
import type { WithdrawalWish } from '../payments/withdrawals.ts';
import { escapeHtml, page } from './layout.ts';
import { fault } from './shop-parts.ts';

type Seller = Pick<OrganizationRecord, 'name' | 'slug'>;

export function whomPage(publicUrl: string, sellers: readonly Seller[]): string {
  const rows = sellers.map(
    ({ name, slug }) =>
      `<li><a href="${escapeHtml(`${publicUrl}/withdraw/${encodeURIComponent(slug)}`)}"><bdi>${escapeHtml(name)}</bdi></a></li>`,
  );
  const none = '<p>Nobody sells here. Withdraw where you bought.</p>';
  return page(
    'Withdraw from a contract – Feedgate',
    `<h1>Withdraw from a contract</h1>\n${rows.length === 0 ? none : `<p>From whom did you buy?</p>\n<ul>${rows.join('\n')}</ul>`}`,
  );
}

export function askPage(publicUrl: string, seller: Seller, typed: WithdrawalWish, wrong: string): string {
  return page(
    `${wrong === '' ? '' : 'Error: '}Withdraw from a contract – ${seller.name}`,
    `<h1>Withdraw from a contract</h1>
<p class="by">with <bdi>${escapeHtml(seller.name)}</bdi></p>
<p>Say which contract you withdraw from. On the next page you confirm it.</p>
${fault(wrong)}
<form method="post" action="${action(publicUrl, seller)}">
<label for="order">Order</label>
<input id="order" name="order" maxlength="100" required value="${escapeHtml(typed.orderRef)}">
<label for="name">Your name</label>
<input id="name" name="name" maxlength="200" autocomplete="name" required value="${escapeHtml(typed.name)}">
<label for="email">E-mail address, to which the confirmation is sent</label>
<input id="email" name="email" type="email" maxlength="254" autocomplete="email" required value="${escapeHtml(typed.email)}">
<p><button class="button" type="submit" name="step" value="check">Go on</button></p>
</form>`,
  );
}

export function confirmPage(publicUrl: string, seller: Seller, { orderRef, email, name }: WithdrawalWish): string {
  const hidden = Object.entries({ order: orderRef, email, name }).map(
    ([field, value]) => `<input type="hidden" name="${field}" value="${escapeHtml(value)}">`,
  );
  return page(
    `Confirm the withdrawal – ${seller.name}`,
    `<h1>Confirm the withdrawal</h1>
<p class="by">with <bdi>${escapeHtml(seller.name)}</bdi></p>
${details({ orderRef, email, name })}
<form method="post" action="${action(publicUrl, seller)}">
${hidden.join('\n')}
<p><button class="button" type="submit" name="step" value="confirm">Confirm withdrawal</button></p>
</form>
<p><a href="${action(publicUrl, seller)}">Change something</a></p>`,
  );
}

/** Says the same whether there is such an order or not. */
export function donePage(seller: Seller, { id, orderRef, email, name, at }: WithdrawalRecord): string {
  return page(
    `Withdrawal received – ${seller.name}`,
    `<h1>Your withdrawal was received</h1>
<p class="by">by <bdi>${escapeHtml(seller.name)}</bdi></p>
<p role="status">Received on <time datetime="${at}">${at.slice(0, 10)}, ${at.slice(11, 19)} UTC</time>. A confirmation goes to your address; the seller has been told and answers you.</p>
${details({ orderRef, email, name })}
<p class="soft">Reference <code>${escapeHtml(id)}</code></p>`,
  );
}

function details({ orderRef, email, name }: WithdrawalWish): string {
  const rows = [
    ['Order', orderRef],
    ['Name', name],
    ['E-mail address', email],
  ] as const;
  return `<dl>${rows.map(([label, value]) => `<dt>${label}</dt><dd><bdi>${escapeHtml(value)}</bdi></dd>`).join('')}</dl>`;
}

function action(publicUrl: string, { slug }: Seller): string {
  return escapeHtml(`${publicUrl}/withdraw/${encodeURIComponent(slug)}`);
}
