/** Where a raw file of a branch is fetched by anybody; null: the address is of another shape. */
export interface RawAddress {
  host: string;
  owner: string;
  repository: string;
  branch: string;
  path: string;
}

/**
 * `raw.githubusercontent.com/o/r/branch/path`, `host/o/r/raw/branch/…` (Gitea, Forgejo), `host/o/r/raw/…` (GitHub, older Gitea) and
 * `host/o/r/-/raw/…`. A branch with a slash cannot be told from a folder, so it is taken for one segment.
 */
export function rawAddressOf(url: string): RawAddress | null {
  if (!URL.canParse(url)) return null;
  const { host, pathname } = new URL(url);
  const parts = pathname.split('/').slice(1).map(decoded);
  const [owner, repository, ...rest] = parts;
  if (owner === undefined || repository === undefined) return null;
  if (host === 'raw.githubusercontent.com') {
    const own = rest[0] === 'refs' && rest[1] === 'heads' ? rest.slice(2) : rest;
    return address(host, owner, repository, own);
  }
  const marks = [['raw', 'branch'], ['raw', 'refs', 'heads'], ['-', 'raw'], ['raw']];
  const mark = marks.find((words) => words.every((word, i) => rest[i] === word));
  return mark ? address(host, owner, repository, rest.slice(mark.length)) : null;
}

function address(host: string, owner: string, repository: string, rest: string[]): RawAddress | null {
  const [branch, ...path] = rest;
  if (branch === undefined || path.length === 0) return null;
  return { host, owner, repository, branch, path: path.join('/') };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Hosts that nobody but their owner can put a proxy before. */
const PUBLIC_HOSTS = [
  'raw.githubusercontent.com',
  'github.com',
  'codeberg.org',
  'gitlab.com',
  'bitbucket.org',
  'gitea.com',
];

export function isPublicHost(host: string): boolean {
  return PUBLIC_HOSTS.includes(host) || host.endsWith('.github.io') || host.endsWith('.githubusercontent.com');
}

/** Whether a forge itself answers an address, and no mirror of it. */
export function isOnForge(url: string, forgeUrl: string | null): boolean {
  if (forgeUrl === null) return false;
  const isGithub = new URL(forgeUrl).host === 'github.com';
  return url.startsWith(`${forgeUrl}/`) || (isGithub && url.startsWith('https://raw.githubusercontent.com/'));
}

/** What of an address tells feeds apart: host and path without a key in it, in lower case; null: it is no address. */
export function placeOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { host, pathname } = new URL(url);
  return `${host}${pathname.replace(/\/k\/[^/]+(?=\/)/, '').replace(/\/extension\.xml$/, '')}`.toLowerCase();
}

/** As an alias has it: the path without slashes round it, lower case. */
export function aliasPathOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const path = decoded(new URL(url).pathname)
    .replace(/^\/+|\/+$/g, '')
    .toLowerCase();
  return path === '' || path.length > 500 ? null : path;
}
