import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ForgeConnection } from '../forge.ts';
import { addressesOf, isNewEnough, isRepositoryName, isTagName, mirrorName, remoteConfig } from './address.ts';

const forge: ForgeConnection = {
  id: 'fge_1',
  kind: 'git',
  baseUrl: 'https://git.example.com/acme',
  token: null,
  cacheDir: '/cache',
};

describe('names of repositories', () => {
  it.each(['com_example', 'Com.Example-2+x', 'group/sub/name', 'name.git', 'Größe', 'with space'])(
    'takes %j',
    (name) => {
      expect(isRepositoryName(name)).toBe(true);
    },
  );

  it.each([
    '',
    '.',
    '..',
    'a/..',
    '../a',
    'a..b',
    '-a',
    'a/-b',
    '/a',
    'a/',
    'a//b',
    '.git',
    'a\\b',
    'a\0b',
    'a\nb',
    'a?b',
    'a#b',
    'a%2e',
    'a:b',
    'a@b',
    '~a',
    'a'.repeat(201),
  ])('refuses %j', (name) => {
    expect(isRepositoryName(name)).toBe(false);
    expect(addressesOf(forge, name)).toEqual([]);
  });

  it('never leaves the base, whatever is asked for', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[a./%@\\-]{1,12}$/)), (name) => {
        for (const { url } of addressesOf(forge, name)) {
          expect(new URL(url).href.startsWith('https://git.example.com/acme/')).toBe(true);
          expect(new URL(url).search + new URL(url).hash).toBe('');
        }
      }),
    );
  });

  it('gives each repository of each connection and base its own mirror', () => {
    const others = [
      { ...forge, baseUrl: '/srv' },
      { ...forge, id: 'fge_2' },
    ];
    const names = [mirrorName(forge, 'a'), mirrorName(forge, 'b'), ...others.map((other) => mirrorName(other, 'a'))];
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{40}\.git$/);
  });
});

describe('names of tags', () => {
  it.each(['v1.0.0', 'pro/1.0', 'com_x-1.0+build', 'größe', '1', 'a@b'])('takes %j', (name) => {
    expect(isTagName(name)).toBe(true);
  });

  it.each([
    '',
    '-v',
    'a..b',
    'a b',
    'a~1',
    'a^',
    'a^{}',
    'a:b',
    'a?',
    'a*',
    'a[b',
    'a\\b',
    '@',
    'a@{1}',
    '/a',
    'a/',
    'a//b',
    'a.',
    'a.lock',
    'a\n',
  ])('refuses %j', (name) => {
    expect(isTagName(name)).toBe(false);
  });
});

describe('what a fetch may do', () => {
  it.each([
    ['https://git.example.com', 'https:http:ssh:git'],
    ['/srv/git', 'file'],
  ])('%s speaks %s', (baseUrl, protocols) => {
    const addresses = addressesOf({ ...forge, baseUrl }, 'a');
    expect(addresses.map((each) => each.protocols)).toEqual([protocols, protocols]);
    expect(addresses.map((each) => each.url)).toEqual([`${baseUrl}/a`, `${baseUrl}/a.git`]);
    expect(addressesOf({ ...forge, baseUrl }, 'a.git')).toHaveLength(1);
  });

  it.each(['ssh://git@git.example.com', '/srv/git'])('gives no token to %s', (baseUrl) => {
    const [address] = addressesOf({ ...forge, baseUrl }, 'a');
    if (!address) throw new Error('no address');
    expect(Object.keys(remoteConfig({ ...forge, baseUrl, token: 't0ken' }, address))).toEqual(['remote.feedgate.url']);
  });
});

describe('the program', () => {
  it.each([
    ['git version 2.30.2', false],
    ['git version 1.99.0', false],
    ['git version 2.31.0', true],
    ['git version 2.39.5 (Apple Git-154)', true],
    ['git version 3.0.0-rc1', true],
    ['nonsense', false],
  ])('%s will do: %s', (version, expected) => {
    expect(isNewEnough(version)).toBe(expected);
  });
});
