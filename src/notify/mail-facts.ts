import type { Platform } from '../releases/release.ts';
import type { MailTemplate } from './mail-wish.ts';

export const MAIL_LANGUAGES = ['en', 'de', 'fr'] as const;
export type MailLanguage = (typeof MAIL_LANGUAGES)[number];

/** The first of these that we write in; texts like `de-AT` count as their language. */
export function mailLanguage(...wishes: readonly (string | null | undefined)[]): MailLanguage {
  for (const wish of wishes) {
    const base = (wish ?? '').toLowerCase().split(/[-_]/)[0];
    const known = MAIL_LANGUAGES.find((each) => each === base);
    if (known) return known;
  }
  return 'en';
}

/** Links of a mail; what is null does not stand in it. */
interface MailLinks {
  /** The page of the order, with keys and downloads. */
  order: string | null;
  renew: string | null;
  /** Where the buyer pays or confirms, at the provider. */
  pay: string | null;
  /** Switches reminders off, in a browser and by one POST. */
  stop: string | null;
}

/** All that stands in a mail, in no language. Instants are ms UTC. */
export interface MailFacts {
  template: MailTemplate;
  vendor: {
    name: string;
    /** Where answers go. */
    replyTo: string | null;
    supportUrl: string | null;
    /** Stands above our own text. */
    intro: string;
    footer: string;
  };
  /** Bought with money that is none. */
  test: boolean;
  /** Of the buyer; '' : not known. */
  name: string;
  products: readonly { name: string; platforms: readonly Platform[]; url: string }[];
  /** Full texts, for this mail and nothing else. */
  keys: readonly string[];
  /** null: the mail is about none. */
  license: {
    /** null: without an end. */
    until: number | null;
    /** null: unlimited. */
    sites: number | null;
    /** A subscription goes on by itself. */
    renewsItself: boolean;
    /** It has ended. */
    over: boolean;
  } | null;
  /** By which buyer and vendor find the order. */
  reference: string | null;
  amount: { minor: number; currency: string } | null;
  /** Of a replaced key: until when the old one goes on. Of a failed payment: until when access lasts. Of a withdrawal: when it came. */
  at: number | null;
  /** What a buyer wrote, or what is the matter. */
  details: readonly { label: DetailLabel; value: string }[];
  links: MailLinks;
}

export type DetailLabel = 'order' | 'name' | 'email' | 'statement' | 'received' | 'problem' | 'about';

/** A mail before it is put into an envelope. Both bodies say the same. */
export interface MailText {
  subject: string;
  text: string;
  html: string;
}
