import { randomBytes } from 'node:crypto';

/** Every stored thing has an id that names its kind, so that a mix-up is told in words instead of a plain 404. */
export const ID_PREFIX = {
  forge: 'fge',
  organization: 'org',
  repository: 'rep',
  product: 'prd',
  release: 'rel',
  artifact: 'art',
  problem: 'prb',
  package: 'pkg',
  price: 'prc',
  customer: 'cus',
  license: 'lic',
  grant: 'grt',
  closing: 'cls',
  key: 'key',
  batch: 'bat',
  bulk: 'blk',
  activation: 'act',
  token: 'tok',
  user: 'usr',
  session: 'ses',
  loginLink: 'lnk',
  delivery: 'dlv',
  job: 'job',
  audit: 'aud',
  lease: 'lse',
  import: 'imp',
  webhook: 'whk',
  webhook_event: 'evt',
  webhook_delivery: 'whd',
  payment_account: 'pac',
  order: 'ord',
  subscription: 'sbs',
  payment: 'pay',
  refund: 'rfd',
  dispute: 'dsp',
  payment_event: 'pev',
  payment_alert: 'pal',
  mail: 'mai',
  withdrawal: 'wdr',
  usage: 'usg',
} as const;

export type IdKind = keyof typeof ID_PREFIX;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const COUNTER_LIMIT = 32 ** 4;

let lastMs = 0;
let counter = 0;

/** Lower case, sortable bytewise by time of making; a clock that is set back does not break the order within this process. */
export function newId(kind: IdKind, now: number = Date.now()): string {
  if (now > lastMs) {
    lastMs = now;
    counter = randomBytes(2).readUInt16BE(0);
  } else if (++counter >= COUNTER_LIMIT) {
    lastMs += 1;
    counter = 0;
  }
  return `${ID_PREFIX[kind]}_${base32(lastMs, 10)}${base32(counter, 4)}${randomText(12)}`;
}

/** The kind that an id names, or null for a text that is no id of ours. */
export function kindOfId(text: string): IdKind | null {
  const match = /^([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}$/.exec(text);
  if (!match) return null;
  const found = Object.entries(ID_PREFIX).find(([, prefix]) => prefix === match[1]);
  return found ? (found[0] as IdKind) : null;
}

function base32(value: number, width: number): string {
  let rest = value;
  let text = '';
  for (let i = 0; i < width; i++) {
    text = ALPHABET[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function randomText(length: number): string {
  let text = '';
  for (const byte of randomBytes(length)) text += ALPHABET[byte % 32];
  return text;
}
