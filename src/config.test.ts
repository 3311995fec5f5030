import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const read = (SITE_ADMINS: string) => readConfig({ PUBLIC_URL: 'https://updates.example.com', SITE_ADMINS });

describe('SITE_ADMINS', () => {
  it.each([
    ['', []],
    ['github.com/ada', ['github.com/ada']],
    ['github.com/ada, git.example.com/id:7\n forge-2/b.c', ['github.com/ada', 'git.example.com/id:7', 'forge-2/b.c']],
  ])('%j names %j', (text, siteAdmins) => {
    expect(read(text)).toMatchObject({ ok: true, config: { siteAdmins } });
  });

  it.each(['ada', '*', '*/ada', 'github.com/', 'github.com/*', 'github.com/id:', 'https://github.com/ada'])(
    'is refused in words for %j',
    (text) => {
      expect(read(text)).toMatchObject({ ok: false, faults: [expect.stringContaining(`SITE_ADMINS "${text}"`)] });
    },
  );
});

describe('mail', () => {
  const mail = (env: Record<string, string>) => readConfig({ PUBLIC_URL: 'https://updates.example.com', ...env });
  const SMTP_URL = 'smtp://ada:se%40cret@mail.example.com';

  it('becomes files until a server is named', () => {
    expect(mail({})).toMatchObject({
      config: { mail: { transport: 'file', from: { address: 'feedgate@updates.example.com' }, fromSaid: false } },
    });
    expect(mail({ SMTP_URL, MAIL_FROM: 'Shop <shop@example.com>' })).toMatchObject({
      ok: true,
      config: {
        mail: { transport: 'smtp', tlsRequired: true, server: { password: 'se@cret' }, from: { name: 'Shop' } },
      },
    });
    expect(
      mail({ SMTP_URL, MAIL_FROM: 'shop@example.com', MAIL_TRANSPORT: 'off', SMTP_TLS: 'optional' }),
    ).toMatchObject({
      config: { mail: { transport: 'off', tlsRequired: false } },
    });
  });

  it.each([
    [{ MAIL_TRANSPORT: 'smtp', MAIL_FROM: 'shop@example.com' }, 'SMTP_URL is required'],
    [{ SMTP_URL }, 'MAIL_FROM is required'],
    [{ MAIL_FROM: 'a@b.example, c@d.example' }, 'MAIL_FROM is an address'],
    [{ MAIL_TRANSPORT: 'pigeon' }, 'MAIL_TRANSPORT is smtp, file, console or off'],
    [{ SMTP_URL: 'smtp://ada:se/cret@mail.example.com' }, 'SMTP_URL must be like'],
  ])('is refused in words for %j', (env, fault) => {
    const read = mail(env as Record<string, string>);
    expect(read).toMatchObject({ ok: false, faults: [expect.stringContaining(fault)] });
    expect(JSON.stringify(read)).not.toMatch(/se(%40|@|\/)cret/);
  });
});
