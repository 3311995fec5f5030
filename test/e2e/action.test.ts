import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { joomlaZip } from '../support/site-archives.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const action = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8'));
const [step] = action.runs.steps;
const TOKEN = 'fgt_secret-of-the-test';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'feedgate-action-'));
  mkdirSync(join(folder, 'dist'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  code: number;
  said: string;
  outputs: Record<string, string>;
}

/** As a runner does it: the inputs become the environment that the step names, the lines run in bash in the checkout. */
function run(inputs: Record<string, string> = {}, more: Record<string, string> = {}): Promise<Ran> {
  const values = Object.fromEntries(
    Object.entries(action.inputs as Record<string, { default: string }>).map(([name, input]) => [
      name,
      inputs[name] ?? input.default,
    ]),
  );
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '', HOME: folder, RUNNER_TEMP: folder, ...more };
  for (const [name, text] of Object.entries(step.env as Record<string, string>))
    env[name] = text
      .replace(/\$\{\{ github\.action_path \}\}/, ROOT.replace(/\/$/, ''))
      .replace(/\$\{\{ inputs\.([a-z-]+) \}\}/, (_, input: string) => values[input] ?? '');
  const outputs = join(folder, 'outputs.txt');
  rmSync(outputs, { force: true });
  env['GITHUB_OUTPUT'] = outputs;
  return new Promise((resolve) => {
    execFile('bash', ['-c', step.run], { cwd: folder, env }, (error, stdout, stderr) => {
      const lines = existsSync(outputs) ? readFileSync(outputs, 'utf8').trim().split('\n') : [];
      resolve({
        code: error ? Number(error.code) : 0,
        said: `${stdout}${stderr}`,
        outputs: Object.fromEntries(lines.map((line) => [line.split('=')[0], line.split('=').slice(1).join('=')])),
      });
    });
  });
}

async function zip(name: string, version: string): Promise<void> {
  const feed = 'https://updates.example.com/acme/hello/updates.xml';
  writeFileSync(join(folder, 'dist', name), await joomlaZip({ version, feed }));
}

describe('the action', () => {
  it('is one that every runner takes: composite, with the inputs and outputs that are documented', () => {
    expect(action.runs.using).toBe('composite');
    expect(Object.keys(action.inputs)).toEqual(['files', 'fail-on', 'version', 'server', 'product', 'token']);
    expect(Object.keys(action.outputs)).toEqual(['problems', 'report']);
    for (const each of action.runs.steps) expect(each.shell).toBe('bash');
    // What somebody typed is never part of the script.
    expect(step.run).not.toContain('${{');
  });

  it('passes a good zip and names its report', async () => {
    writeFileSync(join(folder, '.feedgate.yml'), 'joomla:\n  target: "4.4 - 6"\n');
    await zip('plg_hello 1.0.0.zip', '1.0.0');
    const ran = await run({ 'fail-on': 'warning' });
    expect(ran).toMatchObject({ code: 0, outputs: { problems: '0' } });
    const report = JSON.parse(readFileSync(ran.outputs['report'] ?? '', 'utf8'));
    expect(report).toMatchObject({ clean: true, results: [{ subject: 'dist/plg_hello 1.0.0.zip' }] });
  });

  it('fails a version that the tag of the run does not mean, and says so as an annotation', async () => {
    await zip('core.zip', '1.0.0');
    await zip('pro.zip', '1.0.0');
    const ran = await run(
      { files: 'dist/core.zip\n\ndist/p*.zip\n' },
      { GITHUB_REF_TYPE: 'tag', GITHUB_REF_NAME: 'v1.0.1' },
    );
    expect(ran.code).toBe(1);
    expect(ran.said).toContain('::error file=dist/core.zip,title=VERSION_MISMATCH::');
    expect(Number(ran.outputs['problems'])).toBeGreaterThanOrEqual(2);
    expect((await run({ 'fail-on': 'never', version: '1.0.1' })).code).toBe(0);
    expect((await run({ version: '1.0.0' }, { GITHUB_REF_TYPE: 'tag', GITHUB_REF_NAME: 'v9' })).code).toBe(0);
  });

  it('ends with 2 where it could not run', async () => {
    expect((await run()).said).toContain('there is no file dist/*.zip');
    expect((await run()).code).toBe(2);
    await zip('hello.zip', '1.0.0');
    expect((await run({ 'fail-on': 'sometimes' })).code).toBe(2);
    expect((await run({ server: 'http://127.0.0.1:9', product: 'acme/hello', token: TOKEN })).code).toBe(2);
    expect((await run({ files: '$(touch evil)`touch evil`;touch evil' })).code).toBe(2);
    expect(existsSync(join(folder, 'evil'))).toBe(false);
  });

  it('asks a server for the settings of the product, and never prints the token', async () => {
    const asked: string[] = [];
    const server = createServer((req, res) => {
      asked.push(`${req.url} ${req.headers.authorization}`);
      const settings = { assets: {}, targets: { joomla: { min: '4.4', max: '6' } } };
      const product = { path: 'acme/hello', mode: 'strict', settings };
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ items: [product] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await zip('hello.zip', '1.0.0');
    const ran = await run({ server: url, token: TOKEN, 'fail-on': 'warning' }, { GITHUB_REPOSITORY: 'acme/hello' });
    await new Promise((resolve) => void server.close(resolve));
    expect(asked).toEqual([`/api/v1/organizations/acme/products?limit=200 Bearer ${TOKEN}`]);
    // The server says for which Joomla it is; what the zip asks is another server.
    expect(ran.said).toContain('UPDATE_SERVER_FOREIGN');
    expect(ran.said).not.toContain('TARGET_PLATFORM_MISSING::Neither');
    expect(ran.code).toBe(1);
    expect(ran.said + readFileSync(ran.outputs['report'] ?? '', 'utf8')).not.toContain(TOKEN);
  });
});
