import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGitRepository } from '../../../test/support/git-repository.ts';
import { runGit, streamGit } from '../git-io.ts';

let root: string;
let gitDir: string;
const failed = (stderr: string) => new Error(`failed: ${stderr}`);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'feedgate-git-io-'));
  const files = { big: Buffer.alloc(3_000_000, 'feedgate'), small: 'small' };
  gitDir = (await makeGitRepository(root, 'a', [{ name: 'v1', files }])).path;
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe('a run of git', () => {
  it('gives code and output', async () => {
    const ok = await runGit({ args: ['--git-dir', gitDir, 'show', 'v1:small'], timeoutMs: 60_000 }, 100);
    expect([ok.code, ok.stdout.toString(), ok.stderr]).toEqual([0, 'small', '']);
    const bad = await runGit({ args: ['--git-dir', gitDir, 'show', 'v2:small'], timeoutMs: 60_000 }, 100);
    expect([bad.code, bad.stdout.length]).toEqual([128, 0]);
    expect(bad.stderr).toMatch(/^fatal: /);
  });

  it('stops at more output than was asked for', async () => {
    const run = runGit({ args: ['--git-dir', gitDir, 'show', 'v1:big'], timeoutMs: 60_000 }, 1000);
    await expect(run).rejects.toMatchObject({ reason: 'bad_answer' });
  });

  it('sees nothing of our environment and speaks only what it may', async () => {
    const config = { 'alias.env': '!env' };
    const { stdout } = await runGit({ args: ['env'], config, protocols: 'file', timeoutMs: 60_000 }, 100_000);
    const names = stdout
      .toString()
      .split('\n')
      .map((line) => line.split('=')[0] ?? '');
    expect(names.filter((name) => /^(npm_|VITEST|NODE_|TOKEN)/.test(name))).toEqual([]);
    expect(stdout.toString()).toContain('GIT_ALLOW_PROTOCOL=file\n');
    expect(stdout.toString()).toContain('GIT_TERMINAL_PROMPT=0\n');
  });

  it('is killed with all that it started when a host never answers', async () => {
    const held = http.createServer(() => undefined);
    await new Promise<void>((resolve) => held.listen(0, '127.0.0.1', resolve));
    const closed = new Promise((resolve) => held.on('connection', (socket) => socket.on('close', resolve)));
    const url = `http://127.0.0.1:${(held.address() as AddressInfo).port}/a`;
    const run = runGit({ args: ['ls-remote', url], protocols: 'http', timeoutMs: 500 }, 1000);
    await expect(run).rejects.toMatchObject({ reason: 'timeout' });
    await closed;
    held.close();
  });
});

describe('a stream of git', () => {
  it('fails at its end when git failed', async () => {
    const read = async () => {
      for await (const chunk of streamGit({ args: ['--git-dir', gitDir, 'show', 'v2:a'], timeoutMs: 60_000 }, failed)) {
        expect(chunk.length).toBe(0);
      }
    };
    await expect(read()).rejects.toThrow(/^failed: fatal:/);
  });

  it('ends git when the reader goes away', async () => {
    const config = { 'alias.count': '!yes' };
    let seen = 0;
    for await (const chunk of streamGit({ args: ['count'], config, timeoutMs: 600_000 }, failed)) {
      seen += chunk.length;
      if (seen > 100_000) break;
    }
    expect(seen).toBeGreaterThan(100_000);
  });
});
