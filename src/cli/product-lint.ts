import { readIfThere } from '../disk-io.ts';
import { MODES } from '../licensing/verdict.ts';
import { type LintedFile, type LintFileWish, lintFile } from '../releases/lint-file.ts';
import { productPath } from '../releases/product.ts';
import { requireProduct } from '../releases/product-reads.ts';
import { PLATFORMS, type ReleaseProblem } from '../releases/release.ts';
import { parseReleaseSettings, RELEASE_SETTINGS_PATH, type ReleaseSettings } from '../releases/release-settings.ts';
import { problemView } from '../releases/release-view.ts';
import { parseTargetRange } from '../releases/target-range.ts';
import { problemsOf } from '../releases/whole-releases.ts';
import { type Call, type Command, choiceOf, EXIT, listOf, textOf, UsageError } from './command.ts';
import { FORMATS, type Found, isFailed, print, writeReport } from './lint-report.ts';
import { productsOnServer, settingsFor } from './lint-server.ts';
import { withCore } from './session.ts';

export const productLint: Command = {
  name: 'product lint',
  summary: 'What sites would ignore or refuse: the stored problems of a product, or built zips before they are tagged.',
  usage: '<product> | <file.zip …> [--tag v1.2.3] [--fail-on error] [--format text]',
  help: [
    '--fail-on     error (default), warning or never: what makes the exit code 1; 2 means that it could not run',
    `--format      ${FORMATS.join(', ')}; github prints annotations for a workflow`,
    '--report      a file that gets the JSON answer beside what is printed',
    'For zip files, without installation and network:',
    '--tag         as the release will be tagged; the version in the file must match it; --version says the same',
    '--mode        of the product: listed (default), open or strict',
    '--feed-url    where the product is served, to check what the file asks; several with commas',
    `--settings    ${RELEASE_SETTINGS_PATH} of the repository (that of this folder)`,
    "--target-joomla, --target-dolibarr   versions it runs on, where the settings do not say: '4.4 - 6'",
    'With a server, whose settings of the product then count:',
    '--server      address of Feedgate; --product org/repo; --token, --token-file or FEEDGATE_TOKEN',
  ],
  options: {
    'fail-on': { type: 'string' },
    format: { type: 'string' },
    report: { type: 'string' },
    tag: { type: 'string' },
    version: { type: 'string' },
    server: { type: 'string' },
    product: { type: 'string' },
    token: { type: 'string' },
    'token-file': { type: 'string' },
    mode: { type: 'string' },
    'feed-url': { type: 'string' },
    settings: { type: 'string' },
    'target-joomla': { type: 'string' },
    'target-dolibarr': { type: 'string' },
  },
  async run(call) {
    const { positionals } = call;
    if (positionals.length === 0) throw new UsageError('name a product or zip files');
    const isFiles = positionals.some((each) => /\.zip$/i.test(each));
    const found = isFiles ? await lintFiles(call) : await lintProduct(call);
    const failOn = choiceOf(call.values, 'fail-on', ['error', 'warning', 'never']) ?? 'error';
    const report = textOf(call.values, 'report');
    if (report !== undefined) await writeReport(report, found);
    print(call, found);
    return isFailed(found, failOn) ? EXIT.failed : EXIT.ok;
  },
};

/** The same under the short name that a workflow uses. */
export const lint: Command = { ...productLint, name: 'lint' };

async function lintProduct(call: Call): Promise<Found[]> {
  const [name, ...more] = call.positionals;
  if (name === undefined || more.length > 0) throw new UsageError('one product at a time');
  return withCore(call, 'database', async (core) => {
    const product = await requireProduct(core.db, name);
    const problems = await problemsOf(core.db, product.id);
    const tags = [...new Set(problems.map(({ tag }) => tag))];
    const path = productPath(product);
    if (tags.length === 0) return [{ subject: path, about: '', problems: [] }];
    return tags.map((tag) => ({
      subject: tag === '' ? path : `${path} ${tag}`,
      about: '',
      problems: problems.filter((each) => each.tag === tag).map(problemView),
    }));
  });
}

/** Whatever keeps it from judging is a fault of the call: exit code 2, never 1. */
async function lintFiles(call: Call): Promise<Found[]> {
  const wish = await wishOf(call);
  const products = await productsOnServer(call);
  const found: Found[] = wish.fault === null ? [] : [wish.fault];
  for (const file of call.positionals) {
    const { platforms, version, problems } = await readable(file, { ...wish, ...settingsFor(products, file, wish) });
    found.push({
      subject: file,
      about: platforms.length === 0 ? '' : `${platforms.join(', ')} ${version ?? ''}`.trim(),
      problems,
    });
  }
  return found;
}

async function readable(file: string, wish: LintFileWish): Promise<LintedFile> {
  try {
    return await lintFile(file, wish);
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** `fault`: the settings cannot be used, which is a problem like any other. */
async function wishOf({ values }: Call): Promise<LintFileWish & { fault: Found | null }> {
  const path = textOf(values, 'settings') ?? RELEASE_SETTINGS_PATH;
  const bytes = await readIfThere(path);
  if (bytes === null && textOf(values, 'settings') !== undefined) throw new UsageError(`${path} is not there`);
  const parsed = bytes === null ? null : parseReleaseSettings(bytes);
  const settings: ReleaseSettings | null = parsed?.ok ? parsed.settings : null;
  const targets: LintFileWish['targets'] = {};
  for (const platform of PLATFORMS) {
    const text = textOf(values, `target-${platform}`);
    if (text === undefined) continue;
    const read = parseTargetRange(text);
    if (!read.ok) throw new UsageError(`--target-${platform}: ${read.detail}`);
    targets[platform] = read.range;
  }
  const [tag, version] = [textOf(values, 'tag'), textOf(values, 'version')];
  if (tag !== undefined && version !== undefined && tag !== version)
    throw new UsageError('give --tag or --version, not both');
  return {
    tag: tag ?? version ?? null,
    mode: choiceOf(values, 'mode', MODES) ?? 'listed',
    feedUrls: listOf(values, 'feed-url'),
    settings,
    targets,
    fault: parsed === null || parsed.ok ? null : { subject: path, about: '', problems: [invalid(path, parsed.detail)] },
  };
}

function invalid(path: string, detail: string): ReleaseProblem {
  return {
    code: 'SETTINGS_INVALID',
    severity: 'error',
    platform: null,
    detail: `${path} cannot be used: ${detail}.`,
    fix: 'Mend the file before the release is tagged.',
  };
}
