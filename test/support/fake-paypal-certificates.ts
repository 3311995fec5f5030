import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** A certificate with the key to what it certifies. */
export interface Certified {
  pem: string;
  key: KeyObject;
  subject: string;
}

export interface Wanted {
  /** Its common name. */
  subject: string;
  /** Who signs it; null: it signs itself. */
  issuer: Certified | null;
  authority?: boolean;
  from?: number;
  until?: number;
  /** A key of its own, where the shared one of all fakes will not do. */
  ownKey?: boolean;
}

const YEAR = 365 * 24 * 3_600_000;
const SHA256_RSA = '1.2.840.113549.1.1.11';
const COMMON_NAME = '2.5.4.3';
const BASIC_CONSTRAINTS = '2.5.29.19';
const keys: { shared?: ReturnType<typeof newKeys>; serial: number } = { serial: 1_000 };

function newKeys() {
  return generateKeyPairSync('rsa', { modulusLength: 2_048 });
}

/** X.509 v3 by hand, since Node makes none: a common name, dates, and whether it may sign others. */
export function certify({ subject, issuer, authority = false, from, until, ownKey = false }: Wanted): Certified {
  keys.shared ??= newKeys();
  const pair = ownKey ? newKeys() : keys.shared;
  const algorithm = sequence(oid(SHA256_RSA), der(0x05));
  const start = from ?? Date.UTC(2020, 0, 1);
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([keys.serial++ >> 8, keys.serial & 0x7f])),
    algorithm,
    nameOf(issuer?.subject ?? subject),
    sequence(instant(start), instant(until ?? start + 40 * YEAR)),
    nameOf(subject),
    pair.publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa3, sequence(constraints(authority))),
  );
  const signature = sign('sha256', body, issuer?.key ?? pair.privateKey);
  const whole = sequence(body, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  const pem = ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
  return { pem, key: pair.privateKey, subject };
}

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = length < 256 ? [length] : [length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length, ...bytes]), content]);
}

function sequence(...parts: Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(commonName)))));
}

/** GeneralizedTime, which goes beyond 2049. */
function instant(ms: number): Buffer {
  return der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)}Z`));
}

function constraints(authority: boolean): Buffer {
  const value = authority ? sequence(der(0x01, Buffer.from([0xff]))) : sequence();
  return sequence(oid(BASIC_CONSTRAINTS), der(0x01, Buffer.from([0xff])), der(0x04, value));
}
