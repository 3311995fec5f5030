import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { ForgeTrouble, problem } from '../errors.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import { DEFAULT_KEY_PREFIX, prefixFault } from '../licensing/license-key.ts';
import { ensureMaster } from '../licensing/packages.ts';
import { prefixesInUse } from '../licensing/store-keys.ts';
import { NO_ORGANIZATION_SETTINGS } from '../releases/organization-settings.ts';
import { slugFault } from '../releases/product.ts';
import { connectionOf, type ForgeDeps, newHookSecret, sealHookSecrets } from './connections.ts';
import type { ForgeKind, RemoteRepository } from './forge.ts';
import type { RemoteOwner } from './people.ts';
import {
  type ForgeRecord,
  findForge,
  findOrganization,
  findOrganizationByOwner,
  findRepositoryByRemoteId,
  insertForge,
  insertOrganization,
  insertRepository,
  type OrganizationRecord,
  type RepositoryRecord,
  updateOrganization,
} from './store.ts';

export interface NewForge {
  kind: ForgeKind;
  /** As the operator calls it; unique. */
  name: string;
  baseUrl: string;
  token: string | null;
}

/** Connects a forge. It is asked first, so that a wrong address or a dead token is told at once. */
export async function addForge(deps: ForgeDeps, wish: NewForge, by: By): Promise<ForgeRecord> {
  if (!/^[a-z0-9][a-z0-9._-]{0,59}$/i.test(wish.name))
    throw problem('INVALID_REQUEST', 'a forge is named in letters, digits, dots and dashes');
  const id = newId('forge', by.now);
  const baseUrl = wish.baseUrl.replace(/\/+$/, '');
  const connection = { id, kind: wish.kind, baseUrl, token: wish.token, cacheDir: deps.cacheDir };
  const check = await deps.drivers[wish.kind].check(connection);
  const forge: ForgeRecord = {
    id,
    kind: wish.kind,
    name: wish.name,
    baseUrl,
    tokenSealed: wish.token === null ? null : deps.secrets.seal('forge-token', id, wish.token),
    hookSecretsSealed: sealHookSecrets(deps, id, [newHookSecret()]),
    version: check.version,
    checkedAt: toIso(by.now),
    checkError: null,
    createdAt: toIso(by.now),
  };
  await deps.db.tx(async (tx) => {
    await insertForge(tx, forge, by.actor.id);
    const changes = { kind: forge.kind, name: forge.name, base_url: forge.baseUrl };
    await audit(
      tx,
      { actor: by.actor, action: 'forge.add', entity: 'forge', entityId: id, changes, requestId: by.requestId },
      by.now,
    );
  });
  return forge;
}

export interface NewOrganization {
  forge: ForgeRecord;
  /** Login of the owner on the forge; for a `git` forge any name. */
  owner: string;
  /** Unique here; the owner's login unless that is taken or reserved. */
  slug?: string | undefined;
  name?: string | undefined;
  keyPrefix?: string | undefined;
  /** Where the hook is registered; `repository` for a new organization unless named. */
  hookScope?: OrganizationRecord['hookScope'] | undefined;
}

/** The organization of an owner, made on first need together with its master key. */
export async function ensureOrganization(deps: ForgeDeps, wish: NewOrganization, by: By): Promise<OrganizationRecord> {
  const slug = wish.slug ?? wish.owner;
  const fault = slugFault(slug);
  if (fault) throw problem('INVALID_REQUEST', `the organization cannot be called "${slug}": ${fault}`);
  const keyPrefix = wish.keyPrefix ?? DEFAULT_KEY_PREFIX;
  const isKnown = (await deps.db.read((tx) => findOrganizationByOwner(tx, wish.forge.id, wish.owner))) !== null;
  const ownerId = isKnown ? null : await ownerIdOf(deps, wish);
  return deps.db.tx(async (tx) => {
    const known = await findOrganizationByOwner(tx, wish.forge.id, wish.owner);
    if (known) return withHookScope(tx, known, wish.hookScope);
    const prefixTrouble = prefixFault(keyPrefix, await prefixesInUse(tx));
    if (prefixTrouble !== null) throw problem('INVALID_REQUEST', prefixTrouble);
    if (await findOrganization(tx, slug))
      throw problem('ALREADY_EXISTS', `the slug "${slug}" is taken; choose another`);
    const organization: OrganizationRecord = {
      id: newId('organization', by.now),
      forgeId: wish.forge.id,
      owner: wish.owner,
      ownerId,
      ownerLostSince: null,
      slug,
      name: wish.name ?? wish.owner,
      rules: '{}',
      keyPrefix,
      hookScope: wish.hookScope ?? 'repository',
      formerPrefixes: [],
      supportUrl: null,
      renewUrl: null,
      settings: NO_ORGANIZATION_SETTINGS,
      createdAt: toIso(by.now),
    };
    await insertOrganization(tx, organization, by.actor.id);
    await ensureMaster(tx, deps.secrets, organization, null, { ...by, actor: SYSTEM_ACTOR });
    const changes = { slug, forge_id: wish.forge.id };
    const event = {
      actor: by.actor,
      action: 'organization.add',
      entity: 'organization',
      entityId: organization.id,
      changes,
      requestId: by.requestId,
    };
    await audit(tx, event, by.now);
    return organization;
  });
}

/** A forge that does not tell now is asked when somebody's role is. */
async function ownerIdOf(deps: ForgeDeps, { forge, owner }: NewOrganization): Promise<string | null> {
  try {
    return (await remoteOwner(deps, forge, owner))?.id ?? null;
  } catch (error) {
    if (error instanceof ForgeTrouble) return null;
    throw error;
  }
}

/** Who has this name on the forge; null where nobody has, it is not shown, or the forge knows no people. */
export async function remoteOwner(deps: ForgeDeps, forge: ForgeRecord, name: string): Promise<RemoteOwner | null> {
  return (await deps.drivers[forge.kind].people?.owner(connectionOf(deps, forge), name)) ?? null;
}

async function withHookScope(
  tx: Tx,
  organization: OrganizationRecord,
  hookScope: NewOrganization['hookScope'],
): Promise<OrganizationRecord> {
  if (hookScope === undefined || hookScope === organization.hookScope) return organization;
  await updateOrganization(tx, organization.id, { hookScope });
  return { ...organization, hookScope };
}

/** The stored repository of a remote one, made on first need. */
export async function ensureRepository(
  deps: ForgeDeps,
  organization: OrganizationRecord,
  remote: RemoteRepository,
  by: By,
): Promise<RepositoryRecord> {
  return deps.db.tx(async (tx) => {
    const known = await findRepositoryByRemoteId(tx, organization.forgeId, remote.id);
    if (known) return known;
    const repository: RepositoryRecord = {
      id: newId('repository', by.now),
      forgeId: organization.forgeId,
      organizationId: organization.id,
      remoteId: remote.id,
      owner: remote.owner,
      name: remote.name,
      webUrl: remote.webUrl,
      private: remote.private,
      rules: '{}',
      unreachableSince: null,
      hookError: null,
      hookCheckedAt: null,
      syncedAt: null,
      syncError: null,
      createdAt: toIso(by.now),
    };
    await insertRepository(tx, repository, by.actor.id);
    return repository;
  });
}

/** Asks the forge for a repository; throws in words where it is not to be seen. */
export async function findRemote(
  deps: ForgeDeps,
  forge: ForgeRecord,
  owner: string,
  name: string,
): Promise<RemoteRepository> {
  const remote = await deps.drivers[forge.kind].repository(connectionOf(deps, forge), { owner, name });
  if (!remote)
    throw problem('NOT_FOUND', `${forge.name} knows no repository ${owner}/${name}, or its token may not see it`);
  return remote;
}

export async function requireForge(deps: Pick<ForgeDeps, 'db'>, idOrName: string): Promise<ForgeRecord> {
  const forge = await deps.db.read((tx) => findForge(tx, idOrName));
  if (!forge) throw problem('NOT_FOUND', `there is no forge "${idOrName}"`);
  return forge;
}
