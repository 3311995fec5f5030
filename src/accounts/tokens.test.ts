import { describe, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { seedForge, seedOrganization } from '../../test/support/seed.ts';
import { auditRowsOf } from '../audit/store-audit.ts';
import { DAY, toIso } from '../clock.ts';
import { newId } from '../ids.ts';
import { isTokenText, newKeyText, newTokenText } from '../licensing/license-key.ts';
import { makeSecrets } from '../secrets.ts';
import { type Actor, CLI_ACTOR, requireOrganization, requireScope, SYSTEM_ACTOR } from './actor.ts';
import { SCOPES, scopeInWords } from './scope.ts';
import { tokenState } from './token.ts';
import { createToken, findToken, listTokens, revokeToken } from './tokens.ts';

const NOW = Date.parse('2026-11-20T10:00:00.000Z');
const secrets = makeSecrets(Buffer.alloc(32, 1), Buffer.alloc(32, 2));

onEachDatabase('API tokens', (database) => {
  const deps = () => ({ db: database().db, secrets });
  const wish = { name: 'CI', organizationId: null, scopes: ['licenses:read'], expiresAt: null } as const;
  const make = (more: Partial<Parameters<typeof createToken>[1]> = {}) =>
    createToken(deps(), { ...wish, scopes: [...wish.scopes], ...more }, CLI_ACTOR, NOW, 'req_12345678');

  async function organization(): Promise<string> {
    const { db } = deps();
    return (await seedOrganization(db, await seedForge(db))).id;
  }

  it('are given out once, found by their text, and kept as a hash and a hint', async () => {
    const { token, text } = await make({ scopes: ['licenses:write', 'licenses:read', 'licenses:write'] });
    expect(isTokenText(text)).toBe(true);
    expect(token).toMatchObject({ scopes: ['licenses:read', 'licenses:write'], createdBy: 'cli', expiresAt: null });
    expect(token.hint).toBe(`fgt_…${text.slice(-4)}`);
    const found = await findToken(deps(), text, NOW);
    const scopes = new Set(['licenses:read', 'licenses:write']);
    expect(found).toEqual({ kind: 'active', actor: { kind: 'token', id: token.id, organizationId: null, scopes } });
    const row = await deps().db.read((tx) => tx('api_tokens').where({ id: token.id }).first());
    expect(JSON.stringify(row)).not.toContain(text);
    expect(row.hash).toBe(secrets.lookupHash(text));
  });

  it('can be bound to one organization', async () => {
    const organizationId = await organization();
    const { token, text } = await make({ organizationId });
    expect(await findToken(deps(), text, NOW)).toMatchObject({ actor: { organizationId } });
    expect(await listTokens(deps(), organizationId)).toEqual([token]);
    expect((await listTokens(deps(), null)).map(({ id }) => id)).toContain(token.id);
    await expect(make({ organizationId: newId('organization') })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('end when they say, to the millisecond', async () => {
    const { text } = await make({ expiresAt: NOW + DAY });
    expect((await findToken(deps(), text, NOW + DAY - 1)).kind).toBe('active');
    expect((await findToken(deps(), text, NOW + DAY)).kind).toBe('expired');
  });

  it('are revoked once', async () => {
    const { token, text } = await make();
    const revoked = await revokeToken(deps(), token.id, CLI_ACTOR, NOW + 5);
    expect(revoked.revokedAt).toBe(toIso(NOW + 5));
    expect((await revokeToken(deps(), token.id, CLI_ACTOR, NOW + 9)).revokedAt).toBe(toIso(NOW + 5));
    expect((await findToken(deps(), text, NOW + 5)).kind).toBe('revoked');
    const events = await deps().db.read((tx) => auditRowsOf(tx, token.id, 10));
    expect(events.map(({ action }) => action)).toEqual(['token.revoke', 'token.create']);
    await expect(revokeToken(deps(), newId('token'), CLI_ACTOR, NOW)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('leave an audit event without their text', async () => {
    const { token, text } = await make({ name: `for ${newKeyText()}` });
    const [event] = await deps().db.read((tx) => auditRowsOf(tx, token.id, 10));
    expect(event).toMatchObject({ actor: 'cli', action: 'token.create', entity: 'token', request_id: 'req_12345678' });
    expect(JSON.parse(event?.changes ?? '')).toEqual({
      name: 'for ***',
      organization_id: null,
      scopes: ['licenses:read'],
      expires_at: null,
    });
    expect(JSON.stringify(event)).not.toContain(text);
  });

  it.each([
    ['without a name', { name: '  ' }],
    ['with a name too long', { name: 'x'.repeat(101) }],
    ['without a scope', { scopes: [] }],
    ['that has ended', { expiresAt: NOW }],
    ['that ends in the year 10000', { expiresAt: Date.UTC(10_000, 0, 1) }],
  ])('are not made %s', async (_, more) => {
    const before = (await listTokens(deps(), null)).length;
    await expect(make(more)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect((await listTokens(deps(), null)).length).toBe(before);
  });

  it.each([
    ['an unknown one', newTokenText(), 'unknown'],
    ['a license key', newKeyText(), 'malformed'],
    ['nothing', '', 'malformed'],
  ])('are told from %s', async (_, text, kind) => {
    expect(await findToken(deps(), text, NOW)).toEqual({ kind });
  });

  it('lose a scope that this version does not know', async () => {
    const { token, text } = await make();
    await deps().db.tx((tx) => tx('api_tokens').where({ id: token.id }).update({ scopes: '["root:all","keys:read"]' }));
    expect(await findToken(deps(), text, NOW)).toMatchObject({ actor: { scopes: new Set(['keys:read']) } });
  });
});

describe('an actor', () => {
  const actor = (organizationId: string | null): Actor => ({
    kind: 'token',
    id: 'tok_1',
    organizationId,
    scopes: new Set(['keys:read'] as const),
  });

  it('needs the very scope', () => {
    expect(() => requireScope(actor(null), 'keys:read')).not.toThrow();
    expect(() => requireScope(actor(null), 'keys:show')).toThrow('the token lacks the scope keys:show');
  });

  it('of one organization does not learn of things of another', () => {
    expect(() => requireOrganization(actor(null), 'org_a')).not.toThrow();
    expect(() => requireOrganization(actor('org_a'), 'org_a')).not.toThrow();
    expect(() => requireOrganization(actor('org_b'), 'org_a')).toThrow('There is no such thing');
  });

  it.each([CLI_ACTOR, SYSTEM_ACTOR])('on the machine may do everything: $id', (one) => {
    for (const scope of SCOPES) expect(() => requireScope(one, scope)).not.toThrow();
    expect(() => requireOrganization(one, 'org_a')).not.toThrow();
  });
});

describe('a scope', () => {
  it.each([
    ['keys:show', 'see the full text of license keys'],
    ['keys:read', 'see license keys'],
    ['packages:write', 'change license packages'],
  ] as const)('says what it allows: %s', (scope, words) => {
    expect(scopeInWords(scope)).toBe(words);
  });

  it('has words of its own for each', () => {
    expect(new Set(SCOPES.map(scopeInWords)).size).toBe(SCOPES.length);
  });
});

describe('tokenState', () => {
  it.each([
    [null, null, 'active'],
    ['2026-11-20T10:00:00.000Z', null, 'expired'],
    ['2026-11-20T10:00:00.001Z', null, 'active'],
    ['2020-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'revoked'],
  ] as const)('with end %s and revocation %s is %s', (expiresAt, revokedAt, state) => {
    expect(tokenState({ expiresAt, revokedAt }, '2026-11-20T10:00:00.000Z')).toBe(state);
  });
});
