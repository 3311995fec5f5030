import { parseXml, type XmlElement } from '../../../src/releases/safe-xml.ts';
import { partsOf } from '../../../src/releases/target-range.ts';
import { comparePhpVersions } from '../../../src/releases/version-order.ts';
import {
  HASH_NAMES,
  type HashName,
  type OldDocument,
  type OldDocumentReader,
  type OldRelease,
} from '../../../src/updates/old-releases.ts';
import { feedFaults, meantTarget, type OldEntry, WORDS, wordOf } from './old-feed.ts';

/** An entry with what only an import wants of it. */
interface Entry extends OldEntry {
  named: [HashName, string][];
  infoUrl: string;
  description: string;
}

const HEX: Record<HashName, RegExp> = {
  sha256: /^[0-9a-f]{64}$/,
  sha384: /^[0-9a-f]{96}$/,
  sha512: /^[0-9a-f]{128}$/,
};
const MOST_DOWNLOADS = 5;

/** An `updates.xml` of Joomla, read by the guarded reader. */
export const joomlaOldDocument: OldDocumentReader = { platform: 'joomla', read };

function read(bytes: Uint8Array): OldDocument {
  const xml = parseXml(bytes);
  if (!xml.ok) return { ok: false, detail: xml.detail };
  if (xml.root.name.toLowerCase() !== 'updates')
    return { ok: false, detail: `its root is <${xml.root.name.slice(0, 60)}> and not <updates>` };
  const groups = new Map<string, Entry[]>();
  for (const entry of named(xml.root, 'update').map(entryOf)) {
    const version = entry.version.toLowerCase().replace(/^v(?=\d)/, '');
    const key = `${entry.element.toLowerCase()}\n${version}`;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  const releases = [...groups.values()].map(releaseOf);
  return { ok: true, releases: releases.sort((a, b) => comparePhpVersions(bare(b), bare(a))) };
}

function bare({ version }: OldRelease): string {
  return version.replace(/^v(?=\d)/i, '');
}

function named(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name.toLowerCase() === name);
}

/** Of several elements of one name Joomla takes the last. */
function entryOf(update: XmlElement): Entry {
  const value = (name: string) => named(update, name).at(-1)?.text.trim() ?? null;
  const inside = (outer: string, inner: string) => named(update, outer).flatMap((each) => named(each, inner));
  const target = named(update, 'targetplatform').at(-1);
  const hashes = HASH_NAMES.flatMap((name) => named(update, name).map(({ text }): [HashName, string] => [name, text]));
  return {
    ...{ element: value('element') ?? '', type: value('type') ?? '', folder: value('folder'), client: value('client') },
    version: value('version') ?? '',
    tag: inside('tags', 'tag').at(-1)?.text ?? null,
    stability: value('stability'),
    target: target ? { name: target.attributes['name'] ?? null, version: target.attributes['version'] ?? null } : null,
    php: value('php_minimum'),
    hashes: hashes.map(([, text]) => text),
    named: hashes,
    downloads: [...inside('downloads', 'downloadurl'), ...named(update, 'downloadurl')].map(({ text }) => text.trim()),
    infoUrl: value('infourl') ?? '',
    description: value('description') ?? '',
  };
}

/** A cascade lists one version under several words: the ripest of them is what it is. */
function releaseOf(entries: readonly Entry[]): OldRelease {
  const rank = ({ word }: { word: string }) => {
    const at = (WORDS as readonly string[]).indexOf(word);
    return at === -1 ? WORDS.length : WORDS.length - at - 1;
  };
  const told = entries.map((entry) => ({ entry, word: wordOf(entry) })).sort((a, b) => rank(a) - rank(b));
  const word = told[0]?.word ?? 'stable';
  const own = told.filter((each) => each.word === word).map(({ entry }) => entry);
  const [first] = own as [Entry];
  const { version, element } = first;
  return {
    ...{ version, element, word, target: unionOf(own), phpMinimum: lowestPhp(own), ...filesOf(own) },
    infoUrl: own.map(({ infoUrl }) => infoUrl).find((url) => /^https?:\/\//i.test(url)) ?? '',
    notes: first.description,
    faults: [...new Set(entries.flatMap((entry) => feedFaults([entry], null)))].map((fault) =>
      fault.replace(/^every entry: /, ''),
    ),
  };
}

function filesOf(entries: readonly Entry[]): Pick<OldRelease, 'hashes' | 'downloads' | 'unfit'> {
  const hashes: OldRelease['hashes'] = {};
  let unfit: OldRelease['unfit'] = null;
  for (const [name, text] of entries.flatMap((entry) => entry.named)) {
    const hash = text.trim().toLowerCase();
    const known = hashes[name];
    if (hash === '') continue;
    if (!HEX[name].test(hash)) unfit ??= { code: 'HASH_UNREADABLE', words: `its ${name} is no hash` };
    else if (known !== undefined && known !== hash)
      unfit ??= { code: 'FILE_AMBIGUOUS', words: `its entries name files with different ${name}` };
    else hashes[name] = hash;
  }
  // Joomla takes the last address of an entry; the others are mirrors.
  const lists = entries.map(({ downloads }) => [...downloads].reverse().filter((url) => url !== ''));
  const downloads = [...new Set(lists.flat())].slice(0, MOST_DOWNLOADS);
  if (downloads.length === 0) unfit ??= { code: 'FILE_MISSING', words: 'it names no file' };
  const differ = new Set(lists.map((list) => list.join('\n'))).size > 1;
  if (differ && Object.keys(hashes).length === 0)
    unfit ??= { code: 'FILE_AMBIGUOUS', words: 'its entries name different files, and no hash says which it is' };
  return { hashes, downloads, unfit };
}

/** From the lowest to the highest Joomla that any entry is for. */
function unionOf(entries: readonly Entry[]): OldRelease['target'] {
  const ranges = entries.map(meantTarget).filter((range) => range !== null);
  const [first] = ranges;
  if (first === undefined) return null;
  return ranges.reduce(
    (all, range) => ({
      min: isBelow(range.min, all.min, 0) ? range.min : all.min,
      max: isBelow(all.max, range.max, Number.POSITIVE_INFINITY) ? range.max : all.max,
    }),
    first,
  );
}

/** A major alone is its first minor or its last one, as `open` says. */
function isBelow(a: string, b: string, open: number): boolean {
  const [majorA = 0, minorA = open] = partsOf(a);
  const [majorB = 0, minorB = open] = partsOf(b);
  return majorA < majorB || (majorA === majorB && minorA < minorB);
}

function lowestPhp(entries: readonly Entry[]): string | null {
  const versions = entries.flatMap(({ php }) => (php !== null && /^\d+(\.\d+){0,3}$/.test(php) ? [php] : []));
  return versions.sort(comparePhpVersions)[0] ?? null;
}
