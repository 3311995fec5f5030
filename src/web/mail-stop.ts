import express, { type Request, type Response, type Router } from 'express';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { markRoute } from '../http/request-facts.ts';
import { type MailLanguage, mailLanguage } from '../notify/mail-facts.ts';
import { stopReminders } from '../notify/reminders.ts';
import type { LinkTokens } from '../payments/tokens.ts';
import { escapeHtml, page } from './layout.ts';

export interface MailStopDeps {
  db: Db;
  clock: Clock;
  links: LinkTokens;
  config: { publicUrl: string };
}

const WORDS: Readonly<
  Record<MailLanguage, Readonly<Record<'ask' | 'effect' | 'button' | 'done' | 'missing', string>>>
> = {
  en: {
    ask: 'No more reminders?',
    effect:
      'You will get no more mails that tell you when a license ends. Mails about your orders, payments and keys still come.',
    button: 'No more reminders',
    done: 'You will get no more reminders',
    missing: 'This link leads nowhere; perhaps not all of it was copied.',
  },
  de: {
    ask: 'Keine Erinnerungen mehr?',
    effect:
      'Sie bekommen keine E-Mails mehr, die Ihnen sagen, wann eine Lizenz endet. E-Mails zu Ihren Bestellungen, Zahlungen und Schlüsseln kommen weiterhin.',
    button: 'Keine Erinnerungen mehr',
    done: 'Sie bekommen keine Erinnerungen mehr',
    missing: 'Dieser Link führt nirgendwohin; vielleicht wurde er nicht ganz kopiert.',
  },
  fr: {
    ask: 'Plus de rappels ?',
    effect:
      'Vous ne recevrez plus d’e-mails vous indiquant la fin d’une licence. Les e-mails sur vos commandes, paiements et clés continuent.',
    button: 'Plus de rappels',
    done: 'Vous ne recevrez plus de rappels',
    missing: 'Ce lien ne mène nulle part ; peut-être n’a-t-il pas été copié en entier.',
  },
};

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

function languageOf(req: Request): MailLanguage {
  return mailLanguage(...req.acceptsLanguages());
}

function ask(deps: MailStopDeps, req: Request, res: Response): void {
  if (customerIn(deps, req) === null) {
    unknown(req, res);
    return;
  }
  const language = languageOf(req);
  const words = WORDS[language];
  const action = `${deps.config.publicUrl}/mail/stop/${encodeURIComponent(String(req.params['token']))}`;
  const body = `<h1>${words.ask}</h1>
<p>${words.effect}</p>
<form method="post" action="${escapeHtml(action)}"><p><button class="button" type="submit">${words.button}</button></p></form>`;
  res.type('html').send(page(words.ask, body, { language }));
}

async function stop(deps: MailStopDeps, req: Request, res: Response): Promise<void> {
  const customerId = customerIn(deps, req);
  if (customerId === null || !(await stopReminders(deps.db, customerId, deps.clock()))) return unknown(req, res);
  const language = languageOf(req);
  const { done } = WORDS[language];
  res.type('html').send(page(done, `<h1>${done}</h1>`, { language }));
}

function unknown(req: Request, res: Response): void {
  const language = languageOf(req);
  const html = page('404', `<h1>404</h1>\n<p>${WORDS[language].missing}</p>`, { language });
  res.status(404).type('html').send(html);
}
