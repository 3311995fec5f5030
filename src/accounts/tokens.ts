import { audit } from '../audit/audit.ts';
import { fromIso, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import type { TokenAnswer } from '../http/actor.ts';
import { newId } from '../ids.ts';
import { isTokenText, newTokenText } from '../licensing/license-key.ts';
import type { Secrets } from '../secrets.ts';
import type { Actor } from './actor.ts';
import { allTokens, insertToken, isOrganizationId, markTokenRevoked, tokenByHash, tokenById } from './store-tokens.ts';
import { type ApiToken, TokenWish, tokenState } from './token.ts';

export interface TokenDeps {
  db: Db;
  secrets: Pick<Secrets, 'lookupHash'>;
}

/** Makes a token. Its `text` is given out here and never again: only its hash is kept. */
export async function createToken(
  { db, secrets }: TokenDeps,
  wish: TokenWish,
  actor: Actor,
  now: number,
  requestId: string | null = null,
): Promise<{ token: ApiToken; text: string }> {
  const { name, organizationId, scopes, expiresAt } = readWish(wish, now);
  const text = newTokenText();
  const token: ApiToken = {
    id: newId('token', now),
    organizationId,
    name,
    hint: `fgt_…${text.slice(-4)}`,
    scopes,
    expiresAt: expiresAt === null ? null : toIso(expiresAt),
    revokedAt: null,
    createdAt: toIso(now),
    createdBy: actor.id,
  };
  await db.tx(async (tx) => {
    if (organizationId !== null && !(await isOrganizationId(tx, organizationId))) {
      throw problem('NOT_FOUND', 'there is no such organization');
    }
    await insertToken(tx, token, secrets.lookupHash(text));
    const changes = { name, organization_id: organizationId, scopes, expires_at: token.expiresAt };
    await audit(tx, { actor, action: 'token.create', entity: 'token', entityId: token.id, changes, requestId }, now);
  });
  return { token, text };
}

function readWish(wish: TokenWish, now: number) {
  const read = TokenWish.safeParse(wish);
  if (!read.success) throw problem('INVALID_REQUEST', 'a token needs a name of 1 to 100 characters and known scopes');
  const { expiresAt } = read.data;
  // Years from 10000 on do not sort as text.
  if (expiresAt !== null && (expiresAt <= now || expiresAt > fromIso('9999-12-31T23:59:59.999Z'))) {
    throw problem('INVALID_REQUEST', 'a token must expire later than now and before the year 10000');
  }
  return read.data;
}

/** Whose token a text is. One read for a hit and for a miss; none for what has not the form and checksum of a token. */
export async function findToken({ db, secrets }: TokenDeps, text: string, now: number): Promise<TokenAnswer> {
  if (!isTokenText(text)) return { kind: 'malformed' };
  const token = await db.read((tx) => tokenByHash(tx, secrets.lookupHash(text)));
  if (!token) return { kind: 'unknown' };
  const state = tokenState(token, toIso(now));
  if (state !== 'active') return { kind: state };
  const { id, organizationId, scopes } = token;
  return { kind: 'active', actor: { kind: 'token', id, organizationId, scopes: new Set(scopes) } };
}

/** Revoking twice is no error and writes nothing the second time. Throws NOT_FOUND. */
export async function revokeToken(
  { db }: Pick<TokenDeps, 'db'>,
  id: string,
  actor: Actor,
  now: number,
  requestId: string | null = null,
): Promise<ApiToken> {
  return db.tx(async (tx) => {
    const revoked = await markTokenRevoked(tx, id, toIso(now));
    const token = await tokenById(tx, id);
    if (!token) throw problem('NOT_FOUND', 'there is no such API token');
    const event = { actor, action: 'token.revoke', entity: 'token', entityId: id, changes: {}, requestId };
    if (revoked) await audit(tx, event, now);
    return token;
  });
}

export async function listTokens({ db }: Pick<TokenDeps, 'db'>, organizationId: string | null): Promise<ApiToken[]> {
  return db.read((tx) => allTokens(tx, organizationId));
}
