import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DestinationStream, type Logger, pino } from 'pino';
import { loggablePath, redactKeys } from './redact.ts';
import { requestIdOf, routeOf } from './request-facts.ts';

export type { Logger };

export interface LogOptions {
  level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent';
  /** Standard output unless a test or a command wants it elsewhere. */
  destination?: DestinationStream;
}

/** JSON lines. Every line goes through redactKeys as a whole, so that no field, message or stack can carry a key out. */
export function makeLogger({ level, destination }: LogOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: redactKeys },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** One answered request, as metrics want to know it. */
export interface Served {
  method: string;
  /** The pattern, never the path; `other` where no route matched. */
  route: string;
  status: number;
  seconds: number;
}

/**
 * Logs each request once it is answered or cut: the route's pattern, or the path without key and query where none matched. Never
 * the query, the referrer or a header. Gives the same facts to `observe`. `clock` is monotonic ms.
 */
export function requestLog(log: Logger, clock: () => number, observe: (served: Served) => void = () => undefined) {
  return (req: IncomingMessage, res: ServerResponse, next: () => void): void => {
    const start = clock();
    const requestId = requestIdOf(req, res);
    const path = loggablePath(req.url ?? '');
    const method = knownMethod(req.method);
    res.once('close', () => {
      const ms = Math.round((clock() - start) * 10) / 10;
      const route = routeOf(res);
      const cut = res.writableFinished ? {} : { cut: true };
      log.info({ method, path: route ?? path, status: res.statusCode, ms, request_id: requestId, ...cut }, 'request');
      observe({ method, route: route ?? 'other', status: res.statusCode, seconds: ms / 1_000 });
    });
    next();
  };
}

/** Anyone can invent a method: as a metric label each would be a series of its own. */
function knownMethod(method: string | undefined): string {
  return /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/.test(method ?? '') ? (method as string) : 'OTHER';
}
