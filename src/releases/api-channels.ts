import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { type Route, route } from '../http/route.ts';
import { channelUse } from './channel-users.ts';
import { ChannelView, channelViews } from './channel-view.ts';
import { ORGANIZATION_LEVEL } from './level.ts';

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
        return { status: 200, body: { items: channelViews(organization, await channelUse(db, organization)) } };
      },
    }),
  ];
}
