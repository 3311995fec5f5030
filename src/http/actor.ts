import { type Actor, requireScope } from '../accounts/actor.ts';
import type { Scope } from '../accounts/scope.ts';
import { problem } from '../errors.ts';

/** What the look-up of a token says; filled by the accounts. */
export type TokenAnswer = { kind: 'active'; actor: Actor } | { kind: 'expired' | 'revoked' | 'unknown' | 'malformed' };
export type FindToken = (text: string, now: number) => Promise<TokenAnswer>;

const REFUSALS: Record<Exclude<TokenAnswer['kind'], 'active'>, string> = {
  malformed: 'this is no API token; one starts with fgt_, and a license key does not stand in for it',
  unknown: 'there is no such API token',
  expired: 'the API token has expired',
  revoked: 'the API token was revoked',
};

/**
 * Whose request it is, from `Authorization: Bearer fgt_…`. Throws UNAUTHENTICATED. A text without the form and checksum of a
 * token, such as a license key, costs no look-up. Reasons are told: whoever holds a real token may know that it has ended.
 */
async function authenticate(authorization: string | undefined, now: number, find: FindToken): Promise<Actor> {
  if (authorization === undefined) throw problem('UNAUTHENTICATED', 'send an API token in the header Authorization');
  const text = /^bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (text === undefined)
    throw problem('UNAUTHENTICATED', 'the header Authorization must hold the word Bearer and a token');
  const answer = await find(text, now);
  if (answer.kind === 'active') return answer.actor;
  throw problem('UNAUTHENTICATED', REFUSALS[answer.kind]);
}

/** The actor of a request that needs a scope. Throws UNAUTHENTICATED and FORBIDDEN. */
export async function admit(
  authorization: string | undefined,
  scope: Scope,
  now: number,
  find: FindToken,
): Promise<Actor> {
  const actor = await authenticate(authorization, now, find);
  requireScope(actor, scope);
  return actor;
}
