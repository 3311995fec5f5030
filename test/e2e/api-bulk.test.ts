import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { DAY, toIso } from '../../src/clock.ts';
import { makeWorker, type Worker } from '../../src/jobs/worker.ts';
import { makeBatch } from '../../src/licensing/batches.ts';
import { bulkJobs, forgetPlans, runBulk } from '../../src/licensing/bulk-runs.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import {
  SEED_NOW,
  type Shop,
  seedGrant,
  seedLicense,
  seedPackage,
  seedSecrets,
  seedShop,
  seedSoldLicense,
} from '../support/seed.ts';

onEachDatabase('one change of many licenses', (database) => {
  let api: ApiServer;
  let worker: Worker;
  const failures: unknown[] = [];
  beforeAll(async () => {
    api = await startApi(database());
    const { db, clock } = api.core;
    const handlers = bulkJobs({ db, clock, onFailure: (error) => failures.push(error) });
    worker = makeWorker({ db, clock, handlers, onFailure: (_, error) => failures.push(error) });
  });
  afterAll(() => api.close());

  const pathOf = ({ organization }: Shop) => `/organizations/${organization.slug}`;
  const grantsOf = (license: { id: string }) =>
    database().db.read((tx) =>
      tx('grants').where({ license_id: license.id }).orderBy('id').select('source', 'ends_at'),
    );

  /** Licenses of one package in every state that matters. */
  async function stock(shop: Shop) {
    const { db } = database();
    const one = await seedSoldLicense(db, shop);
    const sell = async (change: Parameters<typeof seedLicense>[2] = {}) => {
      const license = await seedLicense(db, shop.organization, change);
      await seedGrant(db, license, one.package);
      return license;
    };
    const running = [one.license, await sell(), await sell()];
    const revoked = await sell({ revokedAt: toIso(SEED_NOW) });
    const endless = await seedLicense(db, shop.organization);
    await seedGrant(db, endless, one.package, { lengthValue: null, lengthUnit: null });
    return { sold: one.package, running, revoked, endless };
  }

  it('is counted first, then run once as one job with a report', async () => {
    const shop = await seedShop(database().db);
    const { sold, running, revoked, endless } = await stock(shop);
    const stranger = await seedSoldLicense(database().db, await seedShop(database().db));
    const ids = [...running, revoked, endless, stranger.license].map(({ id }) => id);
    const body = { action: 'renew', selection: { license_ids: [...ids, ids[0]] } };
    const plan = await api.post(`${pathOf(shop)}/bulk`, body);
    expect(plan.status).toBe(201);
    expect(plan.json).toMatchObject({
      ...{ action: 'renew', state: 'planned', total: 6, selection: { count: 7 } },
      counts: { would_change: 3, would_stay: 0, would_refuse: 3, changed: 0 },
      reasons: [
        { state: 'would_refuse', code: 'NOT_FOUND', count: 1 },
        { state: 'would_refuse', code: 'NO_END_TO_EXTEND', count: 1 },
        { state: 'would_refuse', code: 'STILL_IN_USE', count: 1 },
      ],
    });
    expect(plan.json.sample).toHaveLength(6);
    expect(await grantsOf(running[0] as { id: string })).toHaveLength(1);

    const path = `/bulk/${plan.json.id}`;
    const begun = await Promise.all([1, 2, 3].map(() => api.post(`${path}/run`)));
    expect(begun.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(await worker.drain()).toBe(1);
    const done = (await api.get(path)).json;
    expect(done).toMatchObject({
      ...{ state: 'done', started_by: expect.stringMatching(/^tok_/), ended_at: toIso(api.now()) },
      counts: { changed: 3, refused: 3, would_change: 0, failed: 0 },
    });
    await api.post(`${path}/run`);
    await worker.drain();
    for (const license of running) {
      expect((await grantsOf(license)).map(({ source }) => source)).toEqual(['purchase', 'renewal']);
      expect((await api.get(`/licenses/${license.id}`)).json.valid_until).toBe('2028-01-01T12:00:00.000Z');
      const events = await database().db.read((tx) =>
        tx('audit_events').where({ entity_id: license.id, action: 'license.renew' }).select('changes', 'actor'),
      );
      expect(events).toHaveLength(1);
      expect([JSON.parse(events[0].changes).bulk_id, events[0].actor]).toEqual([plan.json.id, done.started_by]);
    }
    expect(await grantsOf(stranger.license)).toHaveLength(1);

    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await api.get(`${path}/results?limit=4${cursor && `&cursor=${cursor}`}`);
      expect(page.json.total).toBe(6);
      seen.push(...page.json.items.map(({ license_id }: { license_id: string }) => license_id));
      cursor = page.json.next_cursor ?? '';
    } while (cursor !== '');
    expect(seen).toEqual([...ids].sort());
    const refused = await api.get(`${path}/results?state=refused`);
    expect(refused.json.items.map(({ code }: { code: string }) => code).sort()).toEqual([
      ...['NOT_FOUND', 'NO_END_TO_EXTEND', 'STILL_IN_USE'],
    ]);
    const csv = (await api.get(`${path}/report?state=changed`)).text.trim().split('\r\n');
    expect([csv[0], csv.length]).toEqual(['license_id,state,code,detail,done_at', 4]);
    expect((await api.get(`${pathOf(shop)}/bulk`)).json.items[0]).toMatchObject({ id: plan.json.id, state: 'done' });
    expect((await api.post(`${path}/cancel`)).json.code).toBe('PLAN_ENDED');
    expect(sold.id).toBeTruthy();
  });

  it('takes a filter, and each of the actions', async () => {
    const shop = await seedShop(database().db);
    const { sold, running } = await stock(shop);
    const team = await seedPackage(database().db, shop.organization, { terms: { sites: 5 } });
    const first = running[0] as { id: string };
    const filter = { package_id: sold.id, status: 'active' };
    const run = async (action: string, params: object, dry_run = false) => {
      const made = await api.post(`${pathOf(shop)}/bulk`, { action, params, selection: { filter }, dry_run });
      expect([action, made.status]).toEqual([action, 202]);
      await worker.drain();
      return (await api.get(`/bulk/${made.json.id}`)).json;
    };
    const show = async () => (await api.get(`/licenses/${first.id}`)).json;
    expect((await run('extend', { days: 10, reason: 'outage' })).counts).toMatchObject({ changed: 3, refused: 1 });
    expect((await show()).valid_until).toBe('2027-01-11T12:00:00.000Z');
    expect((await run('shorten', { until: '2026-06-01T02:00:00+02:00' })).params).toEqual({
      until: '2026-06-01T00:00:00.000Z',
    });
    expect((await show()).valid_until).toBe('2026-06-01T00:00:00.000Z');
    expect((await run('set_end', { valid_until: '2026-09-01T00:00:00Z' })).counts).toMatchObject({ changed: 4 });
    expect((await run('set_end', { valid_until: '2026-09-01T00:00:00Z' })).counts).toMatchObject({ unchanged: 4 });
    expect((await run('change_package', { package_id: team.id })).counts).toMatchObject({ changed: 4 });
    expect((await show()).limits.sites.max).toBe(5);
    expect((await run('suspend', { reason: 'audit' })).counts).toMatchObject({ changed: 4 });
    expect(await show()).toMatchObject({ status: 'suspended', state_reason: 'audit' });
    filter.status = 'suspended';
    expect((await run('resume', {})).counts).toMatchObject({ changed: 4 });
    filter.status = 'active';
    expect((await run('revoke', { reason: 'stolen' })).counts).toMatchObject({ changed: 4 });
    expect((await show()).status).toBe('revoked');
    expect((await run('revoke', {})).total).toBe(0);
  });

  it('touches nobody who came into the filter after it was planned', async () => {
    const shop = await seedShop(database().db);
    const { sold, running } = await stock(shop);
    const selection = { filter: { package_id: sold.id } };
    const plan = await api.post(`${pathOf(shop)}/bulk`, { action: 'extend', params: { days: 1 }, selection });
    const late = await seedLicense(database().db, shop.organization);
    await seedGrant(database().db, late, sold);
    await api.post(`/licenses/${running[0]?.id}/revoke`, { reason: 'meanwhile' });
    await api.post(`/bulk/${plan.json.id}/run`);
    await worker.drain();
    expect((await api.get(`/bulk/${plan.json.id}`)).json.counts).toMatchObject({ changed: 2, refused: 3 });
    expect(await grantsOf(late)).toHaveLength(1);
  });

  it('goes on after it was killed in the middle, and does nothing twice', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const sold = await seedPackage(db, shop.organization);
    const level = { organization: shop.organization, repository: null };
    const wish = {
      ...{ name: 'many', packageId: sold.id, count: 350, quantity: 1, customerId: null, label: '' },
      ...({ purpose: 'commercial', source: 'admin' } as const),
    };
    await makeBatch({ db, secrets: seedSecrets }, level, wish, { actor: CLI_ACTOR, requestId: null, now: SEED_NOW });
    const selection = { filter: { package_id: sold.id } };
    const plan = await api.post(`${pathOf(shop)}/bulk`, { action: 'extend', params: { days: 5 }, selection });
    const { id } = plan.json;
    await api.post(`/bulk/${id}/run`);
    let checks = 0;
    const dying = {
      async check() {
        if (++checks > 2) throw new Error('killed');
      },
    };
    const deps = { db, clock: api.now, onFailure: (error: unknown) => failures.push(error) };
    await expect(runBulk(deps, id, dying)).rejects.toThrow('killed');
    expect((await api.get(`/bulk/${id}`)).json).toMatchObject({
      state: 'running',
      counts: { changed: 200, would_change: 150 },
    });
    // Two instances at once, one of which believes that it still holds the lease.
    const alive = { check: async () => undefined };
    await Promise.all([worker.drain(), runBulk({ ...deps, db: database().another() }, id, alive)]);
    expect((await api.get(`/bulk/${id}`)).json).toMatchObject({ state: 'done', counts: { changed: 350 } });
    const made = await db.read((tx) => tx('grants').where({ request_token: id }).count('id as n').first());
    expect(Number(made?.['n'])).toBe(350);
    const ends = await db.read((tx) =>
      tx('licenses').where({ organization_id: shop.organization.id }).distinct('valid_until').pluck('valid_until'),
    );
    expect(ends).toEqual(['2027-01-06T12:00:00.000Z']);
    expect(failures).toEqual([]);
  });

  it('marks a license that fails for an unforeseen reason, and changes the others', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const { running } = await stock(shop);
    const selection = { license_ids: running.map(({ id }) => id) };
    const plan = await api.post(`${pathOf(shop)}/bulk`, { action: 'extend', params: { days: 1 }, selection });
    const broken = running[1] as { id: string };
    await db.tx((tx) => tx('grants').where({ license_id: broken.id }).update({ supersedes: 'no JSON' }));
    await api.post(`/bulk/${plan.json.id}/run`);
    await worker.drain();
    expect(failures.splice(0)).toHaveLength(1);
    const done = (await api.get(`/bulk/${plan.json.id}`)).json;
    expect(done).toMatchObject({ state: 'done', counts: { changed: 2, failed: 1 } });
    const failed = (await api.get(`/bulk/${plan.json.id}/results?state=failed`)).json.items;
    expect(failed).toMatchObject([{ license_id: broken.id, code: 'INTERNAL' }]);
  });

  it('stops where it is given up, and forgets plans that nobody ran', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const { running } = await stock(shop);
    const selection = { license_ids: running.map(({ id }) => id) };
    const plan = () => api.post(`${pathOf(shop)}/bulk`, { action: 'revoke', selection });
    const first = (await plan()).json.id;
    await api.post(`/bulk/${first}/run`);
    expect((await api.post(`/bulk/${first}/cancel`)).json.state).toBe('canceled');
    await worker.drain();
    expect((await api.get(`/bulk/${first}`)).json.counts).toMatchObject({ changed: 0, would_change: 3 });
    const again = await api.post(`/bulk/${first}/run`);
    expect([again.status, again.json.code]).toEqual([409, 'PLAN_ENDED']);
    const second = (await plan()).json.id;
    // As one that died in the middle of planning leaves it.
    const missing = running[0] as { id: string };
    await db.tx((tx) => tx('bulk_items').where({ bulk_id: second, license_id: missing.id }).delete());
    const half = await api.post(`/bulk/${second}/run`);
    expect([half.status, half.json.code, half.json.detail]).toEqual([
      ...[409, 'PLAN_ENDED', 'this bulk change is not planned to its end; plan it anew'],
    ]);
    await forgetPlans(db, api.now() + 6 * DAY);
    expect((await api.get(`/bulk/${second}`)).status).toBe(200);
    await forgetPlans(db, api.now() + 8 * DAY);
    expect((await api.get(`/bulk/${second}`)).status).toBe(404);
    expect((await api.get(`/bulk/${first}`)).status).toBe(200);
  });

  it('refuses what is unclear, in words', async () => {
    const shop = await seedShop(database().db);
    const { running, sold } = await stock(shop);
    const license_ids = running.map(({ id }) => id);
    const send = async (body: object) => {
      const { status, json } = await api.post(`${pathOf(shop)}/bulk`, body);
      return [status, json.code, json.errors?.[0]?.pointer];
    };
    const ids = { license_ids };
    expect(await send({ action: 'burn', selection: ids })).toEqual([400, 'INVALID_REQUEST', '/action']);
    expect(await send({ action: 'extend', params: {}, selection: ids })).toEqual([400, 'INVALID_REQUEST', '/params']);
    expect(await send({ action: 'extend', params: { days: 1, months: 1 }, selection: ids })).toEqual([
      ...[400, 'INVALID_REQUEST', '/params'],
    ]);
    expect(await send({ action: 'set_end', params: { valid_until: '20000-01-01T00:00:00Z' }, selection: ids })).toEqual(
      [...[400, 'INVALID_REQUEST', '/params/valid_until']],
    );
    expect(await send({ action: 'revoke', selection: {} })).toEqual([400, 'INVALID_REQUEST', '/selection']);
    expect(await send({ action: 'revoke', selection: { filter: {} } })).toEqual([
      400,
      'INVALID_REQUEST',
      '/selection/filter',
    ]);
    expect(await send({ action: 'revoke', selection: { ...ids, filter: { status: 'active' } } })).toEqual([
      ...[400, 'INVALID_REQUEST', '/selection'],
    ]);
    expect(await send({ action: 'revoke', selection: { license_ids: [sold.id] } })).toEqual([
      ...[400, 'WRONG_ID_KIND', '/selection/license_ids/0'],
    ]);
    expect(await send({ action: 'renew', params: { days: 1 }, selection: ids })).toEqual([
      ...[400, 'INVALID_REQUEST', '/params/days'],
    ]);
    const many = Array.from({ length: 10_001 }, () => license_ids[0]);
    expect((await send({ action: 'revoke', selection: { license_ids: many } }))[1]).toBe('INVALID_REQUEST');
    const past = { action: 'set_end', params: { valid_until: '2020-01-01T00:00:00Z' }, selection: ids };
    const plan = await api.post(`${pathOf(shop)}/bulk`, past);
    expect(plan.json.reasons).toEqual([{ state: 'would_refuse', code: 'END_IN_PAST', count: 3 }]);
  });

  it('takes 10,000 ids, and is done with them in seconds', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const sold = await seedPackage(db, shop.organization);
    const level = { organization: shop.organization, repository: null };
    const wish = {
      ...{ name: 'ten thousand', packageId: sold.id, count: 10_000, quantity: 1, customerId: null, label: '' },
      ...({ purpose: 'commercial', source: 'admin' } as const),
    };
    await makeBatch({ db, secrets: seedSecrets }, level, wish, { actor: CLI_ACTOR, requestId: null, now: SEED_NOW });
    const license_ids = await db.read((tx) =>
      tx('licenses').where({ organization_id: shop.organization.id }).pluck('id'),
    );
    expect(license_ids).toHaveLength(10_000);
    const body = { action: 'renew', selection: { license_ids }, dry_run: false };
    const begun = await api.post(`${pathOf(shop)}/bulk`, body);
    expect([begun.status, begun.json.counts.would_change]).toEqual([202, 10_000]);
    const start = performance.now();
    let turns = 0;
    const turning = setInterval(() => void turns++, 1);
    await worker.drain();
    clearInterval(turning);
    const seconds = (performance.now() - start) / 1_000;
    // Polls have their turn after each hundred licenses.
    expect(turns).toBeGreaterThan(90);
    expect((await api.get(`/bulk/${begun.json.id}`)).json).toMatchObject({
      state: 'done',
      counts: { changed: 10_000 },
    });
    // A few seconds by itself; a machine that does other things at the same time is slower.
    expect(seconds).toBeLessThan(60);
  }, 180_000);
});
