import { problem } from '../errors.ts';
import { nextLook, RECONCILE } from '../forge/hooks.ts';
import { makeWorker } from '../jobs/worker.ts';
import { type Progress, type ReconcileDeps, type Reconciled, reconcile } from './reconcile.ts';

export interface SyncWatch {
  onProgress?(progress: Progress): void;
  /** Another process, as a rule the server, is at this repository; it is waited for. */
  onBusy?(): void;
}

const TRIES = 600;
const PAUSE_MS = 1_000;

/**
 * Looks at a repository now, under the same lease as the server's own looks, and resolves when that is done. Throws what the look
 * throws (ForgeTrouble), and UNAVAILABLE when another process keeps the repository for ten minutes.
 */
export async function syncNow(deps: ReconcileDeps, repositoryId: string, watch: SyncWatch = {}): Promise<Reconciled> {
  let result: Reconciled = { state: 'unknown', looked: 0 };
  const worker = makeWorker({
    db: deps.db,
    clock: deps.clock,
    handlers: {
      async [RECONCILE](job, lease) {
        result = await reconcile(deps, job.subject, lease, watch.onProgress);
        // It may have been a hook's job that was taken over.
        const again = nextLook(job.payload);
        return again ? { again } : undefined;
      },
    },
    onFailure: () => undefined,
  });
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if ((await worker.runNow(RECONCILE, repositoryId)) === 'done') return result;
    if (attempt === 0) watch.onBusy?.();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw problem('UNAVAILABLE', 'another process has been looking at this repository for ten minutes');
}
