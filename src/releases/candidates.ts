import { createHash } from 'node:crypto';
import type { RemoteAsset, RemoteState } from '../forge/forge.ts';
import type { Product } from './product.ts';
import { interpretTag, type TagReading, type TagRules } from './tag-rules.ts';

/** Something on the forge that may be a release: a published release, or a bare tag where the product takes tags. */
export interface Candidate {
  tag: string;
  commit: string;
  /** null: a bare tag. */
  forgeReleaseId: string | null;
  notes: string;
  prerelease: boolean;
  webUrl: string;
  assets: readonly RemoteAsset[];
}

/**
 * What of a repository's state counts for a product. Drafts do not; a published release whose tag is gone (the forge keeps such
 * rows for a moment) does not either.
 */
export function candidatesOf(state: RemoteState, releaseFrom: 'releases' | 'tags'): Candidate[] {
  const commits = new Map(state.tags.map((tag) => [tag.name, tag]));
  const published = state.releases.flatMap((release): Candidate[] => {
    const tag = commits.get(release.tag);
    if (release.draft || !tag) return [];
    const { id, prerelease, webUrl } = release;
    const notes = storable(release.notes);
    const assets = release.assets.map((asset) => ({ ...asset, name: storable(asset.name) }));
    return [{ tag: release.tag, commit: tag.commit, forgeReleaseId: id, notes, prerelease, webUrl, assets }];
  });
  if (releaseFrom === 'releases') return published;
  // A draft holds its tag back: whoever drafts a release does not mean the bare tag to be one.
  const taken = new Set(state.releases.map((release) => release.tag));
  const bare = state.tags.flatMap((tag): Candidate[] =>
    taken.has(tag.name)
      ? []
      : [
          {
            tag: tag.name,
            commit: tag.commit,
            forgeReleaseId: null,
            notes: storable(tag.message),
            prerelease: false,
            webUrl: '',
            assets: [],
          },
        ],
  );
  return [...published, ...bare];
}

/** PostgreSQL keeps no U+0000 in a text. */
function storable(text: string): string {
  return text.replaceAll('\0', '');
}

/** Counts up when the ingest itself learns something, so that every release is looked at again. */
const INGEST_VERSION = 1;

/** The same text means that looking at the candidate again would end the same way. */
export function fingerprint(candidate: Candidate, product: Product, rules: TagRules): string {
  const { settings, platforms, mode, organizationSlug, slug, edition } = product;
  const assets = candidate.assets.map(({ id, name, size, revision }) => [id, name, size, revision]);
  const from = [
    INGEST_VERSION,
    { ...candidate, assets },
    settings,
    platforms,
    mode,
    organizationSlug,
    slug,
    edition,
    rules,
  ];
  return createHash('sha256').update(JSON.stringify(from)).digest('hex');
}

export function readTag(
  candidate: Candidate,
  rules: TagRules,
  repository: string,
  assetVersion: string | null,
): TagReading {
  return interpretTag(candidate.tag, rules, { repository, prerelease: candidate.prerelease, assetVersion });
}
