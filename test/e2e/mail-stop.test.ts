import { beforeAll, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { seedCustomer, seedForge, seedOrganization } from '../support/seed.ts';
import { ask, onEachServer } from '../support/served.ts';

onEachServer('the link that ends reminders', (served) => {
  let customer: string;
  let path: string;
  const isOff = async () => {
    const row = await served().core.db.read((tx) => tx('customers').where({ id: customer }).first('reminders_off_at'));
    return row.reminders_off_at !== null;
  };
  const post = (at: string) =>
    fetch(`${served().url}${at}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://mail.example.net' },
      body: 'List-Unsubscribe=One-Click',
    });

  beforeAll(async () => {
    const { core } = served();
    const organization = await seedOrganization(core.db, await seedForge(core.db));
    customer = (await seedCustomer(core.db, organization)).id;
    path = `/mail/stop/${core.links.customer(customer)}`;
  });

  it('asks first, so that a program that looks at links ends nothing', async () => {
    const { status, text, headers } = await ask(served(), path);
    expect([status, headers.get('cache-control'), headers.get('referrer-policy')]).toEqual([
      ...[200, 'no-store', 'no-referrer'],
    ]);
    expect(text).toContain('<form method="post"');
    const german = await fetch(`${served().url}${path}`, { headers: { 'accept-language': 'de' } });
    expect(await german.text()).toMatch(/<html lang="de">[\s\S]*Keine Erinnerungen mehr/);
    expect(await isOff()).toBe(false);
  });

  it('leads nowhere for anything that is no token of ours for this', async () => {
    const { links } = served().core;
    for (const token of ['x', customer, links.license(newId('license')), `${links.customer(customer)}0`]) {
      expect((await ask(served(), `/mail/stop/${token}`)).status).toBe(404);
      expect((await post(`/mail/stop/${token}`)).status).toBe(404);
    }
    expect((await post(`/mail/stop/${links.customer(newId('customer'))}`)).status).toBe(404);
    expect(await isOff()).toBe(false);
  });

  it('ends them by one POST from anywhere, as often as it comes', async () => {
    expect((await post(path)).status).toBe(200);
    expect((await post(path)).status).toBe(200);
    expect(await isOff()).toBe(true);
  });
});
