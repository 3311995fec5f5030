import type { ChangelogWord } from '../../../src/releases/release.ts';
import { comparePhpVersions } from '../../../src/releases/version-order.ts';
import { ask, type Http, joomlaHeaders } from './site.ts';
import { readXml } from './xml-events.ts';

/** In the order in which Joomla shows them. */
const WORDS = [
  'security',
  'fix',
  'language',
  'addition',
  'change',
  'remove',
  'note',
] as const satisfies ChangelogWord[];

export interface ChangelogResult {
  /** What stopped it: the file was not loaded, not parsed, or PHP died. null: it was read. */
  failure: 'open' | 'parse' | 'fatal' | null;
  /** Bullets as they are shown, not trimmed; null: nothing for this version. */
  sections: { word: ChangelogWord; bullets: string[] }[] | null;
}

/** What the changelog window shows for a version; `joomla` only tells the User-Agent. */
export async function readChangelog(
  url: string,
  version: string,
  http: Http,
  joomla = '5.4.0',
): Promise<ChangelogResult> {
  const answer = await ask(http, { url, headers: joomlaHeaders(joomla), timeoutMs: null });
  if (answer?.status !== 200) return { failure: 'open', sections: null };
  return parseChangelog(answer.body, version);
}

interface OpenChangelog {
  version: string | null;
  sections: Map<ChangelogWord, string[]>;
}

/** The last entry whose version is equal wins, whatever its element and type. Every piece of text is a bullet of its own. */
export function parseChangelog(body: Uint8Array, version: string): ChangelogResult {
  const path: string[] = [];
  let bullets: string[] = [];
  let current: OpenChangelog | null = { version: null, sections: new Map() };
  let latest: OpenChangelog | null = null;
  let shown: OpenChangelog | null = null;
  let fatal = false;

  const ok = readXml(body, {
    open(name) {
      path.push(name);
      if (name === 'CHANGELOGS' || name === 'CHANGELOG' || name === 'ITEM') return;
      fatal ||= current === null;
      if (name === 'VERSION' && current !== null) current.version = '';
    },
    close(name) {
      path.pop();
      const word = WORDS.find((one) => one === name.toLowerCase());
      if (word !== undefined) {
        current?.sections.set(word, bullets);
        bullets = [];
      }
      if (name === 'CHANGELOG') {
        if (comparePhpVersions(current?.version ?? '', version) === 0) latest = current;
        current = { version: null, sections: new Map() };
      }
      if (name === 'CHANGELOGS') {
        shown = latest ?? shown;
        latest = null;
        current = null;
      }
    },
    text(piece) {
      const name = path.at(-1);
      if (name === 'ITEM') bullets.push(piece);
      if (name === 'VERSION' && current !== null) current.version += piece;
    },
  });
  if (fatal) return { failure: 'fatal', sections: null };
  return ok ? { failure: null, sections: sectionsOf(shown) } : { failure: 'parse', sections: null };
}

function sectionsOf(entry: OpenChangelog | null): ChangelogResult['sections'] {
  if (entry === null) return null;
  return WORDS.flatMap((word) => {
    const bullets = entry.sections.get(word);
    return bullets === undefined ? [] : [{ word, bullets }];
  });
}
