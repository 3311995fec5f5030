import { z } from 'zod';
import type { OrganizationRecord } from '../forge/store.ts';
import { KEY_PREFIX_PATTERN } from '../licensing/license-key.ts';
import { MODES } from '../licensing/verdict.ts';
import { channelsOf } from './channels.ts';
import { OrganizationSettings } from './organization-settings.ts';
import { webAddress } from './product.ts';
import { TargetsBody, TargetsView } from './product-view.ts';
import { PLATFORMS } from './release.ts';
import { changedSelling, SellingBody, SellingView, sellingView } from './selling-view.ts';

const { testKey, newProduct } = OrganizationSettings.shape;
const key = testKey.unwrap().shape;
const product = newProduct.unwrap().shape;

/** What an owner may set of an organization; a part that is left out stays. */
export const OrganizationChangeBody = z
  .strictObject({
    name: z.string().trim().min(1).max(200).meta({ description: 'As customers read it' }),
    key_prefix: z
      .string()
      .regex(KEY_PREFIX_PATTERN, 'must be 2 to 8 capital letters and one digit')
      .meta({ description: 'Of keys that are made from now on; those that there are stay as they are' }),
    support_url: webAddress.nullable().meta({ description: 'Where customers get help' }),
    renew_url: webAddress.nullable().meta({
      description: 'Where keys are bought or renewed, for products that name no address of their own',
    }),
    test_key: z
      .strictObject({
        package_id: key.packageId.unwrap().meta({ description: 'null: whoever makes a test key names a package' }),
        days: key.days.unwrap(),
        sites: key.sites.unwrap().meta({ description: 'null: unlimited' }),
      })
      .partial()
      .meta({ description: 'What a quick test key is, where nobody says otherwise' }),
    new_products: z
      .strictObject({
        platforms: product.platforms.unwrap().meta({ description: 'null: whoever adds a product says it' }),
        mode: product.mode.unwrap(),
        open_channels: product.openChannels.unwrap(),
        missing_site: product.missingSite.unwrap(),
        claim_on: product.claimOn.unwrap(),
        targets: TargetsBody,
      })
      .partial()
      .meta({
        description: 'What a new product is, where nobody says otherwise; products that there are stay as they are',
      }),
    ...SellingBody,
  })
  .partial();
export type OrganizationChange = z.output<typeof OrganizationChangeBody>;

export const OrganizationView = z
  .object({
    id: z.string(),
    slug: z.string().meta({ description: 'Stands in every address' }),
    name: z.string(),
    forge_id: z.string(),
    owner: z.string().meta({ description: 'Login on the forge' }),
    key_prefix: z.string(),
    former_key_prefixes: z.array(z.string()).meta({ description: 'Of keys that were made before; they go on working' }),
    support_url: z.string().nullable(),
    renew_url: z.string().nullable(),
    test_key: z.object({
      package_id: z.string().nullable(),
      days: z.number().int(),
      sites: z.number().int().nullable(),
    }),
    new_products: z.object({
      platforms: z.array(z.enum(PLATFORMS)).nullable(),
      mode: z.enum(MODES),
      open_channels: z.array(z.string()),
      missing_site: z.enum(['allow', 'deny']),
      claim_on: z.enum(['download', 'feed']),
      targets: TargetsView,
    }),
    ...SellingView,
    channels: z.array(z.string()).meta({ description: 'Own ones first; their rules are told by `tag-rules`' }),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Organization' });

export function organizationView(organization: OrganizationRecord): z.input<typeof OrganizationView> {
  const { testKey: test, newProduct: fresh } = organization.settings;
  return {
    id: organization.id,
    slug: organization.slug,
    name: organization.name,
    forge_id: organization.forgeId,
    owner: organization.owner,
    key_prefix: organization.keyPrefix,
    former_key_prefixes: [...organization.formerPrefixes],
    support_url: organization.supportUrl,
    renew_url: organization.renewUrl,
    test_key: { package_id: test.packageId, days: test.days, sites: test.sites },
    new_products: {
      platforms: fresh.platforms,
      mode: fresh.mode,
      open_channels: fresh.openChannels,
      missing_site: fresh.missingSite,
      claim_on: fresh.claimOn,
      targets: fresh.targets,
    },
    ...sellingView(organization.settings),
    channels: channelsOf(organization.rules),
    created_at: organization.createdAt,
  };
}

/** An organization with a change on top. */
export function changedOrganization(before: OrganizationRecord, change: OrganizationChange): OrganizationRecord {
  const { keyPrefix, formerPrefixes, settings } = before;
  const { key_prefix: prefix = keyPrefix, test_key: test = {}, new_products: fresh = {} } = change;
  const former = prefix === keyPrefix ? formerPrefixes : [...formerPrefixes, keyPrefix];
  return {
    ...before,
    name: change.name ?? before.name,
    keyPrefix: prefix,
    formerPrefixes: former.filter((each) => each !== prefix),
    supportUrl: change.support_url === undefined ? before.supportUrl : change.support_url,
    renewUrl: change.renew_url === undefined ? before.renewUrl : change.renew_url,
    settings: {
      ...settings,
      ...changedSelling(settings, change),
      testKey: {
        packageId: test.package_id === undefined ? settings.testKey.packageId : test.package_id,
        days: test.days ?? settings.testKey.days,
        sites: test.sites === undefined ? settings.testKey.sites : test.sites,
      },
      newProduct: {
        platforms: fresh.platforms === undefined ? settings.newProduct.platforms : fresh.platforms,
        mode: fresh.mode ?? settings.newProduct.mode,
        openChannels: fresh.open_channels ?? settings.newProduct.openChannels,
        missingSite: fresh.missing_site ?? settings.newProduct.missingSite,
        claimOn: fresh.claim_on ?? settings.newProduct.claimOn,
        targets: fresh.targets ?? settings.newProduct.targets,
      },
    },
  };
}
