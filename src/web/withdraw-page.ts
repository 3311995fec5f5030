import type { OrganizationRecord } from '../forge/store.ts';
import type { MailLanguage } from '../notify/mail-facts.ts';
import type { WithdrawalRecord } from '../payments/store-withdrawals.ts';
import { statementOf } from '../payments/withdrawal-statement.ts';
import type { WithdrawalWish } from '../payments/withdrawals.ts';
import { escapeHtml, page } from './layout.ts';
import { fault } from './shop-parts.ts';
import { SHOP_WORDS } from './shop-words.ts';
import { WITHDRAW_WORDS } from './withdraw-words.ts';

type Seller = Pick<OrganizationRecord, 'name' | 'slug'>;

/** Where the page leads, and how it speaks. */
export interface Place {
  publicUrl: string;
  language: MailLanguage;
}

export function whomPage({ publicUrl, language }: Place, sellers: readonly Seller[]): string {
  const words = WITHDRAW_WORDS[language];
  const rows = sellers.map(
    ({ name, slug }) =>
      `<li><a href="${escapeHtml(`${publicUrl}/withdraw/${encodeURIComponent(slug)}`)}"><bdi>${escapeHtml(name)}</bdi></a></li>`,
  );
  const whom = `<p>${words.whom}</p>\n<ul>${rows.join('\n')}</ul>`;
  return page(
    `${words.title} – Feedgate`,
    `<h1>${words.title}</h1>\n${rows.length === 0 ? `<p>${words.nobody}</p>` : whom}`,
    { language },
  );
}

export function askPage(place: Place, seller: Seller, typed: WithdrawalWish, wrong: string): string {
  const { language } = place;
  const words = WITHDRAW_WORDS[language];
  return page(
    `${wrong === '' ? '' : `${SHOP_WORDS[language].error}: `}${words.title} – ${seller.name}`,
    `<h1>${words.title}</h1>
${by(seller, language)}
<p>${words.ask}</p>
${fault(wrong, language)}
<form method="post" action="${action(place, seller)}">
<label for="order">${words.order}</label>
<input id="order" name="order" maxlength="100" required value="${escapeHtml(typed.orderRef)}">
<label for="name">${words.name}</label>
<input id="name" name="name" maxlength="200" autocomplete="name" required value="${escapeHtml(typed.name)}">
<label for="email">${words.emailWhy}</label>
<input id="email" name="email" type="email" maxlength="254" autocomplete="email" required value="${escapeHtml(typed.email)}">
<p><button class="button" type="submit" name="step" value="check">${words.goOn}</button></p>
</form>`,
    { language },
  );
}

export function confirmPage(place: Place, seller: Seller, wish: WithdrawalWish): string {
  const { orderRef, email, name } = wish;
  const { language } = place;
  const words = WITHDRAW_WORDS[language];
  const hidden = Object.entries({ order: orderRef, email, name }).map(
    ([field, value]) => `<input type="hidden" name="${field}" value="${escapeHtml(value)}">`,
  );
  const button = (step: string, look: string, label: string) =>
    `<button class="${look}" type="submit" name="step" value="${step}">${label}</button>`;
  return page(
    `${words.confirmTitle} – ${seller.name}`,
    `<h1>${words.confirmTitle}</h1>
${by(seller, language)}
${details({ ...wish, statement: statementOf(language, orderRef) }, language)}
<form method="post" action="${action(place, seller)}">
${hidden.join('\n')}
<p class="row">${button('confirm', 'button', words.confirm)} ${button('change', 'plain', words.change)}</p>
</form>`,
    { language },
  );
}

/** Says the same whether there is such an order or not. */
export function donePage({ language }: Place, seller: Seller, record: WithdrawalRecord): string {
  const { id, at } = record;
  const words = WITHDRAW_WORDS[language];
  const time = `<time datetime="${at}">${at.slice(0, 10)}, ${at.slice(11, 19)} UTC</time>`;
  return page(
    `${words.doneTitle} – ${seller.name}`,
    `<h1>${words.doneTitle}</h1>
${by(seller, language)}
<p role="status">${words.received(time)}</p>
${details(record, language)}
<p class="soft">${words.reference} <code>${escapeHtml(id)}</code></p>`,
    { language },
  );
}

function by({ name }: Seller, language: MailLanguage): string {
  return `<p class="by">${WITHDRAW_WORDS[language].with(`<bdi>${escapeHtml(name)}</bdi>`)}</p>`;
}

type Declared = WithdrawalWish & Pick<WithdrawalRecord, 'statement'>;

function details({ orderRef, email, name, statement }: Declared, language: MailLanguage): string {
  const words = WITHDRAW_WORDS[language];
  const rows = [
    [words.statement, statement],
    [words.order, orderRef],
    [words.name, name],
    [words.email, email],
  ] as const;
  return `<dl>${rows.map(([label, value]) => `<dt>${label}</dt><dd><bdi>${escapeHtml(value)}</bdi></dd>`).join('')}</dl>`;
}

function action({ publicUrl }: Place, { slug }: Seller): string {
  return escapeHtml(`${publicUrl}/withdraw/${encodeURIComponent(slug)}`);
}
