import { z } from 'zod';

/**
 * What a person may do, lowest first; each includes those before it.
 * - `viewer`, `support` (keys, sites, renewals), `manager` (packages and keys): given by an organization to its teams.
 * - `admin`: owner of the organization; on what belongs to one repository also that repository's administrator.
 * - `site_admin`: the forge's administrator, or the operator by a login link.
 */
const ROLES = ['viewer', 'support', 'manager', 'admin', 'site_admin'] as const;
export const Role = z.enum(ROLES);
export type Role = z.infer<typeof Role>;

/** The roles that an organization may give to a team of the forge. */
export const TEAM_ROLES = ['viewer', 'support', 'manager'] as const;
export type TeamRole = (typeof TEAM_ROLES)[number];

const WORDS: Record<Role, string> = {
  viewer: 'viewer',
  support: 'support',
  manager: 'manager',
  admin: 'organization owner or, for what is its own, repository admin',
  site_admin: 'site administrator',
};

export function roleInWords(role: Role): string {
  return WORDS[role];
}

export function holdsRole(given: Role, wanted: Role): boolean {
  return ROLES.indexOf(given) >= ROLES.indexOf(wanted);
}

/** The higher of two roles; null is none. */
export function higherRole(a: Role | null, b: Role | null): Role | null {
  if (a === null || b === null) return a ?? b;
  return holdsRole(a, b) ? a : b;
}
