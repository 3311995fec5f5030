import { ForgeTrouble } from '../errors.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What a forge's answer is judged by. */
export interface Answer {
  status: number;
  /** Lower-case names. */
  header(name: string): string | null;
  /** The beginning of the body of a failed request. */
  text: string;
}

/**
 * The trouble that an answer means, or null where the caller decides (2xx, 304, 404 and the other 4xx).
 * 401: the token is dead. 429, and GitHub's 403 with an exhausted or secondary limit: rate_limited with a wait in ms.
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
export function troubleOfAnswer(answer: Answer, what: string, now: number): ForgeTrouble | null {
  const { status } = answer;
  if (status === 401) return new ForgeTrouble('unauthorized', `${what} answered 401: the token is not accepted`);
  if (isRateLimit(answer)) {
    return new ForgeTrouble(
      'rate_limited',
      `${what} answered ${status}: too many requests`,
      waitOf(answer, now) ?? MINUTE_MS,
    );
  }
  if (status >= 500) return new ForgeTrouble('bad_answer', `${what} answered ${status}`, waitOf(answer, now));
  return null;
}

/** The ForgeTrouble inside an error that a library may have wrapped (Octokit keeps it as `cause`), or null. */
export function troubleOf(error: unknown): ForgeTrouble | null {
  for (let depth = 0, at = error; depth < 5 && at instanceof Error; depth++, at = at.cause) {
    if (at instanceof ForgeTrouble) return at;
  }
  return null;
}

function isRateLimit(answer: Answer): boolean {
  if (answer.status === 429) return true;
  if (answer.status !== 403) return false;
  if (answer.header('retry-after') !== null || answer.header('x-ratelimit-remaining') === '0') return true;
  return /secondary rate limit|abuse detection/i.test(answer.text);
}

/** Retry-After in seconds or as a date, else GitHub's reset instant in epoch seconds; never negative, an hour at most. */
function waitOf(answer: Answer, now: number): number | undefined {
  const after = answer.header('retry-after');
  const reset = answer.header('x-ratelimit-reset');
  if (after !== null) {
    const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - now;
    if (Number.isFinite(ms)) return clamp(ms);
  }
  if (reset !== null && /^\d+$/.test(reset)) return clamp(Number(reset) * 1000 - now);
  return undefined;
}

function clamp(ms: number): number {
  return Math.min(Math.max(ms, 0), HOUR_MS);
}
