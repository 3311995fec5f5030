import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiRoutes, openapiText } from '../../src/api-routes.ts';
import type { Route } from '../../src/http/route.ts';
import { EVENT_TYPES } from '../../src/notify/event-types.ts';
import { packageRoot } from '../../src/package-root.ts';
import { accessPage } from '../support/access-table.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { openSqlite, type TestDatabase } from '../support/databases.ts';

describe('the OpenAPI document', () => {
  let database: TestDatabase;
  let api: ApiServer;
  let routes: Route[];
  beforeAll(async () => {
    database = await openSqlite();
    api = await startApi(database);
    routes = apiRoutes(api.core);
  });
  afterAll(async () => {
    await api.close();
    await database.drop();
  });

  it('stands in docs/openapi.json as the code makes it; `npm run openapi` writes it anew', () => {
    expect(readFileSync(join(packageRoot, 'docs/openapi.json'), 'utf8')).toBe(openapiText(api.core));
  });

  it('says who may call what in docs/access.md; `npm run access` writes it anew', () => {
    expect(readFileSync(join(packageRoot, 'docs/access.md'), 'utf8')).toBe(accessPage(routes));
  });

  it('describes each route: words, tag, scope and, where it names a thing, that it may be missing', () => {
    for (const { operationId, summary, tag, path, problems, scope } of routes) {
      expect(operationId).toMatch(/^[a-z][A-Za-z]+$/);
      expect(summary, operationId).toMatch(/^[A-Z].+[^.]$/);
      expect(tag, operationId).not.toBe('');
      if (path.includes('{')) expect(problems, operationId).toContain('NOT_FOUND');
      if (path.includes('{id}')) expect(problems, operationId).toContain('WRONG_ID_KIND');
      if (scope === 'public')
        expect([
          ...['getOpenapi', 'validateLicense', 'activateLicense', 'deactivateLicense', 'listOwnSites'],
          ...['listPlans', 'startCheckout', 'openOwnPortal', 'cancelOwnSubscription'],
        ]).toContain(operationId);
    }
  });

  it('describes every event that webhooks are told of', () => {
    const { webhooks, components } = JSON.parse(openapiText(api.core));
    expect(Object.keys(webhooks)).toEqual(Object.keys(EVENT_TYPES));
    for (const [type, { post }] of Object.entries<{ post: { requestBody: object } }>(webhooks)) {
      const [, name = ''] = /"\$ref":"#\/components\/schemas\/(\w+Event)"/.exec(JSON.stringify(post)) ?? [];
      expect([type, components.schemas[name]?.properties.object.const]).toEqual([type, type.split('.')[0]]);
    }
  });

  it('writes every field in snake_case', () => {
    const document: unknown = JSON.parse(openapiText(api.core));
    const names = new Set<string>();
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const { properties } = value as { properties?: Record<string, unknown> };
      for (const name of Object.keys(properties ?? {})) names.add(name);
      Object.values(value).forEach(look);
    };
    look(document);
    expect(names.size).toBeGreaterThan(100);
    expect([...names].filter((name) => !/^[a-z][a-z0-9_]*$/.test(name))).toEqual([]);
  });
});
