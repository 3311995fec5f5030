import { expect, it } from 'vitest';
import { z } from 'zod';
import type { Scope } from '../accounts/scope.ts';
import { newTokenText } from '../licensing/license-key.ts';
import { requireMatch } from './if-match.ts';
import { openapiDocument } from './openapi.ts';
import { route } from './route.ts';
import { serveRoutes, tokensOnly } from './test-api.ts';

const View = z.object({ name: z.string(), count: z.number().int() });
const token = newTokenText();
const actor = {
  ...{
    kind: 'token' as const,
    id: 'tok_1',
    organizations: null,
    repositoryIds: null,
    productId: null,
    role: 'site_admin' as const,
  },
  scopes: new Set<Scope>(['admin']),
};

/** A thing that is read and changed, with fields in another order than its view has them. */
function thing() {
  let stored = { count: 1, name: 'a', secret: 'x' };
  const common = { path: '/api/v1/thing', tag: 't', scope: 'any', role: 'viewer', answers: { 200: View } } as const;
  const read = route({
    ...{ ...common, method: 'get', operationId: 'getThing', summary: 's' },
    handler: async () => ({ status: 200, body: stored }),
  });
  const change = route({
    ...{ ...common, method: 'patch', operationId: 'changeThing', summary: 's', conditional: true },
    body: z.strictObject({ name: z.string() }),
    async handler({ body }, { ifMatch }) {
      requireMatch(ifMatch, View, stored);
      stored = { ...stored, name: body.name };
      return { status: 200, body: stored };
    },
  });
  return [read, change];
}

it('If-Match lets a change through while the thing is as it was read', async () => {
  const api = await serveRoutes(thing(), { callers: tokensOnly(async () => ({ kind: 'active', actor })) });
  const tag = async () => (await api.ask('/api/v1/thing', { token })).headers.get('etag') ?? '';
  const change = (name: string, ifMatch?: string) => {
    const headers = { 'Content-Type': 'application/json', ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }) };
    return api.ask('/api/v1/thing', { token, method: 'PATCH', headers, body: JSON.stringify({ name }) });
  };
  const first = await tag();
  expect((await change('b', first)).json).toEqual({ name: 'b', count: 1 });
  const late = await change('c', first);
  expect([late.status, late.json.code]).toEqual([412, 'PRECONDITION_FAILED']);
  expect((await change('c', `"other", ${await tag()}`)).status).toBe(200);
  expect((await change('d', `W/${await tag()}`)).status).toBe(412);
  expect((await change('d', '*')).status).toBe(200);
  expect((await change('e')).status).toBe(200);
});

it('If-Match stands in the document of routes that take it', () => {
  const { paths } = openapiDocument(thing(), { version: '1', publicUrl: null }) as { paths: Record<string, never> };
  const { get, patch } = paths['/api/v1/thing'] as unknown as Record<
    string,
    { parameters: unknown[]; responses: object }
  >;
  expect(JSON.stringify(get)).not.toContain('If-Match');
  expect(patch?.parameters).toEqual([expect.objectContaining({ name: 'If-Match', in: 'header', required: false })]);
  expect(Object.keys(patch?.responses ?? {})).toContain('412');
});
