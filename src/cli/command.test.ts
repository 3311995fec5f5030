import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newKeyText, newTokenText } from '../licensing/license-key.ts';
import { EXIT } from './command.ts';
import { commands } from './index.ts';
import { newInstallation, type TestInstallation } from './test-cli.ts';

let installation: TestInstallation;
beforeAll(() => {
  installation = newInstallation();
});
afterAll(() => installation.remove());

describe('every command', () => {
  it.each(commands.map(({ name, summary }) => [name, summary]))('%s explains itself', async (name, summary) => {
    const { code, said, noted } = await installation.run(...name.split(' '), '--help');
    expect(code).toBe(EXIT.ok);
    expect(said).toContain(`usage: feedgate ${name}`);
    expect(said).toContain(summary);
    expect(noted).toBe('');
  });

  it.each(commands.map(({ name }) => [name]))('%s refuses an option that it does not know', async (name) => {
    const { code, noted, json } = await installation.run(...name.split(' '), '--no-such-option', '--json');
    expect(code).toBe(EXIT.usage);
    expect(noted).toContain(`usage: feedgate ${name}`);
    expect(json.error.code).toBe('USAGE');
  });

  it('has every command that the issue names', () => {
    const names = commands.map(({ name }) => name);
    const wanted = [
      ...['serve', 'migrate', 'demo', 'doctor', 'openapi', 'forge add', 'forge list', 'forge check'],
      ...['product add', 'product list', 'product sync', 'product lint', 'product preview'],
      ...['package create', 'package list', 'key create', 'key list', 'key show', 'key revoke', 'key suspend'],
      ...['key resume', 'release list', 'release yank', 'release unyank', 'token create', 'token revoke'],
    ];
    expect(names).toEqual(expect.arrayContaining(wanted));
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('the frame', () => {
  it('lists all commands where none is named, and those of a group', async () => {
    expect((await installation.run('--help')).said).toContain('product preview');
    const group = await installation.run('key');
    expect(group.code).toBe(EXIT.usage);
    expect(group.noted).toContain('key create');
    expect(group.noted).not.toContain('product add');
  });

  it('tells every fault of the configuration at once, with exit code 3', async () => {
    const broken = newInstallation({ PUBLIC_URL: undefined, PORT: 'http' });
    const { code, noted, json } = await broken.run('product', 'list', '--json');
    broken.remove();
    expect(code).toBe(EXIT.config);
    expect(noted).toContain('PUBLIC_URL');
    expect(noted).toContain('PORT');
    expect(json.error.code).toBe('CONFIG');
  });

  it('tells a problem by its code in JSON, and in words on stderr', async () => {
    const { code, json, noted, said } = await installation.run('product', 'sync', 'acme/nothing', '--json');
    expect(code).toBe(EXIT.failed);
    expect(json).toEqual({ error: { code: 'NOT_FOUND', detail: expect.stringContaining('acme/nothing'), errors: [] } });
    expect(noted).toContain('there is no product');
    expect(said).toBe('');
  });

  it.each([
    ['a key where a command is expected', (secret: string) => ['key', 'shoow', secret]],
    ['a key where a product is expected', (secret: string) => ['product', 'sync', secret]],
    ['a key where a forge is expected', (secret: string) => ['forge', 'check', secret, '--json']],
    ['a key nobody has', (secret: string) => ['key', 'show', secret, '--json']],
    ['a key with a typing error', (secret: string) => ['key', 'show', `${secret}0`, '--json']],
  ])('repeats no secret: %s', async (_, argv) => {
    for (const secret of [newKeyText(), newTokenText()]) {
      const ran = await installation.run(...argv(secret));
      expect(ran.code).not.toBe(EXIT.ok);
      expect(JSON.stringify(ran)).not.toContain(secret);
    }
  });
});
