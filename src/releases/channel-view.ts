import { z } from 'zod';
import type { OrganizationRecord } from '../forge/store.ts';
import type { PackageRecord } from '../licensing/store-packages.ts';
import { type Product, productPath } from './product.ts';
import { CLIENT_WORDS } from './release.ts';
import { CHANNEL_WORDS, mergeRules, tagRulesSchema } from './tag-rules.ts';

/** What needs a channel to be there. */
export interface ChannelUsers {
  /** As they are sold now; inactive ones too. */
  packages: PackageRecord[];
  /** By their open channels; retired ones too. */
  products: Product[];
  /** Whether it stands among the open channels of new products. */
  newProducts: boolean;
}

/** What uses each channel, and how many listed releases it has; a channel that has none is missing. */
export interface ChannelUse {
  usersOf(name: string): ChannelUsers;
  releases: ReadonlyMap<string, number>;
}

export const ChannelView = z
  .object({
    name: z.string(),
    client_word: z.enum(CLIENT_WORDS).meta({ description: 'What Joomla is told the channel is' }),
    own: z.boolean().meta({ description: 'Made by the organization; false: one of the five that are always there' }),
    tags: z.array(z.string()).meta({ description: 'Patterns of tags that belong to it, beside what its name says' }),
    stream_tags: z.array(z.string()).meta({
      description: 'A tag of this name may move: its version is read from its file',
    }),
    takes_prereleases: z.boolean().meta({
      description: "Whether it is the channel of what only the forge's own mark says is a prerelease",
    }),
    releases: z.number().int().meta({ description: 'Listed ones, of all products' }),
    used_by: z.object({
      packages: z.array(z.object({ id: z.string(), name: z.string() })),
      products: z.array(z.object({ id: z.string(), path: z.string() })).meta({ description: 'By their open channels' }),
      new_products: z.boolean().meta({ description: 'Among the open channels of new products' }),
    }),
  })
  .meta({ id: 'Channel' });

/** In their order. */
export function channelViews(
  organization: Pick<OrganizationRecord, 'rules'>,
  { usersOf, releases }: ChannelUse,
): z.input<typeof ChannelView>[] {
  const rules = mergeRules(tagRulesSchema.parse(JSON.parse(organization.rules)), null);
  return rules.channels.map(({ name, word, tags }) => {
    const { packages, products, newProducts } = usersOf(name);
    const isOwn = !CLIENT_WORDS.some((each) => each === name);
    return {
      name,
      client_word: word,
      own: isOwn,
      tags: [...tags],
      stream_tags: isOwn ? [name] : [...CHANNEL_WORDS].flatMap(([said, channel]) => (channel === name ? [said] : [])),
      takes_prereleases: rules.prerelease === name,
      releases: releases.get(name) ?? 0,
      used_by: {
        packages: packages.map(({ id, name: sold }) => ({ id, name: sold })),
        products: products.map((product) => ({ id: product.id, path: productPath(product) })),
        new_products: newProducts,
      },
    };
  });
}
