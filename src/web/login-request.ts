import type { Request, Response } from 'express';
import type { Standings } from '../accounts/people-roles.ts';
import type { Browser, SessionDeps } from '../accounts/sessions.ts';
import type { Clock } from '../clock.ts';
import type { HookDeps } from '../forge/hooks.ts';
import type { FloodLimiter } from '../http/limits.ts';
import { clientAddress, networkOf, type TrustedProxies } from '../http/network.ts';

export interface LoginDeps {
  session: SessionDeps;
  forge: HookDeps;
  standings: Standings;
  clock: Clock;
  trusted: TrustedProxies;
  /** Beginnings of a sign-in from one network. */
  flood: FloodLimiter;
}

export function browserOf(deps: Pick<LoginDeps, 'trusted'>, req: Request): Browser {
  const network = networkOf(clientAddress(req, deps.trusted));
  return { cookie: req.headers.cookie, agent: req.get('user-agent') ?? '', network };
}

export function factsOf(req: Request) {
  const { cookie, origin } = req.headers;
  return { cookie, method: req.method, origin, fetchSite: req.get('sec-fetch-site') };
}

export function sendPage(res: Response, status: number, html: string): void {
  res.status(status).type('html').send(html);
}

/** A parameter of the query that is given once. */
export function textIn(req: Request, name: string): string | undefined {
  const value = req.query[name];
  return typeof value === 'string' ? value : undefined;
}
