import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { type Route, route } from '../http/route.ts';
import { channelUse } from './channel-users.ts';
import { ORGANIZATION_LEVEL } from './level.ts';
import { productPath } from './product.ts';
import { CLIENT_WORDS } from './release.ts';
import { readRules } from './rules.ts';
import { CHANNEL_WORDS, mergeRules } from './tag-rules.ts';

const ChannelView = z
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

/** The channels of an organization, in order, and what would miss them. */
export function channelRoutes({ db }: { db: Db }): Route[] {
  return [
    route({
      method: 'get',
      path: `${ORGANIZATION_LEVEL.path}/channels`,
      operationId: 'listChannels',
      summary: 'The channels of an organization and what uses them',
      description:
        'In their order: where the patterns of two fit a tag, the first one counts. They are set with `tag-rules`; one that is used cannot go.',
      tag: 'tag-rules',
      scope: 'any',
      role: 'viewer',
      params: ORGANIZATION_LEVEL.params,
      answers: { 200: z.object({ items: z.array(ChannelView) }) },
      problems: ['NOT_FOUND'],
      async handler({ params }, { actor }) {
        const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
        return { status: 200, body: { items: await channelViews(db, organization) } };
      },
    }),
  ];
}

async function channelViews(db: Db, organization: OrganizationRecord): Promise<z.input<typeof ChannelView>[]> {
  const rules = mergeRules(readRules({ organization, repository: null }).organization, null);
  const { usersOf, releases } = await channelUse(db, organization);
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
