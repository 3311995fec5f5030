import { problem } from '../errors.ts';
import { SCOPES, type Scope } from './scope.ts';

/** Who does something. `id` is what is stored as `created_by` and as the actor of an audit event. */
export interface Actor {
  kind: 'token' | 'cli' | 'system';
  id: string;
  /** The one organization whose things it may touch; null: every organization. */
  organizationId: string | null;
  scopes: ReadonlySet<Scope>;
}

/** Whoever has a shell on the machine. */
export const CLI_ACTOR: Actor = { kind: 'cli', id: 'cli', organizationId: null, scopes: new Set(SCOPES) };
/** Feedgate itself: jobs, hooks and the schedule. */
export const SYSTEM_ACTOR: Actor = { kind: 'system', id: 'system', organizationId: null, scopes: new Set(SCOPES) };

/** Throws FORBIDDEN, naming the scope that is missing. */
export function requireScope(actor: Actor, scope: Scope): void {
  if (!actor.scopes.has(scope)) throw problem('FORBIDDEN', `the token lacks the scope ${scope}`);
}

/** Throws NOT_FOUND for a thing of another organization, so that nobody learns that it exists. */
export function requireOrganization(actor: Actor, organizationId: string): void {
  if (actor.organizationId !== null && actor.organizationId !== organizationId) throw problem('NOT_FOUND');
}
