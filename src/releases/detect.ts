import type { FeedFormat } from '../updates/feed-format.ts';
import { type ArchiveLimits, withArchive } from './archive-io.ts';
import type { ArtifactStore } from './artifact-store-io.ts';
import { type ForgeSide, fetchSource } from './artifacts.ts';
import { chooseAsset } from './asset-choice.ts';
import { type Candidate, candidatesOf } from './candidates.ts';
import { editionsOf, type FoundEdition } from './editions.ts';
import type { Platform } from './release.ts';
import { parseReleaseSettings, RELEASE_SETTINGS_PATH, type ReleaseSettings } from './release-settings.ts';
import type { ForgeSource } from './store-releases.ts';

export interface DetectDeps {
  store: ArtifactStore;
  formats: readonly FeedFormat[];
  maxBytes: number;
  archiveLimits: ArchiveLimits;
}

/** What a repository releases, as far as its newest releases tell. */
export interface Detected {
  /** Releases, or tags where there are no releases. */
  candidates: number;
  releaseFrom: 'releases' | 'tags';
  platforms: Platform[];
  /** Several files of one release that differ in one word; empty as a rule. */
  editions: FoundEdition[];
}

const MOST_LOOKED_AT = 3;

/** Opens the newest releases until one holds an extension. Writes nothing but into the store's incoming folder, and that is dropped. */
export async function detect(deps: DetectDeps, side: ForgeSide): Promise<Detected> {
  const state = await side.driver.state(side.connection, side.repository);
  const releases = state === null ? [] : candidatesOf(state, 'releases');
  const releaseFrom = releases.length > 0 && side.driver.capabilities.releases ? 'releases' : 'tags';
  const candidates = releaseFrom === 'releases' || state === null ? releases : candidatesOf(state, 'tags');
  const found: Detected = { candidates: candidates.length, releaseFrom, platforms: [], editions: [] };
  for (const candidate of candidates.slice(0, MOST_LOOKED_AT)) {
    const { platforms, editions } = await lookInside(deps, side, candidate);
    if (platforms.length > 0) return { ...found, platforms, editions };
  }
  return found;
}

async function lookInside(
  deps: DetectDeps,
  side: ForgeSide,
  candidate: Candidate,
): Promise<Pick<Detected, 'platforms' | 'editions'>> {
  const settings = await settingsOf(side, candidate);
  const platforms: Platform[] = [];
  let editions: FoundEdition[] = [];
  for (const format of deps.formats) {
    const own = settings?.platforms[format.platform];
    const wish = { platform: format.platform, patterns: own?.assets ?? [], hint: own?.hint ?? null, version: null };
    let choice = chooseAsset(candidate.assets, wish);
    if (choice.kind === 'problem' && choice.problem.code === 'ASSET_AMBIGUOUS') {
      editions = editionsOf(candidate.assets.map(({ name }) => name));
      choice = chooseAsset(candidate.assets, { ...wish, patterns: editions.slice(0, 1).map(({ asset }) => asset) });
    }
    if (choice.kind === 'problem') continue;
    const source: ForgeSource =
      choice.kind === 'archive'
        ? { kind: 'archive', tag: candidate.tag, commit: candidate.commit }
        : { kind: 'asset', id: choice.asset.id, locator: choice.asset.locator, name: choice.asset.name };
    if (await holds(deps, side, source, format, wish.hint)) platforms.push(format.platform);
  }
  return { platforms, editions };
}

async function settingsOf(side: ForgeSide, { commit }: Candidate): Promise<ReleaseSettings | null> {
  const bytes = await side.driver.readFile(side.connection, side.repository, commit, RELEASE_SETTINGS_PATH);
  const parsed = bytes === null ? null : parseReleaseSettings(bytes);
  return parsed?.ok ? parsed.settings : null;
}

/** A manifest that is there and cannot be used counts too: the first look will say what is wrong with it. */
async function holds(
  deps: DetectDeps,
  side: ForgeSide,
  source: ForgeSource,
  format: FeedFormat,
  hint: string | null,
): Promise<boolean> {
  const fetched = await fetchSource(deps.store, side, source, deps.maxBytes);
  if (fetched.kind !== 'file') return false;
  try {
    const opened = await withArchive(fetched.path, deps.archiveLimits, (view) => format.read(view, hint));
    return opened.ok && (opened.value.ok || opened.value.problem.code !== 'MANIFEST_MISSING');
  } finally {
    await deps.store.drop(fetched.path);
  }
}
