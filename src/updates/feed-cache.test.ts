import { describe, expect, it } from 'vitest';
import { makeCache } from './feed-cache.ts';

async function gives<V>(value: V): Promise<V> {
  return value;
}

describe('makeCache', () => {
  it('makes a value once, however many ask while it is made', async () => {
    const cache = makeCache<number>(10);
    let made = 0;
    let finish = (_value: number): void => undefined;
    const make = () => {
      made += 1;
      return new Promise<number>((resolve) => {
        finish = resolve;
      });
    };
    const asked = [cache.get('a', make), cache.get('a', make), cache.get('a', make)];
    finish(7);
    expect(await Promise.all(asked)).toEqual([7, 7, 7]);
    expect(await cache.get('a', make)).toBe(7);
    expect(made).toBe(1);
  });

  it('keeps no failure: the next one tries again', async () => {
    const cache = makeCache<string>(10);
    await expect(cache.get('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(cache.peek('a')).toBeUndefined();
    expect(await cache.get('a', () => gives('up'))).toBe('up');
  });

  it('tells a failure to everyone who waited for the same value', async () => {
    const cache = makeCache<string>(10);
    const failing = () => Promise.reject(new Error('down'));
    const asked = await Promise.allSettled([cache.get('a', failing), cache.get('a', failing)]);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('lets go of the value that was not used for the longest time', async () => {
    const cache = makeCache<string>(2);
    cache.set('a', 'A');
    cache.set('b', 'B');
    await cache.get('a', () => gives('anew'));
    cache.set('c', 'C');
    expect([cache.peek('a'), cache.peek('b'), cache.peek('c')]).toEqual(['A', undefined, 'C']);
  });

  it('is bound by weight where values weigh unlike', () => {
    const cache = makeCache<string>(10, (value) => value.length);
    cache.set('a', 'xxxx');
    cache.set('b', 'xxxx');
    cache.set('a', 'xx');
    cache.set('c', 'xxxx');
    expect(['a', 'b', 'c'].map(cache.peek)).toEqual(['xx', 'xxxx', 'xxxx']);
    cache.set('d', 'x');
    expect(['a', 'b', 'c', 'd'].map(cache.peek)).toEqual(['xx', undefined, 'xxxx', 'x']);
  });

  it('keeps nothing that alone is heavier than all it may hold', () => {
    const cache = makeCache<string>(3, (value) => value.length);
    cache.set('a', 'xx');
    cache.set('b', 'xxxx');
    expect(['a', 'b'].map(cache.peek)).toEqual([undefined, undefined]);
    cache.set('c', 'xxx');
    expect(cache.peek('c')).toBe('xxx');
  });

  it('gives what was made even where it is not kept', async () => {
    const cache = makeCache<string>(1, (value) => value.length);
    expect(await cache.get('a', () => gives('too heavy'))).toBe('too heavy');
    expect(cache.peek('a')).toBeUndefined();
  });
});
