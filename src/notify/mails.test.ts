import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { type MailServerFake, startMailServer } from '../../test/support/mail-server.ts';
import {
  type Shop,
  seedCustomer,
  seedGrant,
  seedKey,
  seedLicense,
  seedPackage,
  seedSecrets,
  seedShop,
} from '../../test/support/seed.ts';
import type { CustomerRecord } from '../accounts/store-customers.ts';
import { DAY, MINUTE, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { updateOrganization } from '../forge/store.ts';
import type { KeyRecord } from '../licensing/store-keys.ts';
import type { LicenseRecord } from '../licensing/store-licenses.ts';
import { makeLinkTokens } from '../payments/tokens.ts';
import { OrganizationSettings } from '../releases/organization-settings.ts';
import { fileTransport, smtpTransport } from './mail-io.ts';
import type { MailWish } from './mail-wish.ts';
import { queueMail } from './mails.ts';
import { MAIL_LEASE_MS, type MailSenderDeps, makeMailSender } from './send-mails.ts';
import { findMail, type MailRecord } from './store-mails.ts';

const FROM = { name: 'Feedgate', address: 'shop@mail.example.com' };
const links = makeLinkTokens(seedSecrets);

onEachDatabase('mails', (database) => {
  let server: MailServerFake;
  let shop: Shop;
  let customer: CustomerRecord;
  let license: LicenseRecord;
  let key: KeyRecord & { text: string };
  let time: { now: number };
  let errors: unknown[];
  let failed: string[];
  const closing: (() => unknown)[] = [];

  const smtp = (port = server.port) => {
    const made = smtpTransport({
      server: { host: '127.0.0.1', port, secure: false, user: null, password: null },
      tlsRequired: true,
    });
    closing.push(() => made.close());
    return made;
  };
  const sender = (change: Partial<MailSenderDeps> = {}) =>
    makeMailSender({
      ...{ db: database().db, clock: () => time.now, secrets: seedSecrets, links, from: FROM, dice: () => 0 },
      ...{ publicUrl: 'https://updates.example.com', transport: smtp() },
      onFailed: ({ id }, detail) => void failed.push(`${id} ${detail}`),
      onError: (error) => void errors.push(error),
      ...change,
    });
  let tags = 0;
  const queue = async (change: Partial<MailWish> = {}) => {
    tags += 1;
    const wish: MailWish = {
      ...{ organizationId: shop.organization.id, template: 'key', tag: `tag${tags}`, customerId: customer.id },
      ...{ email: customer.email, language: '', about: { license_id: license.id }, notBefore: time.now },
      ...change,
    };
    return database().db.tx((tx) => queueMail(tx, wish, time.now));
  };
  const rows = (db: Db = database().db) => db.read((tx) => tx('mails').orderBy('id'));
  const only = async () => {
    const [row] = await rows();
    return (await database().db.read((tx) => findMail(tx, row.id))) as MailRecord;
  };
  const settings = (mail: object) =>
    database().db.tx((tx) =>
      updateOrganization(tx, shop.organization.id, { settings: OrganizationSettings.parse({ mail }) }),
    );

  beforeEach(async () => {
    time = { now: Date.UTC(2026, 0, 1, 12) };
    [errors, failed] = [[], []];
    await database().db.tx((tx) => tx('mails').delete());
    server = await startMailServer();
    const { db } = database();
    shop = await seedShop(db);
    customer = await seedCustomer(db, shop.organization, { name: 'Ada', language: 'en' });
    license = await seedLicense(db, shop.organization, { customerId: customer.id });
    const sold = await seedPackage(db, shop.organization);
    await seedGrant(db, license, sold);
    key = await seedKey(db, license);
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await server.close();
    expect(errors).toEqual([]);
  });

  it('go out by SMTP once, with the key, under an id of the sender’s domain', async () => {
    await settings({ fromName: 'Ada’s Shop', replyTo: 'help@example.org' });
    expect(await queue()).toBe(true);
    expect(await sender().drain()).toBe(1);
    expect(await sender().drain()).toBe(0);
    expect(server.received).toHaveLength(1);
    const [mail] = server.received;
    const row = await only();
    expect(mail?.envelope).toEqual({ from: 'shop@mail.example.com', to: [customer.email] });
    expect(mail?.headers['message-id']).toBe(`<${row.id}@mail.example.com>`);
    expect(mail?.headers['auto-submitted']).toBe('auto-generated');
    expect(mail?.headers['reply-to']).toBe('help@example.org');
    expect(mail?.headers['list-unsubscribe']).toBeUndefined();
    expect(mail?.text.split('\n')).toContain(key.text);
    expect(mail?.html).toContain(key.text);
    expect(row).toMatchObject({ state: 'sent', attempts: 1, sentAt: toIso(time.now), detail: '' });
    expect(JSON.stringify(await rows())).not.toContain(key.text);
  });

  it('are one mail for one wish, whoever wishes it again', async () => {
    expect(await queue({ tag: 'same' })).toBe(true);
    expect(await queue({ tag: 'same' })).toBe(false);
    expect(await rows()).toHaveLength(1);
  });

  it('are each sent once by two senders of two instances', async () => {
    for (let i = 0; i < 12; i++) await queue();
    const two = [sender(), sender({ db: database().another() })];
    const sent = await Promise.all(two.map((each) => each.drain()));
    expect(sent.reduce((a, b) => a + b)).toBe(12);
    expect(new Set(server.received.map(({ headers }) => headers['message-id'])).size).toBe(12);
    expect(server.received).toHaveLength(12);
  });

  it('that were sent by a process that died before it wrote so go out again as the same mail', async () => {
    await queue();
    const transport = smtp();
    // It sends, and does not live to say so.
    const dying = sender({
      transport: { ...transport, send: (message) => transport.send(message).then(() => new Promise(() => undefined)) },
    });
    void dying.drain();
    await server.waitFor(1);
    time.now += MAIL_LEASE_MS - 1;
    expect(await sender().drain()).toBe(0);
    time.now += 2;
    expect(await sender().drain()).toBe(1);
    const ids = server.received.map(({ headers }) => headers['message-id']);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(await only()).toMatchObject({ state: 'sent' });
  });

  it('are tried again for days while the server is away, and then given up and shown', async () => {
    await queue();
    const away = sender({ transport: smtp(1) });
    expect(await away.drain()).toBe(1);
    expect(await only()).toMatchObject({ state: 'waiting', attempts: 1, notBefore: toIso(time.now + MINUTE) });
    for (let i = 0; i < 20 && (await only()).state === 'waiting'; i++) {
      time.now = Date.parse((await only()).notBefore);
      await away.drain();
    }
    expect(await only()).toMatchObject({ state: 'failed', attempts: 11 });
    expect((await only()).detail).toMatch(/ECONNREFUSED/);
    expect(time.now - Date.UTC(2026, 0, 1, 12)).toBeGreaterThan(3 * DAY);
    expect(failed).toHaveLength(1);
    expect(failed.join()).not.toContain(key.text);
  });

  it('are given up at once where the address is refused for good, and tried again where it is for now', async () => {
    await queue({ email: 'refused@example.com' });
    await queue({ email: 'later@example.com' });
    await queue({ email: 'nobody at all\r\nBcc: all@example.com' });
    await sender().drain();
    const found = await rows();
    expect(found.map(({ state }) => state)).toEqual(['failed', 'waiting', 'failed']);
    expect(found[0].detail).toContain('550');
    expect(server.received).toHaveLength(0);
  });

  it('take no header from anybody’s name or text', async () => {
    await settings({ fromName: 'Shop\r\nBcc: all@example.com' });
    await database().db.tx((tx) => tx('products').where({ id: shop.product.id }).update({ name: 'Ext\r\nX-Evil: 1' }));
    await queue();
    await sender().drain();
    const [mail] = server.received;
    expect(mail?.headers['bcc']).toBeUndefined();
    expect(mail?.headers['x-evil']).toBeUndefined();
    expect(mail?.envelope.to).toEqual([customer.email]);
  });

  it('are dropped when what they say is not true any more', async () => {
    await database().db.tx((tx) =>
      tx('licenses')
        .where({ id: license.id })
        .update({ revoked_at: toIso(time.now) }),
    );
    await queue();
    await queue({ about: { license_id: 'lic_0000000000000000000000000z' } });
    await settings({ off: ['renewed'] });
    await queue({ template: 'renewed' });
    expect(await sender().drain()).toBe(3);
    expect((await rows()).map(({ state, detail }) => `${state}: ${detail}`)).toEqual([
      'dropped: the license is revoked',
      'dropped: the license is gone',
      'dropped: the organization does not send such mails',
    ]);
    expect(server.received).toHaveLength(0);
  });

  it('are dropped and said so where the operator sends none', async () => {
    await queue();
    await sender({ transport: null }).drain();
    expect(await only()).toMatchObject({ state: 'dropped', detail: expect.stringContaining('MAIL_TRANSPORT') });
  });

  it('wait for their time', async () => {
    await queue({ notBefore: time.now + 3 * DAY });
    expect(await sender().drain()).toBe(0);
    time.now += 3 * DAY;
    expect(await sender().drain()).toBe(1);
  });

  it('speak the language of the customer, else of the wish, else of the organization', async () => {
    const each = sender();
    await settings({ language: 'fr' });
    await queue();
    await each.drain();
    await database().db.tx((tx) => tx('customers').where({ id: customer.id }).update({ language: '' }));
    await queue({ language: 'de-AT' });
    await queue();
    await each.drain();
    const subjects = server.received.map(({ headers }) => headers['subject'] as string);
    expect(subjects.sort()).toEqual([
      expect.stringContaining('Ihr Lizenzschl'),
      expect.stringContaining('Votre cl'),
      expect.stringContaining('Your license key'),
    ]);
  });

  it('become files that only their owner reads, one a mail', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'feedgate-mail-'));
    try {
      await queue();
      await sender({ transport: fileTransport(join(folder, 'mail')) }).drain();
      const [name, ...others] = readdirSync(join(folder, 'mail'));
      expect([name, others]).toEqual([`${(await only()).id}.eml`, []]);
      const path = join(folder, 'mail', name as string);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readFileSync(path, 'utf8')).toContain(key.text);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('that another sender took over meanwhile are not written down by the first', async () => {
    await queue();
    const transport = smtp();
    const takenOver = sender({
      transport: {
        ...transport,
        async send() {
          await database().db.tx((tx) => tx('mails').update({ lease_id: 'lse_other' }));
          return { ok: false, lasting: true, detail: 'too late' };
        },
      },
    });
    await takenOver.drain();
    expect(await only()).toMatchObject({ state: 'waiting', attempts: 0 });
    expect(failed).toEqual([]);
  });
});
