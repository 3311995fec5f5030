import type { ErrorRequestHandler } from 'express';
import type { Logger } from '../http/log.ts';
import { asProblem, logTrouble } from '../http/problem.ts';
import { requestIdOf } from '../http/request-facts.ts';
import { escapeHtml, page } from './layout.ts';
import { notFoundPage } from './not-found.ts';

const OURS = 'Something went wrong here. It is in the log of the server; try again in a while.';
const THEIRS = 'Your browser asked for this in a way that is not understood here.';

/** What people see where a page could not be made: never the error, which is logged. */
export function faultPage(log: Logger): ErrorRequestHandler {
  return (error, req, res, next): void => {
    const requestId = requestIdOf(req, res);
    const status = refusedAs(error) ?? asProblem(error).status;
    if (status >= 500) logTrouble(log, error, requestId);
    // Half a page cannot be turned into another one.
    if (res.headersSent) return void res.destroy();
    if (status === 404) return void notFoundPage(req, res, next);
    const words = status >= 500 ? OURS : THEIRS;
    const html = page(
      'Not done – Feedgate',
      `<h1>This did not work</h1>\n<p>${words}</p>\n<p>${escapeHtml(requestId)}</p>`,
    );
    res.status(status).set('Cache-Control', 'no-store').type('html').send(html);
  };
}

/** Whoever reads bodies refuses one by a status of its own; null: it is no such refusal. */
function refusedAs(error: unknown): number | null {
  const { status, expose } = (error ?? {}) as { status?: unknown; expose?: unknown };
  return expose === true && typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}
