import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ForgeConnection, ForgeDriver, RemoteRepository } from '../../src/forge/forge.ts';
import type { ForgeLogin, ForgePeople, LoginApp, RemoteIdentity } from '../../src/forge/people.ts';

type Who = Pick<RemoteIdentity, 'remoteId' | 'login'>;

/** People on a stage. Logins are made on first need. */
export interface StagePeople {
  user(login: string): Promise<Who>;
  rename(from: string, to: string): Promise<void>;
  makeOwner(login: string): Promise<void>;
  makeRepositoryAdmin(repository: RemoteRepository, login: string): Promise<void>;
  /** Gives its id. The team has only units where the forge knows them. */
  makeTeam(name: string, members: readonly string[]): Promise<string>;
  makeOrganization(name: string): Promise<void>;
  renameOrganization(from: string, to: string): Promise<void>;
  deleteOrganization(name: string): Promise<void>;
  app(redirectUrl: string): Promise<LoginApp>;
  /** Goes to an address of the forge in the browser of this person and says yes; gives where it was sent back to. */
  visit(url: string, login: string): Promise<URL>;
}

export interface PeopleStage {
  forge: ForgeConnection;
  owner: string;
  people?: StagePeople;
}

const REDIRECT = 'https://updates.example.test/login/fge_1/callback';
const NOW = Date.now();

/** What every driver that knows people must do alike. */
export function peopleContract(
  driver: ForgeDriver,
  open: () => PeopleStage,
  stored: (name: string) => Promise<RemoteRepository>,
): void {
  describe.runIf(driver.people !== null && driver.login !== null)('people', () => {
    const roles = driver.people as ForgePeople;
    const login = driver.login as ForgeLogin;
    let forge: ForgeConnection;
    let owner: string;
    let people: StagePeople;

    beforeEach(({ skip }) => {
      const stage = open();
      skip(!stage.people, 'this stage has no people');
      ({ forge, owner } = stage);
      people = stage.people as StagePeople;
    });

    it('are known by their id, whatever they are called', async () => {
      const ada = await people.user('ada');
      expect(await roles.person(forge, ada)).toEqual({ login: 'ada', isSiteAdmin: false });
      await people.rename('ada', 'ada-new');
      expect(await roles.person(forge, ada)).toEqual({ login: 'ada-new', isSiteAdmin: false });
    });

    it('are nobody where somebody else took their login', async () => {
      const bob = await people.user('bob');
      await people.rename('bob', 'bob-new');
      const other = await people.user('bob');
      expect(other.remoteId).not.toBe(bob.remoteId);
      expect((await roles.person(forge, bob))?.login).not.toBe('bob');
      expect(await roles.person(forge, other)).toMatchObject({ login: 'bob' });
    });

    it.each(['99999999', '', '../1', 'x'])('are nobody with the id %j', async (remoteId) => {
      await people.user('known');
      expect(await roles.person(forge, { remoteId, login: 'known' })).toBeNull();
      expect(await roles.person(forge, { remoteId, login: '../known' })).toBeNull();
    });

    it('are told apart by the id from whoever takes a name', async () => {
      const { remoteId: id } = await people.user('carl');
      expect(await roles.owner(forge, 'carl')).toEqual({ id, name: 'carl' });
      expect((await roles.owner(forge, owner))?.id).toMatch(/^\d+$/);
      await people.rename('carl', 'carla');
      const { remoteId: taker } = await people.user('carl');
      expect(await roles.owner(forge, 'carl')).toEqual({ id: taker, name: 'carl' });
      expect(await roles.owner(forge, 'carla')).toEqual({ id, name: 'carla' });
      for (const name of ['no-such-account', '..', '']) expect(await roles.owner(forge, name)).toBeNull();
    });

    it('own an organization or do not', async () => {
      for (const name of ['olga', 'nora']) await people.user(name);
      await people.makeOwner('olga');
      await people.makeTeam('helpers', ['nora']);
      expect(await roles.isOwner(forge, owner, 'olga')).toBe(true);
      expect(await roles.isOwner(forge, owner, 'nora')).toBe(false);
      expect(await roles.isOwner(forge, owner, 'nobody-at-all')).toBe(false);
      expect(await roles.isOwner(forge, 'no-such-organization', 'olga')).toBe(false);
      expect(await roles.isOwner(forge, '..', 'olga')).toBe(false);
    });

    it('own what stands under their own name', async () => {
      await people.user('olga');
      expect(await roles.isOwner(forge, 'Olga', 'olga')).toBe(true);
    });

    it('administer a repository or do not, whatever it is called', async () => {
      const repository = await stored('com_people');
      await people.user('rita');
      await people.user('rudi');
      await people.makeRepositoryAdmin(repository, 'rita');
      expect(await roles.isRepositoryAdmin(forge, repository, 'rita')).toBe(true);
      expect(await roles.isRepositoryAdmin(forge, repository, 'rudi')).toBe(false);
      expect(await roles.isRepositoryAdmin(forge, { id: '99999999' }, 'rita')).toBe(false);
      expect(await roles.isRepositoryAdmin(forge, { id: '../1' }, 'rita')).toBe(false);
    });

    it('are members of a team or are not, by the route that tells the truth', async () => {
      for (const name of ['sam', 'tess']) await people.user(name);
      const support = await people.makeTeam('support', ['sam']);
      expect(await roles.teams(forge, owner)).toContainEqual({ id: support, name: 'support' });
      expect(await roles.isTeamMember(forge, owner, support, 'sam')).toBe(true);
      expect(await roles.isTeamMember(forge, owner, support, 'tess')).toBe(false);
      for (const id of ['99999999', '..', '', 'support'])
        expect(await roles.isTeamMember(forge, owner, id, 'sam')).toBe(false);
      expect((await roles.teams(forge, 'nobody-at-all')) ?? []).toEqual([]);
    });

    describe('and organizations', () => {
      const idOf = async (name: string) => (await roles.owner(forge, name))?.id ?? 'nobody';

      it('have ids that survive a rename, as their repositories tell', async () => {
        const repository = await stored('com_renamed');
        const { id = 'nobody' } = (await roles.owner(forge, owner)) ?? {};
        expect(await roles.owner(forge, owner)).toEqual({ id: expect.stringMatching(/^\d+$/), name: owner });
        expect(await roles.ownerOfRepository(forge, repository)).toEqual({ id, name: owner });
        await people.renameOrganization(owner, 'renamed');
        const now = { id, name: 'renamed' };
        expect(await roles.owner(forge, 'renamed')).toEqual(now);
        // An old name leads on, or nowhere.
        expect([now, null]).toContainEqual(await roles.owner(forge, owner));
        expect(await roles.ownerOfRepository(forge, repository)).toEqual(now);
        if (roles.ownerById) expect(await roles.ownerById(forge, id)).toEqual(now);
        await people.renameOrganization('renamed', owner);
        expect(await roles.owner(forge, owner)).toEqual({ id, name: owner });
      });

      it('are others when a name is taken by somebody else', async () => {
        await people.makeOrganization('fleeting');
        const before = await idOf('fleeting');
        await people.deleteOrganization('fleeting');
        expect(await roles.owner(forge, 'fleeting')).toBeNull();
        if (roles.ownerById) expect(await roles.ownerById(forge, before)).toBeNull();
        await people.makeOrganization('fleeting');
        expect([before, 'nobody']).not.toContain(await idOf('fleeting'));
      });

      it('are found by the same question', async () => {
        const { remoteId } = await people.user('paula');
        expect(await roles.owner(forge, 'paula')).toEqual({ id: remoteId, name: 'paula' });
        if (roles.ownerById) expect(await roles.ownerById(forge, remoteId)).toEqual({ id: remoteId, name: 'paula' });
      });

      it.each(['nobody-at-all', '', '.', '..', '../x'])('are nobody with the name or id %j', async (text) => {
        expect(await roles.owner(forge, text)).toBeNull();
        expect(await roles.ownerOfRepository(forge, { id: text })).toBeNull();
        if (roles.ownerById) expect(await roles.ownerById(forge, text)).toBeNull();
      });

      it('are seen by a token that may ask', async () => {
        await stored('com_seen');
        await people.user('paula');
        for (const name of [owner, 'paula', 'nobody-at-all']) expect(await roles.blindness(forge, name)).toBeNull();
      });
    });

    it('are never taken for something by a token that is dead', async () => {
      const dead = { ...forge, token: 'dead-token' };
      const ada = await people.user('olga');
      const repository = await stored('com_dead');
      for (const asked of [
        () => roles.person(dead, ada),
        () => roles.isOwner(dead, owner, 'ada'),
        () => roles.isRepositoryAdmin(dead, repository, 'ada'),
        () => roles.teams(dead, owner),
        () => roles.isTeamMember(dead, owner, '1', 'ada'),
        () => roles.owner(dead, owner),
        () => roles.ownerById?.(dead, '1') ?? roles.owner(dead, owner),
        () => roles.ownerOfRepository(dead, repository),
        () => roles.blindness(dead, owner),
      ])
        await expect(asked()).rejects.toMatchObject({ name: 'ForgeTrouble', reason: 'unauthorized' });
    });

    describe('who sign in', () => {
      const verifier = 'v'.repeat(43);
      const challenge = createHash('sha256').update(verifier).digest('base64url');
      const start = { state: 'state-of-the-contract', nonce: 'nonce-of-the-contract', challenge };

      async function signIn(app: LoginApp, name: string): Promise<string> {
        const url = await login.authorizeUrl(forge, app, start);
        const sent = new URL(url).searchParams;
        expect(sent.get('code_challenge_method')).toBe('S256');
        expect(sent.get('code_challenge')).toBe(challenge);
        const back = await people.visit(url, name);
        expect(back.origin + back.pathname).toBe(REDIRECT);
        expect(back.searchParams.get('state')).toBe(start.state);
        return back.searchParams.get('code') ?? '';
      }

      it('are who the forge says, once', async () => {
        const { remoteId } = await people.user('sina');
        const app = await people.app(REDIRECT);
        const code = await signIn(app, 'sina');
        const back = { code, verifier, nonce: start.nonce, now: NOW };
        expect(await login.exchange(forge, app, back)).toMatchObject({ remoteId, login: 'sina' });
        const again = login.exchange(forge, app, back);
        await expect(again).rejects.toMatchObject({ name: 'ForgeTrouble', reason: 'refused' });
      });

      it('are refused with the wrong secret or a made-up code, and nothing tells the secret', async () => {
        await people.user('sina');
        const app = await people.app(REDIRECT);
        const code = await signIn(app, 'sina');
        const clientSecret = 'a-wrong-secret-4711';
        const back = { code, verifier, nonce: start.nonce, now: NOW };
        const error = await login.exchange(forge, { ...app, clientSecret }, back).catch((each: unknown) => each);
        expect(error).toMatchObject({ name: 'ForgeTrouble', reason: 'refused' });
        expect(String(error)).not.toContain(clientSecret);
        const madeUp = login.exchange(forge, app, { ...back, code: 'made-up' });
        await expect(madeUp).rejects.toMatchObject({ name: 'ForgeTrouble', reason: 'refused' });
      });
    });
  });
}
