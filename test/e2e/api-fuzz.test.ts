import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openapiText } from '../../src/api-routes.ts';
import { idParam } from '../../src/http/id-param.ts';
import { openapiDocument } from '../../src/http/openapi.ts';
import { type Route, route } from '../../src/http/route.ts';
import { serveRoutes } from '../../src/http/test-api.ts';
import { newId } from '../../src/ids.ts';
import { type ApiDocument, fuzz, type Shot } from '../support/api-fuzzer.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type FakeForge, startFakeForge } from '../support/fake-forge.ts';
import { playedForge, type Shop, seedPackage, seedShop, seedSite, seedSoldLicense } from '../support/seed.ts';

/** Requests an operation and engine; `FUZZ_RUNS=500 npx vitest run test/e2e/api-fuzz.test.ts` looks longer. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 12);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_120);

onEachDatabase('the API under rubbish', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let remote: FakeForge;
  let ids: string[];

  beforeAll(async () => {
    const { db } = database();
    api = await startApi(database());
    remote = await startFakeForge();
    shop = await seedShop(db, {}, playedForge(remote));
    const sold = await seedSoldLicense(db, shop, { repository: shop.repository });
    const site = await seedSite(db, sold.license, 'one.example.com');
    await seedPackage(db, shop.organization, {});
    ids = [sold.license, sold.key, sold.package, sold.grant, shop.product, site].map(({ id }) => id);
  });
  afterAll(async () => {
    await api.close();
    await remote.close();
  });

  function ask({ method, path, body }: Shot) {
    const address = path.replace('/api/v1', '');
    if (method === 'get' || method === 'delete') return api[method](address);
    return api[method as 'post' | 'put' | 'patch'](address, body);
  }

  describe('answers only what its document declares', () => {
    it('for every operation', async () => {
      const document = JSON.parse(openapiText(api.core)) as ApiDocument;
      const names = { org: [shop.organization.slug], repo: [shop.repository.name] };
      const picks = ({ operationId }: { operationId: string }) => operationId !== 'getOpenapi';
      const faults = await fuzz({ document, ask, names, ids, runs: RUNS, seed: SEED, picks });
      const log = faults.length === 0 ? '' : api.lines.filter((line) => line.includes('"error"')).slice(-5);
      expect([faults.slice(0, 20).join('\n'), log]).toEqual(['', '']);
    }, 600_000);
  });
});

describe('the fuzzer', () => {
  const planted = (answer: (n: number) => unknown): Route =>
    route({
      method: 'post',
      path: '/api/v1/things/{id}',
      operationId: 'plant',
      summary: 'A thing with a fault',
      tag: 'things',
      scope: 'public',
      role: null,
      params: z.object({ id: idParam('license') }),
      body: z.strictObject({ n: z.number().int().min(0).max(50), note: z.string().optional() }),
      answers: { 200: z.object({ n: z.number() }) },
      problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
      handler: async ({ body: { n } }) => ({ status: 200, body: answer(n) as { n: number } }),
    });

  async function faults(served: Route, told: Route = served): Promise<string[]> {
    const { ask } = await serveRoutes([served]);
    const document = JSON.parse(JSON.stringify(openapiDocument([told], { version: '1', publicUrl: null })));
    const fire = ({ path, body }: Shot) =>
      ask(path, {
        method: 'POST',
        body: JSON.stringify(body ?? null),
        headers: { 'Content-Type': 'application/json' },
      });
    return fuzz({ document, ask: fire, names: {}, ids: [newId('license')], runs: 60, seed: SEED });
  }

  it('finds nothing where there is nothing', async () => {
    expect(await faults(planted((n) => ({ n })))).toEqual([]);
  });

  it('finds a handler that fails for some input', async () => {
    const fails = (n: number) => {
      if (n > 40) throw new Error('boom');
      return { n };
    };
    expect((await faults(planted(fails))).join()).toContain('500');
  });

  it('finds an answer that the document does not declare', async () => {
    const other = { ...planted((n) => ({ n })), answers: { 200: z.object({ n: z.number().max(20) }) } };
    expect(
      (
        await faults(
          planted((n) => ({ n })),
          other,
        )
      ).join(),
    ).toContain('not as declared');
    const silent = { ...planted((n) => ({ n })), answers: { 204: null } };
    expect(
      (
        await faults(
          planted((n) => ({ n })),
          silent,
        )
      ).join(),
    ).toContain('200 is not declared');
  });
});
