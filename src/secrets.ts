import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The two secrets of an installation, made once. Lose them and every key is lost. */
export interface Secrets {
  /** Look-up hash of a license key or API token, hex: HMAC(pepper, SHA-256(text)). */
  lookupHash(text: string): string;
  /** The same for a text of which only the SHA-256 (hex) is known: an imported hash. */
  lookupHashOfSha256(sha256Hex: string): string;
  /** AES-256-GCM under a key of its own per purpose; bound to `id`, so that a sealed text cannot be moved to another row. */
  seal(purpose: string, id: string, plaintext: string): string;
  /** Throws when the text was sealed under another key or for another row. */
  open(purpose: string, id: string, sealed: string): string;
  /** HMAC-SHA256 in hex under a key of its own per purpose: proves that a text that comes back was ours. */
  mac(purpose: string, text: string): string;
  /** Tells one pepper from another without telling the pepper. */
  fingerprint: string;
}

const SECRET_BYTES = 32;

export function makeSecrets(pepper: Buffer, encryptionKey: Buffer): Secrets {
  // Purposes are few, and a key is asked for with every account and every key that is opened.
  const subKeys = new Map<string, Buffer>();
  const subKey = (purpose: string) => {
    const known = subKeys.get(purpose) ?? Buffer.from(hkdfSync('sha256', encryptionKey, 'feedgate', purpose, 32));
    subKeys.set(purpose, known);
    return known;
  };
  const lookupHashOfSha256 = (hex: string) =>
    createHmac('sha256', pepper).update(Buffer.from(hex, 'hex')).digest('hex');
  return {
    lookupHash: (text) => lookupHashOfSha256(createHash('sha256').update(text).digest('hex')),
    lookupHashOfSha256,
    seal(purpose, id, plaintext) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', subKey(purpose), nonce).setAAD(Buffer.from(`${purpose}|${id}`));
      const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
    },
    open(purpose, id, sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', subKey(purpose), bytes.subarray(0, 12))
        .setAAD(Buffer.from(`${purpose}|${id}`))
        .setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
    },
    mac: (purpose, text) =>
      createHmac('sha256', subKey(`mac:${purpose}`))
        .update(text)
        .digest('hex'),
    fingerprint: createHmac('sha256', pepper).update('fingerprint').digest('hex').slice(0, 16),
  };
}

/** Reads `pepper:encryptionKey` (hex, 64 characters each); throws in words. */
export function parseSecretKey(text: string): { pepper: Buffer; encryptionKey: Buffer } {
  const match = /^([0-9a-f]{64}):([0-9a-f]{64})$/i.exec(text.trim());
  if (!match) {
    throw new Error('the secret key must be two 64-digit hexadecimal numbers joined by a colon, as Feedgate wrote it');
  }
  return { pepper: Buffer.from(match[1] as string, 'hex'), encryptionKey: Buffer.from(match[2] as string, 'hex') };
}

/** The text of the installation's secret key: as given, else from `DATA_DIR/secret.key`, which the first start makes (mode 0600). */
export function loadSecretKey(
  dataDir: string,
  given: string | undefined,
  mayCreate: boolean,
): { text: string; created: boolean } {
  if (given !== undefined) return { text: given, created: false };
  const path = join(dataDir, 'secret.key');
  try {
    return { text: readFileSync(path, 'utf8'), created: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (!mayCreate) throw new Error(`there is no secret key: set SECRET_KEY or put the file ${path} back`);
  const text = `${randomBytes(SECRET_BYTES).toString('hex')}:${randomBytes(SECRET_BYTES).toString('hex')}`;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, `${text}\n`);
    fsyncSync(file);
    closeSync(file);
    return { text, created: true };
  } catch (error) {
    // Another process of the same installation was first; its key is the key.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return { text: readFileSync(path, 'utf8'), created: false };
    throw error;
  }
}

/** Compares without telling by time how much was right. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
