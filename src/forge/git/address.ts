import { createHash } from 'node:crypto';
import type { ForgeConnection } from '../forge.ts';

interface GitAddress {
  url: string;
  /** For GIT_ALLOW_PROTOCOL: what this address needs and no more. */
  protocols: string;
}

/** Nobody's `~/.gitconfig` has a remote of this name, so no address of another is mixed in. */
export const REMOTE = 'feedgate';

/** A path below the base: parts of letters, digits and plain signs, none of which could be an option, a way up or a query. */
const NAME = /^(?!.*\.\.)[\p{L}\p{N}_][\p{L}\p{N}_.+ -]*(\/[\p{L}\p{N}_][\p{L}\p{N}_.+ -]*)*$/u;
const NAME_LENGTH = 200;

/** What git itself refuses in a tag's name, and whatever would make it an expression instead of a name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are just what is refused.
const NOT_A_TAG = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^[-/]|[/.]$|\.lock$|^@$/;

export function isRepositoryName(name: string): boolean {
  return name.length <= NAME_LENGTH && NAME.test(name);
}

/** https://git-scm.com/docs/git-check-ref-format */
export function isTagName(text: string): boolean {
  return text !== '' && !NOT_A_TAG.test(text);
}

/** Settings in the environment, on which tokens and addresses rely, came with 2.31. */
export function isNewEnough(version: string): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 31);
}

export function isCommit(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

export function isLocal(forge: Pick<ForgeConnection, 'baseUrl'>): boolean {
  return forge.baseUrl.startsWith('/');
}

/** Where a repository may be, likeliest first; empty for a name that no repository has. */
export function addressesOf(forge: ForgeConnection, name: string): GitAddress[] {
  if (!isRepositoryName(name)) return [];
  const protocols = isLocal(forge) ? 'file' : 'https:http:ssh:git';
  const url = `${forge.baseUrl}/${name}`;
  const urls = name.endsWith('.git') ? [url] : [url, `${url}.git`];
  return urls.map((each) => ({ url: each, protocols }));
}

/** Folder name of a repository's mirror, safe whatever the name holds; no connection reads what another's token fetched. */
export function mirrorName(forge: ForgeConnection, name: string): string {
  return `${createHash('sha256').update(`${forge.id}\n${forge.baseUrl}\n${name}`).digest('hex').slice(0, 40)}.git`;
}

/**
 * Settings of one fetch. The token is the password of HTTP Basic, which every host takes (`name:password` is used as it is).
 * git would send it on to wherever it is redirected, so with a token no redirect is followed.
 */
export function remoteConfig(forge: ForgeConnection, address: GitAddress): Record<string, string> {
  const config: Record<string, string> = { [`remote.${REMOTE}.url`]: address.url };
  if (forge.token === null || !/^https?:/.test(address.url)) return config;
  const login = forge.token.includes(':') ? forge.token : `x-access-token:${forge.token}`;
  config['http.extraHeader'] = `Authorization: Basic ${Buffer.from(login).toString('base64')}`;
  config['http.followRedirects'] = 'false';
  return config;
}
