import { randomBytes } from 'node:crypto';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Secrets } from '../secrets.ts';
import type { ForgeConnection, ForgeDriver, ForgeKind, HookScope, RemoteRepository } from './forge.ts';
import {
  type ForgeRecord,
  findForge,
  findOrganization,
  findRepository,
  type RepositoryRecord,
  updateForge,
} from './store.ts';

export interface ForgeDeps {
  db: Db;
  secrets: Secrets;
  drivers: Record<ForgeKind, ForgeDriver>;
  /** Where drivers may keep what they can fetch again. */
  cacheDir: string;
}

/** The stored forge with its token opened, as drivers want it. */
export function connectionOf(deps: Pick<ForgeDeps, 'secrets' | 'cacheDir'>, forge: ForgeRecord): ForgeConnection {
  const token = forge.tokenSealed === null ? null : deps.secrets.open('forge-token', forge.id, forge.tokenSealed);
  return { id: forge.id, kind: forge.kind, baseUrl: forge.baseUrl, token, cacheDir: deps.cacheDir };
}

/** The secrets that a delivery may be signed with, newest first. */
export function hookSecretsOf(
  deps: Pick<ForgeDeps, 'secrets'>,
  forge: Pick<ForgeRecord, 'id' | 'hookSecretsSealed'>,
): string[] {
  return JSON.parse(deps.secrets.open('forge-hooks', forge.id, forge.hookSecretsSealed)) as string[];
}

export function sealHookSecrets(deps: Pick<ForgeDeps, 'secrets'>, forgeId: string, secrets: readonly string[]): string {
  return deps.secrets.seal('forge-hooks', forgeId, JSON.stringify(secrets));
}

export function newHookSecret(): string {
  return randomBytes(32).toString('hex');
}

export interface RepositorySide {
  forge: ForgeRecord;
  driver: ForgeDriver;
  connection: ForgeConnection;
  stored: RepositoryRecord;
  /** As we know it; the forge may have renamed it since. */
  repository: RemoteRepository;
  /** Where the hook that hears this repository stands. */
  hookScope: HookScope;
}

export async function sideOfRepository(deps: ForgeDeps, repositoryId: string): Promise<RepositorySide | null> {
  const found = await deps.db.read(async (tx) => {
    const stored = await findRepository(tx, repositoryId);
    const forge = stored ? await findForge(tx, stored.forgeId) : null;
    const organization = stored ? await findOrganization(tx, stored.organizationId) : null;
    return stored && forge && organization ? { stored, forge, organization } : null;
  });
  if (found === null) return null;
  const { stored, forge, organization } = found;
  const repository: RemoteRepository = {
    id: stored.remoteId,
    owner: stored.owner,
    name: stored.name,
    private: stored.private,
    archived: false,
    webUrl: stored.webUrl,
    description: '',
  };
  const hookScope: HookScope =
    organization.hookScope === 'organization'
      ? { kind: 'organization', owner: organization.owner }
      : { kind: 'repository', repository };
  return {
    forge,
    stored,
    repository,
    hookScope,
    driver: deps.drivers[forge.kind],
    connection: connectionOf(deps, forge),
  };
}

/** Asks a forge whether it still answers and remembers what it said. Returns why not, in words; null: all is well. */
export async function checkForge(deps: ForgeDeps, forge: ForgeRecord, now: number): Promise<string | null> {
  const connection = connectionOf(deps, forge);
  let version = forge.version;
  let fault: string | null = null;
  try {
    version = (await deps.drivers[forge.kind].check(connection)).version;
  } catch (error) {
    fault = error instanceof Error ? error.message : 'the forge did not answer';
  }
  await deps.db.tx((tx) => updateForge(tx, forge.id, { version, checkedAt: toIso(now), checkError: fault }));
  return fault;
}
