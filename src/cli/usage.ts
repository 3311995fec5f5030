import { CLI_ACTOR } from '../accounts/actor.ts';
import type { Core } from '../app.ts';
import { DAY, dayOf } from '../clock.ts';
import { kindOfId } from '../ids.ts';
import { requireRange } from '../licensing/shop.ts';
import { readInstallations, readRefusals, readSeries, type UsagePlace, usageOf } from '../licensing/usage-reads.ts';
import { type Dimension, SERIES_OF_KEY, SERIES_OF_PRODUCTS } from '../licensing/usage-series.ts';
import { installationView, refusalView, usageRowView, usageSumsView } from '../licensing/usage-view.ts';
import { requireProduct } from '../releases/product-reads.ts';
import { type Command, choiceOf, EXIT, flagOf, numberOf, required, textOf, UsageError } from './command.ts';
import { withCore } from './session.ts';
import { table } from './table.ts';

const MOST_SHOWN = 400;
const DAYS_SHOWN = 30;
const DIMENSIONS = [...new Set([...SERIES_OF_PRODUCTS, ...SERIES_OF_KEY])];

export const usageCommand: Command = {
  name: 'usage',
  summary: 'What a product, an organization or a license key was used for.',
  usage: '<org/repo|org|key id> [--by code] [--days 30] [--refusals]',
  help: [
    `--by        day (default), ${DIMENSIONS.filter((each) => each !== 'day').join(', ')}`,
    '--from, --to   days in UTC, such as 2027-01-31; or --days back from today (30)',
    '--refusals  what was refused of late instead, and why (of a product or a key)',
  ],
  options: {
    by: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    days: { type: 'string' },
    refusals: { type: 'boolean' },
  },
  async run(call) {
    const { positionals, values, io } = call;
    const name = required(positionals[0], 'the product, organization or key');
    const by: Dimension = choiceOf(values, 'by', DIMENSIONS) ?? 'day';
    return withCore(call, 'database', async (core) => {
      const place = await placeNamed(core, name);
      if (flagOf(values, 'refusals')) return tellRefusals(core, place, io);
      const toDay = dayOf(dayNamed(textOf(values, 'to'), 'to') ?? core.clock());
      const days = numberOf(values, 'days') ?? DAYS_SHOWN;
      const fromDay = dayOf(dayNamed(textOf(values, 'from'), 'from') ?? Date.parse(toDay) - (days - 1) * DAY);
      requireRange(fromDay, toDay);
      const allowed: readonly Dimension[] = 'key' in place ? SERIES_OF_KEY : SERIES_OF_PRODUCTS;
      if (!allowed.includes(by)) throw new UsageError(`--by is here one of ${allowed.join(', ')}`);
      const of = await usageOf(core.db, CLI_ACTOR, place);
      const { totals, rows } = await readSeries(core.db, of, { fromDay, toDay, by, after: null, limit: MOST_SHOWN });
      io.json({ from: fromDay, to: toDay, group_by: by, totals: usageSumsView(totals), items: rows.map(usageRowView) });
      const cells = [...rows, { value: 'all', ...totals }].map(({ value, ...sums }) => [
        ...[value || '-', sums.polls, sums.downloads, sums.validations, sums.refusals, sums.installations ?? '-'],
      ]);
      const head = [by, 'polls', 'downloads', 'validations', 'refusals', 'installations'];
      io.say(table([head, ...cells.map((row) => row.map(String))]));
      return EXIT.ok;
    });
  },
};

export const installationsCommand: Command = {
  name: 'installations',
  summary: 'Who runs which version of a product: sites, keys and customers.',
  usage: '<org/repo> [--version 1.2] [--below 1.3.0] [--affected-by 1.2]',
  help: [
    '--version      1.2 (1.2, 1.2.7, not 1.20), or a range such as ">=1.0 <1.3.1"',
    '--below        everything older than this version',
    "--affected-by  a range, or a release's id: of a security release every version before it, of any other that one",
  ],
  options: { version: { type: 'string' }, below: { type: 'string' }, 'affected-by': { type: 'string' } },
  async run(call) {
    const { positionals, values, io } = call;
    const name = required(positionals[0], 'the product');
    return withCore(call, 'database', async (core) => {
      const product = await requireProduct(core.db, name);
      const wish = {
        ...{ version: textOf(values, 'version') ?? null, below: textOf(values, 'below') ?? null },
        affectedBy: textOf(values, 'affected-by') ?? null,
      };
      const { rows, versions, unknown } = await readInstallations(core.db, product, wish, null, MOST_SHOWN);
      const total = versions.reduce((sum, { count }) => sum + count, 0);
      io.json({ total, unknown, versions, items: rows.map(installationView) });
      const cells = rows.map((row) => [
        ...[row.version || '-', row.site || '-', row.keyHint ?? '-', row.customerEmail || row.customerName || '-'],
        ...[row.platformVersion || '-', row.lastSeenAt.slice(0, 10)],
      ]);
      io.say(table([['version', 'site', 'key', 'customer', 'platform', 'last seen'], ...cells]));
      io.note(`${total} installations${total > rows.length ? `, the first ${rows.length} shown` : ''}.`);
      if (unknown > 0) io.note(`${unknown} more say nothing and fetched nothing: they may run anything.`);
      return EXIT.ok;
    });
  },
};

async function placeNamed(core: Core, name: string): Promise<UsagePlace> {
  if (kindOfId(name) === 'key') return { key: name };
  if (kindOfId(name) === 'product' || name.includes('/')) return { product: (await requireProduct(core.db, name)).id };
  return { org: name };
}

async function tellRefusals(core: Core, place: UsagePlace, io: Parameters<Command['run']>[0]['io']): Promise<number> {
  if ('org' in place) throw new UsageError('--refusals are told of a product or a key');
  const rows = (await readRefusals(core.db, CLI_ACTOR, place, null, MOST_SHOWN)).map(refusalView);
  io.json({ items: rows });
  const cells = rows.map((row) => [row.last_at, row.kind, row.site || '-', row.key_id ?? '-', row.code, row.reason]);
  io.say(table([['last', 'what', 'site', 'key', 'code', 'reason'], ...cells]));
  return EXIT.ok;
}

/** ms of a day; undefined: none is named. */
function dayNamed(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(ms)) throw new UsageError(`--${option} is a day such as 2027-01-31`);
  return ms;
}
