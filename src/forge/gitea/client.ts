import { Octokit } from '@octokit/core';
import { z } from 'zod';
import { ForgeTrouble } from '../../errors.ts';
import { type ForgeFetchOptions, forgeFetch } from '../fetch.ts';
import { troubleOf } from '../fetch-trouble.ts';
import type { ForgeConnection } from '../forge.ts';
import { segment } from './schema.ts';

const PAGE_SIZE = 50;
const MAX_PAGES = 200;
const LIST_TRIES = 3;
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };

type Parameters = Record<string, unknown>;

type Send = (route: string, parameters: Parameters) => Promise<Reply | null>;

interface Reply {
  data: unknown;
  /** `X-Total-Count` of a list. */
  total: number | null;
}

/** The API of one connection. Everything gives null for 404, which also means "no right to see it". */
export interface GiteaApi {
  /** A route is a method and a path, `GET /version`. Throws ForgeTrouble `refused` for 403, 409 and 422. */
  ask(route: string, parameters?: Parameters): Promise<unknown>;
  /** All pages of a list; entries that `read` cannot use are left out. */
  list<T>(path: string, read: (entry: unknown) => T | null): Promise<T[] | null>;
  /** The bytes at a path of the forge; `away` lets a signed address elsewhere serve them. */
  open(path: string, away: boolean): Promise<Response | null>;
}

export function giteaApi(forge: ForgeConnection, options: ForgeFetchOptions): GiteaApi {
  const octokit = new Octokit({
    baseUrl: `${forge.baseUrl}/api/v1`,
    log: SILENT,
    request: { fetch: forgeFetch(forge, options), log: SILENT },
  });

  async function send(route: string, parameters: Parameters): Promise<Reply | null> {
    try {
      const { data, headers } = await octokit.request(route, parameters);
      const total = Number(headers['x-total-count'] ?? Number.NaN);
      return { data, total: Number.isSafeInteger(total) ? total : null };
    } catch (error) {
      return refusal(error, route, forge.token);
    }
  }

  let limit: Promise<PageSize> | null = null;
  return {
    ask: async (route, parameters = {}) => (await send(route, parameters))?.data ?? null,
    list: async (path, read) => {
      limit ??= pageSize(send);
      return readList(send, `GET ${path}`, await limit, read);
    },
    open: (path, away) => openPath(forge, path, { ...options, expect: 'bytes', leaveOrigin: away }),
  };
}

/** A path of encoded segments; null for a segment that a URL would resolve to somewhere else. */
export function apiPath(...segments: string[]): string | null {
  if (segments.some((one) => one === '' || one === '.' || one === '..')) return null;
  return `/${segments.map(segment).join('/')}`;
}

/**
 * Pages by number: `Link` leads to the forge's idea of its own address, and `per_page` is ignored. A page may be short because
 * entries without a right to see them were left out, so the total decides where there is one. A list that grows or shrinks
 * while it is read would hide an entry between two pages: it is read again.
 */
async function readList<T>(
  send: Send,
  route: string,
  limit: PageSize,
  read: (entry: unknown) => T | null,
): Promise<T[] | null> {
  for (let tries = 0; tries < LIST_TRIES; tries++) {
    const entries = await readOnce(send, route, limit);
    if (entries === null) return null;
    if (entries !== 'changed') return entries.flatMap((entry) => read(entry) ?? []);
  }
  throw new ForgeTrouble('bad_answer', `${route} changed again and again while it was read`);
}

async function readOnce(send: Send, route: string, limit: PageSize): Promise<unknown[] | 'changed' | null> {
  const entries: unknown[] = [];
  let total: number | null = null;
  for (let page = 1; page <= MAX_PAGES; page++) {
    const reply = await send(route, { limit: limit.size, page });
    if (reply === null) return null;
    if (!Array.isArray(reply.data)) throw new ForgeTrouble('bad_answer', `${route} did not answer with a list`);
    if (page > 1 && reply.total !== total) return 'changed';
    total = reply.total;
    entries.push(...reply.data);
    if (isLast(reply.data.length, entries.length, page, total, limit)) return entries;
  }
  throw new ForgeTrouble('bad_answer', `${route} has no end after ${MAX_PAGES} pages`);
}

interface PageSize {
  size: number;
  /** The forge said so itself. */
  certain: boolean;
}

function isLast(onPage: number, seen: number, page: number, total: number | null, limit: PageSize): boolean {
  if (total === null) return limit.certain ? onPage < limit.size : onPage === 0;
  return seen >= total || (limit.certain ? page * limit.size >= total : onPage === 0);
}

async function pageSize(send: Send): Promise<PageSize> {
  const reply = await send('GET /settings/api', {});
  const said = z.object({ max_response_items: z.int().positive() }).safeParse(reply?.data);
  if (!said.success) return { size: PAGE_SIZE, certain: false };
  return { size: Math.min(said.data.max_response_items, PAGE_SIZE), certain: true };
}

async function openPath(forge: ForgeConnection, path: string, options: ForgeFetchOptions): Promise<Response | null> {
  const response = await forgeFetch(forge, options)(forge.baseUrl + path, { headers: { accept: '*/*' } });
  if (response.status === 404) return null;
  if (response.status === 200) return response;
  await response.body?.cancel();
  const reason = response.status === 403 ? 'refused' : 'bad_answer';
  throw new ForgeTrouble(reason, `GET ${path.split('?')[0]} answered ${response.status}`);
}

function refusal(error: unknown, route: string, token: string | null): null {
  const trouble = troubleOf(error);
  if (trouble) throw trouble;
  const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : null;
  if (status === null || !(error instanceof Error)) throw error;
  if (status === 404) return null;
  const said = error.message.slice(0, 200);
  const words = token === null ? said : said.replaceAll(token, '…');
  throw new ForgeTrouble(
    [403, 409, 422].includes(status) ? 'refused' : 'bad_answer',
    `${route} answered ${status}: ${words}`,
  );
}

function nothing(): void {}
