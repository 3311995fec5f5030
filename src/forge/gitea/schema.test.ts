import { describe, expect, it } from 'vitest';
import type { RemoteRepository } from '../forge.ts';
import { downloadPath, readHook, readRelease, readRepository, readTag, readText } from './schema.ts';

const UUID = 'c81de85f-c9b4-4e8b-8172-ef44466d36cc';
const SHA = 'c606f0b4faa7249a52c9b937aa12f8f9fdb2d3bb';

const repository = {
  id: 1,
  owner: { login: 'acme' },
  name: 'com_demo',
  private: true,
  archived: false,
  html_url: 'http://forge.example.test/acme/com_demo',
  description: 'Sample',
};

const known: RemoteRepository = {
  id: '1',
  owner: 'acme',
  name: 'com_demo',
  private: true,
  archived: false,
  webUrl: 'http://forge.example.test/acme/com_demo',
  description: 'Sample',
};

const release = {
  id: 9,
  tag_name: 'v1',
  name: 'One',
  body: '* first',
  draft: false,
  prerelease: false,
  published_at: '2026-11-22T19:05:31+01:00',
  html_url: 'http://forge.example.test/acme/com_demo/releases/tag/v1',
  assets: [],
};

const asset = { id: 2, name: 'a.zip', size: 239, uuid: UUID, created_at: '2026-11-22T18:06:17Z' };

function assetOf(changes: object) {
  return readRelease({ ...release, assets: [{ ...asset, ...changes }] }, known)?.assets[0];
}

describe('readRepository', () => {
  it('reads what is there', () => {
    expect(readRepository(repository)).toEqual(known);
  });

  it.each([
    ['an internal one is not public', { private: false, internal: true }, { private: true }],
    ['a public one', { private: false, internal: false }, { private: false }],
    ['no description', { description: null }, { description: '' }],
    ['a link that is none', { html_url: 'javascript:alert(1)' }, { webUrl: '' }],
    ['an old server', { archived: undefined }, { archived: false }],
  ])('%s', (_name, changes, expected) => {
    expect(readRepository({ ...repository, ...changes })).toMatchObject(expected);
  });

  it.each([
    null,
    7,
    [],
    {},
    { ...repository, id: 'x' },
    { ...repository, owner: null },
    { ...repository, private: undefined },
  ])('cannot use %j', (data) => {
    expect(readRepository(data)).toBeNull();
  });
});

describe('readRelease', () => {
  it('reads what is there', () => {
    expect(readRelease(release, known)).toEqual({
      id: '9',
      tag: 'v1',
      title: 'One',
      notes: '* first',
      draft: false,
      prerelease: false,
      publishedAt: '2026-11-22T18:05:31.000Z',
      webUrl: 'http://forge.example.test/acme/com_demo/releases/tag/v1',
      assets: [],
    });
  });

  it.each([
    ['no title and no notes', { name: null, body: undefined }, { title: '', notes: '' }],
    ["Go's zero time", { published_at: '0001-01-01T00:00:00Z' }, { publishedAt: null }],
    ['no time', { published_at: 'soon' }, { publishedAt: null }],
    ['no assets', { assets: null }, { assets: [] }],
    ['one bad asset', { assets: [{ id: 'x' }, asset, null] }, { assets: [{ id: '2' }] }],
  ])('%s', (_name, changes, expected) => {
    expect(readRelease({ ...release, ...changes }, known)).toMatchObject(expected);
  });

  it.each([{ tag_name: '' }, { id: -1 }, { draft: undefined }, { prerelease: 'no' }])('cannot use %j', (changes) => {
    expect(readRelease({ ...release, ...changes }, known)).toBeNull();
  });
});

describe('an asset', () => {
  it.each([
    ['by uuid', {}, { revision: UUID, locator: `/attachments/${UUID}`, external: false, sha256: null, size: 239 }],
    [
      'without a uuid by its name',
      { uuid: null, name: 'a b+c.zip' },
      { revision: '2:239:2026-11-22T18:06:17Z', locator: '/acme/com_demo/releases/download/v1/a%20b%2Bc.zip' },
    ],
    [
      'with a uuid that is a path',
      { uuid: '../../api/v1/user/tokens' },
      { locator: '/acme/com_demo/releases/download/v1/a.zip' },
    ],
    ['that is a link', { type: 'external', size: 0 }, { external: true, locator: '' }],
    ['that is a file', { type: 'attachment' }, { external: false }],
  ])('%s', (_name, changes, expected) => {
    expect(assetOf(changes)).toMatchObject(expected);
  });
});

describe('readTag', () => {
  const tag = { name: 'v1', message: 'Notes', id: '58f94b346d65e497a9315a320601388881c09b7a', commit: { sha: SHA } };

  it('takes the text of an annotated tag only', () => {
    expect(readTag(tag)).toEqual({ name: 'v1', commit: SHA, message: 'Notes' });
    expect(readTag({ ...tag, id: SHA })).toEqual({ name: 'v1', commit: SHA, message: '' });
  });

  it.each([{ name: '' }, { commit: null }, { commit: { sha: 'HEAD' } }])('cannot use %j', (changes) => {
    expect(readTag({ ...tag, ...changes })).toBeNull();
  });
});

describe('the rest', () => {
  it('reads hooks', () => {
    expect(readHook({ id: 3, config: { url: 'http://x' } })).toMatchObject({
      id: '3',
      active: false,
      events: [],
      type: '',
    });
    expect(readHook({ id: 3, config: null })).toBeNull();
  });

  it.each([
    [{ version: '1.2' }, '1.2'],
    [{ version: 1 }, null],
    [[], null],
    [null, null],
    ['<html>', null],
  ])('the version in %j is %j', (data, expected) => {
    expect(readText(data, 'version')).toBe(expected);
  });

  it('encodes every part of a path', () => {
    expect(downloadPath('a', 'b', 'pre/1', 'x?#.zip')).toBe('/a/b/releases/download/pre%2F1/x%3F%23.zip');
  });
});
