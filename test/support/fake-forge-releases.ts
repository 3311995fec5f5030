import { createHash } from 'node:crypto';
import {
  type FakeAsset,
  type FakeFiles,
  type FakeRelease,
  type FakeRepository,
  type FakeTag,
  type FakeWorld,
  NO_COMMIT,
  newCommit,
  newNumber,
  newUuid,
  note,
} from './fake-forge-world.ts';

/** What vendors do to tags, releases and files, with the side effects that the forges have in common. */

export interface NewTag {
  /** Files of the commit; missing: the tag stands on the default branch's head. */
  files?: FakeFiles;
  /** Makes it an annotated tag. */
  message?: string;
}

/** A new tag; a draft that waits for it is published without a word, as Gitea does. Pushing it again moves it by force. */
export function pushTag(world: FakeWorld, repository: FakeRepository, name: string, input: NewTag = {}): FakeTag {
  const before = repository.tags.get(name);
  const tag = putTag(world, repository, name, input);
  const release = repository.releases.find((one) => one.tag === name);
  if (release) {
    release.draft = false;
    release.at = world.now();
  }
  if (before) {
    note(world, repository, { kind: 'tag-moved', tag: name, before: before.object, after: tag.object });
  } else {
    note(world, repository, { kind: 'tag-created', tag: name, before: NO_COMMIT, after: tag.object });
  }
  return tag;
}

/** The tag goes; a release of it silently becomes a draft. */
export function deleteTag(
  world: FakeWorld,
  repository: FakeRepository,
  name: string,
  by: 'push' | 'api' = 'push',
): void {
  const tag = repository.tags.get(name);
  if (!tag) throw new Error(`there is no tag ${name}`);
  repository.tags.delete(name);
  for (const release of repository.releases) if (release.tag === name) release.draft = true;
  note(world, repository, { kind: 'tag-deleted', tag: name, before: tag.object, after: NO_COMMIT, by });
}

export interface NewRelease {
  tag: string;
  title?: string;
  notes?: string;
  prerelease?: boolean;
  /** Of the commit that gets the tag, where the tag does not exist yet. */
  files?: FakeFiles;
  assets?: FakeFiles;
}

/** As the API does: published first, the assets are added after it. Makes the tag if there is none. */
export function publishRelease(world: FakeWorld, repository: FakeRepository, input: NewRelease): FakeRelease {
  const release = newRelease(world, repository, input, false);
  publish(world, repository, release, input.files, false);
  addAssets(world, repository, release, input.assets);
  return release;
}

/** A draft needs no tag and makes none. */
export function draftRelease(world: FakeWorld, repository: FakeRepository, input: NewRelease): FakeRelease {
  const release = newRelease(world, repository, input, true);
  note(world, repository, { kind: 'release-created', release });
  addAssets(world, repository, release, input.assets);
  return release;
}

export function publishDraft(
  world: FakeWorld,
  repository: FakeRepository,
  release: FakeRelease,
  files?: FakeFiles,
): void {
  release.draft = false;
  publish(world, repository, release, files, true);
}

export function unpublish(world: FakeWorld, repository: FakeRepository, release: FakeRelease): void {
  release.draft = true;
  note(world, repository, { kind: 'release-unpublished', release });
}

export function editRelease(
  world: FakeWorld,
  repository: FakeRepository,
  release: FakeRelease,
  changes: Partial<Pick<FakeRelease, 'title' | 'notes' | 'prerelease'>>,
): void {
  Object.assign(release, changes);
  note(world, repository, { kind: 'release-edited', release });
}

/** The tag stays. */
export function deleteRelease(world: FakeWorld, repository: FakeRepository, release: FakeRelease): void {
  repository.releases = repository.releases.filter((one) => one !== release);
  note(world, repository, { kind: 'release-deleted', release, wasDraft: release.draft });
}

export function addAsset(
  world: FakeWorld,
  repository: FakeRepository,
  release: FakeRelease,
  name: string,
  content: string | Uint8Array,
  externalUrl: string | null = null,
): FakeAsset {
  const asset: FakeAsset = {
    id: newNumber(world),
    uuid: newUuid(),
    name,
    bytes: Buffer.from(content),
    at: world.now(),
    externalUrl,
    downloads: 0,
  };
  release.assets.push(asset);
  note(world, repository, { kind: 'asset-added', release, asset });
  return asset;
}

export function renameAsset(
  world: FakeWorld,
  repository: FakeRepository,
  release: FakeRelease,
  asset: FakeAsset,
  name: string,
): void {
  asset.name = name;
  note(world, repository, { kind: 'asset-changed', release, asset });
}

export function deleteAsset(
  world: FakeWorld,
  repository: FakeRepository,
  release: FakeRelease,
  asset: FakeAsset,
): void {
  release.assets = release.assets.filter((one) => one !== asset);
  note(world, repository, { kind: 'asset-deleted', release, asset });
}

function newRelease(world: FakeWorld, repository: FakeRepository, input: NewRelease, draft: boolean): FakeRelease {
  const release: FakeRelease = {
    id: newNumber(world),
    tag: input.tag,
    title: input.title ?? input.tag,
    notes: input.notes ?? '',
    draft,
    prerelease: input.prerelease ?? false,
    at: world.now(),
    assets: [],
  };
  repository.releases.push(release);
  return release;
}

function publish(
  world: FakeWorld,
  repository: FakeRepository,
  release: FakeRelease,
  files: FakeFiles | undefined,
  wasDraft: boolean,
): void {
  const tagExisted = repository.tags.has(release.tag);
  if (!tagExisted) {
    const tag = putTag(world, repository, release.tag, files === undefined ? {} : { files });
    note(world, repository, { kind: 'tag-created', tag: tag.name, before: NO_COMMIT, after: tag.object });
  }
  note(world, repository, { kind: 'release-published', release, wasDraft, tagExisted });
}

function addAssets(world: FakeWorld, repository: FakeRepository, release: FakeRelease, assets: FakeFiles = {}): void {
  for (const [name, content] of Object.entries(assets)) addAsset(world, repository, release, name, content);
}

function putTag(world: FakeWorld, repository: FakeRepository, name: string, input: NewTag): FakeTag {
  const commit = input.files ? newCommit(world, input.files, `Release ${name}`) : repository.head;
  repository.commits.set(commit.sha, commit);
  const message = input.message ?? null;
  const object =
    message === null ? commit.sha : createHash('sha1').update(`${commit.sha} ${name} ${message}`).digest('hex');
  const tag: FakeTag = { name, commit, object, message };
  repository.tags.delete(name);
  repository.tags.set(name, tag);
  return tag;
}
