import { expect, it } from 'vitest';
import { z } from 'zod';
import { onEachDatabase } from '../../test/support/databases.ts';
import { DAY, SECOND } from '../clock.ts';
import { problem } from '../errors.ts';
import { route } from '../http/route.ts';
import { serveRoutes, tokensOnly } from '../http/test-api.ts';
import { newKeyText, newTokenText } from '../licensing/license-key.ts';
import { makeReplyStore, purgeReplies } from './replies.ts';
import { SCOPES } from './scope.ts';

const START = Date.parse('2026-11-20T10:00:00.000Z');
const KEY_TEXT = newKeyText();

onEachDatabase('replies to a repeated request', (database) => {
  let tokens = 0;

  /** An API of one license route, asked by a token that no other test has. */
  async function world() {
    const state = { now: START, runs: 0, before: async () => undefined as unknown };
    const tokenId = `tok_${++tokens}`;
    const make = route({
      method: 'post',
      path: '/api/v1/licenses/{name}/keys',
      operationId: 'createKey',
      summary: 'A new key',
      tag: 'keys',
      scope: 'licenses:write',
      role: 'support',
      params: z.object({ name: z.string() }),
      body: z.strictObject({ label: z.string() }),
      answers: {
        201: z.object({ run: z.number(), label: z.string(), secrets: z.array(z.object({ text: z.string() })) }),
      },
      secretFields: ['/secrets/*/text'],
      async handler({ body }) {
        state.runs += 1;
        await state.before();
        const headers = { Location: '/there' };
        return { status: 201, headers, body: { run: state.runs, label: body.label, secrets: [{ text: KEY_TEXT }] } };
      },
    });
    const readable = route({
      method: 'post',
      path: '/api/v1/readable',
      operationId: 'createReadable',
      summary: 'A thing whose text can be read again',
      tag: 'keys',
      scope: 'licenses:write',
      role: 'support',
      answers: { 201: z.object({ id: z.string(), text: z.string() }) },
      secretFields: ['/text'],
      refill: async (stored, context) => ({ ...(stored as object), text: `read again for ${context.actor?.id}` }),
      handler: async () => ({ status: 201, body: { id: 'key_1', text: KEY_TEXT } }),
    });
    const free = route({
      method: 'post',
      path: '/api/v1/free',
      operationId: 'free',
      summary: 'Public',
      tag: 'keys',
      scope: 'public',
      role: null,
      answers: { 200: z.object({ run: z.number(), key: z.string().nullable() }) },
      handler: async (_input, { idempotencyKey }) => ({
        status: 200,
        body: { run: ++state.runs, key: idempotencyKey },
      }),
    });
    const actor = {
      kind: 'token',
      id: tokenId,
      organizations: null,
      repositoryIds: null,
      productId: null,
      scopes: new Set(SCOPES),
      role: 'admin',
    } as const;
    const { ask, lines } = await serveRoutes([make, readable, free], {
      clock: () => state.now,
      callers: tokensOnly(async () => ({ kind: 'active', actor })),
      replies: makeReplyStore(database().db),
    });
    const send = (key: string | null, body = '{"label":"a"}', path = '/api/v1/licenses/l1/keys') =>
      ask(path, {
        method: 'POST',
        body,
        token: newTokenText(),
        headers: { 'Content-Type': 'application/json', ...(key === null ? {} : { 'Idempotency-Key': key }) },
      });
    const row = () => database().db.read((tx) => tx('idempotency_keys').where({ token_id: tokenId }).first());
    return { state, send, lines, row };
  }

  it('repeats the reply without running again, marked, and without the key text', async () => {
    const { state, send, row } = await world();
    const first = await send('order-1');
    const again = await send('"order-1"');
    expect(state.runs).toBe(1);
    expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([201, null]);
    expect(first.json).toEqual({ run: 1, label: 'a', secrets: [{ text: KEY_TEXT }] });
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    expect(again.headers.get('location')).toBe('/there');
    expect(again.json).toEqual({ run: 1, label: 'a', secrets: [{}] });
    expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    expect(JSON.stringify(await row())).not.toContain(KEY_TEXT);
  });

  it('puts back what can be read again', async () => {
    const { send, row } = await world();
    expect((await send('a', '', '/api/v1/readable')).json).toEqual({ id: 'key_1', text: KEY_TEXT });
    const again = await send('a', '', '/api/v1/readable');
    expect(again.json.id).toBe('key_1');
    expect(again.json.text).toMatch(/^read again for tok_\d+$/);
    expect((await row())?.response).not.toContain('text');
  });

  it('masks a key that no pointer names', async () => {
    const { send, row } = await world();
    await send('a', JSON.stringify({ label: `for ${KEY_TEXT}` }));
    expect((await row())?.response).toContain('for ***');
  });

  it('runs each time without the header, and on public routes', async () => {
    const { state, send, row } = await world();
    await send(null);
    await send(null);
    expect(state.runs).toBe(2);
    const open = [await send('a', '', '/api/v1/free'), await send('a', '', '/api/v1/free')];
    expect(open.map(({ json }) => json)).toEqual([
      { run: 3, key: null },
      { run: 4, key: null },
    ]);
    expect(await row()).toBeUndefined();
  });

  it.each([
    ['another body', '{"label":"b"}', '/api/v1/licenses/l1/keys'],
    ['another address of the same route', '{"label":"a"}', '/api/v1/licenses/l2/keys'],
  ])('refuses %s with 422', async (_, body, path) => {
    const { state, send } = await world();
    await send('a');
    const other = await send('a', body, path);
    expect([other.status, other.json.code]).toEqual([422, 'IDEMPOTENCY_KEY_CONFLICT']);
    expect(state.runs).toBe(1);
  });

  it('takes the same key for another route', async () => {
    const { send } = await world();
    await send('a');
    expect((await send('a', '', '/api/v1/readable')).headers.get('idempotent-replayed')).toBeNull();
  });

  it.each(['x'.repeat(256), '""', '"open', '"a" b"', '"a\\b"', 'ümlaut'])('refuses the key %j', async (key) => {
    const { state, send } = await world();
    const answer = await send(key);
    expect([answer.status, answer.json.errors[0].pointer]).toEqual([400, '/header/Idempotency-Key']);
    expect(state.runs).toBe(0);
  });

  it.each([
    ['"a \\"b\\" \\\\c"', 'a "b" \\c'],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ])('reads the key %j', async (header, key) => {
    const { send, row } = await world();
    expect((await send(header)).status).toBe(201);
    expect((await row())?.key).toBe(key);
  });

  it('lets one of many at once run and tells the others to come back', async () => {
    const { state, send } = await world();
    let finish: (value?: unknown) => void = () => undefined;
    const gate = new Promise((resolve) => {
      finish = resolve;
    });
    let begun: (value?: unknown) => void = () => undefined;
    const running = new Promise((resolve) => {
      begun = resolve;
    });
    state.before = () => {
      begun();
      return gate;
    };
    const first = send('a');
    await running;
    const twins = await Promise.all([send('a'), send('a'), send('a')]);
    for (const twin of twins) {
      expect([twin.status, twin.json.code]).toEqual([409, 'IDEMPOTENCY_IN_FLIGHT']);
      expect(twin.headers.get('retry-after')).toBe('1');
    }
    finish();
    expect((await first).status).toBe(201);
    expect((await send('a')).headers.get('idempotent-replayed')).toBe('true');
    expect(state.runs).toBe(1);
  });

  it('starts once when twins come at the same moment', async () => {
    const { state, send } = await world();
    const answers = await Promise.all(Array.from({ length: 8 }, () => send('a')));
    expect(state.runs).toBe(1);
    for (const { status, headers } of answers) {
      expect(status === 409 || status === 201).toBe(true);
      if (headers.get('idempotent-replayed')) expect(status).toBe(201);
    }
  });

  it('frees a crashed run after a minute, and drops what the crashed one says later', async () => {
    const { db } = database();
    const store = makeReplyStore(db);
    const slot = { tokenId: 'tok_crash', route: 'r', key: 'k', fingerprint: 'f' };
    const reply = (body: unknown) => ({ status: 201, headers: {}, body });
    const crashed = await store.reserve(slot, START);
    expect(crashed.kind).toBe('run');
    expect(await store.reserve(slot, START + 60 * SECOND - 1)).toEqual({ kind: 'in_flight' });
    const second = await store.reserve(slot, START + 60 * SECOND);
    if (crashed.kind !== 'run' || second.kind !== 'run') throw new Error('both should run');
    await store.complete(slot, crashed.ticket, reply('late'));
    await store.release(slot, crashed.ticket);
    expect(await store.reserve(slot, START + 61 * SECOND)).toEqual({ kind: 'in_flight' });
    await store.complete(slot, second.ticket, reply('right'));
    expect(await store.reserve(slot, START + 62 * SECOND)).toEqual({ kind: 'replay', reply: reply('right') });
    await store.release(slot, second.ticket);
    expect((await store.reserve(slot, START + 63 * SECOND)).kind).toBe('replay');
  });

  it('repeats a refusal of the handler', async () => {
    const { state, send } = await world();
    state.before = async () => {
      throw problem('NO_END_TO_EXTEND', undefined, { errors: [{ pointer: '/label', detail: 'x' }] });
    };
    const first = await send('a');
    const again = await send('a');
    expect(state.runs).toBe(1);
    expect([first.status, again.status]).toEqual([409, 409]);
    expect(again.json).toEqual(first.json);
    expect(again.headers.get('content-type')).toBe('application/problem+json');
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it.each([
    ['an unforeseen error', () => new Error('boom'), 500],
    ['a 503', () => problem('UNAVAILABLE'), 503],
    ['a 429', () => problem('RATE_LIMITED', undefined, { retryAfterSeconds: 3 }), 429],
  ])('never keeps %s', async (_, error, status) => {
    const { state, send, lines } = await world();
    state.before = async () => {
      throw error();
    };
    expect((await send('a')).status).toBe(status);
    expect(lines).toHaveLength(status >= 500 ? 1 : 0);
    state.before = async () => undefined;
    const again = await send('a');
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, null]);
  });

  it('does not reserve for a request that is not valid', async () => {
    const { send, row } = await world();
    expect((await send('a', '{}')).status).toBe(400);
    expect(await row()).toBeUndefined();
    expect((await send('a')).status).toBe(201);
  });

  it('forgets after 24 hours, by itself and by the purge', async () => {
    const { state, send, row } = await world();
    await send('a');
    state.now = START + DAY - 1;
    expect((await send('a')).json.run).toBe(1);
    state.now = START + DAY;
    expect((await send('a', '{"label":"other"}')).json).toMatchObject({ run: 2, label: 'other' });
    await purgeReplies(database().db, START + 2 * DAY - 1);
    expect(await row()).toBeDefined();
    expect(await purgeReplies(database().db, START + 2 * DAY)).toBeGreaterThan(0);
    expect(await row()).toBeUndefined();
  });

  it('gives the answer even where the reply cannot be kept', async () => {
    const { db } = database();
    const kept = makeReplyStore(db);
    const broken = { ...kept, complete: async () => Promise.reject(new Error('disk full')) };
    const actor = {
      kind: 'token',
      id: 'tok_broken',
      organizations: null,
      repositoryIds: null,
      productId: null,
      scopes: new Set(SCOPES),
      role: 'admin',
    } as const;
    const make = route({
      method: 'post',
      path: '/api/v1/things',
      operationId: 'createThing',
      summary: 'A thing',
      tag: 'things',
      scope: 'licenses:write',
      role: 'support',
      answers: { 204: null },
      handler: async () => ({ status: 204 }),
    });
    const { ask, lines } = await serveRoutes([make], {
      callers: tokensOnly(async () => ({ kind: 'active', actor })),
      replies: broken,
    });
    const answer = await ask('/api/v1/things', { method: 'POST', token: 'x', headers: { 'Idempotency-Key': 'a' } });
    expect(answer.status).toBe(204);
    expect(lines.join()).toContain('disk full');
  });
});
