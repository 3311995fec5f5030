import { forUpdate, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { Scope } from './scope.ts';
import type { ApiToken } from './token.ts';

const SHAPE = { json: ['scopes'] };
const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'productId', 'name', 'hint', 'scopes', 'expiresAt', 'revokedAt', 'lastUsedAt'],
  ...['replacedBy', 'createdAt', 'createdBy'],
);

function toToken(row: object): ApiToken {
  const token = fromRow<ApiToken>(row, SHAPE);
  return { ...token, scopes: knownScopes(token.scopes) };
}

/** A scope that this version does not know gives no right. */
function knownScopes(names: readonly string[]): Scope[] {
  return names.flatMap((name) => {
    const scope = Scope.safeParse(name);
    return scope.success ? [scope.data] : [];
  });
}

export async function insertToken(tx: Tx, token: ApiToken, hash: string): Promise<void> {
  await tx('api_tokens').insert({ ...toRow(token, SHAPE), hash });
}

/** `hash` is the look-up hash of the token's text. Expired and revoked tokens are found too. */
export async function tokenByHash(tx: Tx, hash: string): Promise<ApiToken | null> {
  const row = await tx('api_tokens').where({ hash }).first(COLUMNS);
  return row ? toToken(row) : null;
}

export async function tokenById(tx: Tx, id: string): Promise<ApiToken | null> {
  const row = await tx('api_tokens').where({ id }).first(COLUMNS);
  return row ? toToken(row) : null;
}

/** Of two that replace a token at once the second finds it replaced. */
export async function lockToken(tx: Tx, id: string): Promise<void> {
  await forUpdate(tx, tx('api_tokens').where({ id }).select('id'));
}

/** All tokens, oldest first; with an organization only those that are bound to it. */
export async function allTokens(tx: Tx, organizationId: string | null): Promise<ApiToken[]> {
  const query = tx('api_tokens').orderBy('id').select(COLUMNS);
  const rows = await (organizationId === null ? query : query.where({ organization_id: organizationId }));
  return rows.map(toToken);
}

/** False: it was revoked already, or there is no such token. */
export async function markTokenRevoked(tx: Tx, id: string, nowIso: string): Promise<boolean> {
  return (await tx('api_tokens').where({ id }).whereNull('revoked_at').update({ revoked_at: nowIso })) > 0;
}

/** What a replacement changes of the token before it. */
export async function markTokenReplaced(
  tx: Tx,
  id: string,
  change: Pick<ApiToken, 'replacedBy' | 'expiresAt'>,
): Promise<void> {
  await tx('api_tokens').where({ id }).update(toRow(change));
}

export async function touchToken(tx: Tx, id: string, nowIso: string): Promise<void> {
  await tx('api_tokens').where({ id }).update({ last_used_at: nowIso });
}

export async function isProductOf(tx: Tx, id: string, organizationId: string): Promise<boolean> {
  return (await tx('products').where({ id, organization_id: organizationId }).first('id')) !== undefined;
}

export async function isOrganizationId(tx: Tx, id: string): Promise<boolean> {
  return (await tx('organizations').where({ id }).first('id')) !== undefined;
}
