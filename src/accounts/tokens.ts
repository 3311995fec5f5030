import { audit } from '../audit/audit.ts';
import { fromIso, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { TokenAnswer } from '../http/actor.ts';
import { newId } from '../ids.ts';
import { isTokenText, newTokenText } from '../licensing/license-key.ts';
import type { Secrets } from '../secrets.ts';
import { type Actor, requireScope } from './actor.ts';
import {
  allTokens,
  insertToken,
  isOrganizationId,
  isProductOf,
  lockToken,
  markTokenReplaced,
  markTokenRevoked,
  tokenByHash,
  tokenById,
  touchToken,
} from './store-tokens.ts';
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
  const { token, text } = newToken(readWish(wish, now), actor, now);
  requireWithin(actor, token);
  await db.tx(async (tx) => {
    await requireBinding(tx, token);
    await insertToken(tx, token, secrets.lookupHash(text));
    await audit(tx, { actor, action: 'token.create', ...madeOf(token), requestId }, now);
  });
  return { token, text };
}

type ReadWish = ReturnType<typeof readWish>;

function newToken(wish: ReadWish, actor: Actor, now: number): { token: ApiToken; text: string } {
  const text = newTokenText();
  const { expiresAt, ...rest } = wish;
  const token: ApiToken = {
    ...rest,
    id: newId('token', now),
    hint: `fgt_…${text.slice(-4)}`,
    expiresAt: expiresAt === null ? null : toIso(expiresAt),
    ...{ revokedAt: null, lastUsedAt: null, replacedBy: null },
    createdAt: toIso(now),
    createdBy: actor.id,
  };
  return { token, text };
}

function madeOf({ id, name, organizationId, productId, scopes, expiresAt }: ApiToken) {
  const changes = { name, organization_id: organizationId, product_id: productId, scopes, expires_at: expiresAt };
  return { entity: 'token', entityId: id, changes };
}

async function requireBinding(tx: Tx, { organizationId, productId }: ApiToken): Promise<void> {
  if (organizationId !== null && !(await isOrganizationId(tx, organizationId)))
    throw problem('NOT_FOUND', 'there is no such organization');
  if (productId === null) return;
  if (organizationId === null || !(await isProductOf(tx, productId, organizationId)))
    throw problem('NOT_FOUND', 'the organization has no such product');
}

/**
 * Nobody gives what he does not have: a token is made, or made anew, within the binding and the scopes of whoever does it. Throws
 * FORBIDDEN.
 */
function requireWithin(actor: Actor, { organizationId, productId, scopes }: ApiToken): void {
  const isOfOrganization =
    actor.organizations === null || (organizationId !== null && actor.organizations.includes(organizationId));
  if (!isOfOrganization || (actor.productId !== null && actor.productId !== productId))
    throw problem('FORBIDDEN', 'a token makes tokens only for what it is bound to itself');
  for (const scope of scopes) requireScope(actor, scope);
}

/** Throws NOT_FOUND, in the same words for a token that is not there and one that the actor may not touch. */
export async function tokenOf({ db }: Pick<TokenDeps, 'db'>, actor: Actor, id: string): Promise<ApiToken> {
  return db.read((tx) => ownToken(tx, actor, id));
}

async function ownToken(tx: Tx, actor: Actor, id: string): Promise<ApiToken> {
  const token = await tokenById(tx, id);
  const { organizations } = actor;
  const isOwn = organizations === null || organizations.includes(token?.organizationId ?? '');
  if (!token || !isOwn) throw problem('NOT_FOUND');
  return token;
}

/**
 * A new token in the place of one that goes on for `overlapMs`, so that what uses it can be changed without a gap. Of the old one
 * the end only ever comes nearer. Throws NOT_FOUND, and TOKEN_ENDED for one that is
 * revoked, expired or replaced already.
 */
export async function rotateToken(
  { db, secrets }: TokenDeps,
  id: string,
  { overlapMs, expiresAt }: { overlapMs: number; expiresAt?: number | null | undefined },
  actor: Actor,
  now: number,
  requestId: string | null = null,
): Promise<{ token: ApiToken; text: string }> {
  return db.tx(async (tx) => {
    await lockToken(tx, id);
    const old = await ownToken(tx, actor, id);
    requireWithin(actor, old);
    if (tokenState(old, toIso(now)) !== 'active' || old.replacedBy !== null)
      throw problem('TOKEN_ENDED', 'only a token that is in use can be replaced; make a new one');
    const { name, organizationId, productId, scopes } = old;
    if (expiresAt === undefined && old.expiresAt !== null)
      throw expiryProblem('is required: the token that it replaces ends');
    const bound = { name, organizationId, productId, scopes: [...scopes] };
    const wish = readWish({ ...bound, expiresAt: expiresAt ?? null }, now);
    const { token, text } = newToken(wish, actor, now);
    await insertToken(tx, token, secrets.lookupHash(text));
    const end = toIso(now + overlapMs);
    const replaced = {
      replacedBy: token.id,
      expiresAt: old.expiresAt !== null && old.expiresAt < end ? old.expiresAt : end,
    };
    await markTokenReplaced(tx, id, replaced);
    const changes = { replaced_by: token.id, expires_at: { from: old.expiresAt, to: replaced.expiresAt } };
    await audit(tx, { actor, action: 'token.rotate', entity: 'token', entityId: id, changes, requestId }, now);
    return { token, text };
  });
}

function readWish(wish: TokenWish, now: number) {
  const read = TokenWish.safeParse(wish);
  if (!read.success) throw problem('INVALID_REQUEST', 'a token needs a name of 1 to 100 characters and known scopes');
  const { expiresAt } = read.data;
  // Years from 10000 on do not sort as text.
  if (expiresAt !== null && (expiresAt <= now || expiresAt > fromIso('9999-12-31T23:59:59.999Z')))
    throw expiryProblem('must be later than now and before the year 10000');
  return read.data;
}

function expiryProblem(detail: string) {
  return problem('INVALID_REQUEST', `/expires_at: ${detail}`, { errors: [{ pointer: '/expires_at', detail }] });
}

/** How old what is told of a token's last use may be: one write in this time, however often it is used. */
const LAST_USE_MS = 5 * 60_000;

/** Whose token a text is. One read for a hit and for a miss; none for what has not the form and checksum of a token. */
export async function findToken({ db, secrets }: TokenDeps, text: string, now: number): Promise<TokenAnswer> {
  if (!isTokenText(text)) return { kind: 'malformed' };
  const token = await db.read((tx) => tokenByHash(tx, secrets.lookupHash(text)));
  if (!token) return { kind: 'unknown' };
  const state = tokenState(token, toIso(now));
  if (state !== 'active') return { kind: state };
  if (token.lastUsedAt === null || fromIso(token.lastUsedAt) < now - LAST_USE_MS)
    await db.tx((tx) => touchToken(tx, token.id, toIso(now)));
  return { kind: 'active', actor: actorOfToken(token) };
}

/** A token bound to nothing stands for the operator who made it, one that is bound for the owner of what it is bound to. */
function actorOfToken({ id, organizationId, productId, scopes }: ApiToken): Actor {
  const organizations = organizationId === null ? null : [organizationId];
  const role = organizationId === null ? 'site_admin' : 'admin';
  return { kind: 'token', id, organizations, repositoryIds: null, productId, scopes: new Set(scopes), role };
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
    await ownToken(tx, actor, id);
    const revokedAt = toIso(now);
    const changes = { revoked_at: { from: null, to: revokedAt } };
    const event = { actor, action: 'token.revoke', entity: 'token', entityId: id, changes, requestId };
    if (await markTokenRevoked(tx, id, revokedAt)) await audit(tx, event, now);
    return ownToken(tx, actor, id);
  });
}

export async function listTokens({ db }: Pick<TokenDeps, 'db'>, organizationId: string | null): Promise<ApiToken[]> {
  return db.read((tx) => allTokens(tx, organizationId));
}
