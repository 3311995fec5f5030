import { createHash } from 'node:crypto';
import { MINUTE, SECOND, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { ForgeTrouble } from '../errors.ts';
import type { HookDeps } from '../forge/hooks.ts';
import { type LoginSide, loginSide } from '../forge/login-apps.ts';
import type { RemoteIdentity } from '../forge/people.ts';
import { cookieJar } from '../http/cookies.ts';
import { localPath } from './session.ts';
import { type Browser, newSecretText, type StartedSession, startSession } from './sessions.ts';
import { type AttemptRecord, findAttempt, insertAttempt, takeAttempt } from './store-sign-ins.ts';

/** How long somebody may take at the forge. */
const ATTEMPT_MS = 10 * MINUTE;
const SEALED_AS = 'login-attempt';

interface Kept {
  nonce: string;
  verifier: string;
  returnTo: string | null;
}

export interface Begun {
  /** Where to send the browser. */
  url: string;
  /** For the cookie that binds what comes back to this browser. */
  browserText: string;
  maxAgeSeconds: number;
}

/**
 * Begins a sign-in. What comes back is bound to the browser by a cookie, to this attempt by `state`, and the identity to it by a
 * nonce. null: nobody signs in with this forge. Throws ForgeTrouble.
 */
export async function beginSignIn(
  deps: HookDeps,
  forge: string,
  returnTo: string | undefined,
  now: number,
): Promise<Begun | null> {
  const side = await loginSide(deps, forge);
  if (side === null) return null;
  const [state, browserText, verifier, nonce] = [newSecretText(), newSecretText(), newSecretText(), newSecretText()];
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const url = await side.login.authorizeUrl(side.connection, side.app, { state, nonce, challenge });
  const stateHash = deps.secrets.lookupHash(state);
  const kept: Kept = { nonce, verifier, returnTo: localPath(returnTo) };
  const attempt: AttemptRecord = {
    stateHash,
    browserHash: deps.secrets.lookupHash(browserText),
    forgeId: side.forge.id,
    sealed: deps.secrets.seal(SEALED_AS, stateHash, JSON.stringify(kept)),
    expiresAt: toIso(now + ATTEMPT_MS),
  };
  await deps.db.tx((tx) => insertAttempt(tx, attempt));
  return { url, browserText, maxAgeSeconds: ATTEMPT_MS / SECOND };
}

/** What the forge sent the browser back with. */
export interface Returned {
  state: string | undefined;
  code: string | undefined;
  error: string | undefined;
}

/** Why nobody is signed in. */
export type SignInRefusal =
  /** No sign-in of this state is under way: it was used, or we never began it. */
  | 'unknown'
  | 'other_browser'
  | 'expired'
  /** The person said no at the forge. */
  | 'denied'
  /** The forge refused, or what it says is not to be believed; in its words. */
  | { forge: string };

export type SignInAnswer =
  | { kind: 'signed_in'; session: StartedSession; returnTo: string | null }
  | { kind: 'refused'; why: SignInRefusal };

/** Ends a sign-in: takes the attempt, which is good for once, and asks the forge who it is. */
export async function finishSignIn(
  deps: HookDeps,
  forgeId: string,
  { state, code, error }: Returned,
  browser: Browser,
  by: { now: number; requestId: string | null },
): Promise<SignInAnswer> {
  const side = await loginSide(deps, forgeId);
  if (side === null || state === undefined) return refused('unknown');
  const taken = await deps.db.tx((tx) => take(tx, deps, side, state, browser, by.now));
  if (typeof taken === 'string') return refused(taken);
  if (error === 'access_denied') return refused('denied');
  if (code === undefined) return refused({ forge: `the forge answered "${(error ?? 'no code').slice(0, 60)}"` });
  const kept = JSON.parse(deps.secrets.open(SEALED_AS, taken.stateHash, taken.sealed)) as Kept;
  let who: RemoteIdentity;
  try {
    const { verifier, nonce } = kept;
    who = await side.login.exchange(side.connection, side.app, { code, verifier, nonce, now: by.now });
  } catch (trouble) {
    if (trouble instanceof ForgeTrouble) return refused({ forge: trouble.message });
    throw trouble;
  }
  const person = { ...who, forgeId: side.forge.id };
  const session = await deps.db.tx((tx) => startSession(tx, deps, person, browser, by));
  return { kind: 'signed_in', session, returnTo: kept.returnTo };
}

function refused(why: SignInRefusal): SignInAnswer {
  return { kind: 'refused', why };
}

/** An attempt of another browser stays: whoever learned the state of somebody's sign-in is not to end it. */
async function take(
  tx: Tx,
  deps: HookDeps,
  { forge }: LoginSide,
  state: string,
  { cookie }: Browser,
  now: number,
): Promise<AttemptRecord | 'unknown' | 'other_browser' | 'expired'> {
  const attempt = await findAttempt(tx, deps.secrets.lookupHash(state));
  if (attempt === null || attempt.forgeId !== forge.id) return 'unknown';
  const browserText = cookieJar(deps.publicUrl).read(cookie, 'sign-in');
  if (browserText === null || deps.secrets.lookupHash(browserText) !== attempt.browserHash) return 'other_browser';
  if (!(await takeAttempt(tx, attempt.stateHash))) return 'unknown';
  return attempt.expiresAt <= toIso(now) ? 'expired' : attempt;
}
