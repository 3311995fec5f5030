import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import { ForgeTrouble } from '../errors.ts';
import type { By } from '../licensing/keys.ts';
import { type ForgeDeps, hookSecretsOf, newHookSecret, sealHookSecrets, sideOfRepository } from './connections.ts';
import { ensureRepositoryHook, type HookDeps, hookUrl } from './hooks.ts';
import { type ForgeRecord, listRepositories, updateForge } from './store.ts';

export interface Rotated {
  /** Repositories whose hook now signs with the new secret. */
  changed: string[];
  /** Those that still sign with the old one, and why. */
  failed: { repository: string; detail: string }[];
}

/** The secret that new hooks are made with. For whoever installs one by hand; nobody else is shown it. */
export function currentHookSecret(deps: Pick<HookDeps, 'secrets'>, forge: ForgeRecord): string {
  return hookSecretsOf(deps, forge)[0] ?? '';
}

/**
 * Gives a forge's hooks a new secret. The one before it stays good, for what is under way and for hooks that could not be changed,
 * unless `dropOld`. Each hook is removed and made anew, since some forges take no secret in a change; a delivery that is lost in
 * between is made up for by the sweep.
 */
export async function rotateHookSecret(
  deps: HookDeps,
  forge: ForgeRecord,
  dropOld: boolean,
  by: By,
  onRepository: (name: string) => void = () => undefined,
): Promise<Rotated> {
  const before = hookSecretsOf(deps, forge);
  const secrets = [newHookSecret(), ...(dropOld ? [] : before.slice(0, 1))];
  await deps.db.tx(async (tx) => {
    await updateForge(tx, forge.id, { hookSecretsSealed: sealHookSecrets(deps, forge.id, secrets) });
    const event = { actor: by.actor, action: 'forge.rotate_secret', entity: 'forge', entityId: forge.id };
    await audit(tx, { ...event, changes: { drop_old: dropOld }, requestId: by.requestId }, by.now);
  });
  const repositories = (await deps.db.read((tx) => listRepositories(tx, null))).filter(
    (each) => each.forgeId === forge.id,
  );
  const rotated: Rotated = { changed: [], failed: [] };
  if (!deps.drivers[forge.kind].capabilities.hooks) return rotated;
  for (const { id, owner, name } of repositories) {
    const repository = `${owner}/${name}`;
    onRepository(repository);
    try {
      await renewHook(deps, id);
      rotated.changed.push(repository);
    } catch (error) {
      if (!(error instanceof ForgeTrouble)) throw error;
      rotated.failed.push({ repository, detail: error.message });
    }
  }
  return rotated;
}

/** Gives a forge another API token. The forge is asked with it first, so that a dead one changes nothing; null: none at all. */
export async function replaceToken(deps: ForgeDeps, forge: ForgeRecord, token: string | null, by: By): Promise<void> {
  const { id, kind, baseUrl } = forge;
  const { version } = await deps.drivers[kind].check({ id, kind, baseUrl, token, cacheDir: deps.cacheDir });
  const tokenSealed = token === null ? null : deps.secrets.seal('forge-token', id, token);
  await deps.db.tx(async (tx) => {
    await updateForge(tx, id, { tokenSealed, version, checkedAt: toIso(by.now), checkError: null });
    const event = { actor: by.actor, action: 'forge.replace_token', entity: 'forge', entityId: id, changes: {} };
    await audit(tx, { ...event, requestId: by.requestId }, by.now);
  });
}

async function renewHook(deps: HookDeps, repositoryId: string): Promise<void> {
  const side = await sideOfRepository(deps, repositoryId);
  if (side === null) return;
  await side.driver.removeHook(side.connection, side.hookScope, hookUrl(deps.publicUrl, side.forge.id));
  await ensureRepositoryHook(deps, repositoryId);
}
