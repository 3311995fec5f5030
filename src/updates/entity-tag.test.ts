import { describe, expect, it } from 'vitest';
import { entityTag, isFresh } from './entity-tag.ts';

describe('entityTag', () => {
  it('is a quoted text that a header can hold', () => {
    expect(entityTag(['a'])).toMatch(/^"[A-Za-z0-9_-]{27}"$/);
  });

  it('is the same for the same parts and differs with any of them, and with where one ends', () => {
    expect(entityTag(['a', 'b'])).toBe(entityTag(['a', Buffer.from('b')]));
    const tags = [['a', 'b'], ['ab'], ['a', 'c'], ['b', 'a'], ['a'], []].map(entityTag);
    expect(new Set(tags).size).toBe(tags.length);
  });
});

describe('isFresh', () => {
  const tag = entityTag(['x']);
  it.each([
    ['nothing was sent', undefined, false],
    ['the tag', tag, true],
    ['the weak form of it, as proxies that compress make it', `W/${tag}`, true],
    ['a list that holds it', `"other", ${tag} ,"more"`, true],
    ['a list without it', '"other", "more"', false],
    ['any', '*', true],
    ['the tag without quotes', tag.slice(1, -1), false],
    ['an empty header', '', false],
  ])('%s', (_, sent, expected) => {
    expect(isFresh(sent, tag)).toBe(expected);
  });
});
