import express, { type Router } from 'express';
import type { Db } from '../db/connect.ts';
import { countJobs } from '../jobs/store.ts';

/** `/healthz`: the process lives. `/readyz`: it can do its work. Without login and without details. */
export function healthRouter(db: Db): Router {
  const router = express.Router();
  router.get('/healthz', (_req, res) => {
    res.type('text').send('ok\n');
  });
  router.get('/readyz', async (_req, res) => {
    try {
      await db.read(countJobs);
      res.type('text').send('ready\n');
    } catch {
      res.status(503).type('text').send('the database does not answer\n');
    }
  });
  return router;
}
