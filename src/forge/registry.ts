import type { ForgeDriver, ForgeKind } from './forge.ts';
import { gitDriver } from './git/driver.ts';
import { forgejoDriver, giteaDriver } from './gitea/driver.ts';
import { githubDriver } from './github/driver.ts';

/** One line a kind. */
export const forgeDrivers: Record<ForgeKind, ForgeDriver> = {
  gitea: giteaDriver,
  forgejo: forgejoDriver,
  github: githubDriver,
  git: gitDriver,
};
