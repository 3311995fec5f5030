import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { idParam } from './id-param.ts';
import { openapiDocument, openapiRoute } from './openapi.ts';
import { pageOf, pageQuery } from './paging.ts';
import { type Route, route } from './route.ts';
import { serveRoutes } from './test-api.ts';

// biome-ignore lint/suspicious/noExplicitAny: the document is looked into field by field, and a missing one fails the test
type Document = any;

const Site = z.object({ host: z.string(), until: z.iso.datetime().nullable() }).meta({ id: 'Site' });
const Limits = z.strictObject({ sites: z.number().int().nullable().default(null) }).meta({ id: 'Limits' });

const listSites = route({
  method: 'get',
  path: '/api/v1/licenses/{id}/sites',
  operationId: 'listSites',
  summary: 'The sites of a license',
  description: 'Oldest first.',
  tag: 'sites',
  scope: 'licenses:read',
  role: 'support',
  params: z.object({ id: idParam('license') }),
  query: z.object({ ...pageQuery('activation'), state: z.enum(['open', 'released']) }),
  answers: { 200: pageOf(Site) },
  handler: async () => ({ status: 200, body: { items: [], next_cursor: null } }),
});
const createPackage = route({
  method: 'post',
  path: '/api/v1/packages',
  operationId: 'createPackage',
  summary: 'A new package',
  tag: 'packages',
  scope: 'licenses:write',
  role: 'support',
  body: z.strictObject({ name: z.string(), limits: Limits }),
  answers: { 201: z.object({ limits: Limits }), 204: null },
  problems: ['ALREADY_EXISTS', 'TRIAL_USED'],
  handler: async ({ body }) => ({ status: 201, body: { limits: body.limits } }),
});
const check = route({
  method: 'post',
  path: '/api/v1/check',
  operationId: 'check',
  summary: 'Open to all',
  tag: 'public',
  scope: 'public',
  role: null,
  body: z.strictObject({ note: z.string().optional() }),
  answers: { 200: z.object({}) },
  handler: async () => ({ status: 200, body: {} }),
});
const ROUTES = [listSites, createPackage, check];
const INFO = { version: '1.2.3', publicUrl: 'https://updates.example.org/' };
const document: Document = openapiDocument(ROUTES, INFO);

describe('the OpenAPI document', () => {
  it('names version, server, tags and the bearer token', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'Feedgate', version: '1.2.3' });
    expect(document.servers).toEqual([{ url: 'https://updates.example.org' }]);
    expect((openapiDocument([], { ...INFO, publicUrl: null }) as Document).servers).toEqual([{ url: '/' }]);
    expect(document.tags).toEqual([{ name: 'packages' }, { name: 'public' }, { name: 'sites' }]);
    expect(document.components.securitySchemes.token).toMatchObject({ type: 'http', scheme: 'bearer' });
  });

  it('is the same, byte for byte, in whatever order the routes come', () => {
    expect(JSON.stringify(openapiDocument([...ROUTES].reverse(), INFO))).toBe(JSON.stringify(document));
  });

  it('describes parameters by the schemas that validate them', () => {
    const { parameters, description, security, operationId } = document.paths['/api/v1/licenses/{id}/sites'].get;
    expect(operationId).toBe('listSites');
    expect(description).toBe(
      'Oldest first.\n\nFor an API token with the scope `licenses:read` (see licenses, keys, customers, sites and usage), or a person who is support.',
    );
    expect(security).toEqual([{ token: [] }]);
    expect(parameters).toEqual([
      {
        name: 'id',
        in: 'path',
        required: true,
        description: 'The id of a license (lic_…)',
        schema: { type: 'string', maxLength: 64 },
      },
      {
        name: 'limit',
        in: 'query',
        required: false,
        description: 'How many items at most, 1 to 200',
        schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
      },
      expect.objectContaining({ name: 'cursor', in: 'query', required: false }),
      { name: 'state', in: 'query', required: true, schema: { type: 'string', enum: ['open', 'released'] } },
    ]);
  });

  it('describes a body as it is sent and an answer as it comes back', () => {
    const { requestBody, responses } = document.paths['/api/v1/packages'].post;
    expect(requestBody).toEqual({
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            properties: { name: { type: 'string' }, limits: { $ref: '#/components/schemas/LimitsInput' } },
            required: ['name', 'limits'],
            additionalProperties: false,
          },
        },
      },
    });
    expect(responses['201'].content['application/json'].schema.properties.limits).toEqual({
      $ref: '#/components/schemas/Limits',
    });
    expect(responses['204']).toEqual({ description: 'No Content' });
    const { Limits: out, LimitsInput: input, Site: site } = document.components.schemas;
    expect(out).toMatchObject({ required: ['sites'] });
    expect(out).not.toHaveProperty('additionalProperties');
    expect(input).toMatchObject({ additionalProperties: false });
    expect(input).not.toHaveProperty('required');
    expect(site.properties.until.anyOf[0]).toEqual({ type: 'string', format: 'date-time' });
  });

  it('lists the problems of each route by status', () => {
    const { responses } = document.paths['/api/v1/packages'].post;
    expect(Object.keys(responses).sort()).toEqual(
      ['201', '204', '400', '401', '403', '409', '413', '415', '422', '429', 'default'].sort(),
    );
    expect(responses['409'].description).toMatch(/`ALREADY_EXISTS`.*`IDEMPOTENCY_IN_FLIGHT`.*`TRIAL_USED`/);
    expect(responses['409'].content['application/problem+json'].schema.$ref).toBe('#/components/schemas/Problem');
    const open = document.paths['/api/v1/check'].post;
    expect(Object.keys(open.responses).sort()).toEqual(['200', '400', '413', '415', 'default'].sort());
    expect([open.security, open.requestBody.required]).toEqual([[], false]);
    expect(open.description).toBe('Needs no token.');
  });

  it('offers the Idempotency-Key where it works', () => {
    const names = (operation: Document) => operation.parameters.map(({ name }: { name: string }) => name);
    expect(names(document.paths['/api/v1/packages'].post)).toContain('Idempotency-Key');
    expect(names(document.paths['/api/v1/check'].post)).toEqual([]);
    expect(names(document.paths['/api/v1/licenses/{id}/sites'].get)).not.toContain('Idempotency-Key');
  });

  it('refers only to what it holds', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(references.length).toBeGreaterThan(3);
    for (const reference of references) {
      const [, ...path] = reference.split('/');
      expect(
        path.reduce((value: Document, name) => value?.[name], document),
        reference,
      ).toBeDefined();
    }
    expect(JSON.stringify(document)).not.toContain('$defs');
  });

  it('refuses two schemas of one name', () => {
    const site = (shape: z.ZodObject): Route =>
      ({ ...listSites, operationId: 'x', path: '/api/v1/x', answers: { 200: shape } }) as Route;
    const twin = z.object({ other: z.number() });
    z.globalRegistry.add(twin, { id: 'SiteTwin' });
    const same = z.object({ more: z.number() });
    expect(() => openapiDocument([site(twin)], INFO)).not.toThrow();
    z.globalRegistry.remove(twin);
    z.globalRegistry.add(same, { id: 'Problem' });
    expect(() => openapiDocument([site(same)], INFO)).toThrow('two schemas have the id Problem');
    z.globalRegistry.remove(same);
  });

  it('is served, with itself in it', async () => {
    const { ask } = await serveRoutes([...ROUTES, openapiRoute(ROUTES, INFO)]);
    const answer = await ask('/api/openapi.json');
    expect(answer.status).toBe(200);
    const { '/api/openapi.json': own, ...others } = answer.json.paths;
    expect(own.get.operationId).toBe('getOpenapi');
    expect(others).toEqual(document.paths);
    expect(answer.headers.get('etag')).not.toBeNull();
  });
});
