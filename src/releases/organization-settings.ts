import { z } from 'zod';
import { MailSettings } from '../notify/mail-settings.ts';
import { PaymentPolicy } from '../payments/policy.ts';
import { SellerSettings } from '../payments/seller.ts';
import { DEFAULT_OPEN_CHANNELS, ProductChange, ProductSettings } from './product.ts';

const own = ProductChange.shape;

/** What a quick test key is, where nobody says otherwise. */
const TestKeySettings = z.object({
  /** null: the caller names a package. */
  packageId: z.string().max(64).nullable().default(null),
  days: z.number().int().min(1).max(3_650).default(14),
  /** null: unlimited. */
  sites: z.number().int().min(0).max(1_000_000_000).nullable().default(1),
});

/** What a new product of the organization is, where nobody says otherwise. */
const NewProductSettings = z.object({
  /** null: whoever adds a product says it. */
  platforms: own.platforms.nullable().default(null),
  mode: own.mode.default('listed'),
  openChannels: own.open_channels.default([...DEFAULT_OPEN_CHANNELS]),
  missingSite: own.missing_site.default('allow'),
  claimOn: own.claim_on.default('download'),
  targets: ProductSettings.shape.targets,
});

/** What an organization decides once for all that is made in it later. An empty object has every default. */
export const OrganizationSettings = z.object({
  testKey: TestKeySettings.prefault({}),
  newProduct: NewProductSettings.prefault({}),
  payments: PaymentPolicy.prefault({}),
  seller: SellerSettings.prefault({}),
  mail: MailSettings.prefault({}),
});
export type OrganizationSettings = z.infer<typeof OrganizationSettings>;

export const NO_ORGANIZATION_SETTINGS: OrganizationSettings = OrganizationSettings.parse({});
