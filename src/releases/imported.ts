import type { ReleaseRecord } from './store-releases.ts';

/** Git refuses a colon in the name of a tag, so no tag of a forge is ever taken for this. */
const PREFIX = 'import:';

/** What stands in place of the tag of a release that was brought in from elsewhere. */
export function importTag(version: string): string {
  return PREFIX + version;
}

/** True: it is not on the forge, so that the forge does not say whether it is still there. */
export function isImported({ tag }: Pick<ReleaseRecord, 'tag'>): boolean {
  return tag.startsWith(PREFIX);
}
