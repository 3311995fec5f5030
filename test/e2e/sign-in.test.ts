import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLoginLink, useLoginLink } from '../../src/accounts/login-links.ts';
import { purgeSignIns } from '../../src/accounts/sessions.ts';
import { DAY, HOUR, MINUTE } from '../../src/clock.ts';
import { dropForgeLogin, setForgeLogin } from '../../src/forge/login-apps.ts';
import { type Browser, newBrowser } from '../support/browser.ts';
import { onEachDatabase } from '../support/databases.ts';
import { openPeople, type PeopleWorld } from '../support/people.ts';

onEachDatabase('signing in with a forge', (database) => {
  let world: PeopleWorld;
  beforeAll(async () => {
    world = await openPeople(database());
  });
  afterEach(() => {
    Object.assign(world.fake.login, { twist: {}, denies: false });
    world.fake.clearFaults();
    // So that no test is turned away for those before it.
    world.time.now += MINUTE;
  });
  afterAll(() => world.close());

  const at = (path: string) => `${world.url}${path}`;
  const me = async (browser: Browser) => {
    const page = await browser.ask('GET', at('/api/v1/me'));
    return { status: page.status, json: JSON.parse(page.text) };
  };
  const cookieOf = (browser: Browser) => browser.cookies.get(new URL(world.url).host)?.get('feedgate-session') ?? null;

  /** Goes to the forge and stops in front of our callback. */
  async function callbackOf(browser: Browser, query = ''): Promise<string> {
    const begun = await browser.open(at(`/login/${world.forge.id}${query}`));
    const back = await browser.open(begun.location ?? '');
    return back.location ?? '';
  }

  it('offers the forges that have it, and says how the operator gets in', async () => {
    const page = await newBrowser().open(at('/login'));
    expect(page.status).toBe(200);
    expect(page.text).toContain(`href="${world.url}/login/${world.forge.id}"`);
    expect(page.text).toContain('feedgate login-link');
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect((await newBrowser().open(at('/login/nowhere'))).status).toBe(404);
  });

  it('tells the API who it is', async () => {
    const browser = await world.signIn('ada');
    const { status, json } = await me(browser);
    expect(status).toBe(200);
    expect(json).toMatchObject({ kind: 'person', login: 'ada', name: 'ada in full', forge_id: world.forge.id });
    expect(json.id).toMatch(/^usr_/);
    expect((await me(newBrowser())).status).toBe(401);
    expect((await browser.open(at('/login'))).text).toContain('ada in full');
  });

  it('is one user each time, whatever he is called now', async () => {
    const first = (await me(await world.signIn('berta'))).json;
    world.fake.renameUser('berta', 'bertha');
    const second = (await me(await world.signIn('bertha'))).json;
    expect(second.id).toBe(first.id);
    expect(second.login).toBe('bertha');
    expect(second.session_id).not.toBe(first.session_id);
  });

  it('sends what binds the sign-in, and proves it when it comes back', async () => {
    const browser = world.browserOf('carl');
    const begun = await browser.open(at(`/login/${world.forge.id}`));
    const sent = new URL(begun.location ?? '').searchParams;
    expect(Object.fromEntries(sent)).toMatchObject({
      response_type: 'code',
      scope: 'openid profile email groups read:user read:organization',
      redirect_uri: at(`/login/${world.forge.id}/callback`),
      code_challenge_method: 'S256',
    });
    await browser.follow(begun.location ?? '');
    const { code_verifier: verifier = '' } = world.fake.login.exchanges.at(-1) ?? {};
    expect(createHash('sha256').update(verifier).digest('base64url')).toBe(sent.get('code_challenge'));
  });

  it('keeps and uses the token of the sign-in for nothing', async () => {
    const before = world.fake.requests.length;
    await world.signIn('dora');
    const token = world.fake.login.given.at(-1) ?? '';
    expect(world.fake.requests.slice(before).filter((one) => JSON.stringify(one.headers).includes(token))).toEqual([]);
    expect(world.fake.leaks()).toEqual([]);
    expect(world.lines.join('\n')).not.toContain(token);
  });

  it('takes a code, a state and an attempt once', async () => {
    const browser = world.browserOf('emil');
    const callback = await callbackOf(browser);
    expect((await browser.open(callback)).status).toBe(303);
    const again = await browser.open(callback);
    expect([again.status, again.text]).toEqual([400, expect.stringContaining('not under way')]);
  });

  it('is told in words that the forge does not take a code twice', async () => {
    const browser = world.browserOf('emil');
    const used = new URL(await callbackOf(browser));
    await browser.open(used.href);
    const fresh = new URL(await callbackOf(browser));
    fresh.searchParams.set('code', used.searchParams.get('code') ?? '');
    const page = await browser.open(fresh.href);
    expect([page.status, page.text]).toEqual([502, expect.stringContaining('the forge refused the sign-in')]);
  });

  it.each([
    ['an unknown state', { state: 'x'.repeat(43) }, 400, 'not under way'],
    ['no state', { state: null }, 400, 'not under way'],
    ['no code', { code: null }, 502, 'no code'],
    ['a made-up code', { code: 'made-up' }, 502, 'client is not authorized'],
    ['an error of the forge', { code: null, error: 'server_error' }, 502, 'server_error'],
  ])('refuses %s', async (_what, change, status, words) => {
    const browser = world.browserOf('fritz');
    const url = new URL(await callbackOf(browser));
    for (const [name, value] of Object.entries(change)) {
      if (value === null) url.searchParams.delete(name);
      else url.searchParams.set(name, value as string);
    }
    const page = await browser.open(url.href);
    expect([page.status, page.text]).toEqual([status, expect.stringContaining(words as string)]);
    expect(cookieOf(browser)).toBeNull();
  });

  it('is bound to the browser that began it, and stays good for that one', async () => {
    const mine = world.browserOf('gerd');
    const callback = await callbackOf(mine);
    for (const foreign of [newBrowser(), await world.signIn('hanna')]) {
      const page = await foreign.open(callback);
      expect([page.status, page.text]).toEqual([400, expect.stringContaining('another browser')]);
    }
    expect((await mine.open(callback)).status).toBe(303);
  });

  it('cannot be moved to another forge', async () => {
    const other = await openPeople(database());
    try {
      const browser = world.browserOf('ina');
      const callback = (await callbackOf(browser)).replace(world.forge.id, other.forge.id);
      expect((await browser.open(callback)).status).toBe(400);
    } finally {
      await other.close();
    }
  });

  it('may take ten minutes', async () => {
    const browser = world.browserOf('jan');
    const [late, inTime] = [await callbackOf(browser), world.time.now];
    world.time.now += 10 * MINUTE;
    const page = await browser.open(late);
    expect([page.status, page.text]).toEqual([400, expect.stringContaining('longer than ten minutes')]);
    world.time.now = inTime;
  });

  it('takes no for an answer', async () => {
    world.fake.login.denies = true;
    const page = await world.browserOf('kai').follow(at(`/login/${world.forge.id}`));
    expect([page.status, page.text]).toEqual([403, expect.stringContaining('You said no')]);
  });

  describe('believes no identity token', () => {
    const hours = (n: number) => Math.floor((world.time.now + n * HOUR) / 1_000);
    it.each<[string, () => PeopleWorld['fake']['login']['twist'], string]>([
      ['of another issuer', () => ({ claims: { iss: 'https://evil.example' } }), 'somebody else'],
      ['of this issuer with a slash', () => ({ claims: { iss: `${world.fake.rootUrl}/` } }), 'somebody else'],
      ['for another application', () => ({ claims: { aud: ['another-client'] } }), 'somebody else'],
      ['made out by another application', () => ({ claims: { azp: 'another-client' } }), 'another application'],
      ['of another sign-in', () => ({ claims: { nonce: 'other' } }), 'another sign-in'],
      ['without a nonce', () => ({ claims: { nonce: undefined } }), 'somebody else'],
      ['that has expired', () => ({ claims: { exp: hours(-1), iat: hours(-2) } }), 'expired'],
      ['that never expires', () => ({ claims: { exp: undefined } }), 'somebody else'],
      ['without a person', () => ({ claims: { sub: undefined } }), 'somebody else'],
      ['about no number', () => ({ claims: { sub: '1 or 2' } }), 'who signed in'],
      ['that is signed with nothing', () => ({ alg: 'none' }), 'not taken'],
      ['that is signed with the public key', () => ({ alg: 'HS256' }), 'not taken'],
      ['that is signed with a foreign key', () => ({ foreignKey: true }), 'signature is wrong'],
    ])('%s', async (_what, twist, words) => {
      world.fake.login.twist = twist();
      const browser = world.browserOf('lea');
      const page = await browser.follow(at(`/login/${world.forge.id}`));
      expect([page.status, page.text]).toEqual([502, expect.stringContaining(words)]);
      expect(cookieOf(browser)).toBeNull();
    });

    it('and knows new keys of the forge at once', async () => {
      await world.signIn('mia');
      world.fake.rotateKeys();
      await world.signIn('mia');
    });

    it('but one for several, if it was made out by us', async () => {
      const [[clientId = ''] = []] = world.fake.login.apps;
      world.fake.login.twist = { claims: { aud: ['another', clientId], azp: clientId } };
      await world.signIn('nele');
    });

    it('and asks for the login where the token has none', async () => {
      world.fake.login.twist = { claims: { preferred_username: undefined, name: undefined } };
      expect((await me(await world.signIn('olaf'))).json).toMatchObject({ login: 'olaf', name: 'olaf' });
    });
  });

  it.each(['500', 'html', 'half', 'forbidden', 'missing'] as const)(
    'says so where the forge answers %s',
    async (fault) => {
      world.fake.setFault(fault, { path: /openid-configuration|access_token|oauth\/keys/ });
      const page = await world.browserOf('paul').follow(at(`/login/${world.forge.id}`));
      expect([page.status, page.text]).toEqual([502, expect.stringContaining('You are not signed in')]);
    },
  );

  it('goes on where the person wanted to go, within this address only', async () => {
    const goesTo = async (wanted: string) => {
      const browser = world.browserOf('quirin');
      const page = await browser.open(await callbackOf(browser, `?return=${encodeURIComponent(wanted)}`));
      return page.location;
    };
    expect(await goesTo('/acme/hello?a=b')).toBe(at('/acme/hello?a=b'));
    for (const wanted of ['https://evil.example', '//evil.example', '/\\evil.example', '/\t/evil.example', 'acme', ''])
      expect([wanted, await goesTo(wanted)]).toEqual([wanted, at('/login')]);
  });

  it('limits how many are begun from one network', async () => {
    const answers: number[] = [];
    world.time.now += HOUR;
    for (let i = 0; i < 62; i++) answers.push((await newBrowser().open(at(`/login/${world.forge.id}`))).status);
    expect(answers.slice(0, 60)).toEqual(Array(60).fill(303));
    expect(answers.at(-1)).toBe(429);
    world.time.now += HOUR;
  });

  describe('a session', () => {
    it('is new at each sign-in, and the one before in that browser ends', async () => {
      const browser = await world.signIn('rosa');
      const before = cookieOf(browser) ?? '';
      await browser.follow(at(`/login/${world.forge.id}`));
      expect(cookieOf(browser)).not.toBe(before);
      const thief = newBrowser();
      thief.cookies.set(new URL(world.url).host, new Map([['feedgate-session', before]]));
      expect((await me(thief)).json).toMatchObject({
        code: 'UNAUTHENTICATED',
        detail: expect.stringContaining('ended'),
      });
    });

    it('is never one that was planted', async () => {
      const planted = 'A'.repeat(43);
      const browser = world.browserOf('susi');
      browser.cookies.set(new URL(world.url).host, new Map([['feedgate-session', planted]]));
      await browser.follow(at(`/login/${world.forge.id}`));
      expect(cookieOf(browser)).not.toBe(planted);
      expect((await me(browser)).status).toBe(200);
    });

    it('stands in the table as a hash only', async () => {
      const browser = await world.signIn('tom');
      const text = cookieOf(browser) ?? '';
      const rows = await database().db.read((tx) => tx('sessions').select('*'));
      expect(JSON.stringify(rows)).not.toContain(text);
      expect(world.lines.join('\n')).not.toContain(text);
    });

    it('ends after twelve hours without use, and after seven days with it', async () => {
      const [idle, busy] = [await world.signIn('ute'), await world.signIn('ute')];
      const start = world.time.now;
      world.time.now = start + 12 * HOUR - 1;
      expect((await me(busy)).status).toBe(200);
      world.time.now = start + 12 * HOUR;
      expect((await me(idle)).status).toBe(401);
      for (; world.time.now < start + 7 * DAY; world.time.now += 6 * HOUR) expect((await me(busy)).status).toBe(200);
      expect((await me(busy)).status).toBe(401);
    });

    it('ends when the person signs out', async () => {
      const browser = await world.signIn('vera');
      const text = cookieOf(browser) ?? '';
      expect((await browser.submit(at('/logout'))).location).toBe(at('/login'));
      expect(cookieOf(browser)).toBeNull();
      const thief = newBrowser();
      thief.cookies.set(new URL(world.url).host, new Map([['feedgate-session', text]]));
      expect((await me(thief)).status).toBe(401);
      expect((await browser.submit(at('/logout'))).status).toBe(303);
    });

    it('is listed to its person and ended from elsewhere', async () => {
      const [here, there, stranger] = [
        await world.signIn('wim'),
        await world.signIn('wim'),
        await world.signIn('xaver'),
      ];
      const listed = JSON.parse((await here.ask('GET', at('/api/v1/me/sessions'))).text);
      expect(listed.items.map((each: { current: boolean }) => each.current)).toEqual([false, true]);
      const [other, own] = listed.items;
      expect(other).toMatchObject({ agent: 'Mozilla/5.0 (test)', network: '127.0.0.0/24' });
      const foreign = await stranger.ask('DELETE', at(`/api/v1/me/sessions/${other.id}`));
      expect([foreign.status, JSON.parse(foreign.text).code]).toEqual([404, 'NOT_FOUND']);
      expect((await here.ask('DELETE', at(`/api/v1/me/sessions/${other.id}`))).status).toBe(204);
      expect((await me(there)).status).toBe(401);
      const third = await world.signIn('wim');
      const rest = await here.ask('DELETE', at('/api/v1/me/sessions'));
      expect([rest.status, JSON.parse(rest.text)]).toEqual([200, { ended: 1 }]);
      expect([(await me(third)).status, (await me(here)).status]).toEqual([401, 200]);
      expect((await here.ask('DELETE', at(`/api/v1/me/sessions/${own.id}`))).status).toBe(204);
      expect((await me(here)).status).toBe(401);
    });

    it.each<[string, Record<string, string>]>([
      ['of a page elsewhere', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
      ['of a neighbour', { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' }],
      ['of another origin, by an old browser', { origin: 'https://evil.example' }],
      ['of a page without an origin', { origin: 'null' }],
      ['that does not say where it comes from', {}],
    ])('does nothing at the wish %s', async (_what, headers) => {
      const browser = await world.signIn('yves');
      const { json } = await me(browser);
      const answer = await browser.ask('DELETE', at(`/api/v1/me/sessions/${json.session_id}`), undefined, headers);
      expect([answer.status, JSON.parse(answer.text).code]).toEqual([403, 'FORBIDDEN']);
      expect((await browser.submit(at('/logout'), {}, headers)).status).toBe(403);
      expect((await me(browser)).status).toBe(200);
    });

    it('takes an old browser at its origin', async () => {
      const browser = await world.signIn('zoe');
      const { origin } = new URL(world.url);
      expect((await browser.submit(at('/logout'), {}, { origin })).status).toBe(303);
    });

    it('ends when nobody signs in with the forge any more', async () => {
      const other = await openPeople(database());
      try {
        const browser = await other.signIn('anna');
        const url = `${other.url}/api/v1/me`;
        expect((await browser.ask('GET', url)).status).toBe(200);
        expect(await dropForgeLogin(other.core.forge, other.forge, other.by())).toBe(true);
        expect(await dropForgeLogin(other.core.forge, other.forge, other.by())).toBe(false);
        expect((await browser.ask('GET', url)).status).toBe(401);
        expect((await browser.open(`${other.url}/login/${other.forge.id}`)).status).toBe(404);
        const app = { clientId: 'new one', clientSecret: 'short' };
        await expect(setForgeLogin(other.core.forge, other.forge, app, other.by())).rejects.toThrow('client id');
      } finally {
        await other.close();
      }
    });
  });

  describe('the operator', () => {
    const link = (minutes = 15) => createLoginLink({ ...world.core, publicUrl: world.url }, minutes, world.by());
    const tokenIn = (url: string) => new URL(url).searchParams.get('token') ?? '';

    it('gets in by a link, once; looking at it uses nothing up', async () => {
      const { url } = await link();
      for (let i = 0; i < 3; i++) {
        const page = await newBrowser().open(url);
        expect([page.status, page.text]).toEqual([200, expect.stringContaining('<form method="post"')]);
      }
      const browser = newBrowser();
      expect((await browser.submit(at('/login/link'), { token: tokenIn(url) })).location).toBe(at('/login'));
      expect((await me(browser)).json).toMatchObject({ kind: 'person', login: 'operator', forge_id: null });
      const again = await newBrowser().submit(at('/login/link'), { token: tokenIn(url) });
      expect([again.status, again.text]).toEqual([410, expect.stringContaining('used already')]);
      expect((await newBrowser().open(url)).status).toBe(410);
    });

    it('is site administrator everywhere, and always the same user', async () => {
      const [one, two] = [await world.signInAsOperator(), await world.signInAsOperator()];
      const [first, second] = [(await me(one)).json, (await me(two)).json];
      expect(first.id).toBe(second.id);
      expect(first.organizations).toContainEqual(
        expect.objectContaining({ slug: world.organization.slug, role: 'site_admin' }),
      );
    });

    it('loses the session after an hour without use', async () => {
      const browser = await world.signInAsOperator();
      world.time.now += HOUR;
      expect((await me(browser)).status).toBe(401);
    });

    it('is told that a link is late or none', async () => {
      const { url } = await link(1);
      world.time.now += MINUTE;
      const late = await newBrowser().submit(at('/login/link'), { token: tokenIn(url) });
      expect([late.status, late.text]).toEqual([410, expect.stringContaining('expired')]);
      for (const token of ['', 'x', 'A'.repeat(43), '<b>']) {
        const page = await newBrowser().submit(at('/login/link'), { token });
        expect([page.status, page.text]).toEqual([410, expect.stringContaining('no such link')]);
      }
      for (const minutes of [0, -1, 1.5, 1_441])
        await expect(link(minutes)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    });

    it('is not signed in by a page elsewhere', async () => {
      const { url } = await link();
      const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
      expect((await newBrowser().submit(at('/login/link'), { token: tokenIn(url) }, headers)).status).toBe(403);
      expect((await newBrowser().open(url)).status).toBe(200);
    });

    it('wins a race for a link once, on two instances', async () => {
      const { url } = await link();
      const browser = { cookie: undefined, agent: '', network: '' };
      const by = { now: world.time.now, requestId: null };
      const instances = [world.core.db, database().db, database().another(), database().another()];
      const answers = await Promise.all(
        instances.map((db) => useLoginLink({ ...world.core, publicUrl: world.url, db }, tokenIn(url), browser, by)),
      );
      expect(answers.map(({ kind }) => kind).sort()).toEqual(['signed_in', 'used', 'used', 'used']);
    });

    it('leaves a trace of the link and the session, without their texts', async () => {
      const { url } = await link();
      const browser = newBrowser();
      await browser.submit(at('/login/link'), { token: tokenIn(url) });
      const rows = await database().db.read((tx) => tx('audit_events').select('*'));
      const text = JSON.stringify(rows);
      expect(text).toContain('login_link.create');
      expect(text).toContain('session.start');
      expect(text).not.toContain(tokenIn(url));
      expect(text).not.toContain(cookieOf(browser) ?? '-');
    });
  });

  it('forgets old sessions, attempts and links, but nobody', async () => {
    await callbackOf(world.browserOf('old'));
    const { json } = await me(await world.signIn('old'));
    await purgeSignIns(database().db, world.time.now + 31 * DAY);
    const count = async (table: string) =>
      Number((await database().db.read((tx) => tx(table).count('* as n').first()))?.['n']);
    expect([await count('sessions'), await count('login_attempts'), await count('login_links')]).toEqual([0, 0, 0]);
    expect((await me(await world.signIn('old'))).json.id).toBe(json.id);
  });
});
