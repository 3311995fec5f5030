import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sealHookSecrets } from '../../src/forge/connections.ts';
import { newId } from '../../src/ids.ts';
import { openTestCore, type TestCore } from '../support/core.ts';
import { openSqlite, type TestDatabase } from '../support/databases.ts';
import { read } from '../support/hook-sender.ts';
import { seedForge, seedOrganization, seedRepository } from '../support/seed.ts';

/** Everything that a real Gitea sent in the life of one repository, header by header, through our own door. */

const SECRET = 'hook-secret-of-the-sample';
const KEPT = new URL('../fixtures/gitea/hooks/', import.meta.url);
const WHOLE = new URL('../../../shared/samples/forges/gitea-recorded/hooks/', import.meta.url);
const hasWhole = existsSync(WHOLE);
if (!hasWhole) process.stderr.write('SKIPPED: the whole set of deliveries of Gitea is not beside the repository\n');

const schema = z.object({ headers: z.array(z.tuple([z.string(), z.string()])), body: z.string() });

/** What must come of a delivery, told from the name of its file alone. */
function expectedOf(file: string): { status: number; state?: string; detail?: RegExp } {
  if (file.includes('.nosecret.')) return { status: 401 };
  if (file.includes('.form.')) return { status: 415 };
  if (/push-refs_heads_/.test(file)) return { status: 202, state: 'ignored', detail: /push of a branch/ };
  if (/create-main/.test(file)) return { status: 202, state: 'ignored', detail: /branch/ };
  return { status: 202, state: 'queued' };
}

describe.each([
  ['kept here', KEPT],
  ['of the whole set', WHOLE],
])('deliveries %s', (_name, folder) => {
  const files = existsSync(folder) ? readdirSync(folder) : [];
  let database: TestDatabase;
  let test: TestCore;
  let forgeId: string;
  let repositoryId: string;

  beforeAll(async () => {
    database = await openSqlite();
    test = await openTestCore(database);
    const { db, forge } = test.core;
    const id = newId('forge');
    forgeId = (await seedForge(db, { id, hookSecretsSealed: sealHookSecrets(forge, id, ['newer', SECRET]) })).id;
    const organization = await seedOrganization(db, { id: forgeId });
    repositoryId = (await seedRepository(db, organization, { remoteId: '1', name: 'com_demo' })).id;
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  async function deliver(file: string) {
    const { headers, body } = schema.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
    const kept = headers.filter(([name]) => name.toLowerCase() !== 'content-length');
    return read(await fetch(`${test.url}/hooks/${forgeId}`, { method: 'POST', headers: kept, body }));
  }

  it.skipIf(files.length === 0)('are there', () => expect(files.length).toBeGreaterThan(10));

  it.each(files)('%s', async (file) => {
    const { status, state, detail } = expectedOf(file);
    const answer = await deliver(file);
    expect([answer.status, answer.state]).toEqual([status, state]);
    if (detail) expect(answer.detail).toMatch(detail);
    else if (status === 202) expect(answer.detail).toBeUndefined();
  });

  it.skipIf(files.length === 0)('are all kept, and lead to one look at their repository', async () => {
    const rows = await test.core.db.read((tx) => tx('hook_deliveries').where({ forge_id: forgeId }));
    const queued = files.filter((file) => expectedOf(file).state === 'queued');
    expect(rows.filter(({ state }) => state === 'queued')).toHaveLength(queued.length);
    expect(rows.filter(({ state }) => state === 'queued').every((row) => row.repository_id === repositoryId)).toBe(
      true,
    );
    expect(rows.filter(({ state }) => !['queued', 'ignored'].includes(state))).toEqual([]);
    const jobs = await test.core.db.read((tx) => tx('jobs').select('kind', 'subject'));
    expect(jobs).toEqual([{ kind: 'reconcile', subject: repositoryId }]);
  });

  it.skipIf(files.length === 0)('are not taken a second time', async () => {
    for (const file of files.filter((each) => expectedOf(each).status === 202)) {
      expect(await deliver(file)).toMatchObject({ status: 202, state: 'ignored' });
    }
  });
});
