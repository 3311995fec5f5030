import type { IncomingMessage, ServerResponse } from 'node:http';
import { newId } from '../ids.ts';
import { redactKeys } from './redact.ts';

/** What is known of a request beside what its own fields say; gone with its answer. */
const requestIds = new WeakMap<ServerResponse, string>();
const routePatterns = new WeakMap<ServerResponse, string>();

/**
 * The id of a request, told back as `X-Request-Id`: the caller's where it has 8 to 64 of `A-Z a-z 0-9 _ -` and is no key of ours
 * (it is logged and stored), else a new one that sorts by time.
 */
export function requestIdOf(req: IncomingMessage, res: ServerResponse): string {
  const known = requestIds.get(res);
  if (known !== undefined) return known;
  const given = req.headers['x-request-id'];
  const fits = typeof given === 'string' && /^[A-Za-z0-9_-]{8,64}$/.test(given) && redactKeys(given) === given;
  const id = fits ? given : `req_${newId('audit').slice(4)}`;
  requestIds.set(res, id);
  if (!res.headersSent) res.setHeader('X-Request-Id', id);
  return id;
}

/** Says by which pattern a request was matched: what logs and metrics show in place of its path. */
export function markRoute(res: ServerResponse, pattern: string): void {
  routePatterns.set(res, pattern);
}

/** null: no route of ours matched. */
export function routeOf(res: ServerResponse): string | null {
  return routePatterns.get(res) ?? null;
}
