import { describe, expect, it } from 'vitest';
import { cookieJar } from './cookies.ts';
import { isOwnRequest } from './own-request.ts';

const VALUE = 'v'.repeat(43);

describe('a cookie of ours', () => {
  const secure = cookieJar('https://updates.example.com');
  const plain = cookieJar('http://127.0.0.1:8080');

  it('cannot be planted by another host where there is https', () => {
    expect(secure.set('session', VALUE, 60)).toBe(
      `__Host-feedgate-session=${VALUE}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure`,
    );
    expect(secure.clear('sign-in')).toBe('__Host-feedgate-sign-in=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure');
    expect(secure.read(`feedgate-session=${VALUE}`, 'session')).toBeNull();
  });

  it('has a plain name over http, where browsers refuse the other one', () => {
    expect(plain.set('session', VALUE, 60)).toBe(
      `feedgate-session=${VALUE}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax`,
    );
  });

  it.each([
    [`feedgate-session=${VALUE}`, VALUE],
    [`a=b; feedgate-session=${VALUE};c=d`, VALUE],
    [`feedgate-session=${VALUE}; feedgate-session=${'w'.repeat(43)}`, null],
    [`xfeedgate-session=${VALUE}`, null],
    [`feedgate-session=${VALUE}x`, null],
    ['feedgate-session=', null],
    [undefined, null],
  ])('is read from %s as %s', (header, value) => {
    expect(plain.read(header, 'session')).toBe(value);
  });
});

describe('a request with a cookie', () => {
  const own = 'https://updates.example.com';
  it.each<[string, { method: string; origin?: string; fetchSite?: string }, boolean]>([
    ['reads from wherever it comes', { method: 'GET', fetchSite: 'cross-site' }, true],
    ['reads from wherever it comes', { method: 'HEAD' }, true],
    ['changes from a page of ours', { method: 'POST', fetchSite: 'same-origin', origin: 'null' }, true],
    ['changes from our origin', { method: 'DELETE', origin: own }, true],
    ['does not change from elsewhere', { method: 'POST', fetchSite: 'cross-site', origin: own }, false],
    ['does not change from a neighbour', { method: 'PUT', fetchSite: 'same-site', origin: own }, false],
    ['does not change from nowhere', { method: 'POST', fetchSite: 'none' }, false],
    ['does not change where nothing is said', { method: 'PATCH' }, false],
    ['does not change from another origin', { method: 'POST', origin: 'http://updates.example.com' }, false],
    ['does not change from a longer host', { method: 'POST', origin: `${own}.evil.example` }, false],
    ['does not change by a method of its own', { method: 'PURGE' }, false],
  ])('%s: %o', (_what, { method, origin, fetchSite }, expected) => {
    expect(isOwnRequest({ method, origin, fetchSite }, `${own}/below`)).toBe(expected);
  });
});
