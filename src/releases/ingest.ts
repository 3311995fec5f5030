import { ForgeTrouble } from '../errors.ts';
import { newId } from '../ids.ts';
import type { FeedFormat, LintContext } from '../updates/feed-format.ts';
import type { ForgeSide } from './artifacts.ts';
import { type Candidate, readTag } from './candidates.ts';
import { changelogFromNotes, parseChangelog } from './changelog.ts';
import { type Findings, type OpenDeps, type OpenedFile, openFile } from './open-file.ts';
import type { Product } from './product.ts';
import type { Changelog, PackageFacts, Platform, ReleaseProblem, TargetRange } from './release.ts';
import { parseReleaseSettings, RELEASE_SETTINGS_PATH, type ReleaseSettings } from './release-settings.ts';
import type { ArtifactRecord } from './store-releases.ts';
import type { TagReading, TagRules } from './tag-rules.ts';

/** What looking at one tag for one product ended in. Files are kept in the store; nothing is written to the database yet. */
export interface Ingested {
  /** null: no version could be found, so there is no release, only problems. */
  version: string | null;
  channel: string;
  clientWord: 'dev' | 'alpha' | 'beta' | 'rc' | 'stable';
  changelog: Changelog;
  security: boolean;
  phpMinimum: string | null;
  targets: Partial<Record<Platform, TargetRange>>;
  artifacts: Omit<ArtifactRecord, 'releaseId'>[];
  problems: ReleaseProblem[];
  /** The forge names a file that it does not give: the next sweep asks for it again, changed or not. */
  lookAgain: boolean;
}

export interface IngestDeps extends OpenDeps {
  formats: readonly FeedFormat[];
  /** ISO. */
  now: string;
}

export interface IngestInput {
  side: ForgeSide;
  product: Product;
  rules: TagRules;
  candidate: Candidate;
  /** Addresses at which we serve the product's feed on a platform, the current one first. */
  feedUrls(platform: Platform): string[];
  /** Facts of the newest earlier listed release on a platform. */
  earlier(platform: Platform, version: string): PackageFacts | null;
}

/** Fetches, opens and judges one candidate. Throws ForgeTrouble where the forge is at fault: then it is tried again later. */
export async function ingest(deps: IngestDeps, input: IngestInput): Promise<Ingested | null> {
  const { candidate, product, side, rules } = input;
  const first = readTag(candidate, rules, side.repository.name, null);
  if (first.kind === 'ignored') return null;
  if (first.kind === 'unreadable') return { ...nothing(), problems: versionProblem(candidate, first, false) };
  const findings: Findings = { problems: [], lookAgain: false };
  const settings = await releaseSettings(side, candidate, findings);
  const files: OpenedFile[] = [];
  try {
    for (const platform of product.platforms) {
      const format = deps.formats.find((each) => each.platform === platform);
      if (!format) continue;
      const opened = await openFile(deps, input, format, settings, first, findings);
      if (opened) files.push(opened);
    }
    const version = files[0]?.version ?? null;
    const reading = first.kind === 'release' ? first : readTag(candidate, rules, side.repository.name, version);
    if (reading.kind === 'release') return await judge(deps, input, settings, reading, files, findings);
    const problems = [...findings.problems, ...versionProblem(candidate, reading, files.length > 0)];
    return { ...nothing(), problems, lookAgain: findings.lookAgain };
  } finally {
    // What was kept is no longer there; all else must not pile up.
    for (const file of files) await deps.store.drop(file.path);
  }
}

function nothing(): Ingested {
  return {
    version: null,
    channel: '',
    clientWord: 'dev',
    changelog: [],
    security: false,
    phpMinimum: null,
    targets: {},
    artifacts: [],
    problems: [],
    lookAgain: false,
  };
}

async function releaseSettings(
  side: ForgeSide,
  candidate: Candidate,
  findings: Findings,
): Promise<ReleaseSettings | null> {
  const bytes = await textFile(side, candidate, RELEASE_SETTINGS_PATH);
  if (bytes === null) return null;
  const parsed = bytes === 'refused' ? unreadable(findings) : parseReleaseSettings(bytes);
  if (parsed.ok) return parsed.settings;
  findings.problems.push({
    code: 'SETTINGS_INVALID',
    severity: 'error',
    platform: null,
    detail: `${RELEASE_SETTINGS_PATH} cannot be used: ${parsed.detail}.`,
    fix: 'Mend the file and move the tag, or release again.',
  });
  return null;
}

/** `refused`: it is too large, or the forge does not give it. */
async function textFile(side: ForgeSide, { commit }: Candidate, path: string): Promise<Uint8Array | 'refused' | null> {
  try {
    return await side.driver.readFile(side.connection, side.repository, commit, path);
  } catch (error) {
    if (error instanceof ForgeTrouble && error.reason === 'refused') return 'refused';
    throw error;
  }
}

/** Whether it is the size or the right that is wrong is not told apart, so it is asked for again. */
function unreadable(findings: Findings): { ok: false; detail: string } {
  findings.lookAgain = true;
  return { ok: false, detail: 'the forge does not give it, or it is larger than 1 MB' };
}

function versionProblem(candidate: Candidate, reading: TagReading, hasFile: boolean): ReleaseProblem[] {
  if (reading.kind === 'ignored' || (reading.kind === 'stream' && !hasFile)) return [];
  const code = reading.kind === 'unreadable' ? reading.code : 'TAG_WITHOUT_VERSION';
  const reason = reading.kind === 'unreadable' ? reading.reason : 'neither the file nor its manifest names a version';
  return [
    {
      code,
      severity: 'error',
      platform: null,
      detail: `The tag "${candidate.tag}" is no version: ${reason}.`,
      fix: 'Name tags like 1.2.3 or 1.2.3-beta.1, or add an ignore pattern or a rule for this tag.',
    },
  ];
}

async function judge(
  deps: IngestDeps,
  input: IngestInput,
  settings: ReleaseSettings | null,
  reading: Extract<TagReading, { kind: 'release' }>,
  files: readonly OpenedFile[],
  findings: Findings,
): Promise<Ingested> {
  const { candidate, product, rules } = input;
  const channel = rules.channels.find((each) => each.name === settings?.channel);
  const clientWord = channel?.word ?? reading.clientWord;
  const { changelog, problem: changelogProblem } = await readChangelog(input, settings, reading.version, findings);
  const found = changelogProblem ? [...findings.problems, changelogProblem] : [...findings.problems];
  if (settings?.channel && !channel) found.push(unknownChannel(settings.channel));
  const blocked = found.some((each) => each.severity === 'error' && each.platform === null);
  const artifacts: Ingested['artifacts'] = [];
  const targets: Ingested['targets'] = {};
  for (const file of files) {
    const { platform } = file.format;
    const declared = settings?.platforms[platform].target ?? null;
    if (declared) targets[platform] = declared;
    const lint = file.format.lint(lintContext(input, file, reading.version, clientWord, declared));
    found.push(...lint);
    const listed = !blocked && !lint.some((each) => each.severity === 'error');
    await deps.store.keep(file.path, file.digest.sha256);
    const fileName = file.name || file.format.downloadName(file.facts, reading.version);
    artifacts.push({
      id: newId('artifact'),
      platform,
      fileName,
      ...file.digest,
      facts: file.facts,
      source: file.source,
      repack: file.repack,
      listed,
      createdAt: deps.now,
    });
  }
  return {
    version: reading.version,
    channel: channel?.name ?? reading.channel,
    clientWord,
    changelog: changelog.length > 0 ? changelog : changelogFromNotes(candidate.notes),
    security: settings?.security ?? reading.channel === 'security',
    phpMinimum: settings?.phpMinimum ?? product.settings.phpMinimum,
    targets,
    artifacts,
    problems: found,
    lookAgain: findings.lookAgain,
  };
}

function lintContext(
  input: IngestInput,
  file: OpenedFile,
  version: string,
  clientWord: LintContext['clientWord'],
  declared: TargetRange | null,
): LintContext {
  const { product, candidate } = input;
  const { platform } = file.format;
  return {
    facts: file.facts,
    files: file.files,
    fileName: file.name || file.format.downloadName(file.facts, version),
    tag: candidate.tag,
    version,
    clientWord,
    target: declared ?? product.settings.targets[platform] ?? null,
    targetDeclared: declared !== null,
    mode: product.mode,
    feedUrls: input.feedUrls(platform),
    earlier: input.earlier(platform, version),
  };
}

function unknownChannel(name: string): ReleaseProblem {
  return {
    code: 'SETTINGS_INVALID',
    severity: 'error',
    platform: null,
    detail: `${RELEASE_SETTINGS_PATH} names the channel "${name}", which the organization does not have.`,
    fix: 'Name one of its channels, or add the channel to the rules of the organization.',
  };
}

async function readChangelog(
  { side, product, candidate }: IngestInput,
  settings: ReleaseSettings | null,
  version: string,
  findings: Findings,
): Promise<{ changelog: Changelog; problem: ReleaseProblem | null }> {
  const path = settings?.changelog ?? product.settings.changelogFile;
  if (path === null) return { changelog: [], problem: null };
  const bytes = await textFile(side, candidate, path);
  const parsed =
    bytes === null || bytes === 'refused' ? null : parseChangelog(new TextDecoder().decode(bytes), version, path);
  if (parsed?.ok) return { changelog: parsed.changelog, problem: null };
  const fault = parsed ?? (bytes === 'refused' ? unreadable(findings) : null);
  const detail =
    fault === null
      ? `The changelog "${path}" is not in the repository.`
      : `The changelog "${path}" cannot be read: ${fault.detail}`;
  const problem: ReleaseProblem = {
    code: 'CHANGELOG_UNREADABLE',
    severity: 'warning',
    platform: null,
    detail,
    fix: 'Mend the file; until then the notes of the release are shown.',
  };
  return { changelog: [], problem };
}
