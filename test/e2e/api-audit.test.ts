import { afterAll, beforeAll, expect, it } from 'vitest';
import { newInstallation } from '../../src/cli/test-cli.ts';
import { DAY, toIso } from '../../src/clock.ts';
import { newId } from '../../src/ids.ts';
import { type ApiServer, type Caller, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { SEED_NOW, type Shop, seedShop, seedSoldLicense } from '../support/seed.ts';
import { seedPerson } from '../support/seed-people.ts';

interface Shown {
  id: string;
  action: string;
  entity_id: string;
}

onEachDatabase('the audit routes', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let other: Shop;
  let owner: Caller;
  let list: string;
  let license: string;
  let key: string;
  let foreignKey: { id: string; hint: string };
  const actions = (items: Shown[]) => items.map(({ action }) => action);

  beforeAll(async () => {
    const { db } = database();
    api = await startApi(database());
    shop = await seedShop(db);
    other = await seedShop(db);
    owner = api.as(await api.token({ organizationId: shop.organization.id }));
    list = `/organizations/${shop.organization.slug}/audit`;
    const sold = await seedSoldLicense(db, shop);
    license = sold.license.id;
    key = sold.key.id;
    const foreign = await seedSoldLicense(db, other);
    foreignKey = foreign.key;
    await api.post(`/licenses/${foreign.license.id}/suspend`, {});
    await owner.post(`/licenses/${license}/suspend`, {});
    api.pass(DAY);
    await owner.post(`/licenses/${license}/resume`, {});
    await owner.post(`/keys/${key}/suspend`, {});
    await owner.patch(`/keys/${key}`, { domains: ['example.com'] });
  });
  afterAll(() => api.close());

  it('says who did what in an organization, newest first, by name, with the request that it came by', async () => {
    const { status, json } = await owner.get(list);
    expect(status).toBe(200);
    expect(actions(json.items)).toEqual([
      ...['key.domains', 'key.suspend', 'license.resume', 'license.suspend', 'token.create'],
    ]);
    expect(json.total).toBe(5);
    expect(json.items[0]).toMatchObject({
      at: toIso(SEED_NOW + DAY),
      organization_id: shop.organization.id,
      actor: { kind: 'token', name: 'test', id: expect.stringMatching(/^tok_/) },
      entity: 'key',
      entity_id: key,
      changes: { domains: { from: [], to: ['example.com'] } },
      request_id: expect.stringMatching(/./),
    });
    expect(json.items[4].actor).toEqual({ kind: 'cli', id: 'cli', name: 'cli' });
  });

  it('calls people by their login, and clients by the hint of their key', async () => {
    const { db } = database();
    const person = await seedPerson(db, { forgeId: other.forge.id, remoteId: '7', login: 'ada', name: 'Ada' });
    for (const [actor, kind] of [
      [person.id, 'person'],
      [foreignKey.id, 'client'],
      ['usr_gone', 'person'],
    ])
      await db.tx((tx) =>
        tx('audit_events').insert({
          ...{ id: newId('audit'), at: toIso(SEED_NOW), organization_id: other.organization.id, actor, entity: 'site' },
          ...{ actor_kind: kind, action: 'site.activate', entity_id: 'act_1', changes: '{}' },
        }),
      );
    const { items } = (await api.get(`/organizations/${other.organization.slug}/audit?action=site.`)).json;
    expect(items.map(({ actor }: { actor: object }) => actor)).toEqual([
      { kind: 'person', id: 'usr_gone', name: null },
      { kind: 'client', id: foreignKey.id, name: foreignKey.hint },
      { kind: 'person', id: person.id, name: 'ada' },
    ]);
  });

  it('can be narrowed down, page by page without a gap', async () => {
    const ask = async (query: string) => actions((await owner.get(`${list}?${query}`)).json.items);
    expect(await ask('entity=key')).toEqual(['key.domains', 'key.suspend']);
    expect(await ask(`entity_id=${license}`)).toEqual(['license.resume', 'license.suspend']);
    expect(await ask('action=license.')).toEqual(['license.resume', 'license.suspend']);
    expect(await ask('action=license.resume')).toEqual(['license.resume']);
    expect(await ask('actor=cli')).toEqual(['token.create']);
    expect(await ask(`from=${toIso(SEED_NOW + 1)}&action=license`)).toEqual(['license.resume']);
    expect(await ask(`to=${toIso(SEED_NOW + 1)}`)).toEqual(['license.suspend', 'token.create']);
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const { json } = await owner.get(`${list}?limit=2${cursor}`);
      seen.push(...actions(json.items));
      if (json.next_cursor === null) break;
      cursor = `&cursor=${json.next_cursor}`;
    }
    expect(seen).toEqual(actions((await owner.get(list)).json.items));
  });

  it('tells of one thing what was done to it, of one that is gone too', async () => {
    expect(actions((await owner.get(`/audit/${key}`)).json.items)).toEqual(['key.domains', 'key.suspend']);
    expect((await owner.get(`/audit/${shop.product.id}`)).json.items).toEqual([]);
    const gone = newId('key');
    await database().db.tx((tx) =>
      tx('audit_events').insert({
        ...{ id: newId('audit'), at: toIso(SEED_NOW), organization_id: shop.organization.id, actor: 'cli' },
        ...{ actor_kind: 'cli', action: 'key.delete', entity: 'key', entity_id: gone, changes: '{}' },
      }),
    );
    expect(actions((await owner.get(`/audit/${gone}`)).json.items)).toEqual(['key.delete']);
  });

  it('shows nothing of others and nothing of the installation to an organization', async () => {
    const stranger = api.as(await api.token({ organizationId: other.organization.id }));
    for (const id of [key, license, shop.organization.id, newId('license'), shop.forge.id])
      expect([(await stranger.get(`/audit/${id}`)).status, id]).toEqual([404, id]);
    expect((await stranger.get(list)).status).toBe(404);
    expect((await stranger.get(`/audit/${other.organization.id}`)).status).toBe(200);
    expect((await api.get(`/audit/${key}`)).status).toBe(200);
  });

  it('refuses rubbish in words', async () => {
    const refused = async (path: string) => {
      const { status, json } = await owner.get(path);
      return [status, json.code];
    };
    expect(await refused('/audit/nothing')).toEqual([400, 'INVALID_REQUEST']);
    expect(await refused(`/audit/${newId('audit')}`)).toEqual([400, 'WRONG_ID_KIND']);
    expect(await refused(`${list}?action=DROP`)).toEqual([400, 'INVALID_REQUEST']);
    expect(await refused(`${list}?from=yesterday`)).toEqual([400, 'INVALID_REQUEST']);
    expect(await refused(`${list}?cursor=abc`)).toEqual([400, 'INVALID_REQUEST']);
  });
});

it('feedgate audit shows it to the operator', async () => {
  const place = newInstallation();
  try {
    await place.run('token', 'create', '--name', 'shop', '--scopes', 'all');
    const told = await place.run('audit', '--action', 'token.', '--json');
    expect(told.json.events).toMatchObject([
      { action: 'token.create', actor: { name: 'cli' }, changes: { name: 'shop' } },
    ]);
    expect((await place.run('audit')).said).toMatch(/token\.create.*name="shop"/);
    expect((await place.run('audit', '--since', '1d', '--actor', 'nobody')).said).toBe(
      'Nothing of that kind was done.',
    );
    expect(await place.run('audit', '--since', 'yesterday')).toMatchObject({ code: 2 });
    expect(await place.run('audit', '--organization', 'nobody')).toMatchObject({ code: 1 });
  } finally {
    place.remove();
  }
});
