import { z } from 'zod';
import { DAY, fromIso, toIso } from '../clock.ts';
import type { SubscriptionFact } from './facts.ts';

/** Which subscription is to be taken over, and what somebody knows of its license. */
export interface AdoptionWish {
  /** Of the CSV; null: the provider listed it. */
  line: number | null;
  externalId: string;
  /** Each null where it is not said. */
  licenseId: string | null;
  key: string | null;
  email: string | null;
}

/** Why a subscription is not taken over. */
const ADOPTION_REFUSALS = {
  NO_ID: 'the line names no subscription',
  NAMED_TWICE: 'an earlier line names it too',
  NOT_AT_PROVIDER: 'the provider knows no such subscription',
  ENDED: 'it is over at the provider',
  FOREIGN_PRICE: 'none of its prices is one of a package here',
  NO_LICENSE: 'no license of its customer has its package',
  SEVERAL_LICENSES: 'several licenses of its customer have its package; name one in a CSV',
  LICENSE_NOT_FOUND: 'the license or key that it names is none of the organization',
  LICENSE_REVOKED: 'the license was revoked',
  LICENSE_LACKS_PACKAGE: 'the license does not have the package that it pays for',
  LICENSE_HAS_SUBSCRIPTION: 'another subscription pays for the license already',
} as const;
export type AdoptionRefusal = keyof typeof ADOPTION_REFUSALS;

const AdoptionLineView = z
  .object({
    line: z.number().int().nullable().meta({ description: 'Of the CSV; null: the provider listed it' }),
    external_id: z.string(),
    outcome: z
      .enum(['adopt', 'known', 'refused'])
      .meta({ description: '`known`: it was taken over or sold here before' }),
    license_id: z.string().nullable(),
    found_by: z.enum(['license', 'key', 'note', 'email']).nullable().meta({
      description: "`note`: what the subscription's own notes at the provider say",
    }),
    code: z.string().nullable(),
    detail: z.string(),
  })
  .meta({ id: 'AdoptionLine' });
export type AdoptionLine = z.output<typeof AdoptionLineView>;

export const AdoptionReport = z
  .object({
    dry_run: z.boolean(),
    counts: z.object({ adopt: z.number().int(), known: z.number().int(), refused: z.number().int() }),
    lines: z.array(AdoptionLineView),
  })
  .meta({ id: 'AdoptionReport' });
export type AdoptionReport = z.output<typeof AdoptionReport>;

export function refusedLine(
  { line, externalId }: Pick<AdoptionWish, 'line' | 'externalId'>,
  code: AdoptionRefusal,
  licenseId: string | null = null,
): AdoptionLine {
  const detail = ADOPTION_REFUSALS[code];
  return { line, external_id: externalId, outcome: 'refused', license_id: licenseId, found_by: null, code, detail };
}

export function reportOf(lines: AdoptionLine[], isDryRun: boolean): AdoptionReport {
  const count = (outcome: AdoptionLine['outcome']) => lines.filter((line) => line.outcome === outcome).length;
  const counts = { adopt: count('adopt'), known: count('known'), refused: count('refused') };
  return { dry_run: isDryRun, counts, lines };
}

/** Names of columns, as shops write them. */
const COLUMNS: Record<'externalId' | 'licenseId' | 'key' | 'email', readonly string[]> = {
  externalId: ['external_id', 'subscription', 'subscription_id', 'id'],
  licenseId: ['license', 'license_id'],
  key: ['key', 'license_key'],
  email: ['email', 'customer_email', 'mail'],
};

/** The wishes of a CSV; a text: what is wrong with its first line. */
export function wishesOfCsv(records: readonly { line: number; cells: readonly string[] }[]): AdoptionWish[] | string {
  const [head, ...rest] = records;
  const names = (head?.cells ?? []).map((name) => name.trim().toLowerCase());
  const place = (field: keyof typeof COLUMNS) => names.findIndex((name) => COLUMNS[field].includes(name));
  if (place('externalId') < 0) return `the first line must name the column external_id; it names ${names.join(', ')}`;
  return rest.map(({ line, cells }) => {
    const cell = (field: keyof typeof COLUMNS) => cells[place(field)]?.trim() || null;
    return {
      ...{ line, externalId: cell('externalId') ?? '', licenseId: cell('licenseId'), key: cell('key') },
      email: cell('email'),
    };
  });
}

/** One that is over stays over: there is nothing to take over. */
export function isOver({ state, endedAt }: Pick<SubscriptionFact, 'state' | 'endedAt'>): boolean {
  return state === 'canceled' || state === 'expired' || state === 'incomplete' || endedAt !== null;
}

/**
 * Since when its payments count here. What was paid before, the license has by its import, so that nothing is given twice. Where the
 * imported time is over already, a renewal came in between: from about that end on it counts.
 */
export function countsSince(licenseEnd: string | null, now: number): string {
  return licenseEnd === null ? toIso(now) : toIso(Math.min(now, fromIso(licenseEnd) - DAY));
}
