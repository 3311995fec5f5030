import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../src/clock.ts';
import { sealHookSecrets } from '../../src/forge/connections.ts';
import { updateForge } from '../../src/forge/store.ts';
import { onEachDatabase } from '../support/databases.ts';
import { read, type SentHook, secretOf, sendHook } from '../support/hook-sender.ts';
import { joomlaZip } from '../support/site-archives.ts';
import { openVendor, type Vendor } from '../support/vendor.ts';

/** The inbox of forges: what is let in, what is kept of it, and what comes of it. */

let vendor: Vendor;
let secret: string;

const about = (id: number) => ({ repository: { id, name: 'hello', owner: { login: 'acme' } } });
const released = () => ({ action: 'published', release: { tag_name: 'v1.0.0' }, ...about(vendor.repo.id) });
const send = (hook: SentHook = {}) => sendHook(vendor.test.url, vendor.forgeId, { body: released(), secret, ...hook });
const states = async () => (await vendor.deliveries()).map(({ state }) => state);

onEachDatabase('a delivery', (database) => {
  beforeEach(async () => {
    vendor = await openVendor(database());
    secret = await secretOf(vendor.test, vendor.forgeId);
    await vendor.test.core.worker.drain();
  });
  afterEach(() => vendor.close());

  it('that is signed is kept, answered 202 and worked on', async () => {
    const id = randomUUID();
    expect(await send({ id })).toMatchObject({ status: 202, state: 'queued', detail: undefined });
    expect(await vendor.deliveries()).toMatchObject([
      {
        ...{ deliveryId: id, event: 'release', action: 'published', state: 'queued' },
        repositoryId: vendor.repositoryId,
      },
    ]);
    expect(await vendor.jobs()).toMatchObject([
      { kind: 'reconcile', attempts: 0, payload: { again: [30 * SECOND, 5 * MINUTE] } },
    ]);
    await vendor.test.core.worker.drain();
    expect(await states()).toEqual(['done']);
  });

  it.each<[string, () => SentHook]>([
    ['with a wrong secret', () => ({ secret: 'another secret' })],
    ['with empty signatures', () => ({ secret: null })],
    ['with one right and one wrong signature', () => ({ headers: { 'X-Gitea-Signature': '0'.repeat(64) } })],
    ['with a body that was changed on the way', () => ({ body: released(), secret: `${secret}x` })],
    ['with a signature that is no digest', () => ({ headers: { 'X-Hub-Signature-256': 'sha256=none' } })],
  ])('%s is refused and leaves nothing', async (_what, hook) => {
    expect(await send(hook())).toMatchObject({ status: 401, code: 'SIGNATURE_INVALID' });
    expect([await vendor.deliveries(), await vendor.jobs()]).toEqual([[], []]);
  });

  it('without any signature is refused', async () => {
    const headers = {
      'content-type': 'application/json',
      'x-gitea-event': 'release',
      'x-gitea-delivery': randomUUID(),
    };
    const answer = await fetch(`${vendor.test.url}/hooks/${vendor.forgeId}`, { method: 'POST', headers, body: '{}' });
    expect(await read(answer)).toMatchObject({ status: 401, code: 'SIGNATURE_INVALID' });
    expect(await vendor.deliveries()).toEqual([]);
  });

  it('is good under the new secret and the old one while they change', async () => {
    const { db, forge } = vendor.test.core;
    const seal = (secrets: string[]) =>
      db.tx((tx) =>
        updateForge(tx, vendor.forgeId, { hookSecretsSealed: sealHookSecrets(forge, vendor.forgeId, secrets) }),
      );
    await seal(['newer', secret]);
    expect((await send({ secret: 'newer' })).status).toBe(202);
    expect((await send({ secret })).status).toBe(202);
    await seal(['newer']);
    expect((await send({ secret })).status).toBe(401);
  });

  it.each<[string, SentHook, number, string]>([
    ['larger than 25 MB', { body: Buffer.alloc(30 * 2 ** 20, 32) }, 413, 'BODY_TOO_LARGE'],
    [
      'sent as a form',
      { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['without a type', { headers: { 'Content-Type': '' } }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['compressed', { body: gzipSync('{}'), headers: { 'Content-Encoding': 'gzip' } }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ])('%s is refused', async (_what, hook, status, code) => {
    expect(await send(hook)).toMatchObject({ status, code });
    expect(await vendor.deliveries()).toEqual([]);
  });

  it.each(['GET', 'PUT', 'DELETE'])('by %s is not taken', async (method) => {
    const answer = await fetch(`${vendor.test.url}/hooks/${vendor.forgeId}?payload=%7B%7D`, { method });
    expect(answer.headers.get('allow')).toBe('POST');
    expect(await read(answer)).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' });
  });

  it.each(['fge_00000000000000000000000000', 'forge1', 'x'])(
    'for a forge that is none (%s) is not read',
    async (id) => {
      const answer = await sendHook(vendor.test.url, id, { secret, body: released() });
      expect(answer).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    },
  );

  it.each<[string, () => SentHook, RegExp]>([
    ['is not JSON', () => ({ body: 'not JSON at all' }), /no JSON/],
    ['holds what no text may hold', () => ({ body: '{"a":"\0"}' }), /no JSON/],
    ['has an event that was not asked for', () => ({ event: 'issues' }), /"issues" is not asked for/],
    ['has an event that nobody knows', () => ({ event: 'moon_landing' }), /"moon_landing" is not asked for/],
    ['is about another repository', () => ({ body: about(987_654) }), /no connected repository/],
    ['is about no repository', () => ({ body: { action: 'published' } }), /no connected repository/],
    [
      'is about a branch',
      () => ({ event: 'push', body: { ref: 'refs/heads/main', ...about(vendor.repo.id) } }),
      /branch/,
    ],
    ['has an id that is none', () => ({ id: 'x y' }), /no delivery id/],
  ])('that %s is kept as ignored', async (_what, hook, detail) => {
    const answer = await send(hook());
    expect(answer).toMatchObject({ status: 202, state: 'ignored' });
    expect(answer.detail).toMatch(detail);
    expect(await states()).toEqual(['ignored']);
    expect(await vendor.jobs()).toEqual([]);
  });

  it('that comes twice is worked on once', async () => {
    const id = randomUUID();
    await send({ id });
    await vendor.test.core.worker.drain();
    await vendor.test.core.db.tx((tx) => tx('jobs').delete());
    expect(await send({ id })).toMatchObject({
      status: 202,
      state: 'ignored',
      detail: 'this delivery was received before',
    });
    expect(await states()).toEqual(['done']);
    expect(await vendor.jobs()).toEqual([]);
  });

  it('whose look failed is queued again under its old id', async () => {
    const id = randomUUID();
    vendor.forge.setFault('500');
    await send({ id });
    await vendor.test.core.worker.drain();
    expect(await vendor.deliveries()).toMatchObject([
      { state: 'failed', detail: expect.stringMatching(/answered 500/) },
    ]);
    const [waiting] = await vendor.jobs();
    expect(Date.parse(waiting?.runAt ?? '')).toBe(vendor.test.time.now + 10 * SECOND);
    vendor.forge.clearFaults();
    expect(await send({ id })).toMatchObject({ status: 202, state: 'queued' });
    expect(await vendor.test.core.worker.drain()).toBe(1);
    expect(await states()).toEqual(['done']);
  });

  it('that came while the forge was looked at is looked for again', async () => {
    const { forge, test, repo } = vendor;
    let sent: Promise<unknown> | null = null;
    forge.onRequest(({ path }) => {
      // The lists are already on their way out: what happens now is in none of them.
      if (sent === null && /\/tags\?/.test(path)) {
        sent = (async () => {
          const assets = { 'hello.zip': await joomlaZip({ version: '1.0.0' }) };
          await forge.publishRelease(repo, { tag: 'v1.0.0', assets });
          return send();
        })();
      }
    });
    await send();
    const [first] = await vendor.deliveries();
    await test.core.worker.drain();
    await sent;
    test.time.now += SECOND;
    await test.core.worker.drain();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect(first?.state).toBe('queued');
    expect(await states()).toEqual(['done', 'done']);
  });

  it('is never logged, nor is what it was signed with', async () => {
    await send({ body: { ...released(), note: 'a private note' } });
    await send({ secret: 'wrong', body: { note: 'a private note' } });
    await vendor.test.core.worker.drain();
    const log = vendor.test.lines.join('\n');
    expect(log).not.toContain('private note');
    expect(log).not.toContain(secret);
  });
});

describe('a flood', () => {
  onEachDatabase('of hooks', (database) => {
    afterEach(() => vendor.close());

    it('of 1,000 at once is taken whole and looked for once', async () => {
      vendor = await openVendor(database());
      secret = await secretOf(vendor.test, vendor.forgeId);
      const { core } = vendor.test;
      await core.worker.drain();
      const asked = vendor.forge.requests.length;
      const answers = await Promise.all(Array.from({ length: 1_000 }, () => send()));
      expect(new Set(answers.map(({ status, state }) => `${status} ${state}`))).toEqual(new Set(['202 queued']));
      expect(await vendor.jobs()).toHaveLength(1);
      expect(await core.worker.drain()).toBe(1);
      const lists = vendor.forge.requests.slice(asked).filter(({ path }) => /\/tags\?/.test(path));
      expect(lists).toHaveLength(1);
      expect(new Set(await states())).toEqual(new Set(['done']));
    });
  });
});
