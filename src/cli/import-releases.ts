import { oldDocuments } from '../../feeds/index.ts';
import type { Core } from '../app.ts';
import { readIfThere } from '../disk-io.ts';
import { csvLines } from '../http/rows-stream.ts';
import { bringReleases, type ReleasesSummary } from '../imports/bring-releases.ts';
import { writeTextFile } from '../imports/files-io.ts';
import type { ReleaseReport } from '../imports/old-release.ts';
import type { Product } from '../releases/product.ts';
import { newestFacts, requireProduct } from '../releases/product-reads.ts';
import type { OldDocumentReader, OldRelease } from '../updates/old-releases.ts';
import type { OldFeed } from '../updates/survey.ts';
import { type Call, type Command, EXIT, flagOf, listOf, required, textOf, UsageError } from './command.ts';
import { fetchDocument } from './fetch-document.ts';
import { byCli, withCore } from './session.ts';
import { table } from './table.ts';

export const importReleases: Command = {
  name: 'import releases',
  summary: 'Brings in versions that only an old updates.xml knows, with their files; tells first what it would do.',
  usage: '<updates.xml|URL …> --product acme/com_shop [--run] [--report report.csv]',
  help: [
    '--run         fetches and stores them; without, nothing is fetched but the document, and nothing is written',
    '--element     which extension, where the document holds several',
    '--allow-host  hosts of files that have no public address, such as git.intern; that of a document URL is one of them.',
    '              Files at other addresses that are not public are refused, by redirects too',
    '--report      a CSV with what became of every version',
    'What the forge has is compared and never changed. The same document twice changes nothing.',
  ],
  options: {
    product: { type: 'string' },
    element: { type: 'string' },
    'allow-host': { type: 'string', multiple: true },
    run: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    report: { type: 'string' },
  },
  async run(call) {
    const { positionals, values, io } = call;
    required(positionals[0], 'the document');
    const name = required(textOf(values, 'product'), '--product');
    if (flagOf(values, 'run') && flagOf(values, 'dry-run')) throw new UsageError('say --run or --dry-run, not both');
    return withCore(call, 'database', async (core) => {
      const product = await requireProduct(core.db, name);
      const reader = oldDocuments.find(({ platform }) => product.platforms.includes(platform));
      if (!reader) throw new UsageError(`${name} is for no platform whose old documents name files`);
      const documents: Imported[] = [];
      for (const place of positionals) documents.push(await ofDocument(call, core, { product, reader, place }));
      await writeReport(textOf(values, 'report'), documents);
      io.json({ dry_run: !flagOf(values, 'run'), documents });
      for (const document of documents) tell(call, document);
      if (!flagOf(values, 'run')) io.note('Nothing was written; --run does it.');
      return documents.some(({ refused }) => refused > 0) ? EXIT.failed : EXIT.ok;
    });
  },
};

type Imported = ReleasesSummary & { from: string; versions: ReleaseReport[] };

async function ofDocument(
  { values, io }: Call,
  core: Core,
  { product, reader, place }: { product: Product; reader: OldDocumentReader; place: string },
): Promise<Imported> {
  const isRemote = /^https?:\/\//i.test(place);
  const { from, bytes } = isRemote ? await fetchDocument(place) : await fileAt(place);
  const document = reader.read(bytes);
  if (!document.ok) throw new UsageError(`${from} cannot be read: ${document.detail}`);
  const { releases } = document;
  const { platform } = reader;
  const element = await elementOf(core, product, reader, releases, textOf(values, 'element'));
  const trusted = [...listOf(values, 'allow-host'), ...(isRemote ? [new URL(place).hostname] : [])];
  const versions: ReleaseReport[] = [];
  const wish = { product, platform, releases, element, trusted, isDry: !flagOf(values, 'run') };
  const summary = await bringReleases(core.reconcile, wish, byCli(core), (report) => {
    versions.push(report);
    if (!wish.isDry) io.note(`${versions.length}/${releases.length} ${report.version}: ${report.code}`);
  });
  return { from, ...summary, versions };
}

async function fileAt(path: string): Promise<OldFeed> {
  const bytes = await readIfThere(path);
  if (bytes === null) throw new UsageError(`there is no file ${path}`);
  return { from: path, bytes };
}

/** null: the document holds one extension, whatever it calls it; its files say what they are. */
async function elementOf(
  { db, reconcile }: Core,
  product: Product,
  { platform }: OldDocumentReader,
  releases: readonly OldRelease[],
  said: string | undefined,
): Promise<string | null> {
  const elements = [...new Set(releases.map(({ element }) => element))];
  const names = elements.map((each) => each || '(none)').slice(0, 20);
  if (said !== undefined && !elements.includes(said))
    throw new UsageError(`there is no ${said} in the document, only ${names.join(', ')}`);
  if (said !== undefined || elements.length < 2) return said ?? null;
  const compare = reconcile.ingest.formats.find((each) => each.platform === platform)?.compareVersions ?? (() => 0);
  const facts = await newestFacts(db, product, platform, compare);
  const own = facts?.platform === 'joomla' ? facts.element : null;
  if (own !== null && elements.includes(own)) return own;
  throw new UsageError(`the document holds several extensions: say --element, one of ${names.join(', ')}`);
}

async function writeReport(path: string | undefined, documents: readonly Imported[]): Promise<void> {
  if (path === undefined) return;
  const rows = documents.flatMap(({ from, versions }) =>
    versions.map(({ version, outcome, code, words, faults, id }) => [
      ...[from, version, outcome, code, words, faults.join('; '), id],
    ]),
  );
  const file = writeTextFile(path);
  await file.write(csvLines([['document', 'version', 'outcome', 'code', 'words', 'faults', 'id'], ...rows]));
  await file.close();
}

function tell(
  { io, values }: Call,
  { from, releases, created, unchanged, refused, versions, ...rest }: Imported,
): void {
  const would = flagOf(values, 'run') ? '' : 'would be ';
  io.say(`${from}: ${releases} versions: ${created} ${would}brought in, ${unchanged} unchanged, ${refused} refused.`);
  if (versions.length > 0)
    io.say(table([['version', 'code', 'why'], ...versions.map(({ version, code, words }) => [version, code, words])]));
  const faults = [...new Set(versions.flatMap((each) => each.faults))];
  if (faults.length > 0)
    io.say(['Wrong in the document:', ...faults.map((fault) => `  - ${told(fault, versions)}`)].join('\n'));
  if (rest.proposals.length > 0)
    io.say(['Channels that are missing; make those you want, and run this again:', ...rest.proposals].join('\n  '));
}

/** At how many of the versions it stands, where it is not at all of them. */
function told(fault: string, versions: readonly ReleaseReport[]): string {
  const own = versions.filter(({ faults }) => faults.includes(fault));
  const some = own.slice(0, 5).map(({ version }) => version);
  const which = own.length === versions.length ? 'every version' : some.join(', ') + (own.length > 5 ? ', …' : '');
  return `${which}: ${fault}`;
}
