import { z } from 'zod';
import { toIso } from '../clock.ts';
import { type Product, renewUrlOf } from '../releases/product.ts';
import { instant } from './fields.ts';
import { LICENSE_STATUSES, licenseStatus, limitsShown } from './license-status.ts';
import { Entitlement } from './package-terms.ts';
import { opensChannel, type Question, VERDICT_CODES, type Verdict, type VerdictCode } from './verdict.ts';
import { reasonOf } from './verdict-reasons.ts';

/** A question that the gate has answered. */
interface Asked {
  product: Product;
  question: Pick<Question, 'key'>;
  verdict: Verdict;
}

/** What a validation answers. The same question gets the same bytes: what changes with each request stands in its headers. */
export const Validation = z
  .object({
    valid: z.boolean(),
    code: z.enum(VERDICT_CODES),
    detail: z.string(),
    license: z
      .object({
        id: z.string(),
        status: z.enum(LICENSE_STATUSES).meta({ description: 'For the product that was asked about' }),
        valid_until: instant.nullable(),
        updates_until: instant.nullable().meta({
          description: 'The license has ended, and releases from before this instant stay open',
        }),
        trial: z.boolean(),
      })
      .nullable()
      .meta({ description: 'null: no license for this product' }),
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

/** The code of a validation: the verdict's, or a finer one about the channel or the version that was asked for. */
export function validationCode(
  { product, verdict }: Pick<Asked, 'product' | 'verdict'>,
  channel: string | null,
  refusesVersion: boolean,
): VerdictCode {
  if (verdict.code === 'EXPIRED') return refusesVersion ? 'UPDATES_EXPIRED' : 'EXPIRED';
  if (!verdict.allowed || channel === null) return verdict.code;
  return opensChannel(openedChannels(product, verdict), channel) ? verdict.code : 'CHANNEL_NOT_INCLUDED';
}

const REFUSING: ReadonlySet<VerdictCode> = new Set(['EXPIRED', 'UPDATES_EXPIRED', 'CHANNEL_NOT_INCLUDED']);

/** Unknown keys, keys of other products and products that nobody knows all get this, byte for byte. */
export const NO_LICENSE: Validation = noLicense('NOT_FOUND');

function noLicense(code: VerdictCode): Validation {
  return {
    valid: false,
    code,
    detail: reasonOf(code),
    license: null,
    valid_until: null,
    in_grace: false,
    grace_until: null,
    renew_url: null,
    limits: null,
    channels: [],
    entitlements: {},
  };
}

export function validationOf({ product, question, verdict }: Asked, code: VerdictCode): Validation {
  const { key } = question;
  const { terms } = verdict;
  if (terms === null || key.kind !== 'found') return noLicense(code);
  const { license } = key;
  const { sites: max } = limitsShown(license.grants, product, terms);
  const validUntil = terms.end === null ? null : toIso(terms.end);
  const inGrace = terms.state === 'grace';
  const owned = terms.remainders.filter((left) => left.kind === 'owned').map((left) => left.before);
  return {
    valid: verdict.allowed && !REFUSING.has(code),
    code,
    detail: reasonOf(code),
    license: {
      id: license.id,
      status: licenseStatus(license, terms),
      valid_until: validUntil,
      updates_until: terms.state === 'ended' && owned.length > 0 ? toIso(Math.max(...owned)) : null,
      trial: terms.trial,
    },
    valid_until: validUntil,
    in_grace: inGrace,
    grace_until: inGrace && terms.graceEnd !== null ? toIso(terms.graceEnd) : null,
    renew_url: renewUrlOf(product),
    limits: { sites: { used: license.countedSites, exempt: license.exemptSites, max } },
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
