import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import type { RemoteAsset, RemoteRelease, RemoteRepository, RemoteTag } from '../forge.ts';

/** GitHub's own shapes, as far as they are used: https://docs.github.com/rest (API version 2022-11-28). */
const REPOSITORY = z.object({
  id: z.number().int(),
  name: z.string(),
  owner: z.object({ login: z.string() }),
  private: z.boolean(),
  archived: z.boolean().default(false),
  html_url: z.string().default(''),
  description: z.string().nullish(),
});

const ASSET = z.object({
  id: z.number().int(),
  name: z.string(),
  size: z.number().int().nonnegative(),
  state: z.string().default('uploaded'),
  updated_at: z.string(),
  digest: z.string().nullish(),
});

const RELEASE = z.object({
  id: z.number().int(),
  tag_name: z.string(),
  name: z.string().nullish(),
  body: z.string().nullish(),
  draft: z.boolean(),
  prerelease: z.boolean(),
  published_at: z.string().nullish(),
  html_url: z.string().default(''),
  assets: z.array(z.unknown()).default([]),
});

const TAG = z.object({ name: z.string(), commit: z.object({ sha: z.string() }) });

const FILE = z.object({ type: z.literal('file'), size: z.number(), encoding: z.string(), content: z.string() });

export function readRepository(data: unknown): RemoteRepository {
  const read = REPOSITORY.safeParse(data);
  if (!read.success) throw new ForgeTrouble('bad_answer', 'GitHub did not answer with a repository');
  return repositoryOf(read.data);
}

/** Entries that are not what they should be are left out. */
export function readRepositories(entries: readonly unknown[]): RemoteRepository[] {
  return readEach(REPOSITORY, entries).map(repositoryOf);
}

/** In GitHub's order, each once: a release made while the pages were read comes twice. */
export function readReleases(entries: readonly unknown[]): RemoteRelease[] {
  const releases = readEach(RELEASE, entries).map((release) => ({
    id: String(release.id),
    tag: release.tag_name,
    title: release.name ?? '',
    notes: release.body ?? '',
    draft: release.draft,
    prerelease: release.prerelease,
    publishedAt: release.published_at ?? null,
    webUrl: release.html_url,
    assets: readAssets(release.assets),
  }));
  return [...new Map(releases.map((release) => [release.id, release])).values()];
}

/** The list has no messages of annotated tags. */
export function readTags(entries: readonly unknown[]): RemoteTag[] {
  const tags = readEach(TAG, entries).map(({ name, commit }) => ({ name, commit: commit.sha, message: '' }));
  return [...new Map(tags.map((tag) => [tag.name, tag])).values()];
}

/** The content of a file; null for a folder or a submodule; `too large` where it is longer than `limit` bytes. */
export function readContent(data: unknown, limit: number): Uint8Array | 'too large' | null {
  const read = FILE.safeParse(data);
  if (!read.success) return null;
  if (read.data.size > limit || read.data.encoding !== 'base64') return 'too large';
  return Buffer.from(read.data.content, 'base64');
}

/** An upload that never ended stays in state `open` (older servers: `starter`): no such asset is a file. */
function readAssets(entries: readonly unknown[]): RemoteAsset[] {
  const uploaded = readEach(ASSET, entries).filter((asset) => asset.state === 'uploaded');
  return uploaded.map((asset) => ({
    id: String(asset.id),
    name: asset.name,
    size: asset.size,
    revision: asset.updated_at,
    sha256: /^sha256:([0-9a-f]{64})$/i.exec(asset.digest ?? '')?.[1]?.toLowerCase() ?? null,
    external: false,
    locator: String(asset.id),
  }));
}

function repositoryOf(repository: z.infer<typeof REPOSITORY>): RemoteRepository {
  return {
    id: String(repository.id),
    owner: repository.owner.login,
    name: repository.name,
    private: repository.private,
    archived: repository.archived,
    webUrl: repository.html_url,
    description: repository.description ?? '',
  };
}

function readEach<T>(schema: z.ZodType<T>, entries: readonly unknown[]): T[] {
  return entries.flatMap((entry) => {
    const read = schema.safeParse(entry);
    return read.success ? [read.data] : [];
  });
}
