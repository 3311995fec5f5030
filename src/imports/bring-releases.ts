import { sideOfRepository } from '../forge/connections.ts';
import { findOrganization, findRepository } from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import { isImported } from '../releases/imported.ts';
import type { Product } from '../releases/product.ts';
import { listedFacts, type ReconcileDeps } from '../releases/reconcile-product.ts';
import type { Platform } from '../releases/release.ts';
import { readRules } from '../releases/rules.ts';
import { artifactsOfProduct, releasesOfProduct } from '../releases/store-releases.ts';
import { mergeRules, type TagRules } from '../releases/tag-rules.ts';
import { relistImport } from '../releases/write-import.ts';
import type { OldRelease } from '../updates/old-releases.ts';
import { targetOf } from './fetch-release.ts';
import { compare, type KnownRelease, planned, proposals, type ReleaseReport } from './old-release.ts';
import { type TakeIn, takeIn } from './take-in-release.ts';

export interface ReleasesWish {
  product: Product;
  platform: Platform;
  /** As the document has them, newest first. */
  releases: readonly OldRelease[];
  /** Where the document holds several extensions: the one that is meant. */
  element: string | null;
  /** Hosts of files that may have addresses that are not public. */
  trusted: readonly string[];
  isDry: boolean;
}

export interface ReleasesSummary {
  releases: number;
  created: number;
  unchanged: number;
  refused: number;
  /** Commands that would make the channels that are missing; none is made by itself. */
  proposals: string[];
}

/**
 * Brings in the versions of an old document that are not known here, each with its file, and tells of every one what became of it.
 * What is known is compared and left as it is. Each is written by itself: what was stopped goes on when it is run again.
 */
export async function bringReleases(
  deps: ReconcileDeps,
  wish: ReleasesWish,
  by: By,
  onRelease: (report: ReleaseReport) => void,
): Promise<ReleasesSummary> {
  const rules = await rulesOf(deps, wish.product);
  const side = wish.product.repositoryId === null ? null : await sideOfRepository(deps, wish.product.repositoryId);
  const target = targetOf(side?.connection ?? null, wish.trusted);
  const summary: ReleasesSummary = { releases: 0, created: 0, unchanged: 0, refused: 0, proposals: [] };
  const unknown: string[] = [];
  for (const old of wish.releases) {
    const report = await bringOne(deps, { ...wish, rules, target, by }, old);
    summary.releases += 1;
    summary[report.outcome] += 1;
    if (report.code === 'CHANNEL_UNKNOWN') unknown.push(old.word);
    onRelease(report);
  }
  return { ...summary, proposals: proposals(wish.product.organizationSlug, unknown) };
}

async function rulesOf({ db }: ReconcileDeps, { organizationId, repositoryId }: Product): Promise<TagRules> {
  const { organization, repository } = await db.read(async (tx) => ({
    organization: await findOrganization(tx, organizationId),
    repository: repositoryId === null ? null : await findRepository(tx, repositoryId),
  }));
  if (organization === null) throw new Error(`the organization ${organizationId} is gone`);
  const rules = readRules({ organization, repository });
  return mergeRules(rules.organization, rules.repository);
}

type Setting = ReleasesWish & { rules: TagRules; target: TakeIn['target']; by: By };

async function bringOne(deps: ReconcileDeps, setting: Setting, old: OldRelease): Promise<ReleaseReport> {
  const { product, rules, element, isDry } = setting;
  const told = (outcome: ReleaseReport['outcome'], code: string, words: string, id = ''): ReleaseReport => ({
    ...{ version: old.version.slice(0, 100), outcome, code, words, faults: old.faults, id },
  });
  if (element !== null && old.element !== element)
    return told('refused', 'OTHER_EXTENSION', `it is of ${old.element.slice(0, 100)}, and ${element} is brought in`);
  const plan = planned(old, rules);
  if (!plan.ok) return told('refused', plan.code, plan.words);
  const known = await knownRelease(deps, setting, plan.version);
  const state = known === null ? 'new' : await stateOf(deps, known);
  if (known !== null && state === 'kept') {
    const { code, words } = compare(old, plan.channel, known, product.settings.targets[setting.platform] ?? null);
    return told('unchanged', code, words, known.release.id);
  }
  if (known?.artifact && state === 'refound') {
    if (!isDry) await relistImport(deps.db, known.release, known.artifact, setting.by);
    return told('created', 'RESTORED', 'its file is in the store again, so it is listed again', known.release.id);
  }
  if (old.unfit !== null) return told('refused', old.unfit.code, old.unfit.words);
  if (isDry) return told('created', state === 'new' ? 'NEW' : 'RESTORED', `to be fetched, for ${plan.channel}`);
  const earlier = await listedFacts(deps, product);
  const taken = await takeIn(deps, { ...setting, old, plan, earlier: earlier(setting.platform, plan.version) });
  const code = taken.code === 'NEW' && state === 'lost' ? 'RESTORED' : taken.code;
  return told(taken.outcome, code, taken.words, taken.id);
}

async function knownRelease(
  { db }: ReconcileDeps,
  { product, platform }: Setting,
  version: string,
): Promise<KnownRelease | null> {
  return db.read(async (tx) => {
    const release = (await releasesOfProduct(tx, product.id)).find((each) => each.version === version);
    if (!release) return null;
    const artifacts = await artifactsOfProduct(tx, product.id);
    const own = artifacts.find((each) => each.releaseId === release.id && each.platform === platform);
    return { release, artifact: own ?? null, platform };
  });
}

/** `kept`: nothing is to be done. `refound`, `lost`: it was imported and its file was lost, and is in the store again or is not. */
async function stateOf(
  { ingest }: ReconcileDeps,
  { release, artifact }: KnownRelease,
): Promise<'kept' | 'refound' | 'lost'> {
  if (!isImported(release)) return 'kept';
  const isThere = artifact !== null && (await ingest.store.has(artifact.sha256, artifact.size));
  if (!isThere) return 'lost';
  return release.state === 'listed' ? 'kept' : 'refound';
}
