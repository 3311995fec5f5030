import { problem } from '../../src/errors.ts';
import type { DolibarrFacts, PackageFacts } from '../../src/releases/release.ts';
import { comparePhpVersions } from '../../src/releases/version-order.ts';
import type { FeedFormat } from '../../src/updates/feed-format.ts';
import { readDescriptor } from './descriptor.ts';
import { lintRelease } from './lint.ts';
import { offeredName } from './offered-name.ts';
import { planRepack } from './repack.ts';
import { fitsDolibarr } from './requirements.ts';
import { textDocument } from './text.ts';
import { xmlDocument } from './xml.ts';

/** How Dolibarr learns of updates: a bare version as text, and the whole entry as XML for modules with the client kit. */
export const dolibarrFormat: FeedFormat = {
  platform: 'dolibarr',
  title: 'Dolibarr',
  documents: [textDocument, xmlDocument],
  read: readDescriptor,
  lint: lintRelease,
  repack: (facts) => planRepack(dolibarrFacts(facts)),
  downloadName: (facts, version) => offeredName(dolibarrFacts(facts).module, version),
  compareVersions: comparePhpVersions,
  fits: ({ target, facts }, clientVersion) => fitsDolibarr(target, dolibarrFacts(facts), clientVersion),
};

function dolibarrFacts(facts: PackageFacts): DolibarrFacts {
  if (facts.platform !== 'dolibarr') throw problem('INTERNAL', `Dolibarr was asked about a ${facts.platform} package`);
  return facts;
}
