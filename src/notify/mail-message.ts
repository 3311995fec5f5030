import type { MailText } from './mail-facts.ts';

export interface Address {
  name: string;
  address: string;
}

/** A mail with its envelope, as a transport takes it. */
export interface Message extends MailText {
  /** Of the mail's row. The Message-ID is made of it, so that a second attempt is the same mail to whoever gets both. */
  id: string;
  from: Address;
  to: string;
  replyTo: string | null;
  /** Of mails that one may stop getting (RFC 8058). */
  stopUrl: string | null;
}

/** What a transport made of it. `lasting`: the same mail to the same address would be refused again. */
export type SendOutcome = { ok: true } | { ok: false; lasting: boolean; detail: string };

const ADDRESS = /^[^\s@<>(),;:\\"[\]]{1,64}@[^\s@<>(),;:\\"[\]]{1,190}$/;

/** One address and nothing beside it: no list, no header, no comment. */
export function isAddress(text: string): boolean {
  return ADDRESS.test(text) && !hasControls(text);
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

/** What stands in a header: one line, whatever somebody called himself. */
export function oneLine(text: string, most = 200): string {
  return text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, most);
}

/** `Name <name@example.com>` or the address alone; null: neither. */
export function parseSender(text: string): Address | null {
  const match = /^\s*(?:"?([^"<>]*?)"?\s*<([^<>]+)>|(\S+))\s*$/.exec(text);
  const address = (match?.[2] ?? match?.[3] ?? '').trim();
  return isAddress(address) ? { name: oneLine(match?.[1] ?? ''), address } : null;
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

export function messageIdOf({ id, from }: Pick<Message, 'id' | 'from'>): string {
  return `<${id}@${domainOf(from.address)}>`;
}

/** Headers beside those that every mail has. */
export function headersOf({ stopUrl }: Pick<Message, 'stopUrl'>): Record<string, string> {
  return {
    // RFC 3834: no machine is to answer this with a note that somebody is away.
    'Auto-Submitted': 'auto-generated',
    'X-Auto-Response-Suppress': 'All',
    ...(stopUrl === null
      ? {}
      : { 'List-Unsubscribe': `<${stopUrl}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
  };
}
