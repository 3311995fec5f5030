import { licenseKeyView } from '../licensing/key-sale-view.ts';
import { keysAt } from '../licensing/level-keys.ts';
import { KEY_SORTS } from '../licensing/license-filter.ts';
import { type Command, choiceOf, EXIT } from './command.ts';
import { limitOf, listFilterOf, listHelp, listOptions } from './list-options.ts';
import { withCore } from './session.ts';
import { shortTime, table } from './table.ts';

export const keyList: Command = {
  name: 'key list',
  summary: 'License keys with their customers; never their texts.',
  usage: '[--org acme] [--repo hello] [--email jane@example.com] [--hint FG1…7K2M] [--status expiring] [--limit 50]',
  help: listHelp,
  options: listOptions,
  async run(call) {
    return withCore(call, 'database', async (core) => {
      const filter = await listFilterOf(core, call.values);
      const sort = choiceOf(call.values, 'sort', KEY_SORTS) ?? 'created';
      const now = core.clock();
      const { items } = await keysAt(core.db, filter, { sort, limit: limitOf(call.values), after: null, now });
      const views = items.map((each) => licenseKeyView(each, filter.repositoryId ?? null, now));
      call.io.json({ keys: views });
      const rows = views.map(({ id, hint, role, status, valid_until, license }) => [
        ...[id, hint, role === 'master' ? 'master' : license.customer.email || license.customer.name],
        ...[status, role === 'master' ? '-' : shortTime(valid_until)],
      ]);
      call.io.say(
        rows.length === 0 ? 'There is no such key.' : table([['id', 'key', 'customer', 'state', 'until'], ...rows]),
      );
      return EXIT.ok;
    });
  },
};
