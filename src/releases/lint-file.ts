import { basename } from 'node:path';
import { feedFormats } from '../../feeds/index.ts';
import type { FeedFormat, LintContext, ReadResult } from '../updates/feed-format.ts';
import { ARCHIVE_LIMITS, withArchive } from './archive-io.ts';
import type { ArchiveView, PackageFacts, Platform, ReleaseProblem, TargetRange } from './release.ts';
import type { ReleaseSettings } from './release-settings.ts';
import { DEFAULT_TAG_RULES, interpretTag } from './tag-rules.ts';

/** What is known of a file before it is released; whatever is null is taken from the file itself. */
export interface LintFileWish {
  /** As it will be tagged; null: what the file says is right. */
  tag: string | null;
  mode: LintContext['mode'];
  /** Feeds of the product; empty: whatever the file asks is taken for right. */
  feedUrls: readonly string[];
  /** `.feedgate.yml` of the repository; null: there is none. */
  settings: ReleaseSettings | null;
  targets: Partial<Record<Platform, TargetRange>>;
}

export interface LintedFile {
  file: string;
  /** What it is an extension for; empty: for nothing that is known. */
  platforms: Platform[];
  version: string | null;
  problems: ReleaseProblem[];
}

const PLACEHOLDER = 'https://updates.example.com/ORGANIZATION/REPOSITORY/';

/** Judges a built zip before it is tagged, without a server. Throws where the file cannot be read at all. */
export async function lintFile(path: string, wish: LintFileWish): Promise<LintedFile> {
  const file = basename(path);
  const opened = await withArchive(path, ARCHIVE_LIMITS, async (view) => ({
    files: view.files,
    results: await readAll(view, wish),
  }));
  if (!opened.ok) return { file, platforms: [], version: null, problems: [opened.problem] };
  const { files, results } = opened.value;
  const read = results.flatMap(({ format, result }) => (result.ok ? [{ format, facts: result.facts }] : []));
  if (read.length === 0) return { file, platforms: [], version: null, problems: failures(results) };
  const problems = read.flatMap(({ format, facts }) => judged(format, facts, files, file, wish));
  const platforms = read.map(({ format }) => format.platform);
  return { file, platforms, version: read[0]?.facts.version ?? null, problems };
}

interface Read {
  format: FeedFormat;
  result: ReadResult;
}

async function readAll(view: ArchiveView, wish: LintFileWish): Promise<Read[]> {
  const results: Read[] = [];
  for (const format of feedFormats) {
    const hint = wish.settings?.platforms[format.platform].hint ?? null;
    results.push({ format, result: await format.read(view, hint) });
  }
  return results;
}

/** A file that is plainly meant for one platform and broken is told in that platform's words. */
function failures(results: readonly Read[]): ReleaseProblem[] {
  const problems = results.flatMap(({ result }) => (result.ok ? [] : [result.problem]));
  const broken = problems.filter(({ code }) => code !== 'MANIFEST_MISSING');
  return broken.length > 0 ? broken : problems;
}

function judged(
  format: FeedFormat,
  facts: PackageFacts,
  files: ArchiveView['files'],
  fileName: string,
  wish: LintFileWish,
): ReleaseProblem[] {
  const { platform } = format;
  const { version, clientWord } = versionOf(facts, wish.tag);
  const declared = wish.settings?.platforms[platform].target ?? null;
  const context: LintContext = {
    facts,
    files,
    fileName,
    tag: wish.tag ?? version,
    version,
    clientWord,
    target: declared ?? wish.targets[platform] ?? null,
    targetDeclared: declared !== null,
    mode: wish.mode,
    feedUrls: wish.feedUrls.length > 0 ? [...wish.feedUrls] : assumedFeeds(format, facts),
    earlier: null,
  };
  return format.lint(context).map((each) => offline(each, context));
}

/** Without a server every address that the file asks may be right; only that it asks none is sure to be wrong. */
function assumedFeeds(format: FeedFormat, facts: PackageFacts): string[] {
  const asked =
    facts.platform === 'joomla' ? facts.updateServers : facts.urlLastVersion === null ? [] : [facts.urlLastVersion];
  if (asked.length > 0) return asked;
  return format.documents.filter(({ kind }) => kind === 'feed').map(({ fileName }) => PLACEHOLDER + fileName);
}

/** The product on the server may say what the file does not. */
function offline(found: ReleaseProblem, { target }: LintContext): ReleaseProblem {
  if (found.code !== 'TARGET_PLATFORM_MISSING' || target !== null) return found;
  return {
    ...found,
    severity: 'warning',
    detail: `${found.detail} (The product's settings on the server are not known here.)`,
  };
}

function versionOf(
  facts: PackageFacts,
  tag: string | null,
): { version: string; clientWord: LintContext['clientWord'] } {
  const own = facts.version ?? '0';
  const reading = interpretTag(tag ?? own, DEFAULT_TAG_RULES, { repository: '', prerelease: false, assetVersion: own });
  if (reading.kind !== 'release') return { version: tag ?? own, clientWord: 'stable' };
  // Without a tag the file is right by its own words, whatever a tag would make of them.
  return { version: tag === null ? own : reading.version, clientWord: reading.clientWord };
}
