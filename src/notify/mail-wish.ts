/** The mails that buyers and vendors get. What stands in them is made when they are sent. */
export const MAIL_TEMPLATES = [
  'key',
  'renewed',
  'expiring',
  'ended',
  'payment_failed',
  'recovered',
  'canceled',
  'refunded',
  'key_replaced',
  'withdrawal',
  'withdrawal_vendor',
  'vendor_alert',
] as const;
export type MailTemplate = (typeof MAIL_TEMPLATES)[number];

/** What a mail is about: ids and plain numbers, never a key, a token or a secret. */
export interface MailAbout {
  license_id?: string;
  order_id?: string;
  subscription_id?: string;
  payment_id?: string;
  refund_id?: string;
  key_id?: string;
  withdrawal_id?: string;
  alert_id?: string;
  webhook_id?: string;
  /** Of a reminder: days before the end; of a failed payment: days after it. */
  days?: number;
  /** Where the buyer pays or confirms, at the provider. */
  url?: string;
}

export interface MailWish {
  organizationId: string;
  template: MailTemplate;
  /** Unique in the organization for ever: the same wish again is the same mail. */
  tag: string;
  /** null: the address is all that is known. */
  customerId: string | null;
  email: string;
  /** '' : not known; the organization's is taken. */
  language: string;
  about: MailAbout;
  /** ms UTC: not sent before, and not sent at all where it is not true any more by then. */
  notBefore: number;
}
