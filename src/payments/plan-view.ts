import { z } from 'zod';
import { LENGTH_UNITS, type PackageTerms } from '../licensing/package-terms.ts';
import { MODES } from './gateway.ts';
import type { Offers } from './sold-price.ts';

const count = z.number().int();
const length = z.object({ value: count, unit: z.enum(LENGTH_UNITS) }).nullable();

const PlanPriceView = z.object({
  code: z.string().meta({ description: 'What checkout takes' }),
  provider: z.string(),
  amount_minor: count.meta({ description: 'Of one piece before tax, in minor units of the currency' }),
  currency: z.string(),
  interval: length.meta({ description: 'It is paid again every so often; null: once' }),
  duration: length.meta({ description: 'How long what it buys lasts; null: without an end, or until `fixed_until`' }),
  buy_url: z.string().meta({ description: 'A page of ours where it can be bought: a plain link will do' }),
});

export const PlansView = z
  .object({
    organization: z.string(),
    name: z.string(),
    test: z.boolean().meta({ description: 'Whether it is an account for tests that takes the payments' }),
    terms_url: z.string().nullable(),
    privacy_url: z.string().nullable(),
    withdrawal_url: z.string().nullable(),
    consent: z
      .object({ version: z.string(), text: z.string() })
      .nullable()
      .meta({ description: 'What a buyer must agree to; checkout takes its version' }),
    items: z.array(
      z.object({
        package_id: z.string(),
        name: z.string(),
        description: z.string(),
        kind: z.enum(['base', 'addon', 'trial']),
        fixed_until: z.iso.datetime().nullable(),
        channels: z.array(z.string()),
        sites: count.nullable().meta({ description: 'null: unlimited' }),
        devices: count.nullable(),
        seats: count.nullable(),
        sessions: count.nullable(),
        prices: z.array(PlanPriceView),
      }),
    ),
  })
  .meta({ id: 'Plans' });

export function plansView({ organization, mode, offers }: Offers, publicUrl: string): z.input<typeof PlansView> {
  const { seller } = organization.settings;
  return {
    ...{ organization: organization.slug, name: organization.name, test: mode === MODES[1] },
    ...{ terms_url: seller.termsUrl, privacy_url: seller.privacyUrl },
    withdrawal_url: withdrawalUrlOf(organization, publicUrl),
    consent: seller.consent,
    items: offers.map(({ offer, prices }) => ({
      ...{ package_id: offer.id, name: offer.name, description: offer.description },
      kind: offer.kind as 'base' | 'addon' | 'trial',
      ...termsInShort(offer.terms),
      prices: prices.map((price) => ({
        ...{ code: price.code, provider: price.provider, amount_minor: price.amount_minor, currency: price.currency },
        ...{ interval: price.interval, duration: price.interval ?? price.duration ?? offer.terms.length },
        buy_url: `${publicUrl}/buy/${encodeURIComponent(organization.slug)}/${encodeURIComponent(price.code)}`,
      })),
    })),
  };
}

function termsInShort({ fixed, channels, sites, devices, seats, sessions }: PackageTerms) {
  const until = fixed === null ? null : new Date(fixed.until).toISOString();
  return { fixed_until: until, channels, sites, devices, seats, sessions };
}

/** Where a consumer withdraws: the seller's own page, else ours; null: somebody else is the seller. */
export function withdrawalUrlOf({ slug, settings }: Offers['organization'], publicUrl: string): string | null {
  const { withdrawalUrl, withdrawals } = settings.seller;
  return withdrawalUrl ?? (withdrawals ? `${publicUrl}/withdraw/${encodeURIComponent(slug)}` : null);
}
