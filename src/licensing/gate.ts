import type { Clock } from '../clock.ts';
import type { Product } from '../releases/product.ts';
import type { Platform } from '../releases/release.ts';
import type { Secrets } from '../secrets.ts';
import { sealedText } from './keys.ts';
import { parseKeyText } from './license-key.ts';
import type { Lookup, LookupAnswer } from './lookup.ts';
import type { AskedActivation, Record } from './record.ts';
import { siteIdentity } from './site-identity.ts';
import { type SiteClaim, slotIdentity } from './slots.ts';
import { type KeyFound, mayTakeOver, type Question, type Verdict, type VerdictCode, verdict } from './verdict.ts';

/** How a client proves itself, as it came in. */
export interface Credentials {
  keyText: string | null;
  siteText: string | null;
  instanceText: string | null;
  /** Whose client asks; Dolibarr's slot is its instance. null: unknown. */
  platform: Platform | null;
}

/** What the gate found, before anything is written. */
export interface Asked {
  product: Product;
  /** The address that led to the product. */
  path: string;
  /** The document that this address was once the whole address of; null: it names the product alone. */
  document: string | null;
  question: Question;
  verdict: Verdict;
  keyHash: string | null;
  /** The text of a key of which only the hash was known so far; to be sealed, and for nothing else. */
  newText?: string;
}

/** What an answer was about, for whoever counts it. */
interface Use {
  /** The document, or `download`, `missing` (a file that is not there), `validate`. */
  kind: string;
  /** E.g. `joomla/5.2.1`; empty where nothing is said. */
  platformVersion: string;
  /** Of the product, on the site that asks; null where nothing is said. */
  extensionVersion: string | null;
  code: VerdictCode;
  /** Of a download: what is fetched, and whether the verdict opens it. */
  file?: { version: string; channel: string; isOpen: boolean };
  activation?: AskedActivation;
}

export interface Gate {
  /** A key of ours with a typing error: it costs no look-up. */
  isMalformed(keyText: string): boolean;
  /** How a key is looked up; null: it is not one that could be. */
  hashOf(keyText: string): string | null;
  /** null: there is no such product. Throws when the database does not answer. */
  ask(kind: Question['kind'], paths: readonly string[], credentials: Credentials): Promise<Asked | null>;
  /** Writes usage, slot and first use, and resolves once they are durable, with the verdict that holds then. */
  record(asked: Asked, usage: Use): Promise<Verdict>;
}

export interface GateDeps {
  clock: Clock;
  secrets: Pick<Secrets, 'lookupHash' | 'seal'>;
  /** Every prefix that our keys wear here. */
  keyPrefixes(): readonly string[];
  lookup: Lookup;
  record: Record;
}

const INSTANCE_PATTERN = /^[0-9a-f]{32,128}$/;

/** The site that a client names; null where it names none, or what it sends is no host. */
export function siteClaim({ siteText, instanceText, platform }: Credentials): SiteClaim | null {
  const named = siteText === null ? null : siteIdentity(siteText);
  const lower = instanceText?.trim().toLowerCase() ?? '';
  const instance = INSTANCE_PATTERN.test(lower) ? lower : null;
  const byInstance = platform === 'dolibarr' && instance !== null;
  if (!named?.ok) {
    if (instance === null) return null;
    return { host: '', registrable: '', exempt: null, exemptBeside: null, instance, byInstance: true };
  }
  const exempt = named.class === 'counted' ? null : named.class;
  return { host: named.host, registrable: named.registrable, exempt, exemptBeside: named.beside, instance, byInstance };
}

export function makeGate(deps: GateDeps): Gate {
  const { clock, secrets, lookup, record } = deps;

  function hashOf(keyText: string | null): { hash: string | null; found: KeyFound; text?: string } {
    const parsed = keyText === null ? ({ kind: 'none' } as const) : parseKeyText(keyText, deps.keyPrefixes());
    if (parsed.kind === 'none' || parsed.kind === 'malformed') return { hash: null, found: { kind: parsed.kind } };
    if (parsed.kind === 'unusable') return { hash: null, found: { kind: 'unknown' } };
    return { hash: secrets.lookupHash(parsed.text), found: { kind: 'unknown' }, text: parsed.text };
  }

  /** The same question, now that it matters which site has been silent the longest. */
  async function withIdlest(question: Question, keyHash: string | null): Promise<Pick<Asked, 'question' | 'verdict'>> {
    const { key } = await lookup({ paths: [], keyHash, site: question.site, withIdlest: true });
    const anew = { ...question, key };
    return { question: anew, verdict: verdict(anew) };
  }

  return {
    isMalformed: (keyText) => parseKeyText(keyText, deps.keyPrefixes()).kind === 'malformed',
    hashOf: (keyText) => hashOf(keyText).hash,
    async ask(kind, paths, credentials) {
      const { hash, found, text } = hashOf(credentials.keyText);
      const claim = siteClaim(credentials);
      const answer: LookupAnswer = await lookup({ paths, keyHash: hash, site: claim });
      const { product, path, document } = answer;
      if (product === null || path === null) return null;
      const key = hash === null ? found : answer.key;
      // A browser that fetches a file for its Dolibarr does not say so; a product of one platform does.
      const platform = credentials.platform ?? (product.platforms.length === 1 ? (product.platforms[0] ?? null) : null);
      const site = platform === credentials.platform ? claim : siteClaim({ ...credentials, platform });
      const question: Question = { now: clock(), kind, product, key, site };
      const decided = { question, verdict: verdict(question) };
      const taken = mayTakeOver(decided.verdict) ? await withIdlest(question, hash) : decided;
      const isNew = key.kind === 'found' && key.license.key.textUnknown === true && text !== undefined;
      return { product, path, document, ...taken, keyHash: hash, ...(isNew ? { newText: text } : {}) };
    },
    record(asked, { kind, platformVersion, extensionVersion, code, file, activation }) {
      const { question } = asked;
      const license = question.key.kind === 'found' ? question.key.license : null;
      // A key of another product tells its owner's statistics nothing.
      const known = license !== null && asked.verdict.terms !== null;
      return record({
        question,
        verdict: asked.verdict,
        keyHash: asked.keyHash,
        ...(license !== null && asked.newText !== undefined
          ? { learned: sealedText(secrets, license.key.id, asked.newText) }
          : {}),
        code,
        activation,
        usage: {
          product_id: asked.product.id,
          key_id: known ? license.key.id : '',
          license_id: known ? license.id : '',
          site: question.site === null ? '' : slotIdentity(question.site, 'host'),
          kind,
          platform_version: platformVersion.slice(0, 40),
          version: (file?.version ?? extensionVersion ?? '').slice(0, 40),
          channel: file?.channel ?? '',
          refused: (file?.isOpen ?? asked.verdict.allowed) ? 0 : 1,
        },
      });
    },
  };
}
