import { moneyText } from '../money.ts';
import type { MailFacts, MailLanguage, MailText } from './mail-facts.ts';
import { htmlOf, type MailBlock, textOf } from './mail-layout.ts';
import { DE } from './mail-text-de.ts';
import { EN } from './mail-text-en.ts';
import { FR } from './mail-text-fr.ts';
import type { MailTemplate } from './mail-wish.ts';
import type { Said, Words } from './mail-words.ts';

const WORDS: Readonly<Record<MailLanguage, Words>> = { en: EN, de: DE, fr: FR };

/** Mails with the key and how to use it. */
const WITH_KEY: ReadonlySet<MailTemplate> = new Set(['key', 'key_replaced']);
/** Mails that go to the vendor. */
export const TO_VENDOR: ReadonlySet<MailTemplate> = new Set(['withdrawal_vendor', 'vendor_alert']);
/** Mails that say the very minute. */
const TO_THE_MINUTE: ReadonlySet<MailTemplate> = new Set(['withdrawal', 'withdrawal_vendor']);
/** Mails that a buyer may switch off. */
export const REMINDERS: ReadonlySet<MailTemplate> = new Set(['expiring', 'ended']);

/** The mail in one language: both bodies are made of the same blocks, so that neither says more than the other. */
export function mailText(facts: MailFacts, language: MailLanguage): MailText {
  const words = WORDS[language];
  const said = saidOf(facts, words);
  const subject = words.subject[facts.template](said);
  const blocks = blocksOf(facts, words, said);
  return {
    subject: facts.test ? `${words.testMark} ${subject}` : subject,
    text: textOf(blocks),
    html: htmlOf(blocks, language),
  };
}

function saidOf(facts: MailFacts, words: Words): Said {
  const { vendor, products, license, amount, at, keys, template } = facts;
  const end = license?.until ?? null;
  return {
    vendor: vendor.name,
    product: products.length === 0 ? vendor.name : products.map(({ name }) => name).join(', '),
    end: end === null ? '' : dayOf(end, words),
    over: license?.over ?? false,
    day: at === null ? '' : TO_THE_MINUTE.has(template) ? minuteOf(at, words) : dayOf(at, words),
    amount: amount === null ? '' : moneyText(amount.minor, amount.currency, words.locale),
    keys: keys.length,
    renewsItself: license?.renewsItself ?? false,
  };
}

function dayOf(at: number, { locale }: Words): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(at);
}

function minuteOf(at: number, { locale }: Words): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'long', timeZone: 'UTC' }).format(at);
}

function blocksOf(facts: MailFacts, words: Words, said: Said): MailBlock[] {
  const { vendor, template } = facts;
  const isVendor = TO_VENDOR.has(template);
  return [
    ...(facts.test ? [paragraph(words.test)] : []),
    paragraph(words.greeting(isVendor ? '' : facts.name)),
    ...linesOf(vendor.intro).map(paragraph),
    ...words.body[template](said).map(paragraph),
    ...(WITH_KEY.has(template) ? keyBlocks(facts, words) : []),
    ...tableOf(facts, words),
    ...linkBlocks(facts, words),
    ...(isVendor ? [] : closing(facts, words)),
  ];
}

function paragraph(text: string): MailBlock {
  return { kind: 'text', text };
}

/** Texts of vendors: an empty line begins a paragraph. */
function linesOf(text: string): string[] {
  return text
    .split(/\n\s*\n/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function keyBlocks({ keys, products }: MailFacts, words: Words): MailBlock[] {
  const platforms = [...new Set(products.flatMap((product) => product.platforms))];
  const steps = platforms.length === 0 ? [words.otherSteps] : platforms.map((platform) => words.steps[platform]);
  return [
    { kind: 'keys', heading: words.keyHeading(keys.length), keys },
    { kind: 'steps', heading: words.stepsHeading, steps: [...steps, words.keyIsFor] },
  ];
}

function tableOf(facts: MailFacts, words: Words): MailBlock[] {
  const { labels } = words;
  const rows: [string, string][] = facts.products.map(({ name }) => [labels.product, name]);
  const { license, amount, reference, template } = facts;
  if (license !== null) {
    const end = license.until === null ? labels.noEnd : dayOf(license.until, words);
    rows.push([labels.until, license.renewsItself && license.until !== null ? labels.renewsItself(end) : end]);
    rows.push([labels.sites, license.sites === null ? labels.unlimited : labels.sitesOf(license.sites)]);
  }
  if (amount !== null) rows.push([labels.amount, moneyText(amount.minor, amount.currency, words.locale)]);
  if (reference !== null) rows.push([labels.reference, reference]);
  rows.push(...facts.details.map(({ label, value }): [string, string] => [labels[label], value]));
  if (facts.at !== null && TO_THE_MINUTE.has(template)) rows.push([labels.received, minuteOf(facts.at, words)]);
  return rows.length === 0 ? [] : [{ kind: 'table', rows }];
}

function linkBlocks({ links, products, template }: MailFacts, words: Words): MailBlock[] {
  const pages = WITH_KEY.has(template) ? products.map(({ url }) => ({ label: words.links.page, url })) : [];
  const own = (['pay', 'renew', 'order'] as const).flatMap((name) => {
    const url = links[name];
    return url === null ? [] : [{ label: words.links[name], url }];
  });
  return [...own, ...pages].map((link) => ({ kind: 'link', ...link }));
}

/** Who sells, where help is, and how reminders end. */
function closing({ vendor, links }: MailFacts, words: Words): MailBlock[] {
  const help = vendor.supportUrl ?? vendor.replyTo;
  const lines = [words.soldBy(vendor.name), ...(help === null ? [] : [words.help(help)]), ...linesOf(vendor.footer)];
  return [
    { kind: 'rule' },
    ...lines.map((text): MailBlock => ({ kind: 'soft', text })),
    ...(links.stop === null ? [] : [{ kind: 'link', label: words.links.stop, url: links.stop } as const]),
  ];
}
