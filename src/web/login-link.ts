import express, { type Request, type Response, type Router } from 'express';
import { loginLinkState, useLoginLink } from '../accounts/login-links.ts';
import { cookieJar } from '../http/cookies.ts';
import { isOwnRequest } from '../http/own-request.ts';
import { markRoute, requestIdOf } from '../http/request-facts.ts';
import { deadLinkPage, foreignPage, linkPage } from './login-pages.ts';
import { browserOf, factsOf, type LoginDeps, sendPage, textIn } from './login-request.ts';

const readForm = express.urlencoded({ extended: false, limit: 4_096, parameterLimit: 10 });

/** `/login/link`: looking at it shows a button, since programs that preview links look, too; pressing the button uses it up. */
export function loginLinkRouter(deps: LoginDeps): Router {
  const router = express.Router();
  router.get('/login/link', (req, res) => show(deps, req, res));
  router.post('/login/link', readForm, (req, res) => use(deps, req, res));
  return router;
}

async function show(deps: LoginDeps, req: Request, res: Response): Promise<void> {
  markRoute(res, '/login/link');
  const { publicUrl } = deps.session;
  const text = textIn(req, 'token') ?? '';
  const state = await loginLinkState(deps.session, text, deps.clock());
  if (state === 'open') sendPage(res, 200, linkPage(publicUrl, text));
  else sendPage(res, 410, deadLinkPage(publicUrl, state));
}

async function use(deps: LoginDeps, req: Request, res: Response): Promise<void> {
  markRoute(res, '/login/link');
  const { publicUrl } = deps.session;
  if (!isOwnRequest(factsOf(req), publicUrl)) return sendPage(res, 403, foreignPage(publicUrl));
  const { token } = (req.body ?? {}) as { token?: unknown };
  const by = { now: deps.clock(), requestId: requestIdOf(req, res) };
  const text = typeof token === 'string' ? token : '';
  const answer = await useLoginLink(deps.session, text, browserOf(deps, req), by);
  if (answer.kind !== 'signed_in') return sendPage(res, 410, deadLinkPage(publicUrl, answer.kind));
  const { text: cookie, maxAgeSeconds } = answer.session;
  res.append('set-cookie', cookieJar(publicUrl).set('session', cookie, maxAgeSeconds));
  res.redirect(303, `${publicUrl}/login`);
}
