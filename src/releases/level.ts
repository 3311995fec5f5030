import { z } from 'zod';
import { type Actor, mayTouch, requireOrganization } from '../accounts/actor.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import {
  findOrganization,
  findRepository,
  findRepositoryByName,
  listOrganizations,
  type OrganizationRecord,
  type RepositoryRecord,
} from '../forge/store.ts';
import type { Product } from './product.ts';
import { findProduct, findProductByName } from './store-products.ts';

/** Whose routes were called: those of an organization, which see all that is its own, or those of one of its repositories. */
export interface Level {
  organization: OrganizationRecord;
  repository: RepositoryRecord | null;
}

const organizationParams = z.object({
  org: z.string().min(1).max(100).meta({ description: 'The slug of the organization, or its id' }),
});
const repositoryParams = organizationParams.extend({
  repo: z.string().min(1).max(100).meta({
    description: 'The path of a product below its organization, an old one too, or the name of its repository',
  }),
});

/** How routes that exist on both levels are written down once. */
export interface LevelRoutes {
  path: `/api/${string}`;
  /** Stands in the operation id, e.g. `listRepositoryPackages`. */
  name: 'Organization' | 'Repository';
  words: string;
  params: typeof organizationParams;
  find(db: Db, actor: Actor, params: { org: string }): Promise<Level>;
}

export const LEVELS: readonly LevelRoutes[] = [
  {
    path: '/api/v1/organizations/{org}',
    name: 'Organization',
    words: 'an organization',
    params: organizationParams,
    find: async (db, actor, { org }) => ({ organization: await organizationOf(db, actor, org), repository: null }),
  },
  {
    path: '/api/v1/repos/{org}/{repo}',
    name: 'Repository',
    words: 'a repository',
    params: repositoryParams,
    async find(db, actor, params) {
      const { org, repo } = repositoryParams.parse(params);
      const organization = await organizationOf(db, actor, org);
      return { organization, repository: await repositoryOf(db, organization, repo) };
    },
  },
];

export const [ORGANIZATION_LEVEL] = LEVELS as readonly [LevelRoutes, LevelRoutes];

/** By slug or id. Throws NOT_FOUND, in the same words for one that is not there and one that the actor may not touch. */
export async function organizationOf(db: Db, actor: Actor, org: string): Promise<OrganizationRecord> {
  const found = await db.read((tx) => findOrganization(tx, org));
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.id);
  return found;
}

/** All organizations that the actor may touch. */
export async function organizationsOf(db: Db, actor: Actor): Promise<OrganizationRecord[]> {
  const all = await db.read(listOrganizations);
  return all.filter(({ id }) => mayTouch(actor, id));
}

/** An old address goes on meaning what it meant, as feeds do, even where a new repository has taken the name. */
export async function findRepositoryAt(
  tx: Tx,
  organization: OrganizationRecord,
  repo: string,
): Promise<RepositoryRecord | null> {
  const product = await findProductByName(tx, `${organization.slug}/${repo}`);
  const id = product?.organizationId === organization.id ? product.repositoryId : null;
  return id === null ? findRepositoryByName(tx, organization.id, repo) : findRepository(tx, id);
}

async function repositoryOf(db: Db, organization: OrganizationRecord, repo: string): Promise<RepositoryRecord> {
  const found = await db.read((tx) => findRepositoryAt(tx, organization, repo));
  if (!found) throw problem('NOT_FOUND', 'the organization has no repository of that name');
  return found;
}

/** Retired ones too. Throws NOT_FOUND. */
export async function productOf(db: Db, actor: Actor, id: string): Promise<Product> {
  const found = await db.read((tx) => findProduct(tx, id));
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}
