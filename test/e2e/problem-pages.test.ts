import { expect, it } from 'vitest';
import { PROBLEMS } from '../../src/errors.ts';
import { ask, onEachServer } from '../support/served.ts';

onEachServer('pages of problems', (served) => {
  it.each(Object.entries(PROBLEMS))('%s has its own', async (code, [status, title]) => {
    const answer = await ask(served(), `/problems/${code}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const told = (text: string) => expect(answer.text).toContain(text);
    told(`<h1>${title}</h1>`);
    told(`<code>${code}</code>`);
    told(`HTTP status ${status}.`);
    const remedy = /<p>([^\n]+)<\/p>\n<\/main>/.exec(answer.text)?.[1];
    expect(remedy).toMatch(/^[A-Z].*\.$/);
    expect(remedy).not.toMatch(/HTTP status|`/);
  });

  it('are where the type of a problem leads', async () => {
    const { json } = await askJson('/api/v1/organizations');
    const { type, code } = json as { type: string; code: string };
    expect(type).toBe(`${served().url}/problems/${code}`);
    expect((await ask(served(), new URL(type).pathname)).text).toContain(`<code>${code}</code>`);
  });

  it.each(['', '/', '/NOTHING', '/not_found', '/constructor', '/__proto__', '/%3Cb%3E', '/NOT_FOUND/more'])(
    'there is none at /problems%s',
    async (rest) => {
      const { status, text } = await ask(served(), `/problems${rest}`);
      expect([status, text.includes('There is no such page')]).toEqual([404, true]);
    },
  );

  async function askJson(path: string): Promise<{ json: unknown }> {
    return { json: JSON.parse((await ask(served(), path)).text) };
  }
});
