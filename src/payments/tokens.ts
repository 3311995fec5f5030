import { createHash, timingSafeEqual } from 'node:crypto';
import { type IdKind, kindOfId } from '../ids.ts';

/**
 * What a link is good for: `order` shows an order and its keys, `license` renews a license, `customer` stops reminders. A token for
 * one is worth nothing for another.
 */
const PURPOSES = { order: 'order', license: 'license', customer: 'customer' } as const satisfies Record<string, IdKind>;
export type LinkPurpose = keyof typeof PURPOSES;

/** The secret of the installation, as far as links need it. */
export interface LinkSecrets {
  /** HMAC-SHA256 in hex under a key that is used for this purpose only. */
  mac(purpose: string, text: string): string;
}

export interface LinkTokens {
  order(id: string): string;
  license(id: string): string;
  customer(id: string): string;
  /** The id that a token names; null: it is none of ours, or for something else. */
  read(purpose: LinkPurpose, text: string): string | null;
}

/** What a token looks like; another way to make them is another number. */
const VERSION = 1;
const MAC_DIGITS = 40;
const SHAPE = new RegExp(`^([a-z]{3}_[0-9a-z]{26})_${VERSION}([0-9a-f]{${MAC_DIGITS}})$`);

/**
 * Tokens of links that stand in mails: the id and a signature over it and its purpose, so nothing is kept of them and they do not
 * end: a license can be renewed years after the mail came. They say nothing about who follows them, so a page shows no more than the
 * mail did.
 */
export function makeLinkTokens(secrets: LinkSecrets): LinkTokens {
  const macOf = (purpose: LinkPurpose, id: string) =>
    secrets.mac(`link-${purpose}-${VERSION}`, id).slice(0, MAC_DIGITS);
  const tokenOf = (purpose: LinkPurpose) => (id: string) => {
    if (kindOfId(id) !== PURPOSES[purpose]) throw new Error(`"${id}" is no id of a link for ${purpose}`);
    return `${id}_${VERSION}${macOf(purpose, id)}`;
  };
  return {
    order: tokenOf('order'),
    license: tokenOf('license'),
    customer: tokenOf('customer'),
    read(purpose, text) {
      const [, id, mac] = SHAPE.exec(text) ?? [];
      if (id === undefined || mac === undefined || kindOfId(id) !== PURPOSES[purpose]) return null;
      return isSame(mac, macOf(purpose, id)) ? id : null;
    },
  };
}

/** Tells by its time nothing of how much was right. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
