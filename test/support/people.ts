import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { createLoginLink } from '../../src/accounts/login-links.ts';
import type { Config } from '../../src/config.ts';
import { addForge, ensureOrganization } from '../../src/forge/connect.ts';
import { callbackUrl, setForgeLogin } from '../../src/forge/login-apps.ts';
import type { ForgeRecord, OrganizationRecord } from '../../src/forge/store.ts';
import { type Browser, newBrowser } from './browser.ts';
import { openTestCore, type TestCore } from './core.ts';
import type { TestDatabase } from './databases.ts';
import { type FakeForge, type FakeRepository, startFakeForge } from './fake-forge.ts';

/** An installation with one forge that people sign in with, and its organization `acme`. */
export interface PeopleWorld extends TestCore {
  fake: FakeForge;
  forge: ForgeRecord;
  organization: OrganizationRecord;
  /** Of `acme`. */
  hello: FakeRepository;
  by(): { actor: typeof CLI_ACTOR; requestId: null; now: number };
  /** A browser in which this person is signed in at the forge. */
  browserOf(login: string): Browser;
  /** The same, signed in here as well. */
  signIn(login: string): Promise<Browser>;
  /** A browser of the operator, who came by a link. */
  signInAsOperator(): Promise<Browser>;
}

export async function openPeople(
  database: Pick<TestDatabase, 'another'>,
  config: Partial<Config> = {},
): Promise<PeopleWorld> {
  const time = { now: Date.UTC(2026, 2, 1, 12) };
  const fake = await startFakeForge({ now: () => time.now });
  const hello = await fake.createRepository({ owner: 'acme', name: 'hello' });
  const test = await openTestCore(database, { time, config });
  const { core } = test;
  const by = () => ({ actor: CLI_ACTOR, requestId: null, now: time.now });
  const forge = await addForge(
    core.forge,
    { kind: 'gitea', name: `forge-${new URL(fake.url).port}`, baseUrl: fake.url, token: fake.token },
    by(),
  );
  const organization = await ensureOrganization(core.forge, { forge, owner: 'acme', slug: `acme-${forge.name}` }, by());
  await setForgeLogin(core.forge, forge, fake.addApp(callbackUrl(core.config.publicUrl, forge.id)), by());

  const browserOf = (login: string) => {
    const browser = newBrowser();
    fake.createUser(login);
    browser.cookies.set(new URL(fake.rootUrl).host, new Map([['forge_user', login]]));
    return browser;
  };
  return {
    ...test,
    ...{ fake, forge, organization, hello, by, browserOf },
    async signIn(login) {
      const browser = browserOf(login);
      const page = await browser.follow(`${test.url}/login/${forge.id}`);
      if (page.status !== 200 || !page.text.includes(login)) throw new Error(`${login} is not signed in: ${page.text}`);
      return browser;
    },
    async signInAsOperator() {
      const browser = newBrowser();
      const { url } = await createLoginLink({ ...core, publicUrl: core.config.publicUrl }, 15, by());
      const token = new URL(url).searchParams.get('token') ?? '';
      const page = await browser.submit(`${test.url}/login/link`, { token });
      if (page.status !== 303) throw new Error(`the operator is not signed in: ${page.text}`);
      return browser;
    },
    async close() {
      await test.close();
      await fake.close();
    },
  };
}
