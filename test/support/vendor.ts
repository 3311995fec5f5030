import { SYSTEM_ACTOR } from '../../src/accounts/actor.ts';
import { fromRow } from '../../src/db/rows.ts';
import { addForge, ensureOrganization, ensureRepository, findRemote } from '../../src/forge/connect.ts';
import type { ForgeDriver } from '../../src/forge/forge.ts';
import { giteaFamily } from '../../src/forge/gitea/driver.ts';
import { ensureRepositoryHook, RECONCILE } from '../../src/forge/hooks.ts';
import { findRepository, type OrganizationRecord, type RepositoryRecord } from '../../src/forge/store.ts';
import type { DeliveryRecord } from '../../src/forge/store-deliveries.ts';
import type { Job } from '../../src/jobs/store.ts';
import type { By } from '../../src/licensing/keys.ts';
import type { Product } from '../../src/releases/product.ts';
import { addProduct, type NewProduct } from '../../src/releases/products.ts';
import { findProduct } from '../../src/releases/store-products.ts';
import {
  type ArtifactRecord,
  artifactsOfProduct,
  problemsOfProduct,
  type ReleaseRecord,
  releasesOfProduct,
} from '../../src/releases/store-releases.ts';
import { openTestCore, type TestCore, type TestCoreOptions } from './core.ts';
import type { TestDatabase } from './databases.ts';
import { type FakeForge, type FakeRepository, startFakeForge } from './fake-forge.ts';

export interface VendorOptions {
  kind?: 'gitea' | 'forgejo';
  /** The hook is registered, as connecting a repository does it. */
  hooks?: boolean;
  product?: Partial<Omit<NewProduct, 'organization' | 'repository'>>;
  core?: TestCoreOptions;
}

/** A vendor's repository on a forge, connected to a Feedgate, with one product (open, Joomla) unless more is said. */
export interface Vendor {
  forge: FakeForge;
  test: TestCore;
  forgeId: string;
  organization: OrganizationRecord;
  /** On the forge. */
  repo: FakeRepository;
  repositoryId: string;
  product: Product;
  by(): By;
  add(change: Partial<Omit<NewProduct, 'organization'>>): Promise<Product>;
  /** Looks at the repository now, as the job does; throws what the look throws. */
  sync(): Promise<void>;
  known(product?: Product): Promise<Known>;
  repository(): Promise<RepositoryRecord>;
  /** Versions in the feed, as a site reads them. */
  feed(product?: Product): Promise<string[]>;
  get(path: string): Promise<{ status: number; text: string; bytes: Buffer }>;
  jobs(): Promise<Job[]>;
  deliveries(): Promise<DeliveryRecord[]>;
  close(): Promise<void>;
}

/** What is stored of a product. */
interface Known {
  product: Product;
  releases: ReleaseRecord[];
  artifacts: ArtifactRecord[];
  /** `TAG CODE` of each problem of a tag, sorted; warnings only where asked for. */
  errors: string[];
  warnings: string[];
  release(version: string): ReleaseRecord;
  artifact(version: string): ArtifactRecord;
}

/** Joomla ignores a release that says nothing of this; the product says it for all. */
export const TARGETS = { joomla: { min: '4.4', max: '6' } };

/** Short, so that a forge that hangs is found out at once. */
const WIRE = { headersTimeoutMs: 300, idleTimeoutMs: 300 };
const DRIVERS: Record<'gitea' | 'forgejo', ForgeDriver> = {
  gitea: giteaFamily('gitea', WIRE),
  forgejo: giteaFamily('forgejo', WIRE),
};

let made = 0;

export async function openVendor(
  database: Pick<TestDatabase, 'another'>,
  options: VendorOptions = {},
): Promise<Vendor> {
  const { kind = 'gitea' } = options;
  const test = await openTestCore(database, { drivers: DRIVERS, ...options.core });
  const { core, time } = test;
  const forge = await startFakeForge({ kind, now: () => time.now });
  made += 1;
  const owner = `acme${made}`;
  const by = (): By => ({ actor: SYSTEM_ACTOR, requestId: null, now: time.now });
  const repo = await forge.createRepository({ owner, name: 'hello' });
  const record = await addForge(
    core.forge,
    { kind, name: `forge${made}`, baseUrl: forge.url, token: forge.token },
    by(),
  );
  const organization = await ensureOrganization(core.forge, { forge: record, owner }, by());
  const remote = await findRemote(core.forge, record, owner, repo.name);
  const repository = await ensureRepository(core.forge, organization, remote, by());
  if (options.hooks) await ensureRepositoryHook(core.forge, repository.id);
  const plain = {
    organization,
    repository,
    platforms: ['joomla'],
    mode: 'open',
    settings: { targets: TARGETS },
  } as const;
  const add = (change: Partial<Omit<NewProduct, 'organization'>>) => addProduct(core.db, { ...plain, ...change }, by());
  const product = await add(options.product ?? {});
  return {
    ...{ forge, test, forgeId: record.id, organization, repo, repositoryId: repository.id, product, by, add },
    async sync() {
      await core.worker.runNow(RECONCILE, repository.id);
    },
    ...lookingBack(test, product, repository.id, record.id),
    async close() {
      await core.db.tx((tx) => tx('jobs').delete());
      await test.close();
      await forge.close();
    },
  };
}

function lookingBack({ core, url }: TestCore, first: Product, repositoryId: string, forgeId: string) {
  async function get(path: string) {
    const answer = await fetch(`${url}${path}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, text: bytes.toString('utf8'), bytes };
  }
  return {
    get,
    known: (product = first) => knownOf(core, product),
    async repository() {
      const found = await core.db.read((tx) => findRepository(tx, repositoryId));
      if (!found) throw new Error('the repository is not stored');
      return found;
    },
    async feed(product = first) {
      const { text } = await get(`${pathOf(product)}/updates.xml`);
      return [...text.matchAll(/<version>([^<]*)<\/version>/g)].map(([, version]) => version ?? '');
    },
    async jobs() {
      const rows = await core.db.read((tx) => tx('jobs').where({ subject: repositoryId }).orderBy('id'));
      return rows.map((row) => fromRow<Job>(row, { json: ['payload'] }));
    },
    async deliveries() {
      const rows = await core.db.read((tx) => tx('hook_deliveries').where({ forge_id: forgeId }).orderBy('id'));
      return rows.map((row) => fromRow<DeliveryRecord>(row));
    },
  };
}

export function pathOf({ organizationSlug, slug, edition }: Product): string {
  return `/${organizationSlug}/${slug}${edition === '' ? '' : `/${edition}`}`;
}

async function knownOf(core: TestCore['core'], { id }: Product): Promise<Known> {
  const { product, releases, artifacts, problems } = await core.db.read(async (tx) => ({
    product: await findProduct(tx, id),
    releases: await releasesOfProduct(tx, id),
    artifacts: await artifactsOfProduct(tx, id),
    problems: await problemsOfProduct(tx, id),
  }));
  if (!product) throw new Error('the product is not stored');
  const codes = (severity: string) =>
    problems
      .filter((each) => each.severity === severity)
      .map(({ tag, code }) => `${tag} ${code}`)
      .sort();
  function release(version: string): ReleaseRecord {
    const found = releases.find((each) => each.version === version);
    if (!found) throw new Error(`no release ${version} is known`);
    return found;
  }
  return {
    ...{ product, releases, artifacts, errors: codes('error'), warnings: codes('warning'), release },
    artifact(version) {
      const found = artifacts.find(({ releaseId }) => releaseId === release(version).id);
      if (!found) throw new Error(`the release ${version} has no file`);
      return found;
    },
  };
}
