import { z } from 'zod';

/** The closed list of what an API token may be given. `keys:show` is the full text of license keys; no other scope includes it. */
export const SCOPES = [
  'products:read',
  'products:write',
  'packages:read',
  'packages:write',
  'licenses:read',
  'licenses:write',
  'keys:read',
  'keys:write',
  'keys:show',
  'sites:read',
  'sites:write',
  'releases:read',
  'releases:write',
  'usage:read',
] as const;

export const Scope = z.enum(SCOPES);
export type Scope = z.infer<typeof Scope>;

const WHAT = {
  products: 'products',
  packages: 'license packages',
  licenses: 'licenses and their grants',
  keys: 'license keys',
  sites: 'sites',
  releases: 'releases',
  usage: 'usage',
} as const;

/** What a scope allows, in words for a form or a document. */
export function scopeInWords(scope: Scope): string {
  if (scope === 'keys:show') return 'see the full text of license keys';
  const [thing, act] = scope.split(':') as [keyof typeof WHAT, 'read' | 'write'];
  return `${act === 'read' ? 'see' : 'change'} ${WHAT[thing]}`;
}
