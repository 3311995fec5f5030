import type { RequestHandler } from 'express';
import { page } from './layout.ts';

const PAGE = page(
  'Not found',
  `<h1>There is no such page</h1>
<p>Extensions are at <code>/organization/repository</code>. Look at how the address is written, or ask whoever gave it to you.</p>`,
);

/** The last handler: for people who followed an old link. */
export const notFoundPage: RequestHandler = (_req, res) => {
  res.status(404).set('Cache-Control', 'no-cache').type('html').send(PAGE);
};
