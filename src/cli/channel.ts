import { channelUse } from '../releases/channel-users.ts';
import { channelViews } from '../releases/channel-view.ts';
import { type Command, EXIT } from './command.ts';
import { levelOf } from './level.ts';
import { withCore } from './session.ts';
import { table } from './table.ts';

export const channelList: Command = {
  name: 'channel list',
  summary: 'The channels of an organization in their order, and what uses each; feedgate rules set changes them.',
  usage: '[--org acme]',
  options: { org: { type: 'string' } },
  async run(call) {
    return withCore(call, 'database', async (core) => {
      const { organization } = await levelOf(core, call.values);
      const channels = channelViews(organization, await channelUse(core.db, organization));
      call.io.json({ channels });
      const rows = channels.map(({ used_by: used, ...each }) => [
        ...[each.name, each.client_word, [...each.tags, ...each.stream_tags].join(' '), String(each.releases)],
        ...[used.packages.map(({ name }) => name).join(', ') || '-'],
        [...used.products.map(({ path }) => path), ...(used.new_products ? ['new products'] : [])].join(', ') || '-',
      ]);
      const heading = ['channel', 'shown as', 'tags', 'releases', 'packages', 'open in'];
      call.io.say(table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};
