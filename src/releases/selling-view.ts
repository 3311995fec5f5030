import { z } from 'zod';
import { MailSettings } from '../notify/mail-settings.ts';
import { MAIL_TEMPLATES } from '../notify/mail-wish.ts';
import { PaymentPolicy } from '../payments/policy.ts';
import { SellerSettings } from '../payments/seller.ts';
import type { OrganizationSettings } from './organization-settings.ts';

const policy = PaymentPolicy.shape;
const seller = SellerSettings.shape;
const mail = MailSettings.shape;

const PaymentsFields = z.strictObject({
  partial_refund_percent: policy.partialRefundPercent.unwrap().meta({
    description: 'From so many percent on a partial refund closes what was paid for; null: only a full one does',
  }),
  period_refund: policy.periodRefund.unwrap().meta({
    description:
      'The current period of a subscription is refunded in full: access ends now, or at the end of the period',
  }),
  dispute_opened: policy.disputeOpened.unwrap().meta({ description: 'The license while a dispute is open' }),
  fraud_warning: policy.fraudWarning
    .unwrap()
    .meta({ description: 'When a bank suspects fraud and nobody disputes yet' }),
  grace_days: policy.graceDays.unwrap().meta({
    description: 'Days of access after a failed charge of a subscription, where its package names none',
  }),
});

const origin = z
  .url({ protocol: /^https?$/ })
  .max(300)
  .refine(
    (text) => URL.canParse(text) && new URL(text).origin === text,
    'must be an origin like https://www.example.com, without a path',
  );

const SellerFields = z.strictObject({
  origins: z.array(origin).max(50).meta({ description: 'Marketing sites that may ask for plans and start a checkout' }),
  return_urls: z
    .array(z.url({ protocol: /^https?$/ }).max(500))
    .max(50)
    .meta({
      description: 'Beginnings of addresses that a buyer may be sent back to; our own pages always may',
    }),
  terms_url: seller.termsUrl.unwrap(),
  privacy_url: seller.privacyUrl.unwrap(),
  withdrawal_url: seller.withdrawalUrl.unwrap(),
  consent: z
    .strictObject(seller.consent.unwrap().unwrap().shape)
    .nullable()
    .meta({ description: 'What a buyer must agree to before he pays; another text needs another version' }),
  withdrawals: seller.withdrawals.unwrap().meta({
    description: 'The page on which a consumer withdraws; off where somebody else is the seller',
  }),
});

const MailFields = z.strictObject({
  from_name: mail.fromName.unwrap().meta({ description: "Beside the sender's address; null: the organization's name" }),
  reply_to: mail.replyTo.unwrap(),
  language: mail.language.unwrap().meta({ description: 'Of buyers whose language is not known' }),
  off: z.array(z.enum(MAIL_TEMPLATES)).max(50).meta({ description: 'Mails that are not sent' }),
  intro: mail.intro.unwrap().meta({ description: 'What stands above the text of a mail, by template and language' }),
  footer: mail.footer.unwrap().meta({ description: 'Under every mail: who sells, as the law wants it' }),
});

/** How an organization sells, as its owner may change it; a part that is left out stays. */
export const SellingBody = {
  payments: PaymentsFields.partial().meta({
    description: 'What becomes of a license when money comes back, or does not come',
  }),
  seller: SellerFields.partial().meta({ description: 'What the law asks of a seller, and from where is sold' }),
  mail: MailFields.partial().meta({ description: 'How buyers are written to' }),
};
const Selling = z.object(SellingBody).partial();
export type SellingChange = z.output<typeof Selling>;

export const SellingView = {
  payments: z.object(PaymentsFields.shape),
  seller: z.object(SellerFields.shape),
  mail: z.object({ ...MailFields.shape, off: z.array(z.string()) }),
};

type Sections = Pick<OrganizationSettings, 'payments' | 'seller' | 'mail'>;

export function sellingView({ payments, seller, mail }: Sections) {
  return {
    payments: {
      partial_refund_percent: payments.partialRefundPercent,
      period_refund: payments.periodRefund,
      dispute_opened: payments.disputeOpened,
      fraud_warning: payments.fraudWarning,
      grace_days: payments.graceDays,
    },
    seller: {
      origins: seller.origins,
      return_urls: seller.returnUrls,
      terms_url: seller.termsUrl,
      privacy_url: seller.privacyUrl,
      withdrawal_url: seller.withdrawalUrl,
      consent: seller.consent,
      withdrawals: seller.withdrawals,
    },
    mail: {
      from_name: mail.fromName,
      reply_to: mail.replyTo,
      language: mail.language,
      off: mail.off,
      intro: mail.intro,
      footer: mail.footer,
    },
  };
}

/** The sections with a change on top. */
export function changedSelling(before: Sections, change: SellingChange): Sections {
  const shown = sellingView(before);
  const payments = merged(shown.payments, change.payments);
  const seller = merged(shown.seller, change.seller);
  const mail = merged(shown.mail, change.mail);
  return {
    payments: {
      ...{ partialRefundPercent: payments.partial_refund_percent, periodRefund: payments.period_refund },
      ...{ disputeOpened: payments.dispute_opened, fraudWarning: payments.fraud_warning },
      graceDays: payments.grace_days,
    },
    seller: {
      ...{ origins: seller.origins, returnUrls: seller.return_urls, termsUrl: seller.terms_url },
      ...{ privacyUrl: seller.privacy_url, withdrawalUrl: seller.withdrawal_url, consent: seller.consent },
      withdrawals: seller.withdrawals,
    },
    mail: {
      ...{ fromName: mail.from_name, replyTo: mail.reply_to, language: mail.language, off: mail.off },
      ...{ intro: mail.intro, footer: mail.footer },
    },
  };
}

function merged<T extends object>(before: T, change: { [F in keyof T]?: T[F] | undefined } | undefined): T {
  const said = Object.entries(change ?? {}).filter(([, value]) => value !== undefined);
  return { ...before, ...Object.fromEntries(said) };
}

/** What buyers agreed to is told by its version: under an old one nobody may find another text. null: nothing is wrong. */
export function consentFault(before: Sections['seller']['consent'], change: SellingChange): string | null {
  const after = change.seller?.consent;
  if (!before || !after || after.version !== before.version || after.text === before.text) return null;
  return `must be another one for another text; buyers agreed to the text of "${before.version}"`;
}
