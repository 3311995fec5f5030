import { create } from 'xmlbuilder2';
import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js';
import type { DolibarrFacts } from '../../src/releases/release.ts';
import { comparePhpVersions } from '../../src/releases/version-order.ts';
import type { FeedDocument, FeedInput, FeedRelease } from '../../src/updates/feed-format.ts';
import { xmlText } from '../../src/updates/xml-text.ts';
import { announcedVersion } from './announced-version.ts';

const MOST_VERSIONS = 200;
const MOST_CHANGES = 100;
const LONGEST_TEXT = 1_000;

/** `dolibarr.xml`, for modules that carry the client kit; readme.md beside this file describes its elements. */
export const xmlDocument: FeedDocument = {
  fileName: 'dolibarr.xml',
  kind: 'feed',
  contentType: 'application/xml; charset=utf-8',
  render: renderXml,
  empty: '<?xml version="1.0" encoding="UTF-8"?>\n<module/>\n',
};

function renderXml(input: FeedInput): string {
  if (input.releases.length === 0) return xmlDocument.empty;
  const root = create({ version: '1.0', encoding: 'UTF-8' }).ele('module');
  const facts = input.releases.map((release) => release.facts).find((one) => one.platform === 'dolibarr');
  if (facts) root.att('name', clean(facts.module));
  addText(root, 'title', input.product.name);
  addText(root, 'publisher', input.product.organization);
  const newestFirst = input.releases.toSorted((a, b) => comparePhpVersions(told(b), told(a)));
  for (const release of newestFirst.slice(0, MOST_VERSIONS)) addVersion(root, release, input.links);
  return `${root.end({ prettyPrint: true })}\n`;
}

function addVersion(root: XMLBuilder, release: FeedRelease, links: FeedInput['links']): void {
  const version = root.ele('version', { number: clean(told(release)), channel: release.clientWord });
  if (release.security) version.att('security', 'true');
  addText(version, 'date', new Date(release.firstSeenAt).toISOString());
  if (release.downloadable) {
    const download = version.ele('download', { size: String(release.file.size), sha256: release.file.sha256 });
    download.txt(clean(links.download(release)));
  }
  addText(version, 'infourl', links.info(release));
  const facts = release.facts.platform === 'dolibarr' ? release.facts : null;
  addRange(version, 'php', release.phpMinimum ?? dotted(facts?.phpMin), dotted(facts?.phpMax));
  addDolibarrRange(version, release, facts);
  addChangelog(version, release);
}

/** What the release or product says of its target wins over the descriptor, end by end. */
function addDolibarrRange(version: XMLBuilder, release: FeedRelease, facts: DolibarrFacts | null): void {
  const min = release.target?.min ?? dotted(facts?.dolibarrMin);
  addRange(version, 'dolibarr', min, release.target?.max ?? dotted(facts?.dolibarrMax));
}

function addRange(version: XMLBuilder, name: string, min: string | null, max: string | null): void {
  if (min === null && max === null) return;
  const range = version.ele(name);
  if (min !== null) range.att('min', clean(min));
  if (max !== null) range.att('max', clean(max));
}

function addChangelog(version: XMLBuilder, release: FeedRelease): void {
  const changes = release.changelog.flatMap(({ word, items }) => items.map((text) => ({ word, text })));
  if (changes.length === 0) return;
  const changelog = version.ele('changelog');
  for (const { word, text } of changes.slice(0, MOST_CHANGES)) changelog.ele('item', { word }).txt(clean(text));
}

function addText(parent: XMLBuilder, name: string, text: string): void {
  parent.ele(name).txt(clean(text));
}

function told(release: FeedRelease): string {
  return announcedVersion(release.version) ?? release.version;
}

function dotted(numbers: number[] | null | undefined): string | null {
  return numbers ? numbers.join('.') : null;
}

const NOT_IN_XML = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

/** Without the characters that XML 1.0 can't hold (half of a cut pair is one of them), at most 1,000 long. */
function clean(text: string): string {
  return xmlText(text.slice(0, LONGEST_TEXT).replace(NOT_IN_XML, ''));
}
