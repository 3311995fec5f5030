import { describe, expect, it } from 'vitest';
import { ForgeTrouble } from '../errors.ts';
import { FACT_FRESH_MS, FACT_KEPT_MS, makeFactCache, RETRY_AFTER_MS } from './fact-cache.ts';

const START = Date.UTC(2026, 0, 1);

/** A cache, and a forge that says what it is told to. */
function world(most?: number) {
  const cache = makeFactCache(most);
  const state = { now: START, answer: 'yes', asked: 0, isDead: false };
  const ask = (isWrite = false, name = 'owner', forge = 'fge_1') =>
    cache.ask(forge, name, { now: state.now, isWrite }, async () => {
      state.asked += 1;
      if (state.isDead) throw new ForgeTrouble('unreachable', 'GET http://10.0.0.7/ failed: ECONNREFUSED');
      return state.answer;
    });
  return { cache, state, ask };
}

describe('what a forge said', () => {
  it('is asked once in a minute', async () => {
    const { state, ask } = world();
    expect(await ask()).toBe('yes');
    state.answer = 'no';
    state.now += FACT_FRESH_MS - 1;
    expect([await ask(), await ask(true), state.asked]).toEqual(['yes', 'yes', 1]);
    state.now += 1;
    expect([await ask(), state.asked]).toEqual(['no', 2]);
  });

  it('is asked once by all who ask at the same time', async () => {
    const { state, ask } = world();
    expect(await Promise.all([ask(), ask(true), ask()])).toEqual(['yes', 'yes', 'yes']);
    expect(state.asked).toBe(1);
  });

  it('is kept apart by forge and by question', async () => {
    const { state, ask } = world();
    await ask();
    state.answer = 'no';
    expect([await ask(false, 'team'), await ask(false, 'owner', 'fge_2'), await ask()]).toEqual(['no', 'no', 'yes']);
  });

  it('is forgotten at once where something changed, what is under way too', async () => {
    const { cache, state, ask } = world();
    const running = ask();
    cache.forget('fge_1');
    state.answer = 'no';
    expect(await running).toBe('yes');
    expect(await ask()).toBe('no');
    cache.forget('fge_2');
    await ask();
    expect(state.asked).toBe(2);
  });

  it('lets reads go on for a quarter of an hour where the forge is dead, and no write', async () => {
    const { state, ask } = world();
    await ask();
    state.isDead = true;
    state.now += FACT_FRESH_MS;
    await expect(ask(true)).rejects.toMatchObject({ code: 'FORGE_TROUBLE', status: 502 });
    expect(await ask()).toBe('yes');
    state.now = START + FACT_KEPT_MS - 1;
    expect(await ask()).toBe('yes');
    state.now += 1;
    await expect(ask()).rejects.toMatchObject({ code: 'FORGE_TROUBLE' });
  });

  it('never comes of a dead forge, and does not tell where the forge is', async () => {
    const { state, ask } = world();
    state.isDead = true;
    const error = await ask().catch((each: unknown) => each);
    expect(error).toMatchObject({ code: 'FORGE_TROUBLE' });
    expect(String(error)).not.toContain('10.0.0.7');
  });

  it('is not asked of a dead forge with every request', async () => {
    const { state, ask } = world();
    state.isDead = true;
    for (let i = 0; i < 3; i++) await expect(ask(i === 1)).rejects.toMatchObject({ code: 'FORGE_TROUBLE' });
    expect(state.asked).toBe(1);
    state.isDead = false;
    state.now += RETRY_AFTER_MS;
    expect(await ask(true)).toBe('yes');
  });

  it('does not fill the memory', async () => {
    const { state, ask } = world(3);
    for (const name of ['a', 'b', 'c', 'a', 'd']) await ask(false, name);
    expect(state.asked).toBe(4);
    await ask(false, 'a');
    expect(state.asked).toBe(4);
    await ask(false, 'b');
    expect(state.asked).toBe(5);
  });

  it('lets any other fault through', async () => {
    const { cache } = world();
    const broken = cache.ask('fge_1', 'x', { now: START, isWrite: false }, async () => {
      throw new TypeError('a mistake of ours');
    });
    await expect(broken).rejects.toBeInstanceOf(TypeError);
  });
});
