import { CLI_ACTOR } from '../accounts/actor.ts';
import type { Core } from '../app.ts';
import { DAY } from '../clock.ts';
import { addForge, ensureOrganization, ensureRepository, findRemote, requireForge } from '../forge/connect.ts';
import { findForgeByName, forgeOverviews, type OrganizationRecord } from '../forge/forge-reads.ts';
import { keyOfPayment, masterKeyText } from '../licensing/key-reads.ts';
import { type By, keyText, revokeKey } from '../licensing/keys.ts';
import { listPackages } from '../licensing/package-reads.ts';
import type { PackageTerms } from '../licensing/package-terms.ts';
import { createPackage } from '../licensing/packages.ts';
import { sell } from '../licensing/sales.ts';
import { findProductNamed } from '../releases/product-reads.ts';
import { addProduct } from '../releases/products.ts';
import type { Platform } from '../releases/release.ts';
import { syncNow } from '../releases/sync.ts';

export const DEMO_ORGANIZATION = 'acme';
const FORGE = 'demo';

function byCli(core: Core, daysAgo = 0): By {
  return { actor: CLI_ACTOR, requestId: null, now: core.clock() - daysAgo * DAY };
}

/** Connects the folder of repositories as a `git` forge; what an earlier start made is used again. */
export async function connectDemo(core: Core, folder: string): Promise<OrganizationRecord> {
  const by = byCli(core);
  const known = await findForgeByName(core.db, FORGE);
  const forge = known ?? (await addForge(core.forge, { kind: 'git', name: FORGE, baseUrl: folder, token: null }, by));
  return ensureOrganization(core.forge, { forge, owner: DEMO_ORGANIZATION, name: 'Acme' }, by);
}

export async function addDemoProduct(
  core: Core,
  organization: OrganizationRecord,
  what: { repository: string; title: string; platform: Platform },
): Promise<void> {
  const by = byCli(core);
  if (await findProductNamed(core.db, `${organization.slug}/${what.repository}`)) return;
  const forge = await requireForge(core.forge, organization.forgeId);
  const remote = await findRemote(core.forge, forge, organization.owner, what.repository);
  const repository = await ensureRepository(core.forge, organization, remote, by);
  const { title: name, platform } = what;
  await addProduct(
    core.db,
    { organization, repository, name, description: 'Says hello.', platforms: [platform], mode: 'strict' },
    by,
  );
}

/** Looks at every repository now and waits for it. */
export async function syncAll(core: Core): Promise<void> {
  const repositories = (await forgeOverviews(core.db)).flatMap((overview) => overview.repositories);
  for (const { id } of repositories) await syncNow(core.reconcile, id);
}

const TERMS: PackageTerms = {
  length: { value: 1, unit: 'year' },
  fixed: null,
  startsOn: 'issue',
  channels: ['stable', 'rc', 'beta'],
  sites: 10,
  devices: 0,
  seats: 0,
  sessions: 0,
  siteUnit: 'host',
  graceDays: 7,
  afterEnd: 'nothing',
  products: null,
  entitlements: {},
  overage: null,
  takeoverDays: null,
};

const PACKAGES: Record<string, PackageTerms> = {
  'Professional, ten sites': TERMS,
  'Starter, stable only': { ...TERMS, channels: ['stable'] },
  'Single site': { ...TERMS, sites: 1 },
};

const SALES = [
  { name: 'valid', package: 'Professional, ten sites', daysAgo: 0 },
  { name: 'expired', package: 'Professional, ten sites', daysAgo: 500 },
  { name: 'revoked', package: 'Professional, ten sites', daysAgo: 0 },
  { name: 'stable_only', package: 'Starter, stable only', daysAgo: 0 },
  { name: 'sites_full', package: 'Single site', daysAgo: 0 },
] as const;

export type DemoKeys = Record<(typeof SALES)[number]['name'] | 'master', string>;

/** Packages, customers and one key a case; the same keys again at a second start. */
export async function demoKeys(core: Core, organization: OrganizationRecord): Promise<DemoKeys> {
  const ids = await demoPackages(core, organization);
  const keys: Partial<DemoKeys> = {};
  for (const sale of SALES) keys[sale.name] = await demoKey(core, organization, sale, ids.get(sale.package) ?? '');
  const master = (await masterKeyText(core.db, core.secrets, organization.id)) ?? '';
  return { ...keys, master } as DemoKeys;
}

async function demoPackages(core: Core, organization: OrganizationRecord): Promise<Map<string, string>> {
  const packages = await listPackages(core.db, { organization, repository: null });
  const known = new Map(packages.map(({ name, id }) => [name, id]));
  for (const [name, terms] of Object.entries(PACKAGES)) {
    if (known.has(name)) continue;
    const wish = { repositoryId: null, name, kind: 'base' as const, terms };
    const made = await core.db.tx((tx) => createPackage(tx, core.secrets, organization, wish, byCli(core)));
    known.set(name, made.id);
  }
  return known;
}

async function demoKey(
  core: Core,
  organization: OrganizationRecord,
  sale: (typeof SALES)[number],
  packageId: string,
): Promise<string> {
  const by = byCli(core, sale.daysAgo);
  const paymentRef = `demo-${sale.name}`;
  const earlier = await keyOfPayment(core.db, core.secrets, organization.id, paymentRef);
  if (earlier !== null) return earlier;
  return core.db.tx(async (tx) => {
    const customer = { name: `Customer "${sale.name}"`, email: `${sale.name}@customer.example` };
    const common = {
      organization,
      repositoryId: null,
      packageId,
      licenseId: null,
      quantity: 1,
      domains: [],
      line: '1',
      request: null,
    };
    const sold = await sell(tx, core.secrets, { ...common, customer, source: 'purchase', paymentRef }, by);
    if (sale.name === 'revoked')
      await revokeKey(tx, core.secrets, sold.key, 'the demo shows a revoked key', organization.keyPrefix, by);
    return keyText(core.secrets, sold.key);
  });
}

/** The one site of the key `sites_full` is taken by a real download. */
export async function takeSite(core: Core, keyText: string, site: string, path: string): Promise<void> {
  const credentials = { keyText, siteText: site, instanceText: null, platform: null };
  const asked = await core.gate.ask('download', [path], credentials);
  if (asked)
    await core.gate.record(asked, {
      kind: 'download',
      platformVersion: '',
      extensionVersion: null,
      code: asked.verdict.code,
    });
}
