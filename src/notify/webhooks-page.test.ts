import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../package-root.ts';
import { EVENT_TYPES } from './event-types.ts';
import { SCHEDULE } from './retry-plan.ts';
import { signedHeaders } from './signature.ts';

const page = readFileSync(join(packageRoot, 'docs/webhooks.md'), 'utf8');
const block = (language: string) => page.split(`\`\`\`${language}\n`)[1]?.split('\n```')[0] ?? '';

/** The example of the page: anybody can try his own code with it. */
const VECTOR = {
  secret: `whsec_${Buffer.from('for examples only: 32 bytes long').toString('base64')}`,
  id: 'evt_01kdz6m4w00000000000000001',
  at: Date.UTC(2026, 0, 1, 12),
  body: '{"type":"webhook.test","timestamp":"2026-01-01T12:00:00.000Z","data":{"object":"webhook"}}',
};
const headers = signedHeaders(VECTOR, [VECTOR.secret], VECTOR.at);
const text = [
  `secret             ${VECTOR.secret}`,
  ...Object.entries(headers).map(([name, value]) => `${name.padEnd(18)} ${value}`),
  `body               ${VECTOR.body}`,
].join('\n');

describe('docs/webhooks.md', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'feedgate-webhooks-page-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('lists every type of event', () => {
    const rows = [...page.matchAll(/^\| `([a-z]+\.[a-z_]+)` \| (.+) \|$/gm)].map(([, type, words]) => [type, words]);
    expect(rows).toEqual(Object.entries(EVENT_TYPES));
  });

  it('says the schedule that is kept', () => {
    const hours = SCHEDULE.slice(4).map((ms) => ms / 3_600_000);
    const words = `${hours.slice(0, -1).join(', ')} and ${hours.at(-1)} hours`;
    expect(page.replaceAll('\n  ', ' ')).toContain(`at once, then 5 seconds, 5 minutes, 30 minutes, ${words}`);
  });

  it('shows a signature that is ours', () => {
    expect(block('text')).toBe(text);
  });

  it('shows TypeScript that takes it and nothing else', () => {
    const two = { ...headers, 'webhook-signature': `v1,AAAA ${headers['webhook-signature']}` };
    const late = VECTOR.at + 299_000;
    const calls = [
      [headers, VECTOR.body, VECTOR.secret, late],
      [two, VECTOR.body, VECTOR.secret, late],
      [headers, `${VECTOR.body} `, VECTOR.secret, late],
      [headers, VECTOR.body, VECTOR.secret, VECTOR.at + 300_000],
      [{}, VECTOR.body, VECTOR.secret, late],
    ];
    const file = join(folder, 'verify.ts');
    const tried = calls.map((call) => `verify(...${JSON.stringify(call)})`);
    writeFileSync(file, `${block('ts')}\nconsole.log(JSON.stringify([${tried.join(', ')}]));\n`);
    const ran = spawnSync(process.execPath, ['--import', 'tsx', file], { cwd: packageRoot, encoding: 'utf8' });
    expect([ran.stderr, JSON.parse(ran.stdout || 'null')]).toEqual(['', [true, true, false, false, false]]);
  });

  it.skipIf(spawnSync('php', ['-v']).status !== 0)('shows PHP that takes it and nothing else', () => {
    const seconds = VECTOR.at / 1_000;
    const call = (body: string, now: number) =>
      `verify(json_decode('${JSON.stringify(headers)}', true), '${body}', '${VECTOR.secret}', ${now})`;
    const calls = [
      call(VECTOR.body, seconds + 299),
      call(`${VECTOR.body} `, seconds),
      call(VECTOR.body, seconds + 300),
    ];
    const file = join(folder, 'verify.php');
    writeFileSync(file, `${block('php')}\necho json_encode([${calls.join(', ')}]);\n`);
    expect(JSON.parse(spawnSync('php', [file], { encoding: 'utf8' }).stdout)).toEqual([true, false, false]);
  });
});
