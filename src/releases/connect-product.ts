import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { ForgeTrouble, problem } from '../errors.ts';
import { ensureRepository, findRemote, requireForge } from '../forge/connect.ts';
import { ensureRepositoryHook, type HookDeps, RECONCILE } from '../forge/hooks.ts';
import type { OrganizationRecord, RepositoryRecord } from '../forge/store.ts';
import { enqueue } from '../jobs/store.ts';
import type { By } from '../licensing/keys.ts';
import type { Product } from './product.ts';
import { addProduct, type NewProduct } from './products.ts';

export type ProductWish = Omit<NewProduct, 'organization' | 'repository'> & {
  /** Name on the organization's forge; null: an app without a repository. */
  repository: string | null;
};

export interface HookWarning {
  code: 'HOOK_MISSING';
  detail: string;
  fix: string;
}

/**
 * Makes a product of a repository that the forge has, and asks for its hook. Without a hook everything works, only later: that is
 * a warning and no failure. Throws NOT_FOUND where the forge does not show the repository, and ForgeTrouble.
 */
export async function connectProduct(
  deps: HookDeps,
  organization: OrganizationRecord,
  { repository: name, ...wish }: ProductWish,
  by: By,
): Promise<{ product: Product; warning: HookWarning | null }> {
  const repository = name === null ? null : await connectRepository(deps, organization, name, by);
  const product = await addProduct(deps.db, { ...wish, organization, repository }, by);
  return { product, warning: repository === null ? null : await hookWarning(deps, repository.id) };
}

async function connectRepository(
  deps: HookDeps,
  organization: OrganizationRecord,
  name: string,
  by: By,
): Promise<RepositoryRecord> {
  const forge = await requireForge(deps, organization.forgeId);
  const remote = await findRemote(deps, forge, organization.owner, name);
  return ensureRepository(deps, organization, remote, by);
}

async function hookWarning(deps: HookDeps, repositoryId: string): Promise<HookWarning | null> {
  try {
    await ensureRepositoryHook(deps, repositoryId);
    return null;
  } catch (error) {
    const detail = error instanceof ForgeTrouble ? error.message : 'the hook could not be registered';
    const fix =
      'Give the token the right to manage hooks, or add the hook by hand; until then releases are found by the regular look.';
    return { code: 'HOOK_MISSING', detail, fix };
  }
}

/** Plans a look at the product's repository now. Throws INVALID_REQUEST for a product that has none. */
export async function planSync(db: Db, product: Product, by: By): Promise<void> {
  const { repositoryId } = product;
  if (repositoryId === null) throw problem('INVALID_REQUEST', 'the product has no repository that could be looked at');
  const now = toIso(by.now);
  await db.tx(async (tx) => {
    await enqueue(tx, { kind: RECONCILE, subject: repositoryId, runAt: now }, now);
    const event = { actor: by.actor, action: 'product.sync', entity: 'product', entityId: product.id, changes: {} };
    await audit(tx, { ...event, requestId: by.requestId }, by.now);
  });
}
