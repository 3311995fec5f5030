import { create } from 'xmlbuilder2';
import { CHANGELOG_ITEM_LENGTH, CHANGELOG_WORDS, changelogFromNotes } from '../../src/releases/changelog.ts';
import type { Changelog } from '../../src/releases/release.ts';
import type { FeedInput, FeedRelease } from '../../src/updates/feed-format.ts';
import { xmlText } from '../../src/updates/xml-text.ts';
import { joomlaFacts } from './facts.ts';
import { DOCUMENT_LIMIT, documentOf, oneLine } from './xml-text.ts';

/**
 * One changelog for the whole product. Joomla picks the entry whose version equals the one it shows and takes the last
 * of several; so each version stands in it once, by its first release. Joomla makes a bullet of every chunk of text, so
 * an item is one CDATA section on one line.
 */
export function renderChangelog(input: FeedInput): string {
  return documentOf('changelogs', entriesOf(input.releases), DOCUMENT_LIMIT);
}

/** What changed in a release: what its vendor keeps in a changelog file, else what the notes say. */
export function changesOf(release: FeedRelease): Changelog {
  const changelog = release.changelog.length > 0 ? release.changelog : changelogFromNotes(release.notes);
  return CHANGELOG_WORDS.flatMap((word) => {
    const items = changelog.filter((part) => part.word === word).flatMap((part) => part.items.map(itemText));
    const kept = items.filter((item) => item !== '');
    return kept.length > 0 ? [{ word, items: kept }] : [];
  });
}

function* entriesOf(releases: FeedRelease[]): Generator<string> {
  const seen = new Set<string>();
  for (const release of releases) {
    const changes = changesOf(release);
    if (changes.length === 0 || seen.has(release.version)) continue;
    seen.add(release.version);
    yield entryOf(release, changes);
  }
}

function entryOf(release: FeedRelease, changes: Changelog): string {
  const facts = joomlaFacts(release.facts);
  const entry = create().ele('changelog');
  entry.ele('element').txt(xmlText(facts.element));
  entry.ele('type').txt(facts.type);
  entry.ele('version').txt(xmlText(release.version));
  for (const { word, items } of changes) {
    const list = entry.ele(word);
    for (const item of items) list.ele('item').dat(item);
  }
  return entry.end({ headless: true, prettyPrint: true, offset: 1 });
}

/** A CDATA section can't hold its own end, and a second section would be a second bullet. */
function itemText(item: string): string {
  return oneLine(item, CHANGELOG_ITEM_LENGTH).replaceAll(']]>', ']] >');
}
