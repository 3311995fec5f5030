import type { SellingChange } from '../releases/selling-view.ts';
import { choiceOf, listOf, numberOf, textOf, UsageError, type Values } from './command.ts';

export const SELLING_HELP = [
  "--grace-days, --partial-refund   days after a failed charge (7); percent from which a partial refund ends access, '' for never",
  '--period-refund end|keep, --dispute suspend|keep, --fraud-warning flag|suspend',
  "--terms-url, --privacy-url, --withdrawal-url   '' takes one away",
  "--consent-version, --consent-text   what buyers must agree to; '' for nothing",
  '--withdrawals yes|no   the page on which consumers withdraw; no where somebody else is the seller',
  '--origins, --return-urls   of marketing sites, with commas between them',
  "--mail-from, --mail-reply-to, --mail-language en|de|fr, --mail-footer, --mail-off   '' takes one away",
];

const text = { type: 'string' } as const;
export const SELLING_OPTIONS = {
  ...{ 'grace-days': text, 'partial-refund': text, 'period-refund': text, dispute: text, 'fraud-warning': text },
  ...{ 'terms-url': text, 'privacy-url': text, 'withdrawal-url': text, 'consent-version': text, 'consent-text': text },
  ...{ withdrawals: text, origins: text, 'return-urls': text },
  ...{ 'mail-from': text, 'mail-reply-to': text, 'mail-language': text, 'mail-footer': text, 'mail-off': text },
};

/** What was said about selling; undefined where nothing was. */
export function sellingSaid(values: Values): Record<keyof SellingChange, object> {
  const withdrawals = choiceOf(values, 'withdrawals', ['yes', 'no']);
  return {
    payments: saidOnly({
      grace_days: numberOf(values, 'grace-days'),
      partial_refund_percent: textOf(values, 'partial-refund') === '' ? null : numberOf(values, 'partial-refund'),
      period_refund: choiceOf(values, 'period-refund', ['end', 'keep']),
      dispute_opened: choiceOf(values, 'dispute', ['suspend', 'keep']),
      fraud_warning: choiceOf(values, 'fraud-warning', ['flag', 'suspend']),
    }),
    seller: saidOnly({
      terms_url: orNull(values, 'terms-url'),
      privacy_url: orNull(values, 'privacy-url'),
      withdrawal_url: orNull(values, 'withdrawal-url'),
      consent: consentSaid(values),
      withdrawals: withdrawals === undefined ? undefined : withdrawals === 'yes',
      origins: listSaid(values, 'origins'),
      return_urls: listSaid(values, 'return-urls'),
    }),
    mail: saidOnly({
      from_name: orNull(values, 'mail-from'),
      reply_to: orNull(values, 'mail-reply-to'),
      language: choiceOf(values, 'mail-language', ['en', 'de', 'fr']),
      footer: textOf(values, 'mail-footer'),
      off: listSaid(values, 'mail-off'),
    }),
  };
}

function consentSaid(values: Values): { version: string; text: string } | null | undefined {
  const version = textOf(values, 'consent-version');
  const said = textOf(values, 'consent-text');
  if (version === undefined && said === undefined) return undefined;
  if (said === '') return null;
  if (version === undefined || said === undefined)
    throw new UsageError('--consent-text and --consent-version go together: another text needs another version');
  return { version, text: said };
}

function orNull(values: Values, name: string): string | null | undefined {
  const said = textOf(values, name);
  return said === '' ? null : said;
}

function listSaid(values: Values, name: string): string[] | undefined {
  return textOf(values, name) === undefined ? undefined : listOf(values, name);
}

function saidOnly(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Lines of `organization show`. */
export function sellingLines({
  payments,
  seller,
}: {
  payments: { grace_days: number; dispute_opened: string; period_refund: string };
  seller: { terms_url: string | null; consent: { version: string } | null; withdrawals: boolean };
}): [string, string][] {
  const consent = seller.consent === null ? 'no consent asked' : `consent "${seller.consent.version}"`;
  return [
    ['failed charges', `${payments.grace_days} days of grace`],
    ['money back', `dispute: ${payments.dispute_opened}, period refunded: ${payments.period_refund}`],
    ['seller', `${seller.terms_url ?? 'no terms'}, ${consent}, withdrawals ${seller.withdrawals ? 'on' : 'off'}`],
  ];
}
