import { once } from 'node:events';
import type { Request, Response } from 'express';

/** In a route's `answers`, in the place of a schema: a body that is sent piece by piece, as one of these types. */
export interface StreamAnswer {
  contentTypes: readonly string[];
}

/** A body in pieces. The first is made before the answer begins, so that a refusal thrown until then is still a problem. */
export interface StreamBody {
  /** One of those that the route declares. */
  contentType: string;
  /** What a browser saves it as. */
  fileName: string;
  /** Asked for the next piece only when the one before has gone out. */
  chunks: AsyncIterable<string>;
}

export function streamOf(...contentTypes: readonly string[]): StreamAnswer {
  return { contentTypes };
}

export function isStreamAnswer(answer: unknown): answer is StreamAnswer {
  return typeof answer === 'object' && answer !== null && 'contentTypes' in answer;
}

/** An answer whose body is a stream, before it is sent. */
export interface StreamReply {
  status: number;
  headers: Record<string, string>;
  stream: StreamBody;
}

/**
 * Sends a stream as fast as the caller reads it. When a piece cannot be made after all, this throws with the head already out, and
 * the error handler cuts the connection: the caller sees that it is not whole. A caller who goes away ends the work.
 */
export async function sendStream(req: Request, res: Response, { status, headers, stream }: StreamReply): Promise<void> {
  const chunks = stream.chunks[Symbol.asyncIterator]();
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  try {
    let next = await chunks.next();
    res.statusCode = status;
    for (const [name, value] of Object.entries(headersOf(stream, headers))) res.setHeader(name, value);
    while (req.method !== 'HEAD' && !next.done && !gone.signal.aborted) {
      if (!res.write(next.value)) await drained(res, gone.signal);
      next = await chunks.next();
    }
    res.end();
  } finally {
    await chunks.return?.();
  }
}

function headersOf({ contentType, fileName }: StreamBody, others: Record<string, string>): Record<string, string> {
  return {
    'Cache-Control': 'private, no-store',
    'X-Content-Type-Options': 'nosniff',
    'Content-Type': contentType === 'text/csv' ? 'text/csv; charset=utf-8' : contentType,
    'Content-Disposition': `attachment; filename="${fileName.replace(/[^\w.-]+/g, '-')}"`,
    ...others,
  };
}

/** Until there is room for more, or nobody is there to read it. */
async function drained(res: Response, gone: AbortSignal): Promise<void> {
  await once(res, 'drain', { signal: gone }).catch((error: unknown) => {
    if (!gone.aborted) throw error;
  });
}
