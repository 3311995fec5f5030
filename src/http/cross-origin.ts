import type { RequestHandler } from 'express';
import type { Route } from './route.ts';

/** Browsers need not ask again for so long whether they may ask. */
const MAX_AGE_SECONDS = 600;

/**
 * What a browser must be told before a page of another address may read an answer (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol):
 * refusals too, since their reason is for the page. Never with cookies. An origin that is not known gets no such header, and the
 * browser keeps the answer from the page.
 */
export function crossOrigin(
  { method }: Pick<Route, 'method'>,
  { isSellersOrigin }: { isSellersOrigin?(origin: string): Promise<boolean> },
): RequestHandler {
  return async (req, res, next) => {
    const { origin } = req.headers;
    res.vary('Origin');
    if (origin !== undefined && (await isSellersOrigin?.(origin))) res.set('Access-Control-Allow-Origin', origin);
    if (req.method !== 'OPTIONS') return next();
    if (res.hasHeader('Access-Control-Allow-Origin')) {
      res.set({
        'Access-Control-Allow-Methods': method.toUpperCase(),
        'Access-Control-Allow-Headers': 'Content-Type',
        'Access-Control-Max-Age': String(MAX_AGE_SECONDS),
      });
    }
    res.status(204).end();
  };
}
