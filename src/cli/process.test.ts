import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../package-root.ts';
import { newInstallation, type TestInstallation } from './test-cli.ts';

const MAIN = ['--import', 'tsx', join(packageRoot, 'src', 'main.ts')];

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** The command as a shell starts it. */
describe('the real process', () => {
  let installation: TestInstallation;
  beforeAll(() => {
    installation = newInstallation();
  });
  afterAll(() => installation.remove());

  function environment(): NodeJS.ProcessEnv {
    return { PATH: process.env['PATH'], ...installation.env };
  }

  function feedgate(...argv: string[]): Promise<Ended> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [...MAIN, ...argv],
        { env: environment(), cwd: packageRoot },
        (error, stdout, stderr) => {
          resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
        },
      );
    });
  }

  it('answers --json with one line on stdout and nothing else', async () => {
    const { code, stdout } = await feedgate('product', 'list', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ products: [] });
    expect(stdout.trim().split('\n')).toHaveLength(1);
  });

  it('tells of a new installation on stderr, once', async () => {
    const fresh = newInstallation();
    const env = { ...environment(), ...fresh.env };
    const migrate = (): Promise<string> =>
      new Promise((resolve) => {
        execFile(process.execPath, [...MAIN, 'token', 'list'], { env }, (_, __, stderr) => resolve(stderr));
      });
    expect(await migrate()).toContain('lose it and every license key is lost');
    expect(await migrate()).toBe('');
    expect(existsSync(join(fresh.folder, 'data', 'secret.key'))).toBe(true);
    fresh.remove();
  });

  it.each([
    [0, ['--help']],
    [1, ['key', 'show', 'nobody-knows-it']],
    [2, ['no', 'such', 'command']],
    [2, ['lint', '/nowhere/at/all.zip']],
  ])('ends with %i for %j', async (expected, argv) => {
    expect((await feedgate(...argv)).code).toBe(expected);
  });

  it('ends with 3 for a wrong configuration', async () => {
    const before = installation.env;
    installation.env = { ...before, PUBLIC_URL: 'updates.example.com' };
    const { code, stdout, stderr } = await feedgate('doctor');
    installation.env = before;
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('PUBLIC_URL');
  });

  it('is quiet when its reader has seen enough', async () => {
    const child = spawn(process.execPath, [...MAIN, 'openapi'], { env: environment(), cwd: packageRoot });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdout.destroy();
    await new Promise((resolve) => child.once('close', resolve));
    expect(stderr).toBe('');
  });
});
