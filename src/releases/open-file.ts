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
import type { ArtifactSource } from './store-releases.ts';
import type { TagReading } from './tag-rules.ts';

export interface OpenDeps {
  store: ArtifactStore;
  maxBytes: number;
  archiveLimits: ArchiveLimits;
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

/** null: there is none that could be used; why stands in `problems`. */
export async function openFile(
  deps: OpenDeps,
  input: { side: ForgeSide; product: Product; candidate: Candidate },
  format: FeedFormat,
  settings: ReleaseSettings | null,
  reading: TagReading,
  problems: ReleaseProblem[],
): Promise<OpenedFile | null> {
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
  if (fetched.kind !== 'file') return refuse(problems, missing(platform, source, fetched.kind, deps.maxBytes));
  return shape(deps, { format, hint, source, name }, fetched, problems);
}

/** Reads the manifest and brings the file into the shape that the client installs. */
async function shape(
  deps: OpenDeps,
  what: { format: FeedFormat; hint: string | null; source: ArtifactSource; name: string },
  fetched: { path: string; digest: Digest },
  problems: ReleaseProblem[],
): Promise<OpenedFile | null> {
  const { format, hint, source, name } = what;
  const read = await readFile(deps, fetched.path, format, hint);
  if (!read.ok) {
    await deps.store.drop(fetched.path);
    return refuse(problems, read.problem);
  }
  const wanted = format.repack(read.facts, read.files);
  // Bytes of an archive differ from one making to the next, so it is always made anew, in one way.
  const plan = wanted ?? (source.kind === 'archive' ? { strip: '', prefix: '' } : null);
  const version = versionFromFileName(name) ?? read.facts.version;
  if (plan === null)
    return {
      format,
      path: fetched.path,
      digest: fetched.digest,
      source,
      name,
      facts: read.facts,
      files: read.files,
      repack: null,
      version,
    };
  const made = await reshape(deps.store, fetched.path, plan);
  if (!made.ok) return refuse(problems, { ...made.problem, platform: format.platform });
  const again = await readFile(deps, made.path, format, hint);
  if (!again.ok) {
    await deps.store.drop(made.path);
    return refuse(problems, again.problem);
  }
  return {
    format,
    path: made.path,
    digest: made.digest,
    source,
    name,
    facts: again.facts,
    files: again.files,
    repack: plan,
    version,
  };
}

type Opened = { ok: true; facts: PackageFacts; files: ArchiveView['files'] } | { ok: false; problem: ReleaseProblem };

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
): ArtifactSource {
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
  source: ArtifactSource,
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
