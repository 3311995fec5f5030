import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Logger } from 'pino';
import { isBusy } from '../db/dialect.ts';
import { type FieldError, ForgeTrouble, PaymentTrouble, Problem, type ProblemCode, problem } from '../errors.ts';
import { redactKeys } from './redact.ts';
import { requestIdOf } from './request-facts.ts';

/** RFC 9457, https://www.rfc-editor.org/rfc/rfc9457, with members of our own. */
export interface ProblemBody {
  /** A page about this code. */
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  /** `pointer` is a JSON pointer into the body; `/query/NAME`, `/path/NAME` and `/header/NAME` name what stands elsewhere. */
  errors: FieldError[];
  request_id: string;
}

export interface ProblemDeps {
  log: Logger;
  /** Where this installation is reached, e.g. `https://updates.example.org`; null: not known, links are relative. */
  publicUrl: string | null;
}

export const PROBLEM_TYPE = 'application/problem+json';
const ERRORS_SHOWN = 50;
const OUTAGE_RETRY_SECONDS = 5;

export function problemBody(found: Problem, requestId: string, publicUrl: string | null): ProblemBody {
  return {
    ...found.facts,
    type: `${(publicUrl ?? '').replace(/\/+$/, '')}/problems/${found.code}`,
    title: found.title,
    status: found.status,
    code: found.code,
    detail: redactKeys(found.message),
    errors: found.errors
      .slice(0, ERRORS_SHOWN)
      .map(({ pointer, detail }) => ({ pointer: redactKeys(pointer), detail: redactKeys(detail) })),
    request_id: requestId,
  };
}

/** Headers that go with a problem: when to come back, and for a 401 how to prove oneself (RFC 6750, section 3). */
export function problemHeaders(found: Problem, sentCredentials: boolean): Record<string, string> {
  const headers: Record<string, string> = {};
  if (found.retryAfterSeconds !== undefined) headers['Retry-After'] = String(Math.ceil(found.retryAfterSeconds));
  if (found.code === 'UNAUTHENTICATED') {
    headers['WWW-Authenticate'] = `Bearer realm="Feedgate"${sentCredentials ? ', error="invalid_token"' : ''}`;
  }
  return headers;
}

/** What the caller is told of an error. Anything that is not ours becomes INTERNAL without a word of it. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isTrouble(error)) {
    const { retryAfterMs } = error;
    const extra = retryAfterMs === undefined ? {} : { retryAfterSeconds: retryAfterMs / 1_000 };
    return problem(error instanceof ForgeTrouble ? 'FORGE_TROUBLE' : 'PAYMENT_TROUBLE', error.message, extra);
  }
  if (isOutage(error)) return problem('UNAVAILABLE', undefined, { retryAfterSeconds: OUTAGE_RETRY_SECONDS });
  // Express gives a broken percent-encoding in a path this way.
  if (error instanceof URIError) return problem('INVALID_REQUEST', 'the address has a broken percent-encoding');
  return problem('INTERNAL');
}

/** Somebody outside did not do his part. */
function isTrouble(error: unknown): error is ForgeTrouble | PaymentTrouble {
  return error instanceof ForgeTrouble || error instanceof PaymentTrouble;
}

/** The database is away, is starting or has no connection left: a matter of waiting, not of the request. */
function isOutage(error: unknown): boolean {
  const { code = '', name = '' } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (isBusy(error) || name === 'KnexTimeoutError') return true;
  return /^(08...|57P0[123]|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND)$/.test(String(code));
}

/** Refusals are the caller's matter; what is ours to mend is logged, with its stack where it was not foreseen. */
export function logTrouble(log: Logger, error: unknown, requestId: string): void {
  const found = asProblem(error);
  if (found.status < 500) return;
  if (found === error || isTrouble(error)) {
    log.warn({ request_id: requestId, code: found.code }, found.message);
  } else {
    log.error({ request_id: requestId, code: found.code, err: error }, 'a request failed');
  }
}

/** The last handler below `/api`: every error leaves as problem+json. */
export function problemHandler({ log, publicUrl }: ProblemDeps): ErrorRequestHandler {
  return (error, req: Request, res: Response, _next) => {
    const requestId = requestIdOf(req, res);
    logTrouble(log, error, requestId);
    // Half an answer cannot be turned into another one; a cut connection tells the caller that it is not whole.
    if (res.headersSent) return void res.destroy();
    const found = asProblem(error);
    const text = JSON.stringify(problemBody(found, requestId, publicUrl));
    const headers = problemHeaders(found, req.headers.authorization !== undefined);
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    res.statusCode = found.status;
    res.setHeader('Cache-Control', 'private, no-store');
    res.setHeader('X-Content-Type-Options', 'nosniff');
    res.setHeader('Content-Type', PROBLEM_TYPE);
    res.end(text);
  };
}
