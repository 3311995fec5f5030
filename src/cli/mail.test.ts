import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MailServerFake, startMailServer } from '../../test/support/mail-server.ts';
import { seedForge, seedOrganization } from '../../test/support/seed.ts';
import { openCore } from '../app.ts';
import { readConfig } from '../config.ts';
import type { Names } from '../notify/mail-dns-io.ts';
import { checkMail } from './doctor-mail.ts';
import { newInstallation, type TestInstallation } from './test-cli.ts';

describe('mail from the command line', () => {
  let installation: TestInstallation;
  let server: MailServerFake;

  async function core(change: Record<string, string> = {}) {
    const config = readConfig({ ...installation.env, ...change });
    if (!config.ok) throw new Error(config.faults.join());
    return openCore(config.config);
  }
  /** The name system as it would answer. */
  const names = (records: Record<string, string>): Names => ({
    async resolveTxt(name: string) {
      if (name.startsWith('broken')) throw Object.assign(new Error('no answer'), { code: 'ETIMEOUT' });
      const found = records[name];
      if (found === undefined) throw Object.assign(new Error('nothing there'), { code: 'ENOTFOUND' });
      return [[found]];
    },
  });

  beforeAll(async () => {
    installation = newInstallation();
    server = await startMailServer();
    const opened = await core();
    await seedOrganization(opened.db, await seedForge(opened.db), { slug: 'acme', name: 'Acme' });
    await opened.close();
  });
  afterAll(async () => {
    await server.close();
    installation.remove();
  });

  it('writes a test into a file where no server is set', async () => {
    const { code, json } = await installation.run('mail', 'test', 'acme', '--to', 'ada@example.com', '--json');
    expect([code, json]).toEqual([0, { sent: true, transport: 'file', detail: '' }]);
    const [name] = readdirSync(join(installation.folder, 'data', 'mail'));
    expect(readFileSync(join(installation.folder, 'data', 'mail', name ?? ''), 'utf8')).toContain(
      'To: ada@example.com',
    );
  });

  it('sends a test, and says why where it cannot', async () => {
    Object.assign(installation.env, {
      ...{ SMTP_URL: `smtp://127.0.0.1:${server.port}`, MAIL_FROM: 'shop@mail.example.com' },
    });
    expect((await installation.run('mail', 'test', 'acme', '--to', 'ada@example.com', '--language', 'fr')).code).toBe(
      0,
    );
    expect(server.received.at(-1)?.headers['subject']).toContain('Votre clé');
    const refused = await installation.run('mail', 'test', 'acme', '--to', 'refused@example.com');
    expect([refused.code, refused.said]).toEqual([1, expect.stringContaining('550')]);
    expect((await installation.run('mail', 'test', 'acme')).code).not.toBe(0);
    expect((await installation.run('mail', 'test', 'acme', '--to', 'nobody')).code).not.toBe(0);
  });

  it('is looked at by the doctor: the server, and what others know of the domain', async () => {
    const opened = await core();
    const good = names({
      'mail.example.com': 'v=spf1 mx -all',
      '_dmarc.mail.example.com': 'v=DMARC1; p=none',
      's1._domainkey.mail.example.com': 'v=DKIM1; p=MIIB',
    });
    expect((await checkMail(opened, good)).map(({ state }) => state)).toEqual(['ok', 'ok', 'ok', 'ok']);
    const none = await checkMail(opened, names({ 'mail.example.com': 'v=spf1 +all' }));
    expect(none.map(({ state, detail }) => `${state} ${detail}`)).toEqual([
      expect.stringContaining('ok 127.0.0.1 takes mails'),
      'warning SPF: the SPF record of mail.example.com lets everybody send',
      expect.stringContaining('warning DKIM: no key of mail.example.com'),
      'warning DMARC: mail.example.com has no DMARC record',
    ]);
    await opened.close();
    const away = await core({ SMTP_URL: 'smtp://127.0.0.1:1', MAIL_FROM: 'shop@broken.example.com' });
    const checks = await checkMail(away, names({}));
    expect(checks[0]).toMatchObject({ state: 'failed', detail: expect.stringContaining('ECONNREFUSED') });
    expect(checks[1]?.detail).toBe('SPF: the name system did not answer for broken.example.com');
    await away.close();
  });
});
