import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Scope } from '../accounts/scope.ts';
import { ForgeTrouble, type ProblemCode, problem } from '../errors.ts';
import { newId } from '../ids.ts';
import { isTokenText, newKeyText, newTokenText } from '../licensing/license-key.ts';
import type { TokenAnswer } from './actor.ts';
import { idParam } from './id-param.ts';
import { makeFloodLimiter } from './limits.ts';
import type { MountDeps } from './mount.ts';
import { trustedProxies } from './network.ts';
import { COUNT_LIMIT, pageBody, pageFrom, pageOf, pageQuery, pageRequest } from './paging.ts';
import { type Route, route } from './route.ts';
import { type Asked, serveRoutes, tokensOnly } from './test-api.ts';

const NOW = Date.parse('2026-11-20T10:00:00.000Z');
const TOKENS = { reader: newTokenText(), writer: newTokenText(), expired: newTokenText(), revoked: newTokenText() };

const actor = (id: string, ...scopes: Scope[]) =>
  ({
    kind: 'active',
    actor: {
      kind: 'token',
      id,
      organizations: null,
      repositoryIds: null,
      productId: null,
      scopes: new Set(scopes),
      role: 'site_admin',
    },
  }) as const;
const ANSWERS = new Map<string, TokenAnswer>([
  [TOKENS.reader, actor('tok_reader', 'licenses:read')],
  [TOKENS.writer, actor('tok_writer', 'licenses:read', 'licenses:write')],
  [TOKENS.expired, { kind: 'expired' }],
  [TOKENS.revoked, { kind: 'revoked' }],
]);

const License = z.object({ id: z.string(), note: z.string() }).meta({ id: 'TestLicense' });
const rows = Array.from({ length: 5 }, (_, i) => ({
  id: newId('license', NOW + i),
  note: `n${i}`,
  inner: 'never shown',
}));

const readOne = route({
  method: 'get',
  path: '/api/v1/licenses/{id}',
  operationId: 'getLicense',
  summary: 'One license',
  tag: 'licenses',
  scope: 'licenses:read',
  role: 'support',
  params: z.object({ id: idParam('license') }),
  answers: { 200: License },
  async handler({ params }) {
    const found = rows.find(({ id }) => id === params.id);
    if (!found) throw problem('NOT_FOUND');
    return { status: 200, body: found };
  },
});

const list = route({
  method: 'get',
  path: '/api/v1/licenses',
  operationId: 'listLicenses',
  summary: 'All licenses',
  tag: 'licenses',
  scope: 'licenses:read',
  role: 'support',
  query: z.object({ ...pageQuery('license'), note: z.string().optional() }),
  answers: { 200: pageOf(License) },
  async handler({ query }) {
    const { limit, after } = pageRequest(query);
    const found = rows.filter(({ id }) => after === null || id > after).slice(0, limit + 1);
    const page = pageFrom(found, limit, Math.min(rows.length, COUNT_LIMIT + 1), ({ id }) => [id]);
    return { status: 200, body: pageBody(page, (row) => row) };
  },
});

const make = route({
  method: 'post',
  path: '/api/v1/licenses',
  operationId: 'createLicense',
  summary: 'A new license',
  tag: 'licenses',
  scope: 'licenses:write',
  role: 'support',
  body: z.strictObject({
    note: z.string().min(1),
    sites: z.number().int().nullable().optional(),
    package_id: idParam('package').optional(),
    tags: z.array(z.strictObject({ 'a/b~c': z.string() })).optional(),
    target: z
      .union([z.strictObject({ kind: z.literal('a'), x: z.number() }), z.strictObject({ y: z.string() })])
      .optional(),
  }),
  answers: { 201: License },
  async handler({ body }, context) {
    return {
      status: 201,
      headers: { Location: '/api/v1/licenses/lic_1' },
      body: { id: `${context.actor.id} ${context.network}`, note: body.note, key: newKeyText() },
    };
  },
});

const search = route({
  method: 'get',
  path: '/api/v1/licenses/search',
  operationId: 'searchLicenses',
  summary: 'Search',
  tag: 'licenses',
  scope: 'public',
  role: null,
  answers: { 200: z.object({ actor: z.null() }) },
  async handler(_input, { actor: nobody }) {
    return { status: 200, body: { actor: nobody } };
  },
});

const removal = route({
  method: 'delete',
  path: '/api/v1/licenses/{id}',
  operationId: 'deleteLicense',
  summary: 'Delete',
  tag: 'licenses',
  scope: 'licenses:write',
  role: 'support',
  params: z.object({ id: idParam('license') }),
  answers: { 204: null },
  handler: async () => ({ status: 204 }),
});

function failing(operationId: string, error: () => unknown): Route {
  return route({
    method: 'get',
    path: `/api/v1/fail/${operationId}`,
    operationId,
    summary: 'Fails',
    tag: 'fail',
    scope: 'public',
    role: null,
    answers: { 200: z.object({}) },
    async handler() {
      throw error();
    },
  });
}

const SECRET_KEY = newKeyText();
const failures = [
  failing('unforeseen', () => new Error(`select * from licenses: no table, key ${SECRET_KEY}`)),
  failing('notAnError', () => 'a thrown text'),
  failing('undeclared', () => problem('UNAVAILABLE', 'the key store is starting', { retryAfterSeconds: 2.2 })),
  failing('forge', () => new ForgeTrouble('rate_limited', 'the forge wants us to wait', 61_000)),
  failing('database', () => Object.assign(new Error('connect ECONNREFUSED 10.0.0.5:5432'), { code: 'ECONNREFUSED' })),
  failing('busy', () => Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })),
  failing('leaky', () => problem('NOT_FOUND', `no license has ${SECRET_KEY}`)),
  // @ts-expect-error the types refuse a status that is not declared; this is what is left where they are got round
  route({ ...base('wrongStatus'), handler: async () => ({ status: 418, body: {} }) }),
  // @ts-expect-error likewise a body that does not fit
  route({ ...base('wrongBody'), handler: async () => ({ status: 200, body: { n: 'text' } }) }),
];

function base(operationId: string) {
  const answers = { 200: z.object({ n: z.number().optional() }) };
  const path = `/api/v1/fail/${operationId}` as const;
  return { method: 'get', path, operationId, summary: 'x', tag: 'fail', scope: 'public', role: null, answers } as const;
}

async function serve(routes: readonly Route[], overrides: Partial<MountDeps> = {}) {
  const lookUps: string[] = [];
  const served = await serveRoutes(routes, {
    clock: () => NOW,
    callers: tokensOnly(async (text) => {
      if (!isTokenText(text)) return { kind: 'malformed' };
      lookUps.push(text);
      return ANSWERS.get(text) ?? { kind: 'unknown' };
    }),
    ...overrides,
  });
  return { ...served, lookUps };
}

function expectProblem({ headers, status, json }: Asked, code: ProblemCode, wanted: number): void {
  expect({ status, code: json.code }).toEqual({ status: wanted, code });
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect(headers.get('cache-control')).toBe('private, no-store');
  expect(json).toMatchObject({ type: `https://updates.example.org/problems/${code}`, status: wanted });
  expect(json.request_id).toBe(headers.get('x-request-id'));
  expect(Object.keys(json)).toEqual(['type', 'title', 'status', 'code', 'detail', 'errors', 'request_id']);
}

const ROUTES = [readOne, list, make, search, removal, ...failures];
const post = (body: string, headers: Record<string, string> = { 'Content-Type': 'application/json' }) => ({
  method: 'POST',
  body,
  headers,
  token: TOKENS.writer,
});

describe('an answer', () => {
  it('holds what the schema declares and nothing else', async () => {
    const { ask } = await serve(ROUTES);
    const answer = await ask(`/api/v1/licenses/${rows[0]?.id}`, { token: TOKENS.reader });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ id: rows[0]?.id, note: 'n0' });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('cache-control')).toBe('private, no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('is a 304 for who has its ETag, and a 200 once it differs', async () => {
    const { ask } = await serve(ROUTES);
    const path = `/api/v1/licenses/${rows[0]?.id}`;
    const etag = (await ask(path, { token: TOKENS.reader })).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{27}"$/);
    for (const header of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await ask(path, { token: TOKENS.reader, headers: { 'If-None-Match': header } });
      expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    const other = await ask(`/api/v1/licenses/${rows[1]?.id}`, {
      token: TOKENS.reader,
      headers: { 'If-None-Match': etag },
    });
    expect(other.status).toBe(200);
  });

  it('to HEAD has the headers of GET and no body', async () => {
    const { ask } = await serve(ROUTES);
    const path = `/api/v1/licenses/${rows[0]?.id}`;
    const get = await ask(path, { token: TOKENS.reader });
    const head = await ask(path, { token: TOKENS.reader, method: 'HEAD' });
    expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', get.headers.get('etag')]);
    expect(head.headers.get('content-length')).toBe(String(get.text.length));
  });

  it('to POST carries the headers of its handler, and a handler knows who asks from which network', async () => {
    const { ask } = await serve(ROUTES, { trusted: trustedProxies(['127.0.0.1']) });
    const answer = await ask('/api/v1/licenses', {
      ...post('{"note":"hi","sites":null}'),
      headers: { 'Content-Type': 'application/vnd.api+json; charset=UTF-8', 'X-Forwarded-For': '203.0.113.9' },
    });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({ id: 'tok_writer 203.0.113.0/24', note: 'hi' });
    expect(answer.headers.get('location')).toBe('/api/v1/licenses/lic_1');
    expect(answer.headers.get('etag')).toBeNull();
  });

  it('may have no body', async () => {
    const { ask } = await serve(ROUTES);
    const answer = await ask(`/api/v1/licenses/${rows[0]?.id}`, { method: 'DELETE', token: TOKENS.writer });
    expect([answer.status, answer.text, answer.headers.get('content-type')]).toEqual([204, '', null]);
  });

  it('comes from the fixed path before the one with a parameter', async () => {
    const { ask } = await serve(ROUTES);
    expect((await ask('/api/v1/licenses/search')).json).toEqual({ actor: null });
  });
});

describe('the request id', () => {
  it.each([
    ['abcd-1234_XYZ', true],
    ['short', false],
    ['x'.repeat(65), false],
    ['with blank inside', false],
    [newKeyText(), false],
    [newTokenText(), false],
  ])('is taken over only where it fits (%#)', async (given, taken) => {
    const { ask } = await serve(ROUTES);
    const answer = await ask('/api/v1/nowhere', { headers: { 'X-Request-Id': given } });
    const id = answer.headers.get('x-request-id');
    if (taken) expect(id).toBe(given);
    else expect(id).toMatch(/^req_[0-9a-z]{26}$/);
    expect(answer.json.request_id).toBe(id);
  });
});

describe('a list', () => {
  it('is read page by page to its end, by cursor and by link', async () => {
    const { ask } = await serve(ROUTES);
    const seen: string[] = [];
    let path: string | null = '/api/v1/licenses?limit=2&note=a%26b';
    while (path !== null) {
      const page: Asked = await ask(path, { token: TOKENS.reader });
      expect(page.json.total).toBe(5);
      seen.push(...page.json.items.map(({ id }: { id: string }) => id));
      const link = page.headers.get('link');
      const target =
        link === null ? null : (/^<https:\/\/updates\.example\.org(\/[^>]+)>; rel="next"$/.exec(link)?.[1] ?? '');
      expect(target === null).toBe(page.json.next_cursor === null);
      if (target !== null) {
        expect(target).toContain(`cursor=${page.json.next_cursor}`);
        expect(target).toContain('note=a%26b');
      }
      path = target;
    }
    expect(seen).toEqual(rows.map(({ id }) => id));
  });

  it.each([
    ['limit=0', '/query/limit'],
    ['limit=201', '/query/limit'],
    ['limit=many', '/query/limit'],
    ['limit=1.5', '/query/limit'],
    ['limit=', '/query/limit'],
    ['limit=1&limit=2', '/query/limit'],
    ['cursor=***', '/query/cursor'],
    ['cursor=bm90IGpzb24', '/query/cursor'],
    [`cursor=${Buffer.from(JSON.stringify([newId('package')])).toString('base64url')}`, '/query/cursor'],
    [`cursor=${Buffer.from(JSON.stringify({ id: 1 })).toString('base64url')}`, '/query/cursor'],
    ['limt=5', '/query/limt'],
    ['note[]=5', '/query/note[]'],
    ['note=%00', '/query/note'],
  ])('refuses ?%s', async (query, pointer) => {
    const { ask } = await serve(ROUTES);
    const answer = await ask(`/api/v1/licenses?${query}`, { token: TOKENS.reader });
    expectProblem(answer, 'INVALID_REQUEST', 400);
    expect(answer.json.errors.map((error: { pointer: string }) => error.pointer)).toEqual([pointer]);
  });
});

describe('a caller', () => {
  it.each([
    ['without a token', undefined, 'send an API token'],
    ['with another scheme', 'Basic abc', 'the word Bearer'],
    ['with a bare token', TOKENS.reader, 'the word Bearer'],
    ['with two tokens', `Bearer ${TOKENS.reader} ${TOKENS.reader}`, 'the word Bearer'],
    ['with a license key', `Bearer ${newKeyText()}`, 'a license key does not stand in'],
    ['with a mistyped token', `Bearer ${TOKENS.reader.slice(0, -1)}~`, 'this is no API token'],
    ['with an unknown token', `Bearer ${newTokenText()}`, 'there is no such API token'],
    ['with an expired token', `Bearer ${TOKENS.expired}`, 'has expired'],
    ['with a revoked token', `Bearer ${TOKENS.revoked}`, 'was revoked'],
  ])('%s is refused with 401', async (_, authorization, words) => {
    const { ask, lookUps } = await serve(ROUTES);
    const answer = await ask('/api/v1/licenses', authorization ? { headers: { Authorization: authorization } } : {});
    expectProblem(answer, 'UNAUTHENTICATED', 401);
    expect(answer.json.detail).toContain(words);
    const invalid = authorization ? ', error="invalid_token"' : '';
    expect(answer.headers.get('www-authenticate')).toBe(`Bearer realm="Feedgate"${invalid}`);
    expect(lookUps.every(isTokenText)).toBe(true);
  });

  it('may write the scheme as it likes', async () => {
    const { ask } = await serve(ROUTES);
    const answer = await ask('/api/v1/licenses', { headers: { Authorization: `bearer  ${TOKENS.reader}` } });
    expect(answer.status).toBe(200);
  });

  it('without the scope is told which one it lacks, before its body is looked at', async () => {
    const { ask } = await serve(ROUTES);
    const answer = await ask('/api/v1/licenses', { ...post('{'), token: TOKENS.reader });
    expectProblem(answer, 'FORBIDDEN', 403);
    expect(answer.json.detail).toContain('licenses:write');
  });

  it('that floods with tokens that are not found is slowed down; a known token of the same network is not', async () => {
    const { ask } = await serve(ROUTES, { flood: makeFloodLimiter({ burst: 2, perSecond: 0.1, networks: 10 }) });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await ask('/api/v1/licenses', { token: newTokenText() })).status);
    expect(statuses).toEqual([401, 401, 429]);
    const limited = await ask('/api/v1/licenses');
    expectProblem(limited, 'RATE_LIMITED', 429);
    expect(limited.headers.get('retry-after')).toBe('10');
    expect((await ask('/api/v1/licenses', { token: TOKENS.reader })).status).toBe(200);
  });
});

describe('a body', () => {
  it.each([
    ['a field of another type', '{"note":5}', ['/note'], 'expected string'],
    ['a missing field', '{}', ['/note'], '/note: is required'],
    ['an unknown field', '{"note":"x","sitez":3}', ['/sitez'], '/sitez: is not known here'],
    ['several wrong fields', '{"note":"","sites":1.5,"q":1}', ['/note', '/sites', '/q'], '(and 2 more)'],
    ['a name that needs escaping', '{"note":"x","tags":[{"a/b~c":1}]}', ['/tags/0/a~1b~0c'], 'expected string'],
    ['a wrong variant', '{"note":"x","target":{"kind":"a","x":"1"}}', ['/target/x'], 'expected number'],
    ['no object', '[]', [''], 'the body'],
    ['null', 'null', [''], 'the body'],
    ['a NUL', '{"note":"a\\u0000b"}', ['/note'], 'U+0000'],
    ['no JSON', '{"note":', [''], 'not valid JSON'],
    ['two values', '{"note":"x"}{}', [''], 'not valid JSON'],
  ])('with %s is refused', async (_, body, pointers, words) => {
    const { ask } = await serve(ROUTES);
    const answer = await ask('/api/v1/licenses', post(body));
    expectProblem(answer, 'INVALID_REQUEST', 400);
    expect(answer.json.errors.map((error: { pointer: string }) => error.pointer)).toEqual(pointers);
    expect(answer.json.detail).toContain(words);
  });

  it('that is not UTF-8 is refused', async () => {
    const { ask } = await serve(ROUTES);
    const body = Buffer.concat([Buffer.from('{"note":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    const answer = await ask('/api/v1/licenses', { ...post(''), body });
    expectProblem(answer, 'INVALID_REQUEST', 400);
    expect(answer.json.detail).toContain('UTF-8');
  });

  it('that goes too deep is refused', async () => {
    const { ask } = await serve(ROUTES);
    expectProblem(
      await ask('/api/v1/licenses', post('['.repeat(100_000) + ']'.repeat(100_000))),
      'INVALID_REQUEST',
      400,
    );
  });

  it('with thousands of faults gets a short answer', async () => {
    const { ask } = await serve(ROUTES);
    const body = JSON.stringify({ note: 'x', tags: Array.from({ length: 5_000 }, () => 1) });
    expect((await ask('/api/v1/licenses', post(body))).json.errors).toHaveLength(50);
  });

  it('may weigh 256 kB and not a byte more', async () => {
    const { ask } = await serve(ROUTES);
    const frame = '{"note":""}'.length;
    const most = `{"note":"${'x'.repeat(256 * 1024 - frame)}"}`;
    expect((await ask('/api/v1/licenses', post(most))).status).toBe(201);
    const more = await ask('/api/v1/licenses', post(`${most} `));
    expectProblem(more, 'BODY_TOO_LARGE', 413);
    expect(more.json.detail).toContain('256 kB');
  });

  it.each([
    [{ 'Content-Type': 'application/x-www-form-urlencoded' }],
    [{ 'Content-Type': 'text/json' }],
    [{ 'Content-Type': 'application/json; charset=iso-8859-1' }],
    [{ 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }],
    [{}],
  ])('sent with %j is refused with 415', async (headers: Record<string, string>) => {
    const { ask } = await serve(ROUTES);
    expectProblem(await ask('/api/v1/licenses', post('{"note":"x"}', headers)), 'UNSUPPORTED_MEDIA_TYPE', 415);
  });

  it('is not taken where none is declared', async () => {
    const { ask } = await serve(ROUTES);
    const path = `/api/v1/licenses/${rows[0]?.id}`;
    const answer = await ask(path, { ...post('{"force":true}'), method: 'DELETE' });
    expectProblem(answer, 'INVALID_REQUEST', 400);
    expect(answer.json.detail).toContain('/force');
    expect((await ask(path, { ...post('{}'), method: 'DELETE' })).status).toBe(204);
  });

  it('with an object that lets mistyped fields through is refused at start', () => {
    const spec = {
      ...base('open'),
      method: 'post' as const,
      handler: async () => ({ status: 200 as const, body: {} }),
    };
    expect(() => route({ ...spec, body: z.strictObject({ inner: z.object({ a: z.string() }) }) })).toThrow(
      'not strict',
    );
    expect(() => route({ ...spec, body: z.strictObject({ inner: z.strictObject({ a: z.string() }) }) })).not.toThrow();
  });
});

describe('an id', () => {
  it('of another kind is told in words', async () => {
    const { ask } = await serve(ROUTES);
    const answer = await ask(`/api/v1/licenses/${newId('key')}`, { token: TOKENS.reader });
    expectProblem(answer, 'WRONG_ID_KIND', 400);
    expect(answer.json.errors[0].pointer).toBe('/path/id');
    expect(answer.json.detail).toContain('a license key (key_…), but that of a license (lic_…)');
  });

  it('of another kind in a body is told in words', async () => {
    const { ask } = await serve(ROUTES);
    const answer = await ask(
      '/api/v1/licenses',
      post(JSON.stringify({ note: 'x', package_id: newId('organization') })),
    );
    expectProblem(answer, 'WRONG_ID_KIND', 400);
    expect(answer.json.detail).toContain('/package_id: is the id of an organization (org_…)');
  });

  it('that is none is refused without being repeated', async () => {
    const { ask } = await serve(ROUTES);
    const key = newKeyText();
    const answer = await ask(`/api/v1/licenses/${key}`, { token: TOKENS.reader });
    expectProblem(answer, 'INVALID_REQUEST', 400);
    expect(answer.json.detail).toContain('must be the id of a license (lic_…)');
    expect(answer.text).not.toContain(key);
  });

  it('with a broken percent-encoding is refused', async () => {
    const { ask } = await serve(ROUTES);
    expectProblem(await ask('/api/v1/licenses/%E0%A4%A', { token: TOKENS.reader }), 'INVALID_REQUEST', 400);
  });
});

describe('an address', () => {
  it.each([
    ['POST', '/api/v1/licenses/lic_x', 'DELETE, GET, HEAD'],
    ['DELETE', '/api/v1/licenses', 'GET, HEAD, POST'],
    ['DELETE', '/api/v1/licenses/', 'GET, HEAD, POST'],
    ['PUT', '/api/v1/licenses/search', 'DELETE, GET, HEAD'],
  ])('answers %s %s with 405 and what it takes', async (method, path, allow) => {
    const { ask } = await serve(ROUTES);
    const answer = await ask(path, { method });
    expectProblem(answer, 'METHOD_NOT_ALLOWED', 405);
    expect(answer.headers.get('allow')).toBe(allow);
  });

  it.each(['/api', '/api/v1', '/api/v2/licenses', '/api/v1/licenses/a/b'])(
    'that nobody has is a 404: %s',
    async (path) => {
      const { ask } = await serve(ROUTES);
      expectProblem(await ask(path), 'NOT_FOUND', 404);
    },
  );

  it('is claimed once', async () => {
    await expect(
      serve([readOne, { ...readOne, operationId: 'other', path: '/api/v1/licenses/{key}' }]),
    ).rejects.toThrow('two routes');
    await expect(serve([readOne, { ...list, operationId: 'getLicense' }])).rejects.toThrow('two routes');
  });
});

describe('trouble', () => {
  it.each(['unforeseen', 'notAnError', 'wrongStatus', 'wrongBody'])(
    'of ours is bland to the caller and logged: %s',
    async (name) => {
      const { ask, lines } = await serve(ROUTES);
      const answer = await ask(`/api/v1/fail/${name}`);
      expectProblem(answer, 'INTERNAL', 500);
      expect(answer.json.detail).toBe('Something went wrong on our side');
      expect(answer.json.errors).toEqual([]);
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({ request_id: answer.json.request_id, code: 'INTERNAL' });
    },
  );

  it('is logged with its stack', async () => {
    const { ask, lines } = await serve(ROUTES);
    await ask('/api/v1/fail/unforeseen');
    expect(JSON.parse(lines[0] ?? '').err.stack).toContain('mount.test.ts');
  });

  it('that was foreseen says when to come back', async () => {
    const { ask } = await serve(ROUTES);
    const unavailable = await ask('/api/v1/fail/undeclared');
    expectProblem(unavailable, 'UNAVAILABLE', 503);
    expect([unavailable.json.detail, unavailable.headers.get('retry-after')]).toEqual([
      'the key store is starting',
      '3',
    ]);
    const forge = await ask('/api/v1/fail/forge');
    expectProblem(forge, 'FORGE_TROUBLE', 502);
    expect([forge.json.detail, forge.headers.get('retry-after')]).toEqual(['the forge wants us to wait', '61']);
  });

  it('with the database is a 503 and names no address', async () => {
    const { ask, lines } = await serve(ROUTES);
    const answer = await ask('/api/v1/fail/database');
    expectProblem(answer, 'UNAVAILABLE', 503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(answer.text).not.toContain('10.0.0.5');
    expect(lines.join()).toContain('ECONNREFUSED');
  });

  it('with a database that is locked for long is a 503', async () => {
    const { ask } = await serve(ROUTES);
    expectProblem(await ask('/api/v1/fail/busy'), 'UNAVAILABLE', 503);
  });

  it('never tells a key', async () => {
    const { ask } = await serve(ROUTES);
    const answer = await ask('/api/v1/fail/leaky');
    expectProblem(answer, 'NOT_FOUND', 404);
    expect(answer.json.detail).toBe('no license has ***');
  });
});
