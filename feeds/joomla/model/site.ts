import { comparePhpVersions } from '../../../src/releases/version-order.ts';

/** dev 0, alpha 1, beta 2, rc 3, stable 4. */
type Stability = 0 | 1 | 2 | 3 | 4;

export interface InstalledExtension {
  type: string;
  element: string;
  /** Plugin group; empty for all others. */
  folder: string;
  /** site 0, administrator 1, installation 2, api 3, cli 4. */
  clientId: number;
  version: string;
}

type RewriteRequest = (url: string, headers: Record<string, string>) => RewrittenRequest;

interface RewrittenRequest {
  url: string;
  headers: Record<string, string>;
}

/** One Joomla site as far as updates go, with one row of its update sites. */
export interface JoomlaSite {
  /** Full version, e.g. `5.4.1`. */
  joomla: string;
  php: string;
  /** `mysql` or `postgresql` as the driver says it; MariaDB is a `mysql` whose version holds the word. */
  db: { type: string; version: string };
  minStability: Stability;
  extensions: InstalledExtension[];
  /** Empty: none. */
  extraQuery: string;
  feedUrl: string;
  feedType?: 'extension' | 'collection';
  /** An installer plugin's answer to onInstallerBeforeUpdateSiteDownload; heard from Joomla 5.3 on, for feeds only. */
  plugin?: RewriteRequest;
  /** The same for onInstallerBeforePackageDownload, heard by every version, for packages only. */
  downloadPlugin?: RewriteRequest;
}

export interface HttpRequest {
  url: string;
  /** Everything that is sent, in order, but Host. */
  headers: Record<string, string>;
  /** null: Joomla sets no limit. */
  timeoutMs: number | null;
}

export interface HttpAnswer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: Uint8Array;
  /** Where the answer came from after redirects. */
  url: string;
}

/** Follows redirects; a rejection means that nothing was answered. */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>;

/** Every header that Joomla sends of itself. */
export function joomlaHeaders(joomla: string): Record<string, string> {
  return { 'User-Agent': `Mozilla/5.0 Joomla!/${joomla} Joomla`, Accept: '*/*' };
}

export function hearsFeedPlugin(site: JoomlaSite): boolean {
  return comparePhpVersions(site.joomla, '5.3') >= 0;
}

/** null: nothing was answered. */
export async function ask(http: Http, request: HttpRequest): Promise<HttpAnswer | null> {
  try {
    return await http(request);
  } catch {
    return null;
  }
}

const CLIENT_NAMES = ['site', 'administrator', 'installation', 'api', 'cli'];

/** null: no such client, so the entry matches nothing. */
export function clientByName(name: string): number | null {
  const id = CLIENT_NAMES.indexOf(name.toLowerCase());
  return id === -1 ? null : id;
}

export function clientName(id: number | null): string {
  return (id === null ? undefined : CLIENT_NAMES[id]) ?? 'unknown';
}

export const STABILITY_WORDS: readonly string[] = ['dev', 'alpha', 'beta', 'rc', 'stable'];

/** The raw text of a tag; whatever is not one of the five words counts as stable. */
export function stabilityOf(tag: string): number {
  const place = STABILITY_WORDS.indexOf(tag.toLowerCase());
  return place === -1 ? STABILITY_WORDS.length - 1 : place;
}
