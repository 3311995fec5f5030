import { comparePhpVersions } from '../../../src/releases/version-order.ts';
import { parseDetails } from './parse-details.ts';
import { ask, type Http, type InstalledExtension, type JoomlaSite, joomlaHeaders } from './site.ts';

export interface PreUpdateResult {
  /** `fit`: shown as compatible. `update-first`: an update is asked for. `unknown`: no compatible version is offered. */
  verdict: 'fit' | 'update-first' | 'unknown';
  /** Listed versions that run on the target Joomla, oldest first. */
  forTarget: string[];
  /** The same for the Joomla that is installed. */
  forCurrent: string[];
  words: string;
}

/**
 * What the page before a new Joomla version says of an extension. It loads the bare address of the update site, without key
 * and plugin, once for the target version and once for the present one. Fit is what is not older than the oldest version
 * listed for both (for the target alone where none is listed for both); so an installed version that is listed is fit.
 * com_joomlaupdate: UpdateModel::fetchCompatibility, UpdateController::batchextensioncompatibility.
 */
export async function preUpdateCheck(
  site: JoomlaSite,
  targetVersion: string,
  http: Http,
  extension: Pick<InstalledExtension, 'version'> | undefined = site.extensions[0],
): Promise<PreUpdateResult> {
  const forTarget = await compatibleVersions(site, targetVersion, http);
  const forCurrent = await compatibleVersions(site, site.joomla, http);
  const installed = extension?.version ?? '';
  const both = forTarget.filter((version) => forCurrent.includes(version));
  const oldest = both[0] ?? forTarget[0];
  if (oldest === undefined) {
    const words = `Nothing in the feed is for Joomla ${targetVersion}; the page cannot say whether ${installed} will run.`;
    return { verdict: 'unknown', forTarget, forCurrent, words };
  }
  if (comparePhpVersions(oldest, installed) > 0) {
    const words = `The oldest version listed for Joomla ${targetVersion} is ${oldest}, so ${installed} is to be updated first.`;
    return { verdict: 'update-first', forTarget, forCurrent, words };
  }
  return { verdict: 'fit', forTarget, forCurrent, words: `${installed} is shown as fit for Joomla ${targetVersion}.` };
}

async function compatibleVersions(site: JoomlaSite, joomla: string, http: Http): Promise<string[]> {
  const answer = await ask(http, { url: site.feedUrl, headers: joomlaHeaders(site.joomla), timeoutMs: null });
  if (answer?.status !== 200) return [];
  const parsed = parseDetails(answer.body, { ...site, joomla });
  return parsed.fatal === null ? parsed.compatibleVersions.sort(comparePhpVersions) : [];
}
