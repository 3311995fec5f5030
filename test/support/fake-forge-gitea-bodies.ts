import type {
  FakeAsset,
  FakeCommit,
  FakeHook,
  FakeOwner,
  FakeRelease,
  FakeRepository,
  FakeTag,
  FakeWorld,
} from './fake-forge-world.ts';

/** How Gitea and Forgejo write things as JSON. `root` is the forge's own idea of its address, which is not the one we call. */

export type GiteaKind = 'gitea' | 'forgejo';

export function userBody(owner: Pick<FakeOwner, 'id' | 'login'>, root: string) {
  return {
    id: owner.id,
    login: owner.login,
    login_name: '',
    source_id: 0,
    full_name: '',
    email: `${owner.login}@noreply.example.test`,
    avatar_url: `${root}/avatars/${owner.id}`,
    html_url: `${root}/${owner.login}`,
    is_admin: false,
    last_login: '0001-01-01T00:00:00Z',
    visibility: 'public',
    username: owner.login,
  };
}

export function repositoryBody(world: FakeWorld, repository: FakeRepository, root: string) {
  const fullName = `${repository.owner}/${repository.name}`;
  const owner = world.owners.get(repository.owner.toLowerCase());
  return {
    id: repository.id,
    owner: userBody({ id: owner?.id ?? 0, login: repository.owner }, root),
    name: repository.name,
    full_name: fullName,
    description: repository.description,
    empty: false,
    private: repository.private,
    internal: false,
    fork: false,
    html_url: `${root}/${fullName}`,
    url: `${root}/api/v1/repos/${fullName}`,
    ssh_url: `gitea@forge.example.test:${fullName}.git`,
    clone_url: `${root}/${fullName}.git`,
    release_counter: repository.releases.filter((release) => !release.draft).length,
    default_branch: 'main',
    archived: repository.archived,
    created_at: seconds(repository.at),
    updated_at: seconds(world.now()),
    // The owner's rights, whoever asks: nobody may be let in because of them.
    permissions: { admin: true, push: true, pull: true },
    has_releases: true,
  };
}

export function releaseBody(repository: FakeRepository, release: FakeRelease, root: string, kind: GiteaKind) {
  const base = `${root}/${repository.owner}/${repository.name}`;
  const api = `${root}/api/v1/repos/${repository.owner}/${repository.name}/releases/${release.id}`;
  return {
    id: release.id,
    tag_name: release.tag,
    target_commitish: 'main',
    name: release.title,
    body: release.notes,
    url: api,
    html_url: `${base}/releases/tag/${release.tag}`,
    tarball_url: `${base}/archive/${release.tag}.tar.gz`,
    zipball_url: `${base}/archive/${release.tag}.zip`,
    ...(kind === 'forgejo' ? { hide_archive_links: false, archive_download_count: { zip: 0, tar_gz: 0 } } : {}),
    upload_url: `${api}/assets`,
    draft: release.draft,
    prerelease: release.prerelease,
    created_at: seconds(release.at),
    published_at: seconds(release.at),
    author: userBody({ id: 2, login: 'olga' }, root),
    assets: release.assets.map((asset) => ({
      ...assetBody(asset, root, kind),
      browser_download_url:
        asset.externalUrl ??
        `${base}/releases/download/${encodeURIComponent(release.tag)}/${encodeURIComponent(asset.name)}`,
    })),
  };
}

export function assetBody(asset: FakeAsset, root: string, kind: GiteaKind) {
  return {
    id: asset.id,
    name: asset.name,
    size: asset.externalUrl === null ? asset.bytes.length : 0,
    download_count: asset.downloads,
    created_at: seconds(asset.at),
    uuid: asset.uuid,
    browser_download_url: asset.externalUrl ?? `${root}/attachments/${asset.uuid}`,
    ...(kind === 'forgejo' ? { type: asset.externalUrl === null ? 'attachment' : 'external' } : {}),
  };
}

/** A lightweight tag shows its commit's message. */
export function tagBody(repository: FakeRepository, tag: FakeTag, root: string) {
  const base = `${root}/${repository.owner}/${repository.name}`;
  const commits = `${root}/api/v1/repos/${repository.owner}/${repository.name}/git/commits`;
  return {
    name: tag.name,
    message: tag.message ?? tag.commit.message,
    id: tag.object,
    commit: { url: `${commits}/${tag.commit.sha}`, sha: tag.commit.sha, created: seconds(tag.commit.at) },
    zipball_url: `${base}/archive/${tag.name}.zip`,
    tarball_url: `${base}/archive/${tag.name}.tar.gz`,
  };
}

/** The secret is never shown. */
export function hookBody(hook: FakeHook) {
  return {
    id: hook.id,
    type: hook.type,
    branch_filter: hook.branchFilter,
    config: { content_type: hook.contentType, url: hook.url },
    events: [...hook.events].sort(() => -1),
    authorization_header: hook.authorization,
    active: hook.active,
    updated_at: seconds(hook.at),
    created_at: seconds(hook.at),
  };
}

export function commitBody(repository: FakeRepository, commit: FakeCommit, root: string) {
  return {
    id: commit.sha,
    message: commit.message,
    url: `${root}/${repository.owner}/${repository.name}/commit/${commit.sha}`,
    timestamp: seconds(commit.at),
    added: [...commit.files.keys()],
    removed: [],
    modified: [],
  };
}

/** Gitea's instants have no fractions. */
function seconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
