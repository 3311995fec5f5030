import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newKeyText, newTokenText } from '../licensing/license-key.ts';
import { makeLinkTokens } from '../payments/tokens.ts';
import { loggablePath, redactKeys } from './redact.ts';

const KEY = newKeyText('ACME2');
const TOKEN = newTokenText();
const LINK = makeLinkTokens({ mac: () => 'ab12'.repeat(16) }).order('ord_01k8zq5jv6d0hxw1p8s3t4r5m9');
const FOREIGN = 'a1b2-foreign.secret';

describe('redactKeys', () => {
  it.each([
    ['a key of ours', (key: string) => `no license for ${key} here`, KEY],
    ['a key in small letters', (key: string) => `no license for ${key} here`, KEY.toLowerCase()],
    ['a key without dashes', (key: string) => `no license for ${key}.`, KEY.replaceAll('-', '')],
    ['a key with blanks', (key: string) => `no license for ${key}.`, KEY.replaceAll('-', ' ')],
    ['an API token', (key: string) => `token ${key} is unknown`, TOKEN],
    ['a token of a link', (key: string) => `Your order:\nhttps://x.example/order/${key}`, LINK],
    ['the query dlid', (key: string) => `GET /acme/shop/updates.xml?dlid=${key}&site=x.org`, FOREIGN],
    ['the query amp;dlid', (key: string) => `GET /x?a=1&amp;dlid=${key}&amp;site=x.org`, FOREIGN],
    ['the query key', (key: string) => `GET /x?key=${key}`, FOREIGN],
    ['the query license_key', (key: string) => `GET /x?license_key=${key}#top`, FOREIGN],
    ['an encoded query', (key: string) => `returnurl=%2Fx%3Fdlid%3D${key}`, FOREIGN],
    ['the path form', (key: string) => `GET /k/${key}/acme/shop/updates.xml`, FOREIGN],
    ['the encoded path form', (key: string) => `GET %2Fk%2F${key}%2Facme`, FOREIGN],
    ['a header', (key: string) => `x-license-key: ${key}`, FOREIGN],
    ['a bearer', (key: string) => `Authorization: Bearer ${key}`, FOREIGN],
    ['a bearer alone', (key: string) => `sent Bearer ${key} twice`, FOREIGN],
    ['headers as JSON', (key: string) => JSON.stringify({ authorization: `Basic ${key}`, host: 'x' }), FOREIGN],
    ['a body as JSON', (key: string) => JSON.stringify({ license_key: key, name: 'x' }), FOREIGN],
    ['a body as JSON in JSON', (key: string) => JSON.stringify({ body: JSON.stringify({ key }) }), FOREIGN],
  ])('masks %s', (_, wrap, secret) => {
    const clean = redactKeys(wrap(secret));
    expect(clean).not.toContain(secret);
    expect(clean).toContain('***');
  });

  it.each([
    'insert into licenses: duplicate key value violates unique constraint "license_keys_hash_unique"',
    'key_01k8zq5jv6d0hxw1p8s3t4r5m9 belongs to lic_01k8zq5jv6d0hxw1p8s3t4r5m9',
    '/api/v1/organizations/acme/products',
    'the package "Basic plan" covers FG1',
    '{"site":"example.org","count":3}',
  ])('leaves %j as it is', (text) => {
    expect(redactKeys(text)).toBe(text);
  });

  it('keeps what is around the key', () => {
    expect(redactKeys('GET /k/abc/acme/shop?dlid=def&site=x.org')).toBe('GET /k/***/acme/shop?dlid=***&site=x.org');
  });

  it('keeps valid JSON valid', () => {
    const trap = fc.constantFrom(
      'dlid=',
      'key',
      'key="',
      'key=\\',
      'authorization:',
      'Bearer ',
      '/k/',
      '\\',
      '"',
      ' ',
      TOKEN,
      KEY,
    );
    const text = fc.oneof(fc.string(), trap, trap);
    const texts = fc.array(text, { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.dictionary(texts, texts), (value) => {
        expect(() => JSON.parse(redactKeys(JSON.stringify(value)))).not.toThrow();
      }),
      { numRuns: 3_000 },
    );
  });

  it('leaves no key of ours in any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        expect(redactKeys(`${before} ${KEY} ${after}`)).not.toContain(KEY);
      }),
    );
  });
});

describe('loggablePath', () => {
  it.each([
    ['/acme/shop/updates.xml?dlid=abc', '/acme/shop/updates.xml'],
    ['/k/abc/acme/shop/updates.xml?x=1#y', '/k/***/acme/shop/updates.xml'],
    [`/${KEY}/x`, '/***/x'],
    ['/plain', '/plain'],
    [`/${'x'.repeat(500)}`, `/${'x'.repeat(199)}`],
  ])('cuts %#', (url, path) => {
    expect(loggablePath(url)).toBe(path);
  });
});
