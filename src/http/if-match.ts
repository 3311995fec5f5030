import type { z } from 'zod';
import { problem } from '../errors.ts';
import { etagOf } from './answer.ts';

/**
 * Whether a thing is still what the caller read. `body` is what a GET of it would answer now, `ifMatch` the header `If-Match` as it
 * was sent (RFC 9110, section 13.1.1; compared strongly). Throws PRECONDITION_FAILED. To be asked in the transaction that writes.
 */
export function requireMatch<T extends z.ZodType>(ifMatch: string | null, view: T, body: z.input<T>): void {
  if (ifMatch === null || ifMatch.trim() === '*') return;
  const now = etagOf(view.parse(body));
  if (ifMatch.split(',').some((tag) => tag.trim() === now)) return;
  throw problem('PRECONDITION_FAILED', 'it has changed since it was read; read it again and send the change anew');
}
