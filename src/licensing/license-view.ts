import { z } from 'zod';
import type { CustomerRecord } from '../accounts/store-customers.ts';
import { isoOrNull } from '../clock.ts';
import { SUBSCRIPTION_STATES } from '../payments/facts.ts';
import { MODES } from '../payments/gateway.ts';
import type { LicenseSubscriptionRecord } from '../payments/store-license-subscriptions.ts';
import { type Product, productPath } from '../releases/product.ts';
import { instant } from './fields.ts';
import { LICENSE_STATUSES, licenseStatus, wholeTerms } from './license-status.ts';
import { Entitlement, type Grant } from './package-terms.ts';
import type { LicenseRecord } from './store-licenses.ts';
import type { Limits } from './terms.ts';

/** A license with everything that its answer is computed from. */
export interface WholeLicense {
  record: LicenseRecord;
  customer: CustomerRecord;
  ledger: readonly Grant[];
  /** All products of the organization, retired ones too. */
  products: readonly Product[];
  /** Those that paid or pay for it. */
  subscriptions: readonly LicenseSubscriptionRecord[];
}

const Slots = z
  .object({ used: z.number().int(), max: z.number().int().nullable().meta({ description: 'null: unlimited' }) })
  .meta({ id: 'Slots' });
const LimitsView = z
  .object({
    sites: z
      .object({
        used: z.number().int(),
        exempt: z.number().int().meta({ description: 'Sites that do not count: test copies, local ones' }),
        max: z.number().int().nullable().meta({ description: 'null: unlimited' }),
      })
      .meta({ id: 'SiteSlots' }),
    devices: Slots,
    seats: Slots,
    sessions: Slots,
  })
  .meta({ id: 'Limits' });

const ProductOfLicense = z
  .object({
    id: z.string(),
    path: z.string(),
    status: z.enum(LICENSE_STATUSES),
    valid_until: instant.nullable(),
    grace_until: instant.nullable(),
    channels: z.array(z.string()).meta({ description: 'In force now; `*` is every channel' }),
    max_sites: z.number().int().nullable(),
    entitlements: z.record(z.string(), Entitlement),
  })
  .meta({ id: 'ProductOfLicense' });

const CustomerView = z
  .object({ id: z.string(), name: z.string(), email: z.string(), kind: z.string() })
  .meta({ id: 'Customer' });

const SubscriptionOfLicense = z
  .object({
    ...{ id: z.string(), provider: z.string(), mode: z.enum(MODES), state: z.enum(SUBSCRIPTION_STATES) },
    runs: z.boolean().meta({ description: 'It will be charged again by itself' }),
    past_due: z.boolean().meta({ description: 'A charge failed; access lasts until `grace_until`' }),
    paid_through: instant.nullable(),
    grace_until: instant.nullable(),
    cancel_at: instant.nullable().meta({ description: 'When it ends, where somebody has canceled it' }),
    next_at: instant.nullable().meta({ description: 'When it is charged next; null: not any more' }),
  })
  .meta({ id: 'SubscriptionOfLicense' });

export const LicenseView = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    customer: CustomerView,
    master: z.boolean(),
    status: z.enum(LICENSE_STATUSES),
    valid_until: instant.nullable().meta({ description: 'null: without an end, or canceled' }),
    starts_at: instant.nullable().meta({ description: 'When it begins, where it has not yet' }),
    grace_until: instant.nullable(),
    canceled_at: instant.nullable(),
    suspended_at: instant.nullable(),
    revoked_at: instant.nullable(),
    state_reason: z.string().nullable().meta({ description: 'Why it is suspended or revoked' }),
    limits: LimitsView,
    over_limit: z.boolean().meta({ description: 'More sites are in use than allowed; none is cut, none is added' }),
    products: z.array(ProductOfLicense),
    subscriptions: z.array(SubscriptionOfLicense).meta({ description: 'Those that are not over' }),
    notes: z.string(),
    created_at: instant,
  })
  .meta({ id: 'License' });
export type LicenseView = z.input<typeof LicenseView>;

/**
 * What is shown of a license at one instant. Routes of a repository show the time that its packages give, for its products; limits
 * are always those of the whole license, because its sites are compared as a whole.
 */
export function licenseView(whole: WholeLicense, repositoryId: string | null, now: number): LicenseView {
  const { record, customer, ledger } = whole;
  const products = whole.products.filter((each) => repositoryId === null || each.repositoryId === repositoryId);
  const flags = { suspended: record.suspendedAt !== null, revoked: record.revokedAt !== null };
  const all = wholeTerms(ledger, products, now);
  const shown = repositoryId === null ? all : wholeTerms(shownLedger(ledger, repositoryId), products, now);
  const limits = limitsView(all.limits, record);
  const isCanceled = shown.state === 'canceled' || shown.state === 'none';
  return {
    id: record.id,
    organization_id: record.organizationId,
    customer: { id: customer.id, name: customer.name, email: customer.email, kind: customer.kind },
    master: record.master,
    status: licenseStatus(flags, shown),
    valid_until: isoOrNull(shown.validUntil),
    starts_at: isoOrNull(shown.startsAt),
    grace_until: isoOrNull(shown.graceUntil),
    canceled_at: isoOrNull(shown.canceledAt),
    suspended_at: record.suspendedAt,
    revoked_at: record.revokedAt,
    state_reason: record.stateReason,
    limits,
    over_limit: !isCanceled && all.limits.sites !== null && record.countedSites > all.limits.sites,
    products: shown.products
      .filter(({ product }) => product.retiredAt === null)
      .map(({ product, terms, limits: { sites } }) => ({
        id: product.id,
        path: productPath(product),
        status: licenseStatus(flags, terms),
        valid_until: isoOrNull(terms.end),
        grace_until: isoOrNull(terms.graceEnd),
        channels: terms.channels,
        max_sites: sites,
        entitlements: terms.entitlements,
      })),
    subscriptions: whole.subscriptions.filter(({ endedAt }) => endedAt === null).map(subscriptionOfLicense),
    notes: record.notes,
    created_at: record.createdAt,
  };
}

function subscriptionOfLicense(found: LicenseSubscriptionRecord): z.input<typeof SubscriptionOfLicense> {
  const { id, provider, mode, state, runs, paidThrough, failedAt, graceUntil, cancelAt } = found;
  return {
    ...{ id, provider, mode, state, runs, past_due: failedAt !== null, paid_through: paidThrough },
    ...{ grace_until: graceUntil, cancel_at: cancelAt, next_at: runs && cancelAt === null ? paidThrough : null },
  };
}

/** The grants that a repository's routes show. An add-on alone has no time of its own: then all that carry it count. */
function shownLedger(ledger: readonly Grant[], repositoryId: string | null): readonly Grant[] {
  if (repositoryId === null) return ledger;
  const mine = ledger.filter((grant) => grant.package.repositoryId === repositoryId);
  if (mine.every((grant) => grant.package.kind === 'addon')) return ledger;
  // Others give nothing here, but what they took the place of is over all the same.
  return ledger.map((grant) => (mine.includes(grant) ? grant : givingNothing(grant)));
}

function givingNothing(grant: Grant): Grant {
  const { package: sold } = grant;
  return { ...grant, package: { ...sold, kind: 'addon', terms: { ...sold.terms, products: [] } } };
}

/** Only sites hold slots so far. */
function limitsView(limits: Limits, { countedSites, exemptSites }: LicenseRecord): LicenseView['limits'] {
  return {
    sites: { used: countedSites, exempt: exemptSites, max: limits.sites },
    devices: { used: 0, max: limits.devices },
    seats: { used: 0, max: limits.seats },
    sessions: { used: 0, max: limits.sessions },
  };
}
