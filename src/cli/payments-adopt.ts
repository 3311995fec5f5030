import { readIfThere } from '../disk-io.ts';
import { adoptSubscriptions } from '../payments/adopt-subscriptions.ts';
import { type Command, EXIT, flagOf, textOf, UsageError } from './command.ts';
import { accountSaid } from './payments.ts';
import { byCli, withCore } from './session.ts';
import { table } from './table.ts';

export const paymentsAdopt: Command = {
  name: 'payments adopt',
  summary: 'Links subscriptions that run already to imported licenses, so that the next renewal finds its license.',
  usage: '<organization> [--provider stripe] [--mode live] [--csv subscriptions.csv] [--write]',
  help: [
    '--csv     columns external_id and one of license, key, email; else the provider lists them, where it can',
    '--write   does it; without it only what would be done is told',
  ],
  options: {
    provider: { type: 'string' },
    mode: { type: 'string' },
    csv: { type: 'string' },
    write: { type: 'boolean' },
  },
  async run(call) {
    const file = textOf(call.values, 'csv');
    const bytes = file === undefined ? null : await readIfThere(file);
    if (file !== undefined && bytes === null) throw new UsageError(`there is no file ${file}`);
    return withCore(call, 'database', async (core) => {
      const { id } = await accountSaid(core, call);
      const wish = { csv: bytes?.toString('utf8') ?? null, isDryRun: !flagOf(call.values, 'write') };
      const report = await adoptSubscriptions(core.payments, id, wish, byCli(core));
      call.io.json(report);
      const rows = report.lines.map((line) => [
        ...[line.external_id, line.code ?? line.outcome, line.license_id ?? '-', line.found_by ?? '-', line.detail],
      ]);
      if (rows.length > 0) call.io.say(table([['subscription', 'outcome', 'license', 'found by', 'why'], ...rows]));
      const { adopt, known, refused } = report.counts;
      const words = report.dry_run ? 'would be linked' : 'linked';
      call.io.say(`${adopt} ${words}, ${known} known already, ${refused} not.`);
      if (report.dry_run && adopt > 0) call.io.say('Nothing was changed: say --write to do it.');
      return EXIT.ok;
    });
  },
};
