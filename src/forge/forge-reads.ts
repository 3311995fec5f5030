import type { Db } from '../db/connect.ts';
import { ForgeTrouble, problem } from '../errors.ts';
import { hookEventsOf } from '../plugin-manifest.ts';
import { connectionOf, sideOfRepository } from './connections.ts';
import { type HookDeps, hookUrl } from './hooks.ts';
import {
  type ForgeRecord,
  findForge,
  findOrganization,
  findRepository,
  findRepositoryByName,
  listForges,
  listOrganizations,
  listRepositories,
  type OrganizationRecord,
  type RepositoryRecord,
} from './store.ts';
import { type DeliveryRecord, lastDelivery } from './store-deliveries.ts';

export type { ForgeRecord, OrganizationRecord, RepositoryRecord } from './store.ts';

type LastDelivery = Pick<DeliveryRecord, 'event' | 'state' | 'detail' | 'receivedAt'>;

export interface ForgeOverview {
  forge: ForgeRecord;
  organizations: OrganizationRecord[];
  repositories: RepositoryRecord[];
  /** null: no delivery ever came. */
  delivery: LastDelivery | null;
}

/** Every connected forge, or the one that is named, with what hangs on it. Throws NOT_FOUND for a name that none has. */
export async function forgeOverviews(db: Db, idOrName: string | null = null): Promise<ForgeOverview[]> {
  return db.read(async (tx) => {
    const named = idOrName === null ? null : await findForge(tx, idOrName);
    if (idOrName !== null && named === null) throw problem('NOT_FOUND', `there is no forge "${idOrName}"`);
    const forges = named === null ? await listForges(tx) : [named];
    const organizations = await listOrganizations(tx);
    const repositories = await listRepositories(tx, null);
    const overviews: ForgeOverview[] = [];
    for (const forge of forges) {
      overviews.push({
        forge,
        organizations: organizations.filter((each) => each.forgeId === forge.id),
        repositories: repositories.filter((each) => each.forgeId === forge.id),
        delivery: await lastDelivery(tx, forge.id),
      });
    }
    return overviews;
  });
}

export async function findForgeByName(db: Db, idOrName: string): Promise<ForgeRecord | null> {
  return db.read((tx) => findForge(tx, idOrName));
}

export async function findOrganizationBySlug(db: Db, idOrSlug: string): Promise<OrganizationRecord | null> {
  return db.read((tx) => findOrganization(tx, idOrSlug));
}

/** By slug or id; throws NOT_FOUND. */
export async function requireOrganization(db: Db, idOrSlug: string): Promise<OrganizationRecord> {
  const organization = await findOrganizationBySlug(db, idOrSlug);
  if (!organization) throw problem('NOT_FOUND', `there is no organization "${idOrSlug}"`);
  return organization;
}

export async function findRepositoryById(db: Db, id: string): Promise<RepositoryRecord | null> {
  return db.read((tx) => findRepository(tx, id));
}

/** A connected repository of an organization, by its name on the forge; throws NOT_FOUND. */
export async function requireRepository(
  db: Db,
  organization: OrganizationRecord,
  name: string,
): Promise<RepositoryRecord> {
  const repository = await db.read((tx) => findRepositoryByName(tx, organization.id, name));
  if (!repository)
    throw problem(
      'NOT_FOUND',
      `the repository ${organization.slug}/${name} is not connected; add a product of it first`,
    );
  return repository;
}

/**
 * What somebody has to put into a repository by hand, where its forge has no hooks by API; null where it has. The driver words it,
 * and it holds no secret.
 */
export async function handMadeHook(deps: HookDeps, repositoryId: string): Promise<string | null> {
  const side = await sideOfRepository(deps, repositoryId);
  if (side === null || side.driver.capabilities.hooks) return null;
  const spec = {
    url: hookUrl(deps.publicUrl, side.forge.id),
    secret: '',
    events: hookEventsOf(side.forge.kind, 'repository'),
  };
  try {
    await side.driver.ensureHook(
      connectionOf(deps, side.forge),
      { kind: 'repository', repository: side.repository },
      spec,
    );
    return null;
  } catch (error) {
    if (error instanceof ForgeTrouble && error.reason === 'refused') return error.message;
    throw error;
  }
}
