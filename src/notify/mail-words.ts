import type { Platform } from '../releases/release.ts';
import type { DetailLabel } from './mail-facts.ts';
import type { MailTemplate } from './mail-wish.ts';

/** What a sentence may name. */
export interface Said {
  vendor: string;
  /** Products, joined by commas. */
  product: string;
  /** When the license ends, or ended; '' : it has no end. */
  end: string;
  /** That end lies behind. */
  over: boolean;
  /** The instant that the mail is about, as a day; '' : none. */
  day: string;
  amount: string;
  /** How many keys there are. */
  keys: number;
  renewsItself: boolean;
}

/** One language. Sentences are whole, so that nothing is put together that a language would put together otherwise. */
export interface Words {
  /** For dates and amounts. */
  locale: string;
  greeting(name: string): string;
  subject: Readonly<Record<MailTemplate, (said: Said) => string>>;
  body: Readonly<Record<MailTemplate, (said: Said) => readonly string[]>>;
  keyHeading(keys: number): string;
  stepsHeading: string;
  steps: Readonly<Record<Platform, string>>;
  /** Where the key of something that is neither is typed. */
  otherSteps: string;
  /** What a key is for, so that nobody takes it for a switch of the product. */
  keyIsFor: string;
  labels: {
    product: string;
    until: string;
    sites: string;
    reference: string;
    amount: string;
    noEnd: string;
    renewsItself(end: string): string;
    unlimited: string;
    sitesOf(sites: number): string;
  } & Readonly<Record<DetailLabel, string>>;
  links: { order: string; renew: string; pay: string; stop: string; page: string };
  soldBy(vendor: string): string;
  help(address: string): string;
  test: string;
  testMark: string;
}
