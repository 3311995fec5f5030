import { describe, expect, it } from 'vitest';
import { closingBrace, maskPhp } from '../../../src/moving/php-mask.ts';
import { moveMethod, newScript, oursPattern } from './script-snippet.ts';

const identity = { type: 'plugin', element: "o'neil", folder: 'system', client: 'site' } as const;

function matches(feedUrl: string, location: string): boolean {
  const [, pattern = ''] = /^~(.*)~i$/.exec(oursPattern(feedUrl)) ?? [];
  return new RegExp(pattern, 'i').test(location);
}

describe('the addresses that count as the new one', () => {
  const feed = 'https://updates.example.com/base/acme/shop/updates.xml';
  it.each([
    ['https://updates.example.com/base/acme/shop/updates.xml', true],
    ['http://UPDATES.example.com/base/acme/shop/updates.xml', true],
    ['https://updates.example.com/base/k/FG1-ABC/acme/shop/updates.xml?site=a&x=.xml', true],
    ['https://updates.example.com/base/acme/shop/updates.xml?dlid=K', true],
    ['https://updates.example.com/base/acme/shop/pro/updates.xml', false],
    ['https://updates.example.com/base/acme/shop2/updates.xml', false],
    ['https://updates.example.com/base/acme/shop/updates.xml.bak', false],
    ['https://updates-example.com/base/acme/shop/updates.xml', false],
    ['https://other.example/https://updates.example.com/base/acme/shop/updates.xml', false],
  ])('%s: %s', (location, isOurs) => {
    expect(matches(feed, location)).toBe(isOurs);
  });
});

describe('the code', () => {
  const method = moveMethod({ identity, feedUrl: "https://updates.example.com/o'neil/x/updates.xml" }).join('\n');

  it('has every place filled in, quoted for PHP', () => {
    expect(method).not.toMatch(/__[A-Z]+__/);
    expect(method.match(/quote\('o\\'neil'\)/g)).toHaveLength(2);
    expect(method).toContain("$to   = 'https://updates.example.com/o\\'neil/x/updates.xml';");
  });

  it('has its braces and strings closed, as a method and as a file', () => {
    for (const source of [
      `<?php class A {\n${method}\n}`,
      newScript({ identity, feedUrl: 'https://u.example/a/b/updates.xml' }),
    ]) {
      const masked = maskPhp(source) ?? '';
      const open = masked.indexOf('{');
      const close = closingBrace(masked, open);
      expect(masked.slice(close + 1).trim()).toMatch(/^;?$/);
      for (const [left, right] of ['()', '[]', '{}'])
        expect(masked.split(left ?? '').length).toBe(masked.split(right ?? '').length);
    }
  });
});
