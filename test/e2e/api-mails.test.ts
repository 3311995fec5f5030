import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY, toIso } from '../../src/clock.ts';
import { updateOrganization } from '../../src/forge/store.ts';
import { MAIL_TEMPLATES, type MailWish } from '../../src/notify/mail-wish.ts';
import { queueMail } from '../../src/notify/mails.ts';
import { OrganizationSettings } from '../../src/releases/organization-settings.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type MailServerFake, startMailServer } from '../support/mail-server.ts';
import { SEED_NOW, type Shop, seedShop, seedSoldLicense } from '../support/seed.ts';
import { TEST_MAIL } from '../support/test-mail.ts';

onEachDatabase('the API of mails', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let server: MailServerFake;
  let sold: Awaited<ReturnType<typeof seedSoldLicense>>;
  let base: string;

  const queue = (change: Partial<MailWish>) =>
    database().db.tx((tx) =>
      queueMail(
        tx,
        {
          ...{
            organizationId: shop.organization.id,
            template: 'key',
            tag: 'key:1',
            customerId: sold.license.customerId,
          },
          ...{ email: 'ada@example.com', language: '', about: { license_id: sold.license.id }, notBefore: SEED_NOW },
          ...change,
        },
        SEED_NOW,
      ),
    );

  beforeAll(async () => {
    server = await startMailServer();
    const at = { host: '127.0.0.1', port: server.port, secure: false, user: null, password: null };
    api = await startApi(database(), { mail: { ...TEST_MAIL, transport: 'smtp', server: at } });
    shop = await seedShop(database().db);
    sold = await seedSoldLicense(database().db, shop);
    base = `/organizations/${shop.organization.slug}/mails`;
    await queue({});
    await queue({ tag: 'renewed:1', template: 'renewed', about: {}, customerId: null, email: 'bob@example.com' });
  });
  afterAll(async () => {
    await api.core.mails.sender.stop();
    await api.close();
    await server.close();
  });

  it('lists them by state, template, customer and license, and never what stands in them', async () => {
    const { json, text } = await api.get(base);
    expect(json.items.map((each: { template: string }) => each.template)).toEqual(['renewed', 'key']);
    expect(json.items[1]).toMatchObject({
      ...{ state: 'waiting', email: 'ada@example.com', customer_id: sold.license.customerId, attempts: 0 },
      ...{ license_id: sold.license.id, not_before: toIso(SEED_NOW), sent_at: null, created_by: 'system' },
    });
    expect(text).not.toContain(sold.key.text);
    const count = async (query: string) => (await api.get(`${base}?${query}`)).json.items.length;
    expect(await count(`license_id=${sold.license.id}`)).toBe(1);
    expect(await count(`customer_id=${sold.license.customerId}`)).toBe(1);
    expect(await count('template=renewed')).toBe(1);
    expect(await count('state=failed')).toBe(0);
    const wrong = await api.get(`${base}?license_id=${sold.license.customerId}`);
    expect([wrong.status, wrong.json.code]).toEqual([400, 'WRONG_ID_KIND']);
    expect((await api.get(`${base}?state=lost`)).status).toBe(400);
  });

  it('pages through them', async () => {
    const first = await api.get(`${base}?limit=1`);
    const second = await api.get(`${base}?limit=1&cursor=${first.json.next_cursor}`);
    expect([first, second].map(({ json }) => json.items[0].template)).toEqual(['renewed', 'key']);
    expect(second.json.next_cursor).toBeNull();
  });

  it('sends one again as a mail of its own, to the address that the customer has now', async () => {
    await api.core.mails.sender.drain();
    const sent = (await api.get(`${base}?template=key`)).json.items[0];
    expect(sent.state).toBe('sent');
    await api.patch(`/customers/${sold.license.customerId}`, { email: 'new@example.com' });
    const again = await api.post(`/mails/${sent.id}/resend`, {});
    expect(again.status).toBe(201);
    expect(again.json).toMatchObject({ state: 'waiting', template: 'key', email: 'new@example.com', sent_at: null });
    await api.core.mails.sender.drain();
    expect((await api.get(`/mails/${again.json.id}`)).json.state).toBe('sent');
    const mail = server.received.find(({ envelope }) => envelope.to.includes('new@example.com'));
    expect(mail?.text).toContain(sold.key.text);
    const events = await database().db.read((tx) => tx('audit_events').where({ entity_id: again.json.id }));
    expect(JSON.stringify(events)).toContain('mail.resend');
    expect(JSON.stringify([again.json, events, api.lines])).not.toContain(sold.key.text);
  });

  it('shows every mail in every language with a key that is none', async () => {
    for (const template of MAIL_TEMPLATES) {
      for (const language of ['en', 'de', 'fr']) {
        const { status, json } = await api.get(`${base}/preview?template=${template}&language=${language}`);
        expect([template, status, json.language]).toEqual([template, 200, language]);
        expect(json.subject.length).toBeGreaterThan(5);
        expect(json.html).toContain(`lang="${language}"`);
        expect(json.text).not.toMatch(/undefined|null|\[object/);
        expect(json.text).not.toContain(sold.key.text);
      }
    }
    expect((await api.get(`${base}/preview?template=key`)).json.text).toContain('SAMPLE');
    expect((await api.get(`${base}/preview?template=nothing`)).status).toBe(400);
  });

  it('sends a test, and says why where it cannot', async () => {
    const { json } = await api.post(`${base}/test`, { to: 'me@example.com', template: 'expiring', language: 'de' });
    expect(json).toEqual({ sent: true, detail: '' });
    const mail = server.received.find(({ envelope }) => envelope.to.includes('me@example.com'));
    expect(mail?.headers['subject']).toMatch(/^\[Test\] /);
    expect(mail?.headers['list-unsubscribe-post']).toBe('List-Unsubscribe=One-Click');
    const refused = await api.post(`${base}/test`, { to: 'refused@example.com' });
    expect(refused.json).toMatchObject({ sent: false, detail: expect.stringContaining('550') });
    for (const to of ['nobody', 'a@b.example, c@d.example', 'a@b.example\r\nBcc: c@d.example'])
      expect((await api.post(`${base}/test`, { to })).status).toBe(400);
  });

  it('queues the new key of whoever had the old one, once', async () => {
    const before = (await api.get(`${base}?template=key_replaced`)).json.items.length;
    expect(before).toBe(0);
    const replaced = await api.post(`/keys/${sold.key.id}/replace`, { overlap_days: 7 });
    await api.post(`/keys/${sold.key.id}/replace`, { overlap_days: 7 });
    await api.core.mails.sender.drain();
    const { items } = (await api.get(`${base}?template=key_replaced`)).json;
    expect(items).toMatchObject([{ state: 'sent', email: 'new@example.com' }]);
    const mail = server.received.at(-1);
    expect(mail?.text.split('\n')).toContain(replaced.json.key);
    expect(mail?.text).toContain('8 January 2026');
  });

  it('sends nothing any more to a customer who is forgotten, and keeps no address of his', async () => {
    await queue({ tag: 'later', notBefore: SEED_NOW + DAY, email: 'new@example.com' });
    await api.post(`/customers/${sold.license.customerId}/anonymize`, { keep_keys: true });
    const { json } = await api.get(`${base}?customer_id=${sold.license.customerId}`);
    expect(json.items.map(({ email }: { email: string }) => email).join('')).toBe('');
    expect(json.items.filter(({ state }: { state: string }) => state === 'waiting')).toEqual([]);
    const again = await api.post(`/mails/${json.items[0].id}/resend`, {});
    expect([again.status, again.json.code]).toEqual([409, 'CUSTOMER_ANONYMIZED']);
  });

  it('puts what the organization says above and under its mails', async () => {
    const mail = { intro: { 'key.en': 'Welcome aboard!' }, footer: 'Ada Ltd, Road 1', fromName: 'Ada' };
    await database().db.tx((tx) =>
      updateOrganization(tx, shop.organization.id, { settings: OrganizationSettings.parse({ mail }) }),
    );
    const { text, html } = (await api.get(`${base}/preview?template=key`)).json;
    for (const body of [text, html]) {
      expect(body).toContain('Welcome aboard!');
      expect(body).toContain('Ada Ltd, Road 1');
    }
    expect((await api.get(`${base}/preview?template=key&language=de`)).json.text).not.toContain('Welcome');
  });
});
