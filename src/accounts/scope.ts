import { z } from 'zod';

/**
 * The closed list of what an API token may be given. `admin` includes all of them for whatever the token is bound to; whoever may
 * change licenses may read and sell them. What holds no customer's data (products, packages, releases) any token may read.
 */
export const SCOPES = ['licenses:read', 'licenses:write', 'releases:write', 'payments:write', 'admin'] as const;

export const Scope = z.enum(SCOPES);
export type Scope = z.infer<typeof Scope>;

const INCLUDED: Record<Scope, readonly Scope[]> = {
  'licenses:read': [],
  'licenses:write': ['licenses:read', 'payments:write'],
  'releases:write': [],
  'payments:write': [],
  admin: SCOPES,
};

/** Whether scopes that were given allow what needs `wanted`. */
export function holdsScope(given: ReadonlySet<Scope>, wanted: Scope): boolean {
  return given.has(wanted) || [...given].some((scope) => INCLUDED[scope].includes(wanted));
}

const WORDS: Record<Scope, string> = {
  'licenses:read': 'see licenses, keys, customers, sites and usage',
  'licenses:write': 'change licenses, keys, customers and sites, and see the full text of keys',
  'releases:write': 'look for releases and yank them',
  'payments:write': 'sell and renew, and see the key of an own sale',
  admin: 'everything, settings and tokens too, of what the token is bound to',
};

/** What a scope allows, in words for a form or a document. */
export function scopeInWords(scope: Scope): string {
  return WORDS[scope];
}
