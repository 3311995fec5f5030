import { commitBody, type GiteaKind, releaseBody, repositoryBody, userBody } from './fake-forge-gitea-bodies.ts';
import { type FakeMessage, type HookDialect, hexHmac } from './fake-forge-hooks.ts';
import type { FakeEvent, FakeRepository, FakeWorld } from './fake-forge-world.ts';

/**
 * Which deliveries Gitea and Forgejo send for an act, and how they look. Silent, as measured: assets that come, change or go,
 * drafts, a release that turns back into a draft, rename, transfer, archive and visibility.
 */
export function giteaHooks(kind: GiteaKind, root: () => string): HookDialect {
  return {
    messagesOf: (event, world) => messagesOf(event, world, root(), kind),
    headersOf: ({ id, event, body, hook, target }) => {
      const sha256 = hexHmac('sha256', hook.secret, body);
      const families = kind === 'forgejo' ? ['GitHub', 'Gitea', 'Gogs', 'Forgejo'] : ['GitHub', 'Gitea', 'Gogs'];
      const headers: Record<string, string> = {
        'X-Hub-Signature': `sha1=${hexHmac('sha1', hook.secret, body)}`,
        'X-Hub-Signature-256': `sha256=${sha256}`,
        'X-GitHub-Hook-Installation-Target-Type': target,
        'X-Gitea-Hook-Installation-Target-Type': target,
      };
      for (const family of families) {
        headers[`X-${family}-Delivery`] = id;
        headers[`X-${family}-Event`] = event;
        headers[`X-${family}-Event-Type`] = event;
        if (family !== 'GitHub') headers[`X-${family}-Signature`] = sha256;
      }
      return headers;
    },
    textOf: (body) => JSON.stringify(body, null, 2),
    redeliversSameId: false,
    timeoutMs: 5_000,
  };
}

function messagesOf({ act, repository }: FakeEvent, world: FakeWorld, root: string, kind: GiteaKind): FakeMessage[] {
  const common = {
    repository: repositoryBody(world, repository, root),
    sender: userBody({ id: 2, login: 'olga' }, root),
  };
  const heard = (event: string, body: object, repositoryHears = true): FakeMessage => ({
    event,
    body: { ...body, ...common },
    repositoryHears,
  });
  const release = (action: string) =>
    'release' in act ? [heard('release', { action, release: releaseBody(repository, act.release, root, kind) })] : [];
  switch (act.kind) {
    case 'repository-created':
      return [heard('repository', { action: 'created', organization: common.repository.owner }, false)];
    case 'repository-deleted':
      return [heard('repository', { action: 'deleted', organization: common.repository.owner }, false)];
    case 'branch-pushed':
      return [heard('push', pushBody(repository, 'refs/heads/main', act, root))];
    case 'tag-created':
    case 'tag-moved':
      return [
        heard('push', pushBody(repository, `refs/tags/${act.tag}`, { ...act, before: '0'.repeat(40) }, root)),
        heard('create', { sha: act.after, ref: act.tag, ref_type: 'tag' }),
      ];
    case 'tag-deleted':
      return [
        ...(act.by === 'api' ? [heard('release', bareTagDeleted(repository, act.tag, world, root, kind))] : []),
        heard('push', pushBody(repository, `refs/tags/${act.tag}`, act, root)),
        heard('delete', { ref: act.tag, ref_type: 'tag', pusher_type: 'user' }),
      ];
    case 'release-published':
      return release(act.wasDraft && act.tagExisted ? 'updated' : 'published');
    case 'release-edited':
      return act.release.draft ? [] : release('updated');
    case 'release-deleted':
      return act.wasDraft ? [] : release('deleted');
    default:
      return [];
  }
}

/** A bare tag is a release of its own inside, so deleting it by API reports a deleted release. */
function bareTagDeleted(repository: FakeRepository, tag: string, world: FakeWorld, root: string, kind: GiteaKind) {
  const release = { id: 0, tag, title: '', notes: '', draft: false, prerelease: false, at: world.now(), assets: [] };
  return { action: 'deleted', release: releaseBody(repository, release, root, kind) };
}

/** A pushed tag brings no commits. */
function pushBody(repository: FakeRepository, ref: string, range: { before: string; after: string }, root: string) {
  const commit = ref.startsWith('refs/tags/') ? null : commitBody(repository, repository.head, root);
  return {
    ref,
    before: range.before,
    after: range.after,
    compare_url: `${root}/`,
    commits: commit ? [commit] : [],
    total_commits: commit ? 1 : 0,
    head_commit: commit,
    pusher: userBody({ id: 2, login: 'olga' }, root),
  };
}
