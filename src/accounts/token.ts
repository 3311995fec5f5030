import { z } from 'zod';
import { Scope } from './scope.ts';

/** An API token as it may be shown at any time: without its text. Instants are ISO-8601 UTC. */
export interface ApiToken {
  id: string;
  /** null: it is good for every organization. */
  organizationId: string | null;
  /** The one product of its organization that it is good for; null: not bound to one. */
  productId: string | null;
  name: string;
  /** `fgt_…` and the last four characters. */
  hint: string;
  scopes: readonly Scope[];
  expiresAt: string | null;
  revokedAt: string | null;
  /** To within a few minutes; null: never. */
  lastUsedAt: string | null;
  /** The token that takes its place; it goes on itself until `expiresAt`. */
  replacedBy: string | null;
  createdAt: string;
  createdBy: string;
}

/** What is asked for when a token is made. `expiresAt` is ms UTC; null: it lasts until it is revoked. */
export const TokenWish = z.strictObject({
  name: z.string().trim().min(1).max(100),
  organizationId: z.string().nullable(),
  productId: z.string().nullable().default(null),
  scopes: z
    .array(Scope)
    .min(1)
    .transform((scopes) => [...new Set(scopes)].sort()),
  expiresAt: z.number().int().nullable(),
});
export type TokenWish = z.input<typeof TokenWish>;

export type TokenState = 'active' | 'expired' | 'revoked';

/** Revoked wins over expired. The end itself is outside: a token that expires now is expired. */
export function tokenState(token: Pick<ApiToken, 'expiresAt' | 'revokedAt'>, nowIso: string): TokenState {
  if (token.revokedAt !== null) return 'revoked';
  return token.expiresAt !== null && token.expiresAt <= nowIso ? 'expired' : 'active';
}
