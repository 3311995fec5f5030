import { writeFile } from 'node:fs/promises';
import { csvLines } from '../http/rows-stream.ts';
import { BATCH_COLUMNS, batchRows } from '../licensing/batch-reads.ts';
import { makeBatch } from '../licensing/batches.ts';
import { KEY_PURPOSES } from '../licensing/license-key.ts';
import { requirePackage } from '../licensing/package-reads.ts';
import { type Command, choiceOf, EXIT, numberOf, required, textOf, UsageError } from './command.ts';
import { levelOf } from './level.ts';
import { byCli, withCore } from './session.ts';

const MOST = 100_000;

export const keyBatch: Command = {
  name: 'key batch',
  summary: 'Makes many keys of one package in advance, for a marketplace, and writes them into a CSV file.',
  usage: '--package "One year" --count 500 --csv out.csv [--name doli-2027-01] [--org acme] [--repo hello]',
  help: [
    '--package   what each key gives, by name or id',
    `--count     how many, at most ${MOST}`,
    '--csv       the file: key, key_id, license_id, package, valid_until, key_status',
    '--name      of the batch; the same name again makes only what is missing and writes the file anew',
    '--quantity  how many times the package each license has it (1)',
    '--customer  the id of whoever gets them; the unsold stock otherwise',
    '--label     a name for every key',
    `--purpose   ${KEY_PURPOSES.join(', ')}`,
  ],
  options: {
    package: { type: 'string' },
    count: { type: 'string' },
    csv: { type: 'string' },
    name: { type: 'string' },
    quantity: { type: 'string' },
    customer: { type: 'string' },
    label: { type: 'string' },
    purpose: { type: 'string' },
    org: { type: 'string' },
    repo: { type: 'string' },
  },
  async run(call) {
    const { values } = call;
    const named = required(textOf(values, 'package'), '--package');
    const file = required(textOf(values, 'csv'), '--csv');
    const count = numberOf(values, 'count') ?? 0;
    const quantity = numberOf(values, 'quantity') ?? 1;
    if (count < 1 || count > MOST) throw new UsageError(`--count is a number from 1 to ${MOST}`);
    if (quantity < 1) throw new UsageError('--quantity is at least 1');
    return withCore(call, 'database', async (core) => {
      const level = await levelOf(core, values);
      const { id: packageId } = await requirePackage(core.db, level, named);
      const wish = {
        ...{ name: textOf(values, 'name') ?? null, packageId, count, quantity, source: 'admin' as const },
        ...{ customerId: textOf(values, 'customer') ?? null, label: textOf(values, 'label') ?? '' },
        purpose: choiceOf(values, 'purpose', KEY_PURPOSES) ?? 'commercial',
      };
      const by = byCli(core);
      const batch = await makeBatch(core, level, wish, by, (made) => {
        if (made % 10_000 === 0) call.io.note(`${made} of ${count}`);
      });
      let written = 0;
      const lines = [csvLines([BATCH_COLUMNS])];
      for await (const rows of await batchRows(core, batch.id, by)) {
        written += rows.length;
        lines.push(csvLines(rows.map((row) => BATCH_COLUMNS.map((name) => String(row[name] ?? '')))));
      }
      await writeFile(file, lines.join(''), { mode: 0o600 });
      call.io.json({ id: batch.id, name: batch.name, made: batch.made, written, csv: file });
      call.io.say(`${written} keys of the batch "${batch.name}" (${batch.id}) are in ${file}.`);
      return EXIT.ok;
    });
  },
};
