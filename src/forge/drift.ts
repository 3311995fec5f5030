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
  for (const forge of forges) await checkForge(deps, forge, now);
  for (const { id } of repositories) {
    await ensureRepositoryHook(deps, id).catch((error: unknown) => onError(error, 'a hook could not be checked'));
  }
  await deps.db.tx((tx) => forgetBodies(tx, toIso(now - BODY_DAYS * DAY)));
}
