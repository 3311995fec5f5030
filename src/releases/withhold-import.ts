import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { fromIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import { isImported } from './imported.ts';
import { bumpRevision, lockProduct } from './store-products.ts';
import { findRelease, problemsOfProduct, replaceProblems, saveRelease } from './store-releases.ts';

/**
 * Takes an imported release whose file is lost out of the feeds, so that nothing is listed that nobody can download. The problem
 * says what to do; importing it again puts it back.
 */
export async function withholdImport(tx: Tx, releaseId: string, now: string): Promise<void> {
  const found = await findRelease(tx, releaseId);
  if (found === null) return;
  await lockProduct(tx, found.productId);
  const release = await findRelease(tx, releaseId);
  if (release === null || !isImported(release) || release.state !== 'listed') return;
  const { productId, version, tag, channel } = release;
  await saveRelease(tx, { ...release, state: 'withheld', updatedAt: now });
  const lost = {
    ...({ id: newId('problem'), code: 'ASSET_MISSING', severity: 'error', platform: null } as const),
    detail: `The file of the imported version ${version} is lost, and it is on no forge.`,
    fix: 'Put the file back into the store from a backup and import it again, or release the version on the forge.',
  };
  const others = (await problemsOfProduct(tx, productId)).filter((each) => each.tag === tag);
  await replaceProblems(tx, { productId, releaseId, tag }, [...others, lost], now);
  await bumpRevision(tx, productId);
  const event = { actor: SYSTEM_ACTOR, action: 'release.withdraw', entity: 'release', entityId: releaseId };
  await audit(tx, { ...event, changes: { version, tag, channel }, requestId: null }, fromIso(now));
}
