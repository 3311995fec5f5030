import express, { type Request, type Response, type Router } from 'express';
import { findPerson, signOut } from '../accounts/sessions.ts';
import { beginSignIn, finishSignIn } from '../accounts/sign-in.ts';
import { ForgeTrouble, Problem } from '../errors.ts';
import { findForgeByName } from '../forge/forge-reads.ts';
import { loginForges } from '../forge/login-apps.ts';
import { cookieJar } from '../http/cookies.ts';
import { clientAddress, networkOf } from '../http/network.ts';
import { isOwnRequest } from '../http/own-request.ts';
import { markRoute, requestIdOf } from '../http/request-facts.ts';
import { loginLinkRouter } from './login-link.ts';
import { foreignPage, refusalPage, signedInPage, signInPage, tooManyPage } from './login-pages.ts';
import { browserOf, factsOf, type LoginDeps, sendPage, textIn } from './login-request.ts';

/** `/login`, `/login/{forge}`, its callback, `/login/link` and `/logout`: pages without a script. */
export function loginRouter(deps: LoginDeps): Router {
  const router = express.Router();
  router.use(['/login', '/logout'], (_req, res, next) => {
    res.set('cache-control', 'no-store');
    next();
  });
  router.get('/login', (req, res) => showLogin(deps, req, res));
  router.use(loginLinkRouter(deps));
  router.get('/login/:forge', (req, res, next) => begin(deps, req, res, next));
  router.get('/login/:forge/callback', (req, res) => finish(deps, req, res));
  router.post('/logout', (req, res) => leave(deps, req, res));
  return router;
}

async function showLogin(deps: LoginDeps, req: Request, res: Response): Promise<void> {
  markRoute(res, '/login');
  const answer = await findPerson(deps.session, factsOf(req), deps.clock());
  if (answer.kind !== 'active') {
    const forges = await loginForges(deps.session.db);
    return sendPage(res, 200, signInPage(deps.session.publicUrl, forges, textIn(req, 'return') ?? null));
  }
  const { person } = answer;
  const forge = person.forgeId === null ? null : await findForgeByName(deps.session.db, person.forgeId);
  const roles = await deps.standings.all(person, { now: deps.clock(), isWrite: false }).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'FORGE_TROUBLE') return { roles: [], complete: false };
    throw error;
  });
  sendPage(res, 200, signedInPage(deps.session.publicUrl, person, forge?.name ?? null, roles));
}

async function begin(deps: LoginDeps, req: Request, res: Response, next: () => void): Promise<void> {
  markRoute(res, '/login/{forge}');
  const now = deps.clock();
  const { publicUrl } = deps.session;
  if (!deps.flood.take(networkOf(clientAddress(req, deps.trusted)), now).allowed)
    return sendPage(res, 429, tooManyPage(publicUrl));
  try {
    const begun = await beginSignIn(deps.forge, String(req.params['forge']), textIn(req, 'return'), now);
    if (begun === null) return next();
    res.append('set-cookie', cookieJar(publicUrl).set('sign-in', begun.browserText, begun.maxAgeSeconds));
    res.redirect(303, begun.url);
  } catch (error) {
    if (!(error instanceof ForgeTrouble)) throw error;
    sendPage(res, 502, refusalPage(publicUrl, { forge: error.message }));
  }
}

async function finish(deps: LoginDeps, req: Request, res: Response): Promise<void> {
  markRoute(res, '/login/{forge}/callback');
  const { publicUrl } = deps.session;
  const jar = cookieJar(publicUrl);
  const back = { state: textIn(req, 'state'), code: textIn(req, 'code'), error: textIn(req, 'error') };
  const by = { now: deps.clock(), requestId: requestIdOf(req, res) };
  const answer = await finishSignIn(deps.forge, String(req.params['forge']), back, browserOf(deps, req), by);
  if (answer.kind === 'refused') {
    const status = answer.why === 'denied' ? 403 : typeof answer.why === 'string' ? 400 : 502;
    return sendPage(res, status, refusalPage(publicUrl, answer.why));
  }
  const { text, maxAgeSeconds } = answer.session;
  res.append('set-cookie', jar.set('session', text, maxAgeSeconds));
  res.append('set-cookie', jar.clear('sign-in'));
  res.redirect(303, `${publicUrl}${answer.returnTo ?? '/login'}`);
}

async function leave(deps: LoginDeps, req: Request, res: Response): Promise<void> {
  markRoute(res, '/logout');
  const { publicUrl } = deps.session;
  if (!isOwnRequest(factsOf(req), publicUrl)) return sendPage(res, 403, foreignPage(publicUrl));
  await signOut(deps.session, req.headers.cookie, { now: deps.clock(), requestId: requestIdOf(req, res) });
  res.append('set-cookie', cookieJar(publicUrl).clear('session'));
  res.redirect(303, `${publicUrl}/login`);
}
