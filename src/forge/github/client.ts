import { Octokit } from '@octokit/core';
import { ForgeTrouble } from '../../errors.ts';
import { forgeFetch } from '../fetch.ts';
import { troubleOf } from '../fetch-trouble.ts';
import type { ForgeConnection, RemoteFile } from '../forge.ts';
import { apiUrl } from './address.ts';

const API_VERSION = '2022-11-28';
const PAGE_SIZE = 100;
/** GitHub lists 10,000 releases at most. */
const PAGE_LIMIT = 100;

export interface GitHubAnswer {
  data: unknown;
  /** Lower-case names. */
  headers: Readonly<Record<string, unknown>>;
}

/** What a refused write says: its status and GitHub's own words. */
interface GitHubRefusal {
  status: number;
  words: string;
}

/** One request; `refusal` for every 4xx that is no trouble of its own. Throws ForgeTrouble. */
export async function send(
  forge: ForgeConnection,
  route: string,
  parameters: Record<string, unknown> = {},
): Promise<GitHubAnswer | { refusal: GitHubRefusal }> {
  try {
    const headers = { 'x-github-api-version': API_VERSION };
    return await clientOf(forge).request(route, { ...parameters, headers });
  } catch (error) {
    const trouble = troubleOf(error);
    if (trouble) throw trouble;
    const refusal = refusalIn(error, forge.token);
    if (refusal) return { refusal };
    throw error;
  }
}

/** One reading request; null for 404 and 410. Every other refusal is ForgeTrouble `refused`. */
export async function ask(
  forge: ForgeConnection,
  route: string,
  parameters: Record<string, unknown> = {},
): Promise<GitHubAnswer | null> {
  const answer = await send(forge, route, parameters);
  if (!('refusal' in answer)) return answer;
  if (answer.refusal.status === 404 || answer.refusal.status === 410) return null;
  throw refused(answer.refusal);
}

/**
 * All entries of a list, page by page by number: an address in a Link header is never followed, it only tells that there is more.
 * Null where the list is not there. An endless list is ForgeTrouble `refused`: half of one could pass for deleted releases.
 */
export async function askAll(
  forge: ForgeConnection,
  route: string,
  parameters: Record<string, unknown> = {},
): Promise<unknown[] | null> {
  const entries: unknown[] = [];
  for (let page = 1; page <= PAGE_LIMIT; page++) {
    const answer = await ask(forge, route, { ...parameters, per_page: PAGE_SIZE, page });
    if (answer === null) return null;
    if (!Array.isArray(answer.data)) throw new ForgeTrouble('bad_answer', `${route} did not answer with a list`);
    entries.push(...answer.data);
    const link = answer.headers['link'];
    const hasMore = typeof link === 'string' ? link.includes('rel="next"') : answer.data.length >= PAGE_SIZE;
    if (!hasMore || answer.data.length === 0) return entries;
  }
  throw new ForgeTrouble('refused', `${route} has more than ${PAGE_LIMIT * PAGE_SIZE} entries`);
}

/** A file as a stream: GitHub redirects to a signed address on another host, where no token goes. Null for 404 and 410. */
export async function openStream(
  forge: ForgeConnection,
  path: string | null,
  accept: string,
): Promise<RemoteFile | null> {
  if (path === null) return null;
  const api = apiUrl(forge);
  const fetch = forgeFetch({ baseUrl: api, token: forge.token }, { expect: 'bytes', leaveOrigin: true });
  const response = await fetch(api + path, { headers: { accept, 'x-github-api-version': API_VERSION } });
  if (response.status === 404 || response.status === 410) return null;
  if (!response.ok) throw new ForgeTrouble('bad_answer', `GitHub answered ${response.status} for a file`);
  const length = response.headers.get('content-length');
  return { stream: response.body ?? nothing(), size: length === null ? null : Number(length) };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

export function refused({ status, words }: GitHubRefusal): ForgeTrouble {
  return new ForgeTrouble('refused', `GitHub refused with ${status}: ${words}`);
}

/** No plugin: paging, waiting and trying again are ours, the token is put on by forgeFetch. */
function clientOf(forge: ForgeConnection): Octokit {
  const baseUrl = apiUrl(forge);
  return new Octokit({
    baseUrl,
    userAgent: 'feedgate',
    request: { fetch: forgeFetch({ baseUrl, token: forge.token }) },
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
}

function ignore(): void {}

/** Octokit's error for an answer of 400 and above. */
function refusalIn(error: unknown, token: string | null): GitHubRefusal | null {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return null;
  if (!('response' in error) || error.response === undefined) return null;
  const words = token === null ? error.message : error.message.replaceAll(token, '…');
  return { status: error.status, words: words.slice(0, 300) };
}
