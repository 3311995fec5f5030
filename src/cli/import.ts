import { readIfThere } from '../disk-io.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { csvLines } from '../http/rows-stream.ts';
import { bringIn, type ImportSummary } from '../imports/bring-in.ts';
import { csvOf, headOf, linesOf, type TextFile, writeTextFile } from '../imports/files-io.ts';
import type { ImportRow, RowReport } from '../imports/import-format.ts';
import { recordsOfObjects, rowsOfJsonLines, rowsOfTable, type TableRules } from '../imports/import-rows.ts';
import { zoneOffset } from '../imports/import-time.ts';
import { COLUMNS, IMPORT_KINDS, type ImportKind, PROFILES } from '../imports/profiles.ts';
import { type Call, type Command, EXIT, flagOf, required, textOf, UsageError } from './command.ts';
import { byCli, withCore } from './session.ts';
import { table } from './table.ts';

const FAULTS_SHOWN = 20;
const KINDS = [...IMPORT_KINDS, 'all'] as const;

export const importCommand: Command = {
  name: 'import',
  summary: 'Brings in packages, customers, keys and sites from elsewhere; tells first what it would do.',
  usage: '<all|packages|customers|keys|sites> FILE… --organization acme [--run] [--from csv] [--report report.csv]',
  help: [
    'all           a file that `feedgate export` wrote (JSON lines); the others a CSV, or a JSON array of objects',
    'releases      of an old updates.xml: feedgate import releases --help',
    '--run         does it; without, nothing is written',
    `--from        whose columns they are: ${Object.keys(PROFILES).join(', ')}`,
    '--map         theirs=ours, as often as wanted; theirs= leaves a column out',
    '--timezone    of dates that name none, such as Europe/Berlin or +01:00; without, such dates are refused',
    '--source      a name for where it is from; the same row of the same source is brought in once (the name of --from)',
    '--report      a CSV with what became of every row',
    ...IMPORT_KINDS.map((kind) => `${kind.padEnd(13)} ${COLUMNS[kind].join(', ')}`),
  ],
  options: {
    organization: { type: 'string' },
    org: { type: 'string' },
    run: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    from: { type: 'string' },
    map: { type: 'string', multiple: true },
    timezone: { type: 'string' },
    source: { type: 'string' },
    report: { type: 'string' },
  },
  async run(call) {
    const { positionals, values, io } = call;
    const kind = KINDS.find((each) => each === positionals[0]);
    if (kind === undefined) throw new UsageError(`say what: one of ${KINDS.join(', ')}`);
    const files = positionals.slice(1);
    required(files[0], 'the file');
    if (flagOf(values, 'run') && flagOf(values, 'dry-run')) throw new UsageError('say --run or --dry-run, not both');
    const rules = kind === 'all' ? null : rulesOf(call, kind);
    const slug = required(textOf(values, 'organization') ?? textOf(values, 'org'), '--organization');
    return withCore(call, 'database', async (core) => {
      const organization = await requireOrganization(core.db, slug);
      const summaries: ImportSummary[] = [];
      const report = openReport(textOf(values, 'report'));
      for (const path of files) {
        const { rows, source } = await rowsOf(path, rules, call);
        const wish = {
          ...{ organization, fileName: path, isDry: !flagOf(values, 'run') },
          source: textOf(values, 'source') ?? source ?? textOf(values, 'from') ?? 'csv',
        };
        summaries.push(await bringIn(core, wish, rows, byCli(core), (row) => report?.write(lineOf(row))));
      }
      await report?.close();
      io.json({ dry_run: !flagOf(values, 'run'), imports: summaries });
      for (const summary of summaries) tell(call, summary);
      return summaries.some(({ refused }) => refused > 0) ? EXIT.failed : EXIT.ok;
    });
  },
};

function rulesOf({ values }: Call, kind: ImportKind): TableRules {
  const name = textOf(values, 'from') ?? 'csv';
  const profile = PROFILES[name];
  if (profile === undefined) throw new UsageError(`--from is one of ${Object.keys(PROFILES).join(', ')}`);
  const zone = textOf(values, 'timezone') ?? null;
  if (zone !== null && zoneOffset(zone, 0) === null) throw new UsageError(`there is no time zone "${zone}"`);
  const said = Array.isArray(values['map']) ? values['map'].map(String) : [];
  const pairs = said.map((pair): [string, string] => {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new UsageError('--map is theirs=ours');
    return [pair.slice(0, equals).trim().toLowerCase(), pair.slice(equals + 1).trim()];
  });
  return { kind, profile, zone, map: new Map(pairs) };
}

/** JSON or CSV is told by the first sign of the file. */
async function rowsOf(
  path: string,
  rules: TableRules | null,
  { io }: Call,
): Promise<{ rows: AsyncIterable<ImportRow>; source: string | null }> {
  const head = await headOf(path).catch(() => {
    throw new UsageError(`there is no file ${path}`);
  });
  const first = head.trimStart().charAt(0);
  if (rules === null) {
    if (first !== '{')
      throw new UsageError(`${path} is no file of feedgate export; say what it holds: ${IMPORT_KINDS.join(', ')}`);
    const source = /^\s*\{"type":"feedgate-export"[^\n]*"source":"([^"]+)"/.exec(head)?.[1] ?? null;
    return { rows: rowsOfJsonLines(linesOf(path), () => undefined), source };
  }
  const onIgnored = (names: readonly string[]) => io.note(`${path}: not read: ${names.join(', ')}`);
  const records = first === '[' ? recordsOfObjects(await objectsIn(path)) : csvOf({ path });
  return { rows: rowsOfTable(records, rules, onIgnored), source: null };
}

async function objectsIn(path: string): Promise<unknown[]> {
  try {
    const json: unknown = JSON.parse((await readIfThere(path))?.toString('utf8').replace(/^\uFEFF/, '') ?? '');
    if (Array.isArray(json)) return json;
  } catch {
    // Told below.
  }
  throw new UsageError(`${path} is no JSON array`);
}

function openReport(path: string | undefined): TextFile | null {
  if (path === undefined) return null;
  const file = writeTextFile(path);
  void file.write(csvLines([['line', 'kind', 'ref', 'outcome', 'code', 'words', 'id']]));
  return file;
}

function lineOf({ line, kind, ref, outcome, code, words, id }: RowReport): string {
  return csvLines([[String(line), kind, ref, outcome, code, words, id]]);
}

function tell({ io, values }: Call, summary: ImportSummary): void {
  const { rows, created, unchanged, refused, faults } = summary;
  const would = flagOf(values, 'run') ? '' : 'would be ';
  io.say(`${rows} rows: ${created} ${would}brought in, ${unchanged} unchanged, ${refused} refused.`);
  if (faults.length > 0)
    io.say(
      table([
        ['line', 'code', 'why'],
        ...faults.slice(0, FAULTS_SHOWN).map((row) => [String(row.line), row.code, row.words]),
      ]),
    );
  if (refused > FAULTS_SHOWN) io.note(`${refused - FAULTS_SHOWN} more; --report has all of them.`);
  if (!flagOf(values, 'run')) io.note('Nothing was written; --run does it.');
}
