import { describe, expect, it } from 'vitest';
import { MAIL_LANGUAGES, mailLanguage } from './mail-facts.ts';
import { domainOf, isAddress, oneLine, parseSender } from './mail-message.ts';
import { type MailStanding, whyDropped } from './mail-reason.ts';
import { nextTry } from './mail-retry.ts';
import { sampleFacts } from './mail-sample.ts';
import { parseMailServer } from './mail-server.ts';
import { mailText } from './mail-text.ts';
import { MAIL_TEMPLATES } from './mail-wish.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const DAY = 86_400_000;
const vendor = { name: 'Ada Ltd', replyTo: 'help@ada.example', supportUrl: null, intro: '', footer: '' };
const ground = { vendor, keyPrefix: 'FG1', publicUrl: 'https://u.example', now: NOW, product: null };

/** What a reader sees, without the marks around it. */
function seen(html: string): string[] {
  const plain = html
    .replace(/<(style|head)[\s\S]*?<\/\1>/g, '')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
  return plain.split(/[\s:-]+/).filter((word) => word !== '');
}

describe('the text of mails', () => {
  it('is there for every mail in every language, and says the same in both forms', () => {
    for (const template of MAIL_TEMPLATES) {
      const subjects = MAIL_LANGUAGES.map((language) => {
        const { subject, text, html } = mailText(sampleFacts(template, ground), language);
        expect(text.split(/[\s:-]+/).filter((word) => word !== '')).toEqual(seen(html));
        expect(html).not.toMatch(/<(img|script|link|iframe)|src=|url\(/);
        return subject;
      });
      expect(new Set(subjects).size).toBe(MAIL_LANGUAGES.length);
    }
  });

  it('of a key has it alone on its line, with where to type it, what it is for and who sells', () => {
    const facts = sampleFacts('key', ground);
    const { text } = mailText({ ...facts, keys: ['FG1-AAAA'] }, 'en');
    expect(text.split('\n')).toContain('FG1-AAAA');
    for (const part of ['System → Update Sites', 'Order: ord_sample', 'Sites: 3 sites', '31 January 2026'])
      expect(text).toContain(part);
    for (const part of ['Sold by Ada Ltd.', 'help@ada.example', 'goes on working', 'https://u.example/order/sample'])
      expect(text).toContain(part);
  });

  it('of a key leads to the newest file in every language, by an address without the key', () => {
    const facts = { ...sampleFacts('key', ground), keys: ['FG1-AAAA'] };
    const newest = { en: 'the newest file', de: 'der neuesten Datei', fr: 'le fichier le plus récent' };
    for (const language of MAIL_LANGUAGES) {
      const { text, html } = mailText(facts, language);
      expect(text).toMatch(new RegExp(`${newest[language]}[^\\n]*\\s+https://u\\.example/order/sample`));
      for (const [address] of `${text}\n${html}`.matchAll(/https?:[^\s"<]+/g)) expect(address).not.toContain('AAAA');
    }
  });

  it('has the link that ends reminders in reminders only', () => {
    const withLink = MAIL_TEMPLATES.filter((template) => {
      return mailText(sampleFacts(template, ground), 'en').text.includes('/mail/stop/');
    });
    expect(withLink).toEqual(['expiring', 'ended']);
  });

  it('keeps marks of anybody from being marks', () => {
    const facts = { ...sampleFacts('key', ground), name: '<img src=x onerror=alert(1)>' };
    const { html } = mailText({ ...facts, vendor: { ...vendor, intro: '<script>' } }, 'de');
    expect(html).not.toContain('<img');
    expect(html).not.toContain('<script');
  });

  it('writes amounts as their currency is written', () => {
    const paid = (minor: number, currency: string) =>
      mailText({ ...sampleFacts('refunded', ground), amount: { minor, currency } }, 'en').subject;
    expect(paid(4_900, 'EUR')).toContain('€49.00');
    expect(paid(4_900, 'JPY')).toMatch(/4,900/);
    expect(paid(4_900, 'KWD')).toContain('4.900');
  });

  it('of a subscription that ended tells of an end that lies behind', () => {
    const facts = sampleFacts('canceled', ground);
    const license = { until: NOW - DAY, sites: 1, renewsItself: false, over: true };
    expect(mailText(facts, 'en').text).toContain('You get updates until');
    expect(mailText({ ...facts, license }, 'en').text).toContain('Your updates ended on');
    for (const language of MAIL_LANGUAGES)
      expect(mailText({ ...facts, license }, language).text).not.toBe(mailText(facts, language).text);
  });

  it('speaks the first language that it knows', () => {
    expect(mailLanguage('pl', '', undefined, 'de-AT', 'fr')).toBe('de');
    expect(mailLanguage('FR_ca')).toBe('fr');
    expect(mailLanguage('', null)).toBe('en');
  });
});

describe('why a mail is not sent any more', () => {
  const license = { until: NOW + 6 * DAY, renewsItself: false, revoked: false, suspended: false, empty: false };
  const subscription = { state: 'past_due', failedAt: '2026-01-01', runs: true } as const;
  const standing: MailStanding = { now: NOW, days: 7, license, subscription, keys: 1 };
  const cases = [
    ['expiring', {}, null],
    ['expiring', { license: { ...license, until: NOW + 300 * DAY } }, 'it was renewed meanwhile'],
    ['expiring', { license: { ...license, until: null } }, 'it was renewed meanwhile'],
    ['expiring', { license: { ...license, until: NOW } }, 'it has ended meanwhile'],
    ['expiring', { license: { ...license, renewsItself: true } }, 'it renews itself'],
    ['ended', {}, 'it was renewed meanwhile'],
    ['ended', { license: { ...license, until: NOW } }, null],
    ['payment_failed', {}, null],
    ['payment_failed', { subscription: { ...subscription, failedAt: null } }, 'it was paid meanwhile'],
    [
      'payment_failed',
      { subscription: { ...subscription, state: 'canceled' } },
      'the subscription has ended meanwhile',
    ],
    ['recovered', {}, 'the payment failed again meanwhile'],
    ['canceled', {}, 'the subscription goes on meanwhile'],
    ['key', { license: { ...license, revoked: true } }, 'the license is revoked'],
    [
      'canceled',
      { subscription: { ...subscription, runs: false }, license: { ...license, renewsItself: true } },
      'another subscription renews the license',
    ],
    ['key', { license: { ...license, empty: true } }, 'what was bought was given back meanwhile'],
    ['renewed', { license: { ...license, empty: true } }, 'what was bought was given back meanwhile'],
    ['key', { keys: 0 }, 'there is no key whose text is known'],
    ['refunded', { license: { ...license, revoked: true } }, null],
    ['withdrawal', { license: null, subscription: null }, null],
  ] as const;
  it.each(cases)('%s with %j: %j', (template, change, why) => {
    expect(whyDropped(template, { ...standing, ...change })).toBe(why);
  });
});

describe('what is written on an envelope', () => {
  it('takes one address and nothing beside it', () => {
    for (const good of ['a@b.example', 'ada.o+x@mail.b.example']) expect(isAddress(good)).toBe(true);
    const bad = ['', 'a', 'a@', 'a@b, c@d', 'a@b\r\nBcc: c@d', '<a@b>', '"a b"@c', 'a@b@c', 'a b@c', 'a@b;c'];
    for (const each of bad) expect([each, isAddress(each)]).toEqual([each, false]);
    expect(oneLine('Shop\r\nBcc: all@x.example\u2028z')).toBe('Shop Bcc: all@x.example z');
    expect(domainOf('a@B.Example')).toBe('b.example');
  });

  it('reads a sender with or without a name', () => {
    expect(parseSender('Ada Shop <shop@x.example>')).toEqual({ name: 'Ada Shop', address: 'shop@x.example' });
    expect(parseSender('"Ada, Shop" <shop@x.example>')).toEqual({ name: 'Ada, Shop', address: 'shop@x.example' });
    expect(parseSender('shop@x.example')).toEqual({ name: '', address: 'shop@x.example' });
    for (const bad of ['', 'Ada', 'a@b, c@d', 'Ada <a@b> x', '<>']) expect(parseSender(bad)).toBeNull();
  });
});

describe('the address of a mail server', () => {
  it('is read with its password, and refused in words without it', () => {
    expect(parseMailServer('smtp://ada:p%40ss%2F1@mail.example.com')).toEqual({
      ...{ host: 'mail.example.com', port: 587, secure: false, user: 'ada', password: 'p@ss/1' },
    });
    expect(parseMailServer('smtps://mail.example.com')).toMatchObject({ port: 465, secure: true, user: null });
    for (const bad of [
      'mail.example.com',
      'http://mail.example.com',
      'smtp://',
      'smtp://a:se/cret@h',
      'smtp://a:b@h?x=1',
    ])
      expect(parseMailServer(bad)).toEqual(expect.not.stringContaining('cret'));
  });
});

describe('another try', () => {
  it('comes later each time, and not for ever', () => {
    let now = NOW;
    let tries = 1;
    for (let next = nextTry(tries, now, 0); next !== null; next = nextTry(tries, now, 0)) {
      expect(next).toBeGreaterThan(now);
      now = next;
      tries += 1;
    }
    expect(tries).toBe(11);
    expect(now - NOW).toBeGreaterThan(4 * DAY);
    expect(now - NOW).toBeLessThan(6 * DAY);
  });
});
