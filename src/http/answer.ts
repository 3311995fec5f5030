import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';

/** An answer before it is sent. `body` undefined: none. A `Content-Type` in the headers wins over JSON's. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/**
 * Sends a reply. A 200 to GET carries a strong ETag of its bytes and becomes a 304 for who has them; a page links to the next one.
 * Nothing is kept by caches: answers hold customers and keys.
 */
export function sendReply(req: Request, res: Response, reply: Reply, publicUrl: string | null): void {
  const headers: Record<string, string> = {
    'Cache-Control': 'private, no-store',
    'X-Content-Type-Options': 'nosniff',
    ...reply.headers,
  };
  const text = reply.body === undefined ? '' : JSON.stringify(reply.body);
  const isGet = req.method === 'GET' || req.method === 'HEAD';
  if (isGet && reply.status === 200) {
    headers['ETag'] = etagOfText(text);
    const next = nextLink(req.originalUrl, reply.body, publicUrl);
    if (next !== null) headers['Link'] = next;
  }
  const unchanged = headers['ETag'] !== undefined && hasEtag(req.headers['if-none-match'], headers['ETag']);
  res.statusCode = unchanged ? 304 : reply.status;
  if (text !== '' && !unchanged) {
    headers['Content-Type'] ??= 'application/json';
    headers['Content-Length'] = String(Buffer.byteLength(text));
  }
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.end(unchanged ? undefined : text);
}

/** The tag that a GET with this body carries. */
export function etagOf(body: unknown): string {
  return etagOfText(JSON.stringify(body));
}

function etagOfText(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
}

/** True where `If-None-Match` names the tag; compared weakly, as RFC 9110, section 13.1.2 wants. */
function hasEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

function nextLink(url: string, body: unknown, publicUrl: string | null): string | null {
  const cursor = (body as { next_cursor?: unknown } | null | undefined)?.next_cursor;
  if (typeof cursor !== 'string') return null;
  const [path = '', search = ''] = url.split('?', 2);
  const query = new URLSearchParams(search);
  query.set('cursor', cursor);
  return `<${(publicUrl ?? '').replace(/\/+$/, '')}${path}?${query}>; rel="next"`;
}
