import { type Actor, personActor, requireRole, requireScope } from '../accounts/actor.ts';
import type { Person, PersonAnswer, SignedIn } from '../accounts/person.ts';
import { type Place, reachOf } from '../accounts/place.ts';
import type { Role } from '../accounts/role.ts';
import { SCOPES } from '../accounts/scope.ts';
import { problem } from '../errors.ts';
import type { Access } from './route.ts';

/** What the look-up of a token says; filled by the accounts. */
export type TokenAnswer = { kind: 'active'; actor: Actor } | { kind: 'expired' | 'revoked' | 'unknown' | 'malformed' };
export type FindToken = (text: string, now: number) => Promise<TokenAnswer>;

/** What a request says of the session that it belongs to. */
export interface SessionFacts {
  cookie: string | undefined;
  /** Upper case. */
  method: string;
  origin: string | undefined;
  /** `Sec-Fetch-Site`. */
  fetchSite: string | undefined;
}

/** `self`: whoever calls, about himself only; of no place, whatever the path names. */
export type RouteRole = Role | 'self';

/** What a route asks of a person in its place. */
export interface Wanted {
  role: Role;
  isWrite: boolean;
}

/** What a person may do in one place; null: nothing. `organizations` are those that he may do it in. */
export interface Standing {
  role: Role | null;
  organizations: readonly string[] | null;
  /** What he may touch there where he has the role as administrator of repositories only; null: all. */
  repositoryIds: readonly string[] | null;
}

/** Who calls, and what is his to touch; filled by the accounts. */
export interface Callers {
  findToken: FindToken;
  findPerson(facts: SessionFacts, now: number): Promise<PersonAnswer>;
  /** Where what the path names belongs; null: it names nothing that there is. */
  placeOf(params: Readonly<Record<string, unknown>>): Promise<Place | null>;
  /**
   * `place` null: a route of no place, such as a list of all that is his; `organizations` are then those where he has the role.
   * Throws FORGE_TROUBLE where the forge cannot be asked and what is remembered does not do: for a write it never does.
   */
  standingOf(person: Person, place: Place | null, wanted: Wanted, now: number): Promise<Standing>;
}

const REFUSALS: Record<Exclude<TokenAnswer['kind'], 'active'>, string> = {
  malformed: 'this is no API token; one starts with fgt_, and a license key does not stand in for it',
  unknown: 'there is no such API token',
  expired: 'the API token has expired',
  revoked: 'the API token was revoked',
};

/** A caller who is known, before it is clear what his request is about. */
export type Caller = { kind: 'token'; actor: Actor } | { kind: 'person'; person: SignedIn };

/**
 * Whose request it is: of the token in `Authorization: Bearer fgt_…`, else of the person of the session. Throws UNAUTHENTICATED and,
 * for a session's request from another site, FORBIDDEN. A text without the form and checksum of a token, such as a license key,
 * costs no look-up. Reasons are told: whoever holds a real token may know that it has ended.
 */
export async function callerOf(
  authorization: string | undefined,
  facts: SessionFacts,
  now: number,
  callers: Callers,
): Promise<Caller> {
  if (authorization === undefined) return personOf(facts, now, callers);
  const text = /^bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (text === undefined)
    throw problem('UNAUTHENTICATED', 'the header Authorization must hold the word Bearer and a token');
  const answer = await callers.findToken(text, now);
  if (answer.kind === 'active') return { kind: 'token', actor: answer.actor };
  throw problem('UNAUTHENTICATED', REFUSALS[answer.kind]);
}

async function personOf(facts: SessionFacts, now: number, callers: Callers): Promise<Caller> {
  const answer = await callers.findPerson(facts, now);
  if (answer.kind === 'active') return { kind: 'person', person: answer.person };
  if (answer.kind === 'other_site')
    throw problem('FORBIDDEN', 'a request of a session must come from a page of this very address');
  if (answer.kind === 'ended') throw problem('UNAUTHENTICATED', 'the session has ended; sign in again');
  throw problem('UNAUTHENTICATED', 'send an API token in the header Authorization, or sign in');
}

/** The door of a route, before its input is looked at. Throws FORBIDDEN for a token without the scope. */
export function requireAccess(caller: Caller, scope: Access, role: RouteRole): void {
  if (caller.kind !== 'token') return;
  const { actor } = caller;
  if (scope !== 'any' && scope !== 'public') requireScope(actor, scope);
  if (role === 'site_admin' && actor.role !== 'site_admin')
    throw problem('FORBIDDEN', 'only a token that is bound to no organization may do this');
}

/**
 * The actor of a request about what its path names. Throws NOT_FOUND for what is not there or not his organization's, FORBIDDEN for
 * a role or a binding that does not reach so far.
 */
export async function actorAt(
  caller: Caller,
  wanted: { role: RouteRole; path: string; isWrite: boolean },
  params: Readonly<Record<string, unknown>>,
  now: number,
  callers: Callers,
): Promise<Actor> {
  const { role: needed, isWrite } = wanted;
  if (needed === 'self') return caller.kind === 'token' ? caller.actor : personActor(caller.person);
  if (caller.kind === 'token') {
    await requireReach(caller.actor, wanted.path, params, callers);
    return caller.actor;
  }
  const isPlaced = wanted.path.includes('{');
  const place = isPlaced ? await callers.placeOf(params) : null;
  if (isPlaced && place === null) throw problem('NOT_FOUND');
  const { role, organizations, repositoryIds } = await callers.standingOf(
    caller.person,
    place,
    { role: needed, isWrite },
    now,
  );
  if (role === null) throw place === null ? problem('FORBIDDEN', 'you have no role here') : problem('NOT_FOUND');
  const actor: Actor = {
    ...{
      kind: 'person',
      id: caller.person.id,
      organizations,
      repositoryIds,
      productId: null,
      scopes: new Set(SCOPES),
      role,
    },
  };
  requireRole(actor, needed);
  return actor;
}

/** Of a token bound to an organization the verbs see to it themselves, in the words for what is not there. */
async function requireReach(
  actor: Actor,
  path: string,
  params: Readonly<Record<string, unknown>>,
  callers: Callers,
): Promise<void> {
  const { productId } = actor;
  if (productId === null) return;
  const outside = 'the token is bound to one product; this is about more than that, or about another one';
  if (!path.includes('{')) return;
  const place = await callers.placeOf(params);
  if (place === null) throw problem('NOT_FOUND');
  const reach = reachOf({ organizationId: actor.organizations?.[0] ?? null, repositoryIds: null, productId }, place);
  if (reach === 'foreign') throw problem('NOT_FOUND');
  if (reach === 'outside') throw problem('FORBIDDEN', outside);
}
