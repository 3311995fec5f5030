import { z } from 'zod';
import type { RemoteAsset, RemoteRelease, RemoteRepository, RemoteTag } from '../forge.ts';

/** What Gitea and Forgejo send, as far as we read it. Whatever tells apart or decides is required; the rest may be missing. */

const id = z.int().nonnegative().transform(String);
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

/** Links for people come from the forge's own setting of its public address; anything but http(s) is dropped. */
const webUrl = text.transform((value) => (/^https?:\/\//.test(value) ? value : ''));

/** Go's zero time (year 1) means "never". */
const instant = z
  .string()
  .nullish()
  .transform((value) => {
    const ms = Date.parse(value ?? '');
    return Number.isFinite(ms) && ms > 0 ? new Date(ms).toISOString() : null;
  });

const repositorySchema = z.object({
  id,
  owner: z.object({ login: z.string().min(1) }),
  name: z.string().min(1),
  private: z.boolean(),
  /** Visible to every signed-in user of the forge, which is still not everybody. */
  internal: z.boolean().catch(false),
  archived: z.boolean().catch(false),
  html_url: webUrl,
  description: text,
});

const assetSchema = z.object({
  id,
  name: z.string().min(1),
  size: z.int().nonnegative(),
  uuid: text,
  created_at: text,
  /** Forgejo only: `attachment` or `external`. */
  type: text,
});

const releaseSchema = z.object({
  id,
  tag_name: z.string().min(1),
  name: text,
  body: text,
  draft: z.boolean(),
  prerelease: z.boolean(),
  published_at: instant,
  html_url: webUrl,
  assets: z.array(z.unknown()).catch([]),
});

const tagSchema = z.object({
  name: z.string().min(1),
  message: text,
  id: text,
  commit: z.object({ sha: z.string().regex(/^[0-9a-f]{40,64}$/) }),
});

const hookSchema = z.object({
  id,
  type: text,
  active: z.boolean().catch(false),
  events: z.array(z.string()).catch([]),
  branch_filter: text,
  authorization_header: text,
  config: z.object({ url: z.string(), content_type: text }),
});

export type RegisteredHook = z.infer<typeof hookSchema>;

/** Each reader gives null for an entry that it cannot use, so that one bad entry does not hide the others. */
export function readRepository(data: unknown): RemoteRepository | null {
  const found = repositorySchema.safeParse(data);
  if (!found.success) return null;
  const { owner, internal, html_url, ...rest } = found.data;
  return { ...rest, private: rest.private || internal, owner: owner.login, webUrl: html_url };
}

/** `base` names the repository where the forge names no uuid. */
export function readRelease(data: unknown, repository: RemoteRepository): RemoteRelease | null {
  const found = releaseSchema.safeParse(data);
  if (!found.success) return null;
  const release = found.data;
  return {
    id: release.id,
    tag: release.tag_name,
    title: release.name,
    notes: release.body,
    draft: release.draft,
    prerelease: release.prerelease,
    publishedAt: release.published_at,
    webUrl: release.html_url,
    assets: release.assets.flatMap((asset) => readAsset(asset, repository, release.tag_name) ?? []),
  };
}

/** A lightweight tag carries its commit's message, which is nobody's text about the release. */
export function readTag(data: unknown): RemoteTag | null {
  const found = tagSchema.safeParse(data);
  if (!found.success) return null;
  const { name, message, id: object, commit } = found.data;
  return { name, commit: commit.sha, message: object === commit.sha ? '' : message };
}

export function readHook(data: unknown): RegisteredHook | null {
  return hookSchema.safeParse(data).data ?? null;
}

/** The text of a field, or null where the answer has none: for answers of which we use a single field. */
export function readText(data: unknown, field: string): string | null {
  const found = z.record(z.string(), z.unknown()).safeParse(data);
  const value = found.data?.[field];
  return typeof value === 'string' ? value : null;
}

/** The path on the forge where a release's file is served to anybody who may read the repository. */
export function downloadPath(owner: string, repository: string, tag: string, file: string): string {
  return `/${segment(owner)}/${segment(repository)}/releases/download/${segment(tag)}/${segment(file)}`;
}

export function segment(value: string): string {
  return encodeURIComponent(value);
}

/**
 * The bytes under a uuid never change and its address survives renames, so it is the revision and the locator.
 * The URL in the answer is never used: it is built from the forge's own setting, which may name a host that we don't call.
 */
function readAsset(data: unknown, repository: RemoteRepository, tag: string): RemoteAsset | null {
  const found = assetSchema.safeParse(data);
  if (!found.success) return null;
  const { id: assetId, name, size, uuid, created_at, type } = found.data;
  const hasUuid = /^[0-9a-f-]{36}$/i.test(uuid);
  const path = hasUuid ? `/attachments/${uuid}` : downloadPath(repository.owner, repository.name, tag, name);
  const external = type === 'external';
  return {
    id: assetId,
    name,
    size,
    revision: hasUuid ? uuid : `${assetId}:${size}:${created_at}`,
    sha256: null,
    external,
    locator: external ? '' : path,
  };
}
