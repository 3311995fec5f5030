import { afterEach, beforeEach, expect, it } from 'vitest';
import { MINUTE } from '../../src/clock.ts';
import { RECONCILE } from '../../src/forge/hooks.ts';
import { callerOf } from '../support/api-server.ts';
import type { Browser } from '../support/browser.ts';
import { onEachDatabase } from '../support/databases.ts';
import { openPeople, type PeopleWorld } from '../support/people.ts';
import { joomlaZip } from '../support/site-archives.ts';

/** A day of an owner: he signs in, connects a repository, sets what is sold and who helps, and sees who uses what. */

onEachDatabase("an owner's day", (database) => {
  let world: PeopleWorld;
  beforeEach(async () => {
    world = await openPeople(database());
    world.fake.addOwner('acme', 'olga');
    await world.fake.publishRelease(world.hello, {
      tag: 'v1.1.0',
      assets: { 'plg_hello-1.1.0.zip': await joomlaZip({ version: '1.1.0' }) },
    });
  });
  afterEach(() => world.close());

  /** What a page's script would ask in this browser; the path below the API. */
  const as = (browser: Browser) => async (method: string, path: string, body?: unknown) => {
    const { status, text } = await browser.ask(method, `${world.url}/api/v1${path}`, body);
    // biome-ignore lint/suspicious/noExplicitAny: the test looks into any answer and fails where a field is missing
    return { status, json: (text === '' ? null : JSON.parse(text)) as any };
  };

  it('sets up, shares the work, and sees what comes of it', async () => {
    const owner = as(await world.signIn('olga'));
    const me = await owner('GET', '/me');
    expect(me.json).toMatchObject({ kind: 'person', organizations: [{ id: world.organization.id, role: 'admin' }] });

    const org = `/organizations/${world.organization.slug}`;
    const urls = { support_url: 'https://acme.example/help', renew_url: 'https://acme.example/renew' };
    expect((await owner('PATCH', org, urls)).json).toMatchObject(urls);

    const targets = { joomla: { min: '4.4', max: '6' } };
    const wish = { repository: 'hello', platforms: ['joomla'], mode: 'open', settings: { targets } };
    const product = await owner('POST', `${org}/products`, wish);
    expect(product.status).toBe(201);
    await world.core.worker.runNow(RECONCILE, product.json.repository_id);
    const gated = await owner('PATCH', `/products/${product.json.id}`, { require_key: true });
    expect(gated.json.mode).toBe('strict');
    expect(JSON.stringify(gated.json.warnings)).toContain('listed');

    const repo = `/repos/${world.organization.slug}/hello`;
    const sold = { name: 'One year', duration: { value: 1, unit: 'year' }, sites: 2 };
    const yearly = await owner('POST', `${repo}/packages`, sold);
    expect(yearly.status).toBe(201);
    expect((await owner('DELETE', `${repo}/packages/${yearly.json.id}`)).json.code).toBe('FORBIDDEN');

    const test = await owner('POST', `${repo}/test-key`, {});
    expect(test.status).toBe(201);
    const anybody = callerOf(world.url, null);
    const name = `${world.organization.slug}/hello`;
    const question = { key: test.json.key, product: name, site: 'dev.example.com' };
    expect((await anybody.post('/licenses/validate', question)).json).toMatchObject({ valid: true });

    const team = world.fake.createTeam('acme', { name: 'helpers', members: ['sam'] });
    const stranger = as(await world.signIn('sam'));
    expect((await stranger('GET', `${org}/licenses`)).status).toBe(404);
    const roles = { team_roles: [{ team_id: String(team.id), role: 'support' }] };
    expect((await owner('PUT', `${org}/team-roles`, roles)).status).toBe(200);
    world.time.now += 2 * MINUTE;
    const helper = stranger;
    expect((await helper('GET', `${org}/licenses`)).status).toBe(200);
    expect((await helper('POST', `${repo}/packages`, sold)).json.code).toBe('FORBIDDEN');
    const buyer = { customer_name: 'Ada', customer_email: 'ada@example.com', payment_ref: 'order-1' };
    const sale = await helper('POST', `${repo}/license-keys`, { ...buyer, package_id: yearly.json.id });
    expect(sale.status).toBe(201);

    const token = await owner('POST', `${org}/tokens`, { name: 'shop', scopes: ['payments:write'] });
    const shop = callerOf(world.url, token.json.token);
    const second = { ...buyer, payment_ref: 'order-2', package_id: yearly.json.id };
    const bought = await shop.post(`${repo}/license-keys`, second);
    expect(bought.status).toBe(201);
    const feed = await fetch(`${world.url}/k/${bought.json.key}/${name}/updates.xml?site=one.example.com`);
    expect(await feed.text()).toContain('<version>1.1.0</version>');

    const usage = await owner('GET', `/products/${product.json.id}/usage?group_by=code`);
    expect(usage.status).toBe(200);
    expect(JSON.stringify(usage.json)).toContain('"VALID"');
    const audit = await owner('GET', `${org}/audit?limit=100`);
    const actors = new Set(audit.json.items.map(({ actor }: { actor: { kind: string } }) => actor.kind));
    expect([...actors].sort()).toEqual(expect.arrayContaining(['person', 'token']));
    expect(JSON.stringify(audit.json)).not.toContain(bought.json.key);

    world.fake.removeOwner('acme', 'olga');
    world.time.now += 2 * MINUTE;
    expect((await owner('PATCH', org, { name: 'Mine' })).status).toBe(404);
    expect(world.lines.join('\n')).not.toContain(bought.json.key);
  });
});
