import { problem } from '../errors.ts';
import { holdsRole, type Role } from './role.ts';
import { holdsScope, SCOPES, type Scope } from './scope.ts';

/** Who does something. `id` is what is stored as `created_by` and as the actor of an audit event. */
export interface Actor {
  kind: 'token' | 'person' | 'cli' | 'system' | 'client';
  id: string;
  /** The organizations whose things it may touch; null: every one. */
  organizations: readonly string[] | null;
  /** Of a person who is administrator of these only; null: not bound. */
  repositoryIds: readonly string[] | null;
  /** Of a token bound to one product; null: not bound. */
  productId: string | null;
  scopes: ReadonlySet<Scope>;
  /** In the place that a request is about. */
  role: Role;
}

const ANYTHING = {
  organizations: null,
  repositoryIds: null,
  productId: null,
  scopes: new Set(SCOPES),
  role: 'site_admin',
} as const;

/** Whoever has a shell on the machine. */
export const CLI_ACTOR: Actor = { kind: 'cli', id: 'cli', ...ANYTHING };
/** Feedgate itself: jobs, hooks and the schedule. */
export const SYSTEM_ACTOR: Actor = { kind: 'system', id: 'system', ...ANYTHING };

/** Whoever uses a license key to see to its own sites: the public routes that take a key, and nothing else, let him. */
export function holderOf(keyId: string): Actor {
  return {
    kind: 'client',
    id: keyId,
    organizations: [],
    repositoryIds: null,
    productId: null,
    scopes: new Set(),
    role: 'viewer',
  };
}

/** Throws FORBIDDEN, naming the scope that is missing. */
export function requireScope(actor: Actor, scope: Scope): void {
  if (!holdsScope(actor.scopes, scope)) throw problem('FORBIDDEN', `the token lacks the scope ${scope}`);
}

/** Throws FORBIDDEN, naming the role that is missing. */
export function requireRole(actor: Actor, role: Role): void {
  if (!holdsRole(actor.role, role))
    throw problem('FORBIDDEN', `this needs the role ${role}; yours here is ${actor.role}`);
}

export function mayTouch(actor: Actor, organizationId: string): boolean {
  return actor.organizations === null || actor.organizations.includes(organizationId);
}

/** Throws NOT_FOUND for a thing of another organization, so that nobody learns that it exists. */
export function requireOrganization(actor: Actor, organizationId: string): void {
  if (!mayTouch(actor, organizationId)) throw problem('NOT_FOUND');
}

/** A person about himself: what is his own whatever his roles are. */
export function personActor({ id }: { id: string }): Actor {
  return {
    kind: 'person',
    id,
    organizations: [],
    repositoryIds: null,
    productId: null,
    scopes: new Set(SCOPES),
    role: 'viewer',
  };
}
