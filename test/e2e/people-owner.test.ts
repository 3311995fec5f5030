import { afterEach, beforeEach, expect, it } from 'vitest';
import { findOwner, setOwner } from '../../src/accounts/owners.ts';
import { teamRolesOf } from '../../src/accounts/store-team-roles.ts';
import { MINUTE } from '../../src/clock.ts';
import { ensureRepository } from '../../src/forge/connect.ts';
import { findOrganization, type OrganizationRecord } from '../../src/forge/store.ts';
import type { Browser } from '../support/browser.ts';
import { onEachDatabase } from '../support/databases.ts';
import type { FakeRepository } from '../support/fake-forge.ts';
import { openPeople, type PeopleWorld } from '../support/people.ts';
import { seedProduct } from '../support/seed.ts';

onEachDatabase('the owner of an organization', (database) => {
  let world: PeopleWorld;
  let product: string;

  beforeEach(async () => {
    world = await openPeople(database());
    const { fake, hello } = world;
    fake.addOwner('acme', 'olga');
    fake.createUser('stranger');
    fake.makeSiteAdmin('root2');
    hello.admins.add('rita');
    product = (await seedProduct(world.core.db, world.organization, await connect(hello))).id;
  });
  afterEach(() => world.close());

  const connect = (one: FakeRepository) => {
    const remote = { id: String(one.id), owner: one.owner, name: one.name, private: true };
    const more = { archived: false, webUrl: '', description: '' };
    return ensureRepository(world.core.forge, world.organization, { ...remote, ...more }, world.by());
  };
  const stored = async () =>
    (await database().db.read((tx) => findOrganization(tx, world.organization.id))) as OrganizationRecord;
  const actions = async () => {
    const rows = await database().db.read((tx) =>
      tx('audit_events').where({ entity_id: world.organization.id }).orderBy('id').select('action', 'changes'),
    );
    return rows
      .filter(({ action }) => action.startsWith('organization.owner'))
      .map(({ action, changes }) => [action, JSON.parse(changes)]);
  };
  const forget = (change: Partial<Record<'owner_id', null>>) =>
    database().db.tx((tx) => tx('organizations').where({ id: world.organization.id }).update(change));
  const ofOrganization = (browser: Browser) => browserStatus(browser, `/organizations/${world.organization.slug}`);
  const ofProduct = (browser: Browser) => browserStatus(browser, `/products/${product}`);
  const browserStatus = async (browser: Browser, path: string) =>
    (await browser.ask('GET', `${world.url}/api/v1${path}`)).status;
  const later = () => {
    world.time.now += MINUTE;
  };
  /** The organization is given up, and somebody else makes one of the same name. */
  const takeOver = async () => {
    world.fake.renameOrganization('acme', 'acme-old');
    world.fake.createOrganization('acme');
    world.fake.addOwner('acme', 'stranger');
  };
  const answer = async () => {
    const lost: string[] = [];
    const deps = { forge: world.core.forge, onOwnerLost: (_: OrganizationRecord, why: string) => void lost.push(why) };
    const { kind } = await findOwner(deps, world.forge, await stored(), world.time.now);
    return { kind, lost };
  };

  it('is known by its id from the start, and asked for once a minute for all people', async () => {
    expect((await stored()).ownerId).toMatch(/^\d+$/);
    const [olga, other] = [await world.signIn('olga'), await world.signIn('stranger')];
    later();
    const from = world.fake.requests.length;
    for (const browser of [olga, other, olga, other]) await ofOrganization(browser);
    const asked = world.fake.requests.slice(from).map(({ path }) => path);
    expect(asked.filter((path) => path === '/api/v1/users/acme')).toHaveLength(1);
    expect(asked).toHaveLength(5);
  });

  it('is followed when it is renamed, and the slug stays', async () => {
    const olga = await world.signIn('olga');
    world.fake.renameOrganization('acme', 'acme-new');
    later();
    expect(await ofOrganization(olga)).toBe(200);
    expect(await stored()).toMatchObject({ owner: 'acme-new', slug: world.organization.slug, ownerLostSince: null });
    expect(await actions()).toEqual([['organization.owner_renamed', { owner: { from: 'acme', to: 'acme-new' } }]]);
  });

  it('is found by its repositories when it is renamed and a stranger takes the name', async () => {
    const [olga, stranger] = [await world.signIn('olga'), await world.signIn('stranger')];
    await takeOver();
    later();
    expect(await ofOrganization(stranger)).toBe(404);
    expect(await ofOrganization(olga)).toBe(200);
    expect((await stored()).owner).toBe('acme-old');
  });

  it('is nobody when it is deleted and a stranger makes it again, and what does not hang on it stays', async () => {
    const [olga, stranger, rita, root] = [
      await world.signIn('olga'),
      await world.signIn('stranger'),
      await world.signIn('rita'),
      await world.signIn('root2'),
    ];
    const { id } = world.fake.createTeam('acme', { name: 'support', members: ['olga'] });
    const roles = { team_roles: [{ team_id: String(id), role: 'viewer' }] };
    const path = `${world.url}/api/v1/organizations/${world.organization.slug}/team-roles`;
    expect((await olga.ask('PUT', path, roles)).status).toBe(200);
    // The repository went elsewhere before.
    await world.fake.transferRepository(world.hello, 'friends');
    world.fake.deleteOrganization('acme');
    world.fake.createOrganization('acme');
    world.fake.addOwner('acme', 'stranger');
    world.fake.addOwner('friends', 'stranger');
    later();
    for (const browser of [stranger, olga, rita]) expect(await ofOrganization(browser)).toBe(404);
    expect([await ofOrganization(root), await ofProduct(rita)]).toEqual([200, 200]);
    expect((await stored()).ownerLostSince).not.toBeNull();
    for (let i = 0; i < 3; i++) {
      later();
      expect(await ofOrganization(stranger)).toBe(404);
    }
    expect(await actions()).toEqual([['organization.owner_lost', { owner: 'acme', why: 'taken' }]]);
    const shown = JSON.parse((await root.ask('GET', path)).text);
    expect([shown.teams, shown.teams_trouble]).toEqual([null, expect.stringContaining('somebody else')]);
  });

  it('is lost once and found again, which is told each time', async () => {
    await world.fake.transferRepository(world.hello, 'friends');
    await takeOver();
    expect(await answer()).toEqual({ kind: 'taken', lost: ['taken'] });
    expect(await answer()).toEqual({ kind: 'taken', lost: [] });
    world.fake.deleteOrganization('acme');
    world.fake.renameOrganization('acme-old', 'acme');
    expect(await answer()).toEqual({ kind: 'found', lost: [] });
    expect((await stored()).ownerLostSince).toBeNull();
    expect((await actions()).map(([action]) => action)).toEqual([
      'organization.owner_lost',
      'organization.owner_found',
    ]);
  });

  it('is gone with its name', async () => {
    const olga = await world.signIn('olga');
    world.fake.deleteOrganization('acme');
    later();
    expect(await ofOrganization(olga)).toBe(404);
    expect(await actions()).toEqual([['organization.owner_lost', { owner: 'acme', why: 'gone' }]]);
  });

  it('is noted where it was not, by what its repositories say', async () => {
    const { ownerId } = await stored();
    await forget({ owner_id: null });
    const olga = await world.signIn('olga');
    expect(await ofOrganization(olga)).toBe(200);
    expect((await stored()).ownerId).toBe(ownerId);
    expect(await actions()).toEqual([['organization.owner_noted', { owner_id: { from: null, to: ownerId } }]]);
  });

  it('is not noted from a name that the repositories belie', async () => {
    const stranger = await world.signIn('stranger');
    await takeOver();
    await forget({ owner_id: null });
    later();
    expect(await ofOrganization(stranger)).toBe(404);
    expect(await stored()).toMatchObject({ owner: 'acme', ownerId: null, ownerLostSince: expect.any(String) });
  });

  it('is nobody anew where the forge does not answer', async () => {
    const olga = await world.signIn('olga');
    world.time.now += 20 * MINUTE;
    world.fake.setFault('502', { path: /users\/acme/ });
    expect(await ofOrganization(olga)).toBe(502);
    expect((await stored()).ownerLostSince).toBeNull();
    world.fake.clearFaults();
  });

  it('is another one when the operator says so, at once, without the teams of the one before', async () => {
    const [olga, nina] = [await world.signIn('olga'), await world.signIn('nina')];
    const { id } = world.fake.createTeam('acme', { name: 'support', members: ['olga'] });
    const roles = { team_roles: [{ team_id: String(id), role: 'viewer' }] };
    const path = `${world.url}/api/v1/organizations/${world.organization.slug}`;
    expect((await olga.ask('PUT', `${path}/team-roles`, roles)).status).toBe(200);
    world.fake.addOwner('newco', 'nina');
    expect(await ofOrganization(nina)).toBe(404);
    const after = await setOwner(world.core.forge, world.organization.id, 'NewCo', world.by());
    expect(after).toMatchObject({ owner: 'newco', slug: world.organization.slug });
    expect([await ofOrganization(nina), await ofOrganization(olga)]).toEqual([200, 404]);
    expect(await database().db.read((tx) => teamRolesOf(tx, after.id))).toEqual([]);
    expect((await actions()).at(-1)).toEqual([
      'organization.owner',
      {
        owner: { from: 'acme', to: 'newco' },
        owner_id: { from: world.organization.ownerId, to: after.ownerId },
        team_roles_dropped: ['support'],
      },
    ]);
  });

  it('is not changed to a name that nobody has', async () => {
    const refused = setOwner(world.core.forge, world.organization.id, 'nobody-at-all', world.by());
    await expect(refused).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await stored()).toMatchObject({ owner: 'acme' });
  });
});
