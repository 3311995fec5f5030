import { describe, expect, it } from 'vitest';
import { asksOneOf, feedPlace } from './update-url.ts';

const FEEDS = [
  'https://gate.example.org/acme/example/dolibarr.txt',
  'https://gate.example.org/acme/example/dolibarr.xml',
  'https://old.example.com/version.txt',
];

describe('asksOneOf', () => {
  it.each([
    ['https://gate.example.org/acme/example/dolibarr.txt', true],
    ['http://GATE.example.org/acme/example/dolibarr.txt/', true],
    ['https://gate.example.org/acme/example/dolibarr.txt?key=*&domain=*', true],
    ['https://gate.example.org/k/*/acme/example/dolibarr.txt', true],
    ['https://user:*@gate.example.org/acme/example/dolibarr.txt#x', true],
    ['https://old.example.com/version.txt', true],
    ['https://gate.example.org/acme/example/dolibarr.xml', false],
    ['https://gate.example.org/acme/other/dolibarr.txt', false],
    ['https://gate.example.org:8443/acme/example/dolibarr.txt', false],
    ['https://gate.example.org/acme/example/dolibarr.txt*', false],
    ['ver.php', false],
  ])('%s: %s', (url, ours) => {
    expect(asksOneOf(url, FEEDS)).toBe(ours);
  });
});

describe('feedPlace', () => {
  it('holds no secret', () => {
    expect(feedPlace('https://me:secret@x.org/k/SECRET/a/b.txt?key=SECRET')).toBe('x.org/a/b.txt');
  });
});
