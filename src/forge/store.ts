import { forChange, isUniqueViolation, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import { problem } from '../errors.ts';
import { OrganizationSettings } from '../releases/organization-settings.ts';
import type { ForgeKind } from './forge.ts';

/** A connected forge as stored. Token and hook secrets are sealed; only verbs open them. */
export interface ForgeRecord {
  id: string;
  kind: ForgeKind;
  name: string;
  baseUrl: string;
  tokenSealed: string | null;
  /** A sealed JSON list, newest first: several while a secret is being changed. */
  hookSecretsSealed: string;
  version: string | null;
  checkedAt: string | null;
  checkError: string | null;
  createdAt: string;
}

export interface OrganizationRecord {
  id: string;
  forgeId: string;
  /** Login on the forge, as far as we heard. */
  owner: string;
  /** What the owner is known by whatever it is called; null: it was never asked, or its forge knows no people. */
  ownerId: string | null;
  /** Since when the name leads to somebody else or to nobody, and the owner is not to be found; null: all is well. */
  ownerLostSince: string | null;
  slug: string;
  name: string;
  /** JSON: rules from tag to version and channel. */
  rules: string;
  keyPrefix: string;
  /** Prefixes of keys that were made before `keyPrefix` was changed: they go on being read as ours. */
  formerPrefixes: readonly string[];
  /** One hook on the organization that hears all of its repositories, or one a repository. */
  hookScope: 'repository' | 'organization';
  /** Where customers are helped; shown, never asked. */
  supportUrl: string | null;
  /** Where keys are bought or renewed, of products that name no address of their own. */
  renewUrl: string | null;
  settings: OrganizationSettings;
  createdAt: string;
}

export interface RepositoryRecord {
  id: string;
  forgeId: string;
  organizationId: string;
  remoteId: string;
  owner: string;
  name: string;
  webUrl: string;
  private: boolean;
  rules: string;
  unreachableSince: string | null;
  hookError: string | null;
  hookCheckedAt: string | null;
  syncedAt: string | null;
  syncError: string | null;
  createdAt: string;
}

const FORGE = columnsOf(
  ...[
    'id',
    'kind',
    'name',
    'baseUrl',
    'tokenSealed',
    'hookSecretsSealed',
    'version',
    'checkedAt',
    'checkError',
    'createdAt',
  ],
);
const ORGANIZATION = columnsOf(
  ...['id', 'forgeId', 'owner', 'slug', 'name', 'rules', 'keyPrefix', 'hookScope', 'supportUrl', 'renewUrl'],
  ...['ownerId', 'ownerLostSince', 'formerPrefixes', 'settings', 'createdAt'],
);
const ORGANIZATION_SHAPE = { json: ['formerPrefixes', 'settings'] };
const REPOSITORY = columnsOf(
  ...['id', 'forgeId', 'organizationId', 'remoteId', 'owner', 'name', 'webUrl', 'private', 'rules', 'unreachableSince'],
  ...['hookError', 'hookCheckedAt', 'syncedAt', 'syncError', 'createdAt'],
);

function toForge(row: object): ForgeRecord {
  return fromRow(row);
}

/** Settings that came after a row was written have their defaults. */
function toOrganization(row: object): OrganizationRecord {
  const organization = fromRow<OrganizationRecord>(row, ORGANIZATION_SHAPE);
  return { ...organization, settings: OrganizationSettings.parse(organization.settings) };
}

function toRepository(row: object): RepositoryRecord {
  return fromRow(row, { booleans: ['private'] });
}

async function insert(tx: Tx, table: string, record: object, actor: string, what: string): Promise<void> {
  try {
    await tx(table).insert({ ...toRow(record), created_by: actor });
  } catch (error) {
    if (isUniqueViolation(error)) throw problem('ALREADY_EXISTS', what);
    throw error;
  }
}

export function insertForge(tx: Tx, forge: ForgeRecord, actor: string): Promise<void> {
  return insert(tx, 'forges', forge, actor, `there is a forge named "${forge.name}"`);
}

export function insertOrganization(tx: Tx, organization: OrganizationRecord, actor: string): Promise<void> {
  const row = toRow(organization, ORGANIZATION_SHAPE);
  return insert(tx, 'organizations', row, actor, `the slug "${organization.slug}" or this owner is taken`);
}

export function insertRepository(tx: Tx, repository: RepositoryRecord, actor: string): Promise<void> {
  return insert(
    tx,
    'repositories',
    repository,
    actor,
    `the repository ${repository.owner}/${repository.name} is connected`,
  );
}

export async function listForges(tx: Tx): Promise<ForgeRecord[]> {
  return (await tx('forges').select(FORGE).orderBy('id')).map(toForge);
}

/** By id or by the name that the operator gave it. */
export async function findForge(tx: Tx, idOrName: string): Promise<ForgeRecord | null> {
  const row = await tx('forges').select(FORGE).where({ id: idOrName }).orWhere({ name: idOrName }).first();
  return row ? toForge(row) : null;
}

export async function updateForge(
  tx: Tx,
  id: string,
  change: Partial<Pick<ForgeRecord, 'tokenSealed' | 'hookSecretsSealed' | 'version' | 'checkedAt' | 'checkError'>>,
): Promise<void> {
  await tx('forges').where({ id }).update(toRow(change));
}

export async function findOrganization(tx: Tx, idOrSlug: string): Promise<OrganizationRecord | null> {
  const row = await tx('organizations')
    .select(ORGANIZATION)
    .where({ id: idOrSlug })
    .orWhereRaw('lower(slug) = ?', [idOrSlug.toLowerCase()])
    .first();
  return row ? toOrganization(row) : null;
}

/**
 * Makes writers that look before they insert (a customer by mail) take turns. Whoever has only named the organization in a row is let
 * pass: two that have done so and then want their turn would wait for each other.
 */
export async function lockOrganization(tx: Tx, id: string): Promise<void> {
  await forChange(tx, tx('organizations').where({ id }).select('id'));
}

export async function findOrganizationByOwner(
  tx: Tx,
  forgeId: string,
  owner: string,
): Promise<OrganizationRecord | null> {
  const row = await tx('organizations').select(ORGANIZATION).where({ forge_id: forgeId, owner }).first();
  return row ? toOrganization(row) : null;
}

/** The oldest one. */
export async function firstOrganizationId(tx: Tx): Promise<string | null> {
  const row = await tx('organizations').orderBy('id').first('id');
  return row?.id ?? null;
}

export async function listOrganizations(tx: Tx): Promise<OrganizationRecord[]> {
  return (await tx('organizations').select(ORGANIZATION).orderBy('id')).map(toOrganization);
}

export async function updateOrganization(
  tx: Tx,
  id: string,
  change: Partial<Omit<OrganizationRecord, 'id' | 'forgeId' | 'slug' | 'createdAt'>>,
) {
  await tx('organizations').where({ id }).update(toRow(change, ORGANIZATION_SHAPE));
}

export async function findRepository(tx: Tx, id: string): Promise<RepositoryRecord | null> {
  const row = await tx('repositories').select(REPOSITORY).where({ id }).first();
  return row ? toRepository(row) : null;
}

export async function findRepositoryByRemoteId(
  tx: Tx,
  forgeId: string,
  remoteId: string,
): Promise<RepositoryRecord | null> {
  const row = await tx('repositories').select(REPOSITORY).where({ forge_id: forgeId, remote_id: remoteId }).first();
  return row ? toRepository(row) : null;
}

/** Within an organization, by the repository's name on the forge. */
export async function findRepositoryByName(
  tx: Tx,
  organizationId: string,
  name: string,
): Promise<RepositoryRecord | null> {
  const row = await tx('repositories')
    .select(REPOSITORY)
    .where({ organization_id: organizationId })
    .whereRaw('lower(name) = ?', [name.toLowerCase()])
    .first();
  return row ? toRepository(row) : null;
}

export async function listRepositories(tx: Tx, organizationId: string | null): Promise<RepositoryRecord[]> {
  const query = tx('repositories').select(REPOSITORY).orderBy('id');
  const rows = await (organizationId === null ? query : query.where({ organization_id: organizationId }));
  return rows.map(toRepository);
}

export async function updateRepository(
  tx: Tx,
  id: string,
  change: Partial<Omit<RepositoryRecord, 'id' | 'forgeId' | 'organizationId' | 'remoteId' | 'createdAt'>>,
): Promise<void> {
  await tx('repositories').where({ id }).update(toRow(change));
}
