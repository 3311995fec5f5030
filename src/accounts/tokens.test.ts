import { describe, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { seedForge, seedOrganization, seedShop } from '../../test/support/seed.ts';
import { auditRowsOf } from '../audit/store-audit.ts';
import { DAY, toIso } from '../clock.ts';
import { newId } from '../ids.ts';
import { isTokenText, newKeyText, newTokenText } from '../licensing/license-key.ts';
import { makeSecrets } from '../secrets.ts';
import { type Actor, CLI_ACTOR, requireOrganization, requireRole, requireScope, SYSTEM_ACTOR } from './actor.ts';
import { SCOPES, scopeInWords } from './scope.ts';
import { tokenById } from './store-tokens.ts';
import { tokenState } from './token.ts';
import { createToken, findToken, listTokens, revokeToken, rotateToken } from './tokens.ts';

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
    expect(found).toEqual({
      kind: 'active',
      actor: {
        kind: 'token',
        id: token.id,
        organizations: null,
        repositoryIds: null,
        productId: null,
        scopes,
        role: 'site_admin',
      },
    });
    const row = await deps().db.read((tx) => tx('api_tokens').where({ id: token.id }).first());
    expect(JSON.stringify(row)).not.toContain(text);
    expect(row.hash).toBe(secrets.lookupHash(text));
  });

  it('can be bound to one organization', async () => {
    const organizationId = await organization();
    const { token, text } = await make({ organizationId });
    expect(await findToken(deps(), text, NOW)).toMatchObject({ actor: { organizations: [organizationId] } });
    const listed = await listTokens(deps(), organizationId);
    expect(listed).toEqual([{ ...token, lastUsedAt: toIso(NOW) }]);
    expect((await listTokens(deps(), null)).map(({ id }) => id)).toContain(token.id);
    await expect(make({ organizationId: newId('organization') })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('can be bound to one product of their organization, and to none of another', async () => {
    const shop = await seedShop(deps().db);
    const organizationId = shop.organization.id;
    const { text } = await make({ organizationId, productId: shop.product.id });
    expect(await findToken(deps(), text, NOW)).toMatchObject({ actor: { productId: shop.product.id, role: 'admin' } });
    for (const wish of [{ organizationId: await organization() }, { organizationId: null }])
      await expect(make({ ...wish, productId: shop.product.id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('tell when they were last used, written once in a while', async () => {
    const { token, text } = await make();
    const lastUse = async () => (await deps().db.read((tx) => tokenById(tx, token.id)))?.lastUsedAt;
    expect(await lastUse()).toBeNull();
    for (const [after, seen] of [
      [0, 0],
      [299_999, 0],
      [300_001, 300_001],
    ] as const) {
      await findToken(deps(), text, NOW + after);
      expect(await lastUse()).toBe(toIso(NOW + seen));
    }
  });

  describe('in the place of another', () => {
    const overlap = { overlapMs: DAY, expiresAt: null };

    it('have the same rights, and the old one ends after the overlap', async () => {
      const organizationId = await organization();
      const { token, text } = await make({ organizationId, scopes: ['admin'] });
      const next = await rotateToken(deps(), token.id, overlap, CLI_ACTOR, NOW);
      expect(next.token).toMatchObject({ name: token.name, organizationId, scopes: ['admin'], expiresAt: null });
      expect((await findToken(deps(), text, NOW + DAY - 1)).kind).toBe('active');
      expect((await findToken(deps(), text, NOW + DAY)).kind).toBe('expired');
      expect((await findToken(deps(), next.text, NOW + DAY)).kind).toBe('active');
      const old = await deps().db.read((tx) => tokenById(tx, token.id));
      expect(old).toMatchObject({ replacedBy: next.token.id, expiresAt: toIso(NOW + DAY) });
    });

    it('never make the old one last longer', async () => {
      const { token, text } = await make({ expiresAt: NOW + 1_000 });
      await rotateToken(deps(), token.id, overlap, CLI_ACTOR, NOW);
      expect((await findToken(deps(), text, NOW + 1_000)).kind).toBe('expired');
    });

    it('are made once, and of a token in use only', async () => {
      const { token } = await make();
      await rotateToken(deps(), token.id, overlap, CLI_ACTOR, NOW);
      const revoked = (await make()).token;
      await revokeToken(deps(), revoked.id, CLI_ACTOR, NOW);
      const expired = (await make({ expiresAt: NOW + 5 })).token;
      for (const { id } of [token, revoked, expired])
        await expect(rotateToken(deps(), id, overlap, CLI_ACTOR, NOW + 5)).rejects.toMatchObject({
          code: 'TOKEN_ENDED',
        });
      const missing = rotateToken(deps(), newId('token'), overlap, CLI_ACTOR, NOW);
      await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
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
      product_id: null,
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
    await deps().db.tx((tx) =>
      tx('api_tokens').where({ id: token.id }).update({ scopes: '["root:all","licenses:read"]' }),
    );
    expect(await findToken(deps(), text, NOW)).toMatchObject({ actor: { scopes: new Set(['licenses:read']) } });
  });
});

describe('an actor', () => {
  const actor = (organizationId: string | null): Actor => ({
    kind: 'token',
    id: 'tok_1',
    organizations: organizationId === null ? null : [organizationId],
    repositoryIds: null,
    productId: null,
    scopes: new Set(['licenses:write'] as const),
    role: 'admin',
  });

  it('needs the very scope, or one that includes it', () => {
    expect(() => requireScope(actor(null), 'licenses:write')).not.toThrow();
    expect(() => requireScope(actor(null), 'licenses:read')).not.toThrow();
    expect(() => requireScope(actor(null), 'payments:write')).not.toThrow();
    expect(() => requireScope(actor(null), 'releases:write')).toThrow('the token lacks the scope releases:write');
    expect(() => requireScope(actor(null), 'admin')).toThrow('the token lacks the scope admin');
  });

  it('needs the role, or a higher one', () => {
    expect(() => requireRole(actor(null), 'manager')).not.toThrow();
    expect(() => requireRole(actor(null), 'site_admin')).toThrow('this needs the role site_admin; yours here is admin');
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
    ['releases:write', 'look for releases and yank them'],
    ['payments:write', 'sell and renew, and see the key of an own sale'],
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
