import { DAY, toIso } from '../clock.ts';
import { checkForge } from './connections.ts';
import { ensureRepositoryHook, type HookDeps } from './hooks.ts';
import { listForges, listRepositories } from './store.ts';
import { forgetBodies } from './store-deliveries.ts';

/** How long raw bodies of deliveries are kept: they hold names and mail addresses. */
const BODY_DAYS = 30;

/** Once a day: forges that do not answer, hooks that somebody changed, bodies that are too old. */
export async function mendDrift(deps: HookDeps, onError: (error: unknown, what: string) => void): Promise<void> {
  const now = deps.clock();
  const { forges, repositories } = await deps.db.read(async (tx) => ({
    forges: await listForges(tx),
    repositories: await listRepositories(tx, null),
  }));
  const away = new Set<string>();
  for (const forge of forges) if ((await checkForge(deps, forge, now)) !== null) away.add(forge.id);
  // Each hook of a forge that does not answer would be waited for in vain.
  for (const { id } of repositories.filter(({ forgeId }) => !away.has(forgeId))) {
    await ensureRepositoryHook(deps, id).catch((error: unknown) => onError(error, 'a hook could not be checked'));
  }
  await deps.db.tx((tx) => forgetBodies(tx, toIso(now - BODY_DAYS * DAY)));
}
