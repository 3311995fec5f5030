import type { Core } from '../app.ts';
import { problem } from '../errors.ts';
import type { RepositoryRecord } from '../forge/forge-reads.ts';
import { listProducts } from '../releases/product-reads.ts';
import { syncNow } from '../releases/sync.ts';
import { problemsOf, wholeReleases } from '../releases/whole-releases.ts';
import type { Io } from './command.ts';

export interface Synced {
  /** Tags that were looked at because something had changed. */
  looked: number;
  listed: number;
  withheld: number;
  errors: number;
  warnings: number;
}

const TOLD_EVERY_MS = 1_000;

/** Looks at a repository now, telling of its progress on stderr. Throws where the forge does not show it. */
export async function syncRepository(core: Core, io: Io, repository: RepositoryRecord): Promise<Synced> {
  const name = `${repository.owner}/${repository.name}`;
  let toldAt = Number.NEGATIVE_INFINITY;
  const { state, looked } = await syncNow(core.reconcile, repository.id, {
    onProgress({ product, tag, done, total }) {
      const now = core.clock();
      if (now - toldAt < TOLD_EVERY_MS && done + 1 < total) return;
      toldAt = now;
      io.note(`${product}: ${done + 1}/${total} ${tag}`);
    },
    onBusy: () => io.note(`${name}: another process is looking at it; waiting ...`),
  });
  if (state !== 'done')
    throw problem('NOT_FOUND', `the forge says that there is no ${name}, or that its token may not see it`);
  return { looked, ...(await countsOf(core, repository.id)) };
}

async function countsOf(core: Core, repositoryId: string): Promise<Omit<Synced, 'looked'>> {
  const products = (await listProducts(core.db, null)).filter((each) => each.repositoryId === repositoryId);
  const counts = { listed: 0, withheld: 0, errors: 0, warnings: 0 };
  for (const product of products) {
    const releases = await wholeReleases(core.db, product.id);
    const problems = await problemsOf(core.db, product.id);
    counts.listed += releases.filter(({ release }) => release.state === 'listed').length;
    counts.withheld += releases.filter(({ release }) => release.state === 'withheld').length;
    counts.errors += problems.filter(({ severity }) => severity === 'error').length;
    counts.warnings += problems.filter(({ severity }) => severity === 'warning').length;
  }
  return counts;
}

export function syncWords({ listed, withheld, errors, warnings }: Synced): string {
  const found =
    errors + warnings === 0
      ? 'no problems'
      : `${counted(errors, 'error')} and ${counted(warnings, 'warning')} (see feedgate product lint)`;
  return `${counted(listed, 'release')} listed, ${withheld} withheld; ${found}.`;
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
