import { z } from 'zod';
import { parseAllowedSites } from './allowed-sites.ts';
import { KEY_PURPOSES } from './license-key.ts';

/** Fields of requests and answers that several routes share. */

const FIRST = 0;
/** The last instant that fits the fixed width of 24 characters. */
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** RFC 3339 with a zone, in a request; the handler gets ms UTC. */
export const instantField = z.iso
  .datetime({ offset: true, error: 'must be a date and time with zone, such as 2027-01-31T23:59:59Z' })
  .transform((text) => Date.parse(text))
  .refine((ms) => ms >= FIRST && ms <= LAST, 'must lie between the years 1970 and 9999 in UTC');

/** An instant in an answer: UTC with milliseconds. */
export const instant = z.iso.datetime();

/** A day in UTC. */
export const dayField = z.iso.date({ error: 'must be a day such as 2027-01-31' });

/** Nobody's money is refused for an address that is only unusual: one @ with something on both sides. */
export const emailField = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .regex(/^[^\s@]+@[^\s@]+$/, 'must be an e-mail address')
  .meta({ format: 'email' });

export const nameField = z.string().trim().min(1).max(200);
export const reasonField = z.string().trim().max(500).default('');
export const quantityField = z.number().int().min(1).max(100_000).default(1);
export const paymentRefField = z
  .string()
  .trim()
  .min(1)
  .max(255)
  .meta({ description: "The shop's id of the payment; together with `line` it sells once for ever" });
export const lineField = z
  .union([z.string().trim().min(1).max(100), z.number().int().min(0).transform(String)])
  .default('1')
  .meta({ description: 'Which line of the payment' });

/** Sites that a key is bound to, `example.com` or `*.example.com`; an empty list binds it to none. */
export const domainsField = z
  .array(z.string().max(2_048))
  .superRefine((entries, context) => {
    const parsed = parseAllowedSites(entries);
    if (parsed.ok) return;
    for (const { index, detail } of parsed.errors) {
      context.addIssue({ code: 'custom', path: [index], message: detail });
    }
  })
  .meta({ description: 'Sites that the key works on, `example.com` or `*.example.com`; empty: any' });

export const labelField = z.string().trim().max(200);
export const purposeField = z.enum(KEY_PURPOSES).meta({ description: 'Only a label: it opens no more and no less' });
export const siteLimitField = z
  .number()
  .int()
  .min(1)
  .max(1_000_000_000)
  .nullable()
  .meta({ description: "How many of its license's sites the key may use, at most all; null: all" });
/** An own text of a key, e.g. of one sold elsewhere before. */
export const keyTextField = z.string().min(1).max(512);

/** `null` is unlimited; 0 adds none. */
export const limitField = z.number().int().min(0).max(1_000_000_000).nullable();
