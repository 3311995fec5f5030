import type { RequestHandler } from 'express';
import { STYLE_HASH } from './layout.ts';

/** No script, no frame, no address told on; of styles only our own. https://www.w3.org/TR/CSP3/ */
const HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    `style-src '${STYLE_HASH}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  // A page's address may hold what nobody else is to know; with `no-referrer` browsers would not say where a form comes from either.
  'Referrer-Policy': 'same-origin',
};

export const securityHeaders: RequestHandler = (_req, res, next) => {
  res.set(HEADERS);
  next();
};
