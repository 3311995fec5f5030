import { describe, expect, it } from 'vitest';
import { within } from './deadline.ts';

describe('within', () => {
  it('gives what the work gives', async () => {
    expect(await within(60_000, Promise.resolve(7))).toBe(7);
  });

  it('fails as the work fails', async () => {
    await expect(within(60_000, Promise.reject(new Error('down')))).rejects.toThrow('down');
  });

  it('fails once the time is over', async () => {
    await expect(within(1, new Promise(() => undefined))).rejects.toThrow('no answer within 1 ms');
  });
});
