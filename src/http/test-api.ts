import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach } from 'vitest';
import type { Callers, FindToken } from './actor.ts';
import { makeFloodLimiter } from './limits.ts';
import { makeLogger } from './log.ts';
import { type MountDeps, mountRoutes } from './mount.ts';
import { trustedProxies } from './network.ts';
import type { Route } from './route.ts';

const open: (() => void)[] = [];

/** What a test asks and gets: the answer with its text and its JSON read. */
export interface Asked {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any body and fails where a field is missing
  json: any;
}

export interface ServedRoutes {
  /** `token` goes out as bearer. */
  ask(path: string, init?: RequestInit & { token?: string }): Promise<Asked>;
  /** Where a path is asked, for what `ask` cannot do. */
  url(path: string): string;
  /** Log lines, as written. */
  lines: string[];
}

/** Callers who hold what `findToken` knows; nobody is signed in. */
export function tokensOnly(findToken: FindToken): Callers {
  return {
    findToken,
    findPerson: async () => ({ kind: 'none' }),
    placeOf: async () => null,
    standingOf: async () => ({ role: null, organizations: [], repositoryIds: null }),
  };
}

/** Serves routes by a real server on a free port until the test ends. Unless told otherwise it knows no token and keeps no reply. */
export async function serveRoutes(routes: readonly Route[], overrides: Partial<MountDeps> = {}): Promise<ServedRoutes> {
  const lines: string[] = [];
  const app = express();
  mountRoutes(app, routes, {
    clock: () => Date.now(),
    log: makeLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } }),
    publicUrl: 'https://updates.example.org/',
    callers: tokensOnly(async () => ({ kind: 'unknown' })),
    replies: {
      reserve: async () => ({ kind: 'run', ticket: '' }),
      complete: async () => undefined,
      release: async () => undefined,
    },
    trusted: trustedProxies([]),
    flood: makeFloodLimiter({ burst: 1_000, perSecond: 1, networks: 10 }),
    ...overrides,
  });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  open.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    lines,
    url: (path) => url + path,
    async ask(path, { token, ...init } = {}) {
      const headers = new Headers(init.headers);
      if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
      const response = await fetch(url + path, { ...init, headers });
      const text = await response.text();
      const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null };
    },
  };
}

afterEach(() => {
  for (const close of open.splice(0)) close();
});
