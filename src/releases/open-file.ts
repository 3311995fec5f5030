import type { RemoteAsset } from '../forge/forge.ts';
import type { FeedFormat, ReadResult, RepackPlan } from '../updates/feed-format.ts';
import { type ArchiveLimits, withArchive } from './archive-io.ts';
import type { ArtifactStore, Digest } from './artifact-store-io.ts';
import { type ForgeSide, fetchSource, reshape } from './artifacts.ts';
import { chooseAsset, versionFromFileName } from './asset-choice.ts';
import type { Candidate } from './candidates.ts';
import type { Product } from './product.ts';
import type { ArchiveView, PackageFacts, Platform, ReleaseProblem } from './release.ts';
import type { ReleaseSettings } from './release-settings.ts';
import type { ArtifactSource, ForgeSource } from './store-releases.ts';
import type { TagReading } from './tag-rules.ts';

export interface OpenDeps {
  store: ArtifactStore;
  maxBytes: number;
  archiveLimits: ArchiveLimits;
}

/** What was found wrong with a release so far. */
export interface Findings {
  problems: ReleaseProblem[];
  /** The forge may give tomorrow what it does not give today, though nothing that it tells has changed. */
  lookAgain: boolean;
}

/** The file of one platform, read and in the shape that its client installs; still outside the store. */
export interface OpenedFile {
  format: FeedFormat;
  path: string;
  digest: Digest;
  source: ArtifactSource;
  name: string;
  facts: PackageFacts;
  files: ArchiveView['files'];
  repack: RepackPlan | null;
  /** As file name or manifest tell it, for tags that name none. */
  version: string | null;
}

/** null: there is none that could be used; why stands in `findings`. */
export async function openFile(
  deps: OpenDeps,
  input: { side: ForgeSide; product: Product; candidate: Candidate },
  format: FeedFormat,
  settings: ReleaseSettings | null,
  reading: TagReading,
  findings: Findings,
): Promise<OpenedFile | null> {
  const { problems } = findings;
  const { candidate, product, side } = input;
  const { platform } = format;
  const own = settings?.platforms[platform];
  const hint = own?.hint ?? product.settings.hints[platform] ?? null;
  const pattern = product.settings.assets[platform];
  const choice = chooseAsset(candidate.assets, {
    platform,
    patterns: own && own.assets.length > 0 ? own.assets : pattern === undefined ? [] : [pattern],
    hint,
    version: reading.kind === 'release' ? reading.version : null,
  });
  if (choice.kind === 'problem') return refuse(problems, choice.problem);
  const source = sourceOf(choice, candidate);
  const name = source.kind === 'asset' ? source.name : '';
  const fetched = await fetchSource(deps.store, side, source, deps.maxBytes);
  if (fetched.kind === 'gone') findings.lookAgain = true;
  if (fetched.kind !== 'file') return refuse(problems, missing(platform, source, fetched.kind, deps.maxBytes));
  const shaped = await shapeFile(deps, { format, hint, source }, fetched);
  if (!shaped.ok) return refuse(problems, shaped.problem);
  const { facts } = shaped;
  return { format, source, name, ...shaped, version: versionFromFileName(name) ?? facts.version };
}

export type Shaped =
  | ({ ok: true } & Pick<OpenedFile, 'path' | 'digest' | 'facts' | 'files' | 'repack'>)
  | { ok: false; problem: ReleaseProblem };

/** Reads the manifest and brings the file into the shape that the client installs. What cannot be used is dropped. */
export async function shapeFile(
  deps: OpenDeps,
  what: { format: FeedFormat; hint: string | null; source: ArtifactSource },
  fetched: { path: string; digest: Digest },
): Promise<Shaped> {
  const { format, hint, source } = what;
  const read = await readOrDrop(deps, fetched.path, format, hint);
  if (!read.ok) return read;
  const wanted = format.repack(read.facts, read.files);
  // Bytes of an archive differ from one making to the next, so it is always made anew, in one way.
  const plan = wanted ?? (source.kind === 'archive' ? { strip: '', prefix: '' } : null);
  if (plan === null) return { ...read, ...fetched, repack: null };
  const made = await reshape(deps.store, fetched.path, plan);
  if (!made.ok) return { ok: false, problem: { ...made.problem, platform: format.platform } };
  const again = await readOrDrop(deps, made.path, format, hint);
  return again.ok ? { ...again, path: made.path, digest: made.digest, repack: plan } : again;
}

type Opened = { ok: true; facts: PackageFacts; files: ArchiveView['files'] } | { ok: false; problem: ReleaseProblem };

async function readOrDrop(deps: OpenDeps, path: string, format: FeedFormat, hint: string | null): Promise<Opened> {
  let opened: Opened | null = null;
  try {
    opened = await readFile(deps, path, format, hint);
    return opened;
  } finally {
    if (opened?.ok !== true) await deps.store.drop(path);
  }
}

async function readFile(deps: OpenDeps, path: string, format: FeedFormat, hint: string | null): Promise<Opened> {
  const opened = await withArchive(path, deps.archiveLimits, async (view) => {
    const read: ReadResult = await format.read(view, hint);
    return { read, files: view.files };
  });
  if (!opened.ok) return { ok: false, problem: { ...opened.problem, platform: format.platform } };
  const { read, files } = opened.value;
  return read.ok ? { ok: true, facts: read.facts, files } : { ok: false, problem: read.problem };
}

function sourceOf(
  choice: { kind: 'asset'; asset: RemoteAsset } | { kind: 'archive' },
  candidate: Candidate,
): ForgeSource {
  if (choice.kind === 'archive') return { kind: 'archive', tag: candidate.tag, commit: candidate.commit };
  const { id, locator, name } = choice.asset;
  return { kind: 'asset', id, locator, name };
}

function refuse(problems: ReleaseProblem[], found: ReleaseProblem): null {
  problems.push(found);
  return null;
}

function missing(
  platform: Platform,
  source: ForgeSource,
  kind: 'gone' | 'too_large',
  maxBytes: number,
): ReleaseProblem {
  const what = source.kind === 'asset' ? `The file "${source.name}"` : `The archive of the tag "${source.tag}"`;
  return kind === 'gone'
    ? {
        code: 'ASSET_MISSING',
        severity: 'error',
        platform,
        detail: `${what} is not on the forge.`,
        fix: 'Attach the file again.',
      }
    : {
        code: 'ASSET_TOO_LARGE',
        severity: 'error',
        platform,
        detail: `${what} is larger than ${Math.round(maxBytes / 2 ** 20)} MB.`,
        fix: 'Leave out what the extension does not need, or ask the operator to raise MAX_ARTIFACT_MB.',
      };
}
