import type { Tx } from '../db/dialect.ts';
import { Scope } from './scope.ts';
import type { ApiToken } from './token.ts';

interface TokenRow {
  id: string;
  organization_id: string | null;
  name: string;
  hint: string;
  scopes: string;
  expires_at: string | null;
  revoked_at: string | null;
  created_at: string;
  created_by: string;
}

const COLUMNS = [
  'id',
  'organization_id',
  'name',
  'hint',
  'scopes',
  'expires_at',
  'revoked_at',
  'created_at',
  'created_by',
];

function toToken(row: TokenRow): ApiToken {
  return {
    id: row.id,
    organizationId: row.organization_id,
    name: row.name,
    hint: row.hint,
    scopes: readScopes(row.scopes),
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    createdAt: row.created_at,
    createdBy: row.created_by,
  };
}

/** A scope that this version does not know gives no right. */
function readScopes(text: string): Scope[] {
  return (JSON.parse(text) as string[]).flatMap((name) => {
    const scope = Scope.safeParse(name);
    return scope.success ? [scope.data] : [];
  });
}

export async function insertToken(tx: Tx, token: ApiToken, hash: string): Promise<void> {
  await tx('api_tokens').insert({
    id: token.id,
    organization_id: token.organizationId,
    name: token.name,
    hash,
    hint: token.hint,
    scopes: JSON.stringify(token.scopes),
    expires_at: token.expiresAt,
    revoked_at: token.revokedAt,
    created_at: token.createdAt,
    created_by: token.createdBy,
  });
}

/** `hash` is the look-up hash of the token's text. Expired and revoked tokens are found too. */
export async function tokenByHash(tx: Tx, hash: string): Promise<ApiToken | null> {
  const row: TokenRow | undefined = await tx('api_tokens').where({ hash }).first(COLUMNS);
  return row ? toToken(row) : null;
}

export async function tokenById(tx: Tx, id: string): Promise<ApiToken | null> {
  const row: TokenRow | undefined = await tx('api_tokens').where({ id }).first(COLUMNS);
  return row ? toToken(row) : null;
}

/** All tokens, oldest first; with an organization only those that are bound to it. */
export async function allTokens(tx: Tx, organizationId: string | null): Promise<ApiToken[]> {
  const query = tx('api_tokens').orderBy('id').select(COLUMNS);
  const rows: TokenRow[] = await (organizationId === null ? query : query.where({ organization_id: organizationId }));
  return rows.map(toToken);
}

/** False: it was revoked already, or there is no such token. */
export async function markTokenRevoked(tx: Tx, id: string, nowIso: string): Promise<boolean> {
  return (await tx('api_tokens').where({ id }).whereNull('revoked_at').update({ revoked_at: nowIso })) > 0;
}

export async function isOrganizationId(tx: Tx, id: string): Promise<boolean> {
  return (await tx('organizations').where({ id }).first('id')) !== undefined;
}
