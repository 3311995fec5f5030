import { z } from 'zod';
import { DAY, toIso } from '../clock.ts';
import { type Product, renewUrlOf } from '../releases/product.ts';
import { instant } from './fields.ts';
import { LICENSE_STATUSES, licenseStatus, limitsShown } from './license-status.ts';
import { Entitlement } from './package-terms.ts';
import { slotHeldBy } from './slots.ts';
import type { Terms } from './terms.ts';
import {
  isReplaced,
  type LicenseSnapshot,
  limitsInForce,
  opensChannel,
  type Question,
  VERDICT_CODES,
  type Verdict,
  type VerdictCode,
} from './verdict.ts';
import { reasonOf } from './verdict-reasons.ts';

/** A question that the gate has answered. */
interface Asked {
  product: Product;
  question: Pick<Question, 'key' | 'site' | 'now'>;
  verdict: Verdict;
}

/** What a validation answers. The same question at the same instant gets the same bytes: the id of the request stands in its headers. */
export const Validation = z
  .object({
    valid: z.boolean(),
    code: z.enum(VERDICT_CODES),
    detail: z.string(),
    ts: instant.meta({ description: 'When this was answered, by the clock of the server' }),
    nonce: z.string().nullable().meta({ description: 'As sent' }),
    next_check_at: instant.meta({ description: 'Nothing changes before that by the mere passing of time' }),
    license: z
      .object({
        id: z.string(),
        status: z.enum(LICENSE_STATUSES).meta({ description: 'For the product that was asked about' }),
        valid_until: instant.nullable(),
        updates_until: instant.nullable().meta({
          description: 'The license has ended, and releases from before this instant stay open',
        }),
        trial: z.boolean(),
        purpose: z.string().meta({ description: 'Of the key: commercial, test or internal' }),
      })
      .nullable()
      .meta({ description: 'null: no license for this product' }),
    activation: z
      .object({
        id: z.string(),
        counted: z.boolean(),
        exempt_reason: z.string().nullable(),
        first_seen_at: instant,
      })
      .nullable()
      .meta({ description: 'The slot of the site that asks; null: it has none, or named itself by nothing' }),
    valid_until: instant.nullable(),
    in_grace: z.boolean(),
    grace_until: instant.nullable(),
    renew_url: z.string().nullable(),
    limits: z
      .object({
        sites: z.object({
          used: z.number().int(),
          exempt: z.number().int(),
          max: z.number().int().nullable().meta({ description: 'null: unlimited' }),
          over_limit: z.boolean().meta({ description: 'More sites count than the limit says' }),
          key: z
            .object({ used: z.number().int(), max: z.number().int() })
            .nullable()
            .meta({ description: 'A limit that this key has of its own' }),
        }),
      })
      .nullable(),
    channels: z
      .array(z.string())
      .meta({ description: 'What a poll of this site would be shown; `*` is every channel' }),
    entitlements: z.record(z.string(), Entitlement),
  })
  .meta({ id: 'Validation' });
export type Validation = z.input<typeof Validation>;

/** The code of a validation: the verdict's, or a finer one about the channel, the version or the features that were asked for. */
export function validationCode(
  { product, verdict }: Pick<Asked, 'product' | 'verdict'>,
  channel: string | null,
  refusesVersion: boolean,
  entitlements: readonly string[] = [],
): VerdictCode {
  if (verdict.code === 'EXPIRED') return refusesVersion ? 'UPDATES_EXPIRED' : 'EXPIRED';
  if (!verdict.allowed) return verdict.code;
  if (channel !== null && !opensChannel(openedChannels(product, verdict), channel)) return 'CHANNEL_NOT_INCLUDED';
  return lacksEntitlement(verdict.terms?.entitlements ?? {}, entitlements) ? 'ENTITLEMENT_MISSING' : verdict.code;
}

const REFUSING: ReadonlySet<VerdictCode> = new Set([
  ...['EXPIRED', 'UPDATES_EXPIRED', 'CHANNEL_NOT_INCLUDED', 'ENTITLEMENT_MISSING'],
] as VerdictCode[]);

/** What every answer says of itself, whatever the key. */
export interface Stamp {
  /** ms UTC. */
  now: number;
  /** What the asker sent along, so that he knows the answer for his. */
  nonce: string | null;
}

/** Unknown keys, keys of other products and products that nobody knows all get this, byte for byte; a mistyped key its own code. */
export function noLicense(code: VerdictCode, { now, nonce }: Stamp): Validation {
  return {
    valid: false,
    code,
    detail: reasonOf(code),
    ts: toIso(now),
    nonce,
    next_check_at: toIso(now + CHECK_EVERY),
    license: null,
    activation: null,
    valid_until: null,
    in_grace: false,
    grace_until: null,
    renew_url: null,
    limits: null,
    channels: [],
    entitlements: {},
  };
}

/** A day, unless the answer changes sooner by the mere passing of time. */
function nextCheck({ startsAt, end, graceEnd }: Terms, now: number): number {
  const turns = [startsAt, end, graceEnd].filter((at): at is number => at !== null && at > now);
  return Math.min(now + CHECK_EVERY, ...turns);
}

const CHECK_EVERY = DAY;

export function validationOf(
  { product, question, verdict }: Asked,
  code: VerdictCode,
  nonce: string | null,
): Validation {
  const { key } = question;
  const { terms } = verdict;
  const { now } = question;
  if (terms === null || key.kind !== 'found') return noLicense(code, { now, nonce });
  const { license } = key;
  const { sites: max } = limitsShown(license.grants, product, terms);
  const validUntil = terms.end === null ? null : toIso(terms.end);
  const inGrace = terms.state === 'grace';
  const owned = terms.remainders.filter((left) => left.kind === 'owned').map((left) => left.before);
  return {
    valid: verdict.allowed && !REFUSING.has(code),
    code,
    detail: detailOf(code, license, now),
    ts: toIso(now),
    nonce,
    next_check_at: toIso(nextCheck(terms, now)),
    license: {
      id: license.id,
      purpose: license.key.purpose,
      status: licenseStatus(license, terms),
      valid_until: validUntil,
      updates_until: terms.state === 'ended' && owned.length > 0 ? toIso(Math.max(...owned)) : null,
      trial: terms.trial,
    },
    activation: activationOf(question, terms),
    valid_until: validUntil,
    in_grace: inGrace,
    grace_until: inGrace && terms.graceEnd !== null ? toIso(terms.graceEnd) : null,
    renew_url: renewUrlOf(product),
    limits: {
      sites: {
        ...{ used: license.countedSites, exempt: license.exemptSites, max },
        over_limit: max !== null && license.countedSites > max,
        key: keyLimitOf(license),
      },
    },
    channels: openedChannels(product, verdict),
    entitlements: verdict.allowed ? terms.entitlements : {},
  };
}

/** In the mode `open` the open channels need no key, so they are part of what a key opens. */
function openedChannels(product: Asked['product'], verdict: Verdict): string[] {
  if (!verdict.allowed) return [];
  const open = product.mode === 'open' ? product.openChannels : [];
  const all = new Set([...verdict.channels, ...open]);
  return all.has('*') ? ['*'] : [...all].sort();
}

/** Who holds the key of a withdrawn license is told so; a key that was replaced has a successor to ask for. */
function detailOf(code: VerdictCode, { key }: LicenseSnapshot, now: number): string {
  if (code === 'KEY_REVOKED' && !key.revoked && isReplaced(key, now))
    return 'This license key was replaced; use the new one.';
  return reasonOf(code);
}

function activationOf({ key, site }: Asked['question'], terms: Terms): Validation['activation'] {
  if (key.kind !== 'found' || site === null) return null;
  const slot = slotHeldBy(site, limitsInForce(terms).siteUnit, key.license.held);
  if (slot === null) return null;
  const { id, counted, exemptReason, firstSeenAt } = slot;
  return { id, counted, exempt_reason: exemptReason, first_seen_at: toIso(firstSeenAt) };
}

function keyLimitOf({ key }: LicenseSnapshot): { used: number; max: number } | null {
  return key.siteLimit === null ? null : { used: key.countedSites, max: key.siteLimit };
}

/** Whether a license holds all features that were asked for: something else than `false`, 0 or an empty text. */
function lacksEntitlement(held: Terms['entitlements'], wanted: readonly string[]): boolean {
  return wanted.some((name) => !Object.hasOwn(held, name) || !held[name]);
}
