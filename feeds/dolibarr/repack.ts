import type { DolibarrFacts } from '../../src/releases/release.ts';
import type { RepackPlan } from '../../src/updates/feed-format.ts';

/** Dolibarr's deploy page takes the module from `<module>/` or `htdocs/<module>/` and from nowhere else. */
export function isDeployRoot(rootPath: string, module: string): boolean {
  return rootPath === `${module}/` || rootPath === `htdocs/${module}/`;
}

/** How the archive becomes one that can be deployed; null where it is. What lies outside the module's folder is left out. */
export function planRepack(facts: DolibarrFacts): RepackPlan | null {
  if (isDeployRoot(facts.rootPath, facts.module)) return null;
  return { strip: facts.rootPath, prefix: `${facts.module}/` };
}
