import type { ForgeConnection, RepositoryName } from '../forge.ts';

/**
 * Where the REST API answers: `https://api.github.com` for github.com, `https://api.HOST` for a company's `HOST.ghe.com`,
 * `https://HOST/api/v3` for a server of one's own. An API address is taken as it is.
 * https://docs.github.com/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api
 */
export function apiUrl(forge: Pick<ForgeConnection, 'baseUrl'>): string {
  const base = new URL(forge.baseUrl);
  const path = base.pathname.replace(/\/+$/, '');
  if (base.hostname === 'github.com' || base.hostname === 'www.github.com') return 'https://api.github.com';
  if (base.hostname === 'api.github.com' || isCloudApi(base.hostname)) return base.origin;
  if (base.hostname.endsWith('.ghe.com')) return `${base.protocol}//api.${base.host}`;
  return path.endsWith('/api/v3') ? base.origin + path : `${base.origin}${path}/api/v3`;
}

/** Where people look at it. */
export function webUrl(forge: Pick<ForgeConnection, 'baseUrl'>): string {
  const api = new URL(apiUrl(forge));
  if (api.hostname === 'api.github.com') return 'https://github.com';
  if (isCloudApi(api.hostname)) return `${api.protocol}//${api.host.slice('api.'.length)}`;
  return api.origin + api.pathname.replace(/\/api\/v3$/, '');
}

/** The pages' own download addresses of a tag: its archive, or one file of its release. Open to all only in a public repository. */
export function downloadUrl(
  forge: Pick<ForgeConnection, 'baseUrl'>,
  { owner, name }: RepositoryName,
  tag: string,
  assetName: string | null,
): string {
  const repository = `${webUrl(forge)}/${encodeURIComponent(owner)}/${encodeURIComponent(name)}`;
  if (assetName === null) return `${repository}/archive/refs/tags/${pathOf(tag)}.zip`;
  return `${repository}/releases/download/${pathOf(tag)}/${encodeURIComponent(assetName)}`;
}

/** `/repos/{owner}/{name}` and what is below it, each part encoded; null where a part would lead a URL somewhere else. */
export function repositoryPath({ owner, name }: RepositoryName, ...below: string[]): string | null {
  const parts = [owner, name, ...below.flatMap((path) => path.split('/'))];
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return null;
  return `/repos/${parts.map(encodeURIComponent).join('/')}`;
}

function pathOf(text: string): string {
  return text.split('/').map(encodeURIComponent).join('/');
}

function isCloudApi(host: string): boolean {
  return host.startsWith('api.') && host.endsWith('.ghe.com');
}
