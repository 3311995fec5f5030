import { createServer, type RequestListener, type Server } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import {
  SEED_NOW,
  seedForge,
  seedOrganization,
  seedProduct,
  seedRepository,
  seedSecrets,
} from '../../test/support/seed.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { ForgeKind } from '../forge/forge.ts';
import { forgeDrivers } from '../forge/registry.ts';
import { newId } from '../ids.ts';
import { type BypassDeps, watchGateBypass } from './gate-bypass.ts';
import type { Product } from './product.ts';
import {
  type ArtifactRecord,
  problemsOfProduct,
  type ReleaseRecord,
  replaceArtifacts,
  saveRelease,
  setProductProblem,
} from './store-releases.ts';

const ZIP: RequestListener = (_, res) => void res.end(Buffer.from('PK\u0003\u0004 and the rest'));
const LOGIN: RequestListener = (req, res) => {
  if (req.url === '/login') res.writeHead(200, { 'content-type': 'text/html' }).end('<form></form>');
  else res.writeHead(303, { location: '/login' }).end();
};
const status =
  (code: number): RequestListener =>
  (_, res) =>
    void res.writeHead(code, { 'content-type': 'text/plain' }).end('no');

onEachDatabase('watchGateBypass', (database) => {
  let server: Server;
  let answer: RequestListener = ZIP;
  let asked: string[] = [];

  beforeAll(async () => {
    server = createServer((req, res) => {
      asked.push(`${req.url} ${req.headers.authorization ?? 'no token'}`);
      answer(req, res);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => server.close());

  const url = () => `http://127.0.0.1:${(server.address() as { port: number }).port}`;

  async function seeded(
    change: Partial<Product> = {},
    forge: { kind?: ForgeKind; private?: boolean } = {},
  ): Promise<Product> {
    const { db } = database();
    const made = await seedForge(db, { kind: forge.kind ?? 'gitea', baseUrl: url() });
    const organization = await seedOrganization(db, made);
    const repository = await seedRepository(db, organization, { private: forge.private ?? true });
    const product = await seedProduct(db, organization, repository, { mode: 'listed', ...change });
    const release = aRelease(product.id);
    await db.tx((tx) => saveRelease(tx, release));
    await db.tx((tx) => replaceArtifacts(tx, release.id, [anArtifact(release.id)], 'test', toIso(SEED_NOW)));
    return product;
  }

  function look(product: Product) {
    const { db } = database();
    const deps: BypassDeps = { db, secrets: seedSecrets, drivers: forgeDrivers, cacheDir: '', clock: () => SEED_NOW };
    asked = [];
    return watchGateBypass(deps).then((all) => all.find((each) => each.product.id === product.id));
  }

  async function kept(db: Db, { id }: Product): Promise<string[]> {
    return (await db.read((tx) => problemsOfProduct(tx, id))).map(({ code }) => code);
  }

  it.each([
    ['a file for anybody', ZIP, 'open', ['GATE_BYPASS']],
    ['nothing for strangers', status(404), 'closed', []],
    ['a refusal', status(401), 'closed', []],
    ['a page that asks for a login', LOGIN, 'closed', []],
    ['a forge in trouble', status(502), 'unknown', []],
  ])('%s', async (_, listener, state, problems) => {
    const product = await seeded();
    answer = listener;
    expect(await look(product)).toMatchObject({ state });
    expect(await kept(database().db, product)).toEqual(problems);
    expect(asked.every((each) => each.endsWith('no token'))).toBe(true);
  });

  it('asks where the files of the newest release are', async () => {
    const product = await seeded();
    answer = status(404);
    await look(product);
    expect(asked.some((each) => each.includes('/releases/download/v1.0.0/pkg_x-1.0.0.zip '))).toBe(true);
  });

  it('keeps what was known while the forge is in trouble, and takes it away when the file is closed', async () => {
    const product = await seeded();
    answer = ZIP;
    await look(product);
    answer = status(503);
    await look(product);
    expect(await kept(database().db, product)).toEqual(['GATE_BYPASS']);
    answer = status(404);
    await look(product);
    expect(await kept(database().db, product)).toEqual([]);
  });

  it('leaves other problems of the product as they are', async () => {
    const product = await seeded();
    const other = { code: 'KEYLESS_POLLS', severity: 'warning', platform: null, detail: 'd', fix: 'f' } as const;
    await database().db.tx((tx) =>
      setProductProblem(tx, product.id, other.code, { ...other, id: newId('problem') }, toIso(SEED_NOW)),
    );
    answer = status(404);
    await look(product);
    expect(await kept(database().db, product)).toEqual(['KEYLESS_POLLS']);
  });

  it('has nothing to say of an open product', async () => {
    const product = await seeded({ mode: 'open' });
    answer = ZIP;
    expect(await look(product)).toMatchObject({ state: 'closed' });
  });

  it('takes a plain Git address that we read without a token for open', async () => {
    const open = await seeded({}, { kind: 'git', private: false });
    expect(await look(open)).toMatchObject({ state: 'open', problem: { detail: expect.stringContaining(url()) } });
    const closed = await seeded({}, { kind: 'git', private: true });
    expect(await look(closed)).toMatchObject({ state: 'closed' });
  });
});

function aRelease(productId: string): ReleaseRecord {
  const at = toIso(SEED_NOW);
  return {
    ...{
      id: newId('release'),
      productId,
      version: '1.0.0',
      tag: 'v1.0.0',
      commitId: 'c'.repeat(40),
      forgeReleaseId: '1',
    },
    ...{
      channel: 'stable',
      clientWord: 'stable',
      notes: '',
      changelog: [],
      security: false,
      targets: {},
      phpMinimum: null,
    },
    ...{ webUrl: '', state: 'listed', fingerprint: 'f', firstSeenAt: at, updatedAt: at, withdrawnAt: null },
    ...{ yankedAt: null, yankedBy: null, yankReason: null },
  };
}

function anArtifact(releaseId: string): ArtifactRecord {
  const hashes = { sha256: 'a'.repeat(64), sha384: 'b'.repeat(96), sha512: 'c'.repeat(128) };
  return {
    ...{ id: newId('artifact'), releaseId, platform: 'joomla', fileName: 'pkg_x-1.0.0.zip', size: 1, ...hashes },
    facts: {
      ...{
        platform: 'joomla',
        element: 'pkg_x',
        type: 'package',
        client: 'site',
        folder: '',
        name: 'X',
        version: '1.0.0',
      },
      ...{ description: '', phpMinimum: null, updateServers: [], dlid: null, changelogUrl: null, children: [] },
      manifestPath: 'pkg_x.xml',
    },
    source: { kind: 'asset', id: '1', locator: '/attachments/1', name: 'pkg_x-1.0.0.zip' },
    ...{ repack: null, listed: true, createdAt: toIso(SEED_NOW) },
  };
}
