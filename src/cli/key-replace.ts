import { requireKey } from '../licensing/key-reads.ts';
import { keyText } from '../licensing/keys.ts';
import { exchangeKey } from '../licensing/level-keys.ts';
import { type Command, EXIT, numberOf, required, textOf, UsageError } from './command.ts';
import { byCli, withCore } from './session.ts';
import { shortTime } from './table.ts';

export const keyReplace: Command = {
  name: 'key replace',
  summary: 'Makes a new license key in the place of one, which goes on for a while, and shows it.',
  usage: '<id or text> [--overlap-days 14] [--reason "stands in an old mail"]',
  options: { 'overlap-days': { type: 'string' }, reason: { type: 'string' } },
  async run(call) {
    const named = required(call.positionals[0], 'the key');
    const overlapDays = numberOf(call.values, 'overlap-days') ?? 14;
    if (overlapDays > 365) throw new UsageError('--overlap-days is at most 365');
    const reason = textOf(call.values, 'reason') ?? '';
    return withCore(call, 'database', async (core) => {
      const found = await requireKey(core.db, core.secrets, named);
      const change = { overlapDays, reason };
      const { key, next, isNew } = await exchangeKey(core.db, core.secrets, found.key.id, change, byCli(core));
      const text = keyText(core.secrets, next);
      call.io.json({ key: text, id: next.id, replaces: key.id, old_key_ends_at: key.endsAt, replaced_before: !isNew });
      if (!isNew) call.io.note('It was replaced before, by this key.');
      call.io.note(`The old key works until ${shortTime(key.endsAt)}.`);
      call.io.say(text);
      return EXIT.ok;
    });
  },
};
