import { audit } from '../audit/audit.ts';
import { MINUTE, toIso } from '../clock.ts';
import { problem } from '../errors.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import { OPERATOR } from './person.ts';
import { type Browser, newSecretText, type SessionDeps, type StartedSession, startSession } from './sessions.ts';
import { insertLoginLink, type LoginLinkRecord, loginLinkByHash, takeLoginLink } from './store-sign-ins.ts';

const MOST_MINUTES = 24 * 60;

/** A link that signs the operator in once. Its text is given out here and never again. */
export async function createLoginLink(
  deps: SessionDeps,
  minutes: number,
  by: By,
): Promise<{ url: string; expiresAt: string }> {
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > MOST_MINUTES)
    throw problem('INVALID_REQUEST', `a login link lasts 1 to ${MOST_MINUTES} minutes`);
  const text = newSecretText();
  const link: LoginLinkRecord = {
    id: newId('loginLink', by.now),
    expiresAt: toIso(by.now + minutes * MINUTE),
    usedAt: null,
    createdAt: toIso(by.now),
    createdBy: by.actor.id,
  };
  await deps.db.tx(async (tx) => {
    await insertLoginLink(tx, link, deps.secrets.lookupHash(text));
    const event = { actor: by.actor, action: 'login_link.create', entity: 'login_link', entityId: link.id };
    await audit(tx, { ...event, changes: { expires_at: link.expiresAt }, requestId: by.requestId }, by.now);
  });
  return { url: `${deps.publicUrl}/login/link?token=${text}`, expiresAt: link.expiresAt };
}

export type LinkState = 'open' | 'used' | 'expired' | 'unknown';

/** What a link is good for; looking changes nothing, since programs that preview links look at them, too. */
export async function loginLinkState(deps: SessionDeps, text: string, now: number): Promise<LinkState> {
  return stateOf(await deps.db.read((tx) => loginLinkByHash(tx, deps.secrets.lookupHash(text))), now);
}

function stateOf(link: LoginLinkRecord | null, now: number): LinkState {
  if (link === null) return 'unknown';
  if (link.usedAt !== null) return 'used';
  return link.expiresAt <= toIso(now) ? 'expired' : 'open';
}

/** Uses a link up. Of all who try at once one gets the session; the others are told that it was used. */
export async function useLoginLink(
  deps: SessionDeps,
  text: string,
  browser: Browser,
  by: { now: number; requestId: string | null },
): Promise<{ kind: 'signed_in'; session: StartedSession } | { kind: Exclude<LinkState, 'open'> }> {
  return deps.db.tx(async (tx) => {
    const link = await loginLinkByHash(tx, deps.secrets.lookupHash(text));
    const state = stateOf(link, by.now);
    if (link === null || state !== 'open') return { kind: state === 'open' ? 'unknown' : state };
    if (!(await takeLoginLink(tx, link.id, toIso(by.now)))) return { kind: 'used' };
    return { kind: 'signed_in', session: await startSession(tx, deps, OPERATOR, browser, by) };
  });
}
