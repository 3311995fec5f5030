import { z } from 'zod';
import { toIso } from '../clock.ts';
import { SCOPES, Scope } from './scope.ts';
import { type ApiToken, TokenWish, tokenState } from './token.ts';

export const TokenView = z
  .object({
    id: z.string(),
    name: z.string(),
    hint: z.string().meta({ description: '`fgt_…` and the last four characters' }),
    organization_id: z.string().nullable().meta({ description: 'null: good for every organization' }),
    product_id: z
      .string()
      .nullable()
      .meta({ description: 'The one product that it is good for; null: not bound to one' }),
    scopes: z.array(Scope),
    state: z.enum(['active', 'expired', 'revoked']),
    expires_at: z.iso.datetime().nullable(),
    revoked_at: z.iso.datetime().nullable(),
    last_used_at: z.iso.datetime().nullable().meta({ description: 'To within five minutes; null: never' }),
    replaced_by: z
      .string()
      .nullable()
      .meta({ description: 'The token that takes its place; it goes on itself until `expires_at`' }),
    created_at: z.iso.datetime(),
    created_by: z.string().meta({ description: 'Id of a token or a person, or `cli`' }),
  })
  .meta({ id: 'Token' });

export function tokenView(token: ApiToken, now: number): z.output<typeof TokenView> {
  return {
    id: token.id,
    name: token.name,
    hint: token.hint,
    organization_id: token.organizationId,
    product_id: token.productId,
    scopes: [...token.scopes],
    state: tokenState(token, toIso(now)),
    expires_at: token.expiresAt,
    revoked_at: token.revokedAt,
    last_used_at: token.lastUsedAt,
    replaced_by: token.replacedBy,
    created_at: token.createdAt,
    created_by: token.createdBy,
  };
}

/** What is asked for when a token is made; what it is bound to, the address says. */
export const tokenFields = {
  name: TokenWish.shape.name,
  scopes: z.array(Scope).min(1).max(SCOPES.length),
};
