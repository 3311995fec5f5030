import { feedFormats, movers } from '../../feeds/index.ts';
import { ForgeTrouble } from '../errors.ts';
import type { RepositorySide } from '../forge/connections.ts';
import type { RemoteTree } from '../forge/forge.ts';
import type { HookDeps } from '../forge/hooks.ts';
import { type Product, productPath } from '../releases/product.ts';
import { newestFacts } from '../releases/product-reads.ts';
import type { ArchiveView, PackageFacts } from '../releases/release.ts';
import { productsOfRepository } from '../releases/store-products.ts';
import { pageUrl } from '../updates/feed-releases.ts';
import type { FileEdit, MovePlan, Mover } from '../updates/mover.ts';
import type { Proposal } from './adopt-text.ts';
import { isWorkflow, withoutFeedSteps } from './workflow-steps.ts';

/** What its extensions ask; of a product for two platforms the first. */
export function askedDocument({ platforms }: Product): string {
  return movers.find(({ platform }) => platforms.includes(platform))?.document ?? 'updates.xml';
}

/** A platform of a product, and what the newest release for it says of itself. */
export interface Known {
  mover: Mover;
  facts: PackageFacts;
}

/** Empty: nothing of it is listed. */
export async function knownOf({ db }: Pick<HookDeps, 'db'>, product: Product): Promise<Known[]> {
  const known: Known[] = [];
  for (const mover of movers) {
    const format = feedFormats.find(({ platform }) => platform === mover.platform);
    if (!format || !product.platforms.includes(mover.platform)) continue;
    const facts = await newestFacts(db, product, mover.platform, format.compareVersions);
    if (facts) known.push({ mover, facts });
  }
  return known;
}

export type FullProposal = Proposal & { workflowEdits: FileEdit[] };

/** Reads the branch and says what to change on it. */
export async function planAdoption(
  deps: HookDeps,
  side: RepositorySide,
  tree: RemoteTree,
  about: { product: Product; known: readonly Known[]; feedUrl: string; isOurs: boolean },
): Promise<FullProposal> {
  const { product, known, isOurs } = about;
  const source = viewOf(side, tree);
  const plans: MovePlan[] = [];
  for (const { mover, facts } of known) {
    const page = pageUrl(deps.publicUrl, product);
    const feedUrl = isOurs ? `${page}/${mover.document}` : about.feedUrl;
    const twins = await twinsOf(deps, product, { mover, facts });
    if (twins.length > 0 && isOurs) {
      plans.push(sharedPlan(product, twins, deps.publicUrl, mover));
      continue;
    }
    const changelog = feedFormats
      .find(({ platform }) => platform === mover.platform)
      ?.documents.find(({ kind }) => kind === 'changelog');
    const changelogUrl = isOurs && changelog ? `${page}/${changelog.fileName}` : null;
    const needsKey = isOurs && product.mode !== 'open';
    plans.push(await mover.move(source, { facts, name: product.name, feedUrl, changelogUrl, needsKey }));
  }
  const workflows = isOurs ? await workflowsOf(source, known) : [];
  return {
    ...{ product: productPath(product), feedUrl: about.feedUrl, isOurs, plans, workflows },
    workflowEdits: workflows.flatMap(({ edit }) => (edit ? [edit] : [])),
  };
}

function viewOf(side: RepositorySide, tree: RemoteTree): ArchiveView {
  return {
    files: tree.files,
    async read(path) {
      const bytes = await side.driver.readFile(side.connection, side.repository, tree.commit, path);
      if (bytes === null) throw new ForgeTrouble('bad_answer', `the forge lists ${path} and does not give it`);
      return bytes;
    },
  };
}

/** Other products that are the same extension: editions, built from one manifest. */
async function twinsOf(deps: HookDeps, product: Product, { mover, facts }: Known): Promise<Product[]> {
  const repositoryId = product.repositoryId ?? '';
  const others = await deps.db.read((tx) => productsOfRepository(tx, repositoryId));
  const twins: Product[] = [];
  for (const other of others) {
    if (other.id === product.id || !other.platforms.includes(mover.platform)) continue;
    const own = (await knownOf(deps, other)).find((each) => each.mover === mover);
    if (own && mover.isSame(own.facts, facts)) twins.push(other);
  }
  return twins;
}

function sharedPlan(product: Product, twins: readonly Product[], publicUrl: string, { document }: Mover): MovePlan {
  const addresses = [product, ...twins].map((each) => `${pageUrl(publicUrl, each)}/${document}`).join(' and ');
  const remark = `${[product, ...twins].map(productPath).join(' and ')} are editions that are built from one manifest, and each has an address of its own (${addresses}): let the build fill it in.`;
  return { edits: [], remarks: [remark], oldUrls: [], place: null };
}

async function workflowsOf(source: ArchiveView, known: readonly Known[]) {
  const names = known.map(({ mover }) => mover.document);
  const found: (Proposal['workflows'][number] & { edit: FileEdit | null })[] = [];
  for (const { path, size } of source.files) {
    if (!isWorkflow(path) || size > 200_000) continue;
    const before = await source.read(path);
    const text = Buffer.from(before).toString('utf8');
    const { text: after, removed, unsure } = withoutFeedSteps(text, names);
    if (removed.length === 0 && unsure.length === 0) continue;
    const done = [`without ${removed.join(', ')}`];
    const edit = after === text ? null : { path, before, after: Buffer.from(after), done };
    found.push({ path, removed, unsure, edit });
  }
  return found;
}
