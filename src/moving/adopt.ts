import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import { ForgeTrouble, problem } from '../errors.ts';
import { type RepositorySide, sideOfRepository } from '../forge/connections.ts';
import type { FileChange, PullRequestState, RemoteTree } from '../forge/forge.ts';
import type { HookDeps } from '../forge/hooks.ts';
import type { By } from '../licensing/keys.ts';
import type { Product } from '../releases/product.ts';
import { pageUrl } from '../updates/feed-releases.ts';
import type { FileEdit } from '../updates/mover.ts';
import { bodyOf, type Proposal, remarksOf, titleOf } from './adopt-text.ts';
import type { Adoption, AdoptWish } from './adoption.ts';
import { askedDocument, type FullProposal, knownOf, planAdoption } from './plan-adoption.ts';
import { findAdoption, saveAdoption } from './store-adoptions.ts';
import { isWorkflow } from './workflow-steps.ts';

/**
 * Proposes the edits that move a product here: a pull request with the update server, the key field, the changelog, a script that
 * takes the keys of sites along, and without the workflow steps that wrote the feed. Asking again brings the same pull request up
 * to date. Throws ForgeTrouble where the forge is at fault.
 */
export async function adoptProduct(deps: HookDeps, product: Product, wish: AdoptWish, by: By): Promise<Adoption> {
  const feedUrl = wish.feedUrl ?? `${pageUrl(deps.publicUrl, product)}/${askedDocument(product)}`;
  const nothing: Adoption = { product, feedUrl, state: 'impossible', pullRequest: null, edits: [], remarks: [] };
  const impossible = (remark: string): Adoption => ({ ...nothing, remarks: [remark] });
  if (product.repositoryId === null) return impossible('The product has no repository.');
  const known = await knownOf(deps, product);
  if (known.length === 0)
    return impossible(
      'No release of it is listed yet, so it is not known which extension it is. Sync it, and see its problems.',
    );
  const side = await sideOfRepository(deps, product.repositoryId);
  const tree = side && (await side.driver.tree(side.connection, side.repository, null));
  if (side === null || tree === null)
    return impossible('The forge shows no branch of the repository: it is empty, or the token may not see it.');
  const proposal = await planAdoption(deps, side, tree, { product, known, feedUrl, isOurs: wish.feedUrl === null });
  const edits = [...proposal.plans.flatMap((plan) => plan.edits), ...proposal.workflowEdits];
  const planned: Adoption = { ...nothing, edits, remarks: remarksOf(proposal) };
  if (edits.length === 0) {
    const isInPlace = proposal.plans.some(({ place }) => place !== null);
    return { ...planned, state: isInPlace ? 'nothing' : 'impossible' };
  }
  if (wish.dryRun) return { ...planned, state: 'planned' };
  if (!side.driver.capabilities.pullRequest) return { ...planned, state: 'by_hand' };
  return open(deps, { side, tree, proposal, planned }, by);
}

/** All living products, one after the other; what one of them fails of stands in its own line. */
export async function adoptAll(
  deps: HookDeps,
  products: readonly Product[],
  wish: AdoptWish,
  by: By,
): Promise<Adoption[]> {
  const adoptions: Adoption[] = [];
  for (const product of products) {
    try {
      adoptions.push(await adoptProduct(deps, product, wish, by));
    } catch (error) {
      if (!(error instanceof ForgeTrouble)) throw error;
      const feedUrl = `${pageUrl(deps.publicUrl, product)}/${askedDocument(product)}`;
      const failed = { product, feedUrl, pullRequest: null, edits: [], remarks: [error.message] };
      adoptions.push({ ...failed, state: 'failed' });
    }
  }
  return adoptions;
}

/** Throws INVALID_REQUEST for an address that no client would ask. */
export function requireFeedUrl(text: string): string {
  const isFit = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && /^[\x21-\x7e]{1,500}$/.test(text);
  if (!isFit) throw problem('INVALID_REQUEST', 'the feed is an http or https address of at most 500 plain characters');
  return text;
}

interface Ready {
  side: RepositorySide;
  tree: RemoteTree;
  proposal: FullProposal;
  planned: Adoption;
}

async function open(deps: HookDeps, { side, tree, proposal, planned }: Ready, by: By): Promise<Adoption> {
  const { product, edits } = planned;
  const branch = product.edition === '' ? 'feedgate/adopt' : `feedgate/adopt-${product.edition}`;
  const propose = async (kept: readonly FileEdit[], told: Proposal): Promise<PullRequestState> => {
    const changes = kept.map(({ path, after }): FileChange => ({ path, content: after }));
    const title = titleOf(told);
    const spec = { branch, base: tree.branch, title, body: bodyOf(told), message: title, changes };
    const once = () => side.driver.propose(side.connection, side.repository, spec);
    // Two at once make one pull request: whoever was slower is refused, looks again and finds it.
    return once().catch((error: unknown) => (isRefused(error) ? once() : Promise.reject(error)));
  };
  let told: Proposal = proposal;
  let kept = edits;
  let pull: PullRequestState;
  try {
    pull = await propose(kept, told);
  } catch (error) {
    // A token may write files and not workflows; the rest is worth having by itself.
    const own = edits.filter(({ path }) => !isWorkflow(path));
    if (!isRefused(error) || own.length === edits.length || own.length === 0) throw error;
    kept = own;
    told = withoutWorkflows(proposal);
    pull = await propose(kept, told);
  }
  const remarks = remarksOf(told);
  const adoption: Adoption = {
    ...{ product, feedUrl: planned.feedUrl, edits: kept, remarks, state: pull.change },
    pullRequest: { number: pull.number, url: pull.url, branch },
  };
  await remember(deps, adoption, proposal, by);
  return adoption;
}

function isRefused(error: unknown): boolean {
  return error instanceof ForgeTrouble && error.reason === 'refused';
}

function withoutWorkflows(proposal: Proposal): Proposal {
  const told = (name: string) => `${name} wrote the feed and should go, but the token may not change workflows`;
  const workflows = proposal.workflows.map((each) => ({
    ...each,
    removed: [],
    unsure: [...each.unsure, ...each.removed.map(told)],
  }));
  return { ...proposal, workflows };
}

async function remember(deps: HookDeps, adoption: Adoption, { plans }: Proposal, by: By): Promise<void> {
  const { product, pullRequest, feedUrl, edits, remarks } = adoption;
  if (pullRequest === null) return;
  const now = toIso(by.now);
  await deps.db.tx(async (tx) => {
    const before = await findAdoption(tx, product.id);
    const oldUrls = [...new Set([...(before?.oldUrls ?? []), ...plans.flatMap((plan) => plan.oldUrls)])];
    await saveAdoption(tx, {
      ...{ productId: product.id, ...pullRequest, feedUrl, remarks, oldUrls },
      files: edits.map(({ path }) => path),
      updatedAt: now,
      createdAt: before?.createdAt ?? now,
      createdBy: before?.createdBy ?? by.actor.id,
    });
    const changes = { state: adoption.state, url: pullRequest.url, feed_url: feedUrl };
    const entry = { actor: by.actor, action: 'product.adopt', entity: 'product', entityId: product.id, changes };
    await audit(tx, { ...entry, requestId: by.requestId }, by.now);
  });
}
