import express, { type Request, type Response, type Router } from 'express';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { markRoute } from '../http/request-facts.ts';
import { stopReminders } from '../notify/reminders.ts';
import type { LinkTokens } from '../payments/tokens.ts';
import { escapeHtml, page } from './layout.ts';

export interface MailStopDeps {
  db: Db;
  clock: Clock;
  links: LinkTokens;
  config: { publicUrl: string };
}

/**
 * `/mail/stop/{token}`: where reminders end. A look at the page changes nothing, since programs look at links as well; the button
 * does, and so does the one POST that mail programs send by RFC 8058. It needs no session, so it is taken from anywhere.
 */
export function mailStopRouter(deps: MailStopDeps): Router {
  const router = express.Router();
  router.use('/mail/stop/:token', (_req, res, next) => {
    markRoute(res, '/mail/stop/{token}');
    // The address is as good as a key to this one thing: nobody keeps it or tells it on.
    res.set({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
    next();
  });
  router.get('/mail/stop/:token', (req, res) => ask(deps, req, res));
  router.post('/mail/stop/:token', (req, res) => stop(deps, req, res));
  return router;
}

function customerIn({ links }: MailStopDeps, req: Request): string | null {
  return links.read('customer', String(req.params['token']));
}

function ask(deps: MailStopDeps, req: Request, res: Response): void {
  if (customerIn(deps, req) === null) {
    unknown(res);
    return;
  }
  const action = `${deps.config.publicUrl}/mail/stop/${encodeURIComponent(String(req.params['token']))}`;
  const body = `<h1>No more reminders?</h1>
<p>You will get no more mails that tell you when a license ends. Mails about your orders, payments and keys still come.</p>
<form method="post" action="${escapeHtml(action)}"><p><button class="button" type="submit">No more reminders</button></p></form>`;
  res.type('html').send(page('No more reminders?', body));
}

async function stop(deps: MailStopDeps, req: Request, res: Response): Promise<void> {
  const customerId = customerIn(deps, req);
  if (customerId === null || !(await stopReminders(deps.db, customerId, deps.clock()))) return unknown(res);
  const body = '<h1>No more reminders</h1>\n<p>You will get none any more.</p>';
  res.type('html').send(page('No more reminders', body));
}

function unknown(res: Response): void {
  const words = '<p>This link leads nowhere; perhaps not all of it was copied.</p>';
  res
    .status(404)
    .type('html')
    .send(page('Not found', `<h1>Not found</h1>\n${words}`));
}
