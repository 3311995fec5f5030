import type { PackageFacts } from '../../src/releases/release.ts';
import { comparePhpVersions } from '../../src/releases/version-order.ts';
import type { FeedFormat } from '../../src/updates/feed-format.ts';
import { renderChangelog } from './changelog-xml.ts';
import { joomlaFacts } from './facts.ts';
import { lintJoomla } from './lint.ts';
import { readManifest } from './manifest.ts';
import { repackPlan } from './root-folder.ts';
import { renderUpdates } from './updates.ts';
import { emptyDocument } from './xml-text.ts';

const CONTENT_TYPE = 'application/xml; charset=utf-8';
const NAME_PART_LIMIT = 100;

/** Joomla 4.4, 5 and 6 as update clients. */
export const joomlaFormat: FeedFormat = {
  platform: 'joomla',
  title: 'Joomla',
  documents: [
    {
      fileName: 'updates.xml',
      kind: 'feed',
      contentType: CONTENT_TYPE,
      render: renderUpdates,
      empty: emptyDocument('updates'),
    },
    {
      fileName: 'changelog.xml',
      kind: 'changelog',
      contentType: CONTENT_TYPE,
      render: renderChangelog,
      empty: emptyDocument('changelogs'),
    },
  ],
  read: readManifest,
  lint: lintJoomla,
  repack: (facts, files) => repackPlan(joomlaFacts(facts).manifestPath, files),
  downloadName,
  compareVersions: comparePhpVersions,
};

/**
 * `com_example-1.2.0.zip`, `plg_system_example-1.2.0.zip`. Joomla unpacks by the ending of the name in
 * Content-Disposition, which it cuts at a semicolon; so the name holds letters, digits, dots, `_` and `-` only.
 */
function downloadName(facts: PackageFacts, version: string): string {
  return `${safe(extensionName(facts))}-${safe(version)}.zip`;
}

function extensionName(facts: PackageFacts): string {
  const { type, element, folder } = joomlaFacts(facts);
  if (type === 'plugin') return `plg_${folder}_${element}`;
  if (type === 'template') return `tpl_${element}`;
  if (type === 'library') return element.startsWith('lib_') ? element : `lib_${element}`;
  if (type === 'language') return `lang_${element}`;
  return element;
}

function safe(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, NAME_PART_LIMIT) || '_';
}
