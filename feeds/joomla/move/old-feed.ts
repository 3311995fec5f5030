import { matchTarget } from '../model/requirements.ts';
import { attributeOf, elementsIn, textOf, type XmlPart } from './xml-outline.ts';

/** One entry of a feed that stands somewhere now, as it is written. */
export interface OldEntry {
  element: string;
  type: string;
  folder: string | null;
  client: string | null;
  version: string;
  /** Of `<tags>`; null: there are none. */
  tag: string | null;
  /** Of the element `<stability>`, which Joomla does not read as a tag. */
  stability: string | null;
  target: { name: string | null; version: string | null } | null;
  php: string | null;
  /** As they are written, blanks and all. */
  hashes: string[];
  downloads: string[];
}

/** The entries of a feed; null: it is no XML whose tags fit together, or no feed. */
export function readOldFeed(text: string): OldEntry[] | null {
  const [root, ...more] = elementsIn(text) ?? [];
  if (root === undefined || more.length > 0 || root.name.toLowerCase() !== 'updates') return null;
  const entries = root.selfClosing ? [] : elementsIn(text, ...root.inner);
  return (entries ?? []).filter(({ name }) => name.toLowerCase() === 'update').map((entry) => readEntry(text, entry));
}

function readEntry(text: string, entry: XmlPart): OldEntry {
  const parts = elementsIn(text, ...entry.inner) ?? [];
  const named = (name: string) => parts.filter((part) => part.name.toLowerCase() === name);
  const value = (name: string) => {
    const part = named(name).at(-1);
    return part ? textOf(text, part) : null;
  };
  const inside = (outer: string, inner: string) =>
    named(outer).flatMap((part) =>
      (elementsIn(text, ...part.inner) ?? []).filter(({ name }) => name.toLowerCase() === inner),
    );
  const target = named('targetplatform').at(-1);
  const tag = inside('tags', 'tag').at(-1);
  return {
    ...{ element: value('element') ?? '', type: value('type') ?? '', folder: value('folder'), client: value('client') },
    version: value('version') ?? '',
    tag: tag ? text.slice(...tag.inner) : null,
    stability: value('stability'),
    target: target ? { name: attributeOf(target, 'name'), version: attributeOf(target, 'version') } : null,
    php: value('php_minimum'),
    hashes: ['sha256', 'sha384', 'sha512'].flatMap((name) => named(name).map((part) => text.slice(...part.inner))),
    downloads: [...inside('downloads', 'downloadurl'), ...named('downloadurl')].map((part) => textOf(text, part)),
  };
}

/** From the least ripe to the ripest. */
export const WORDS = ['dev', 'alpha', 'beta', 'rc', 'stable'] as const;
export type Word = (typeof WORDS)[number];

const MEANT: Record<string, Word> = {
  development: 'dev',
  nightly: 'dev',
  snapshot: 'dev',
  a: 'alpha',
  b: 'beta',
  'release-candidate': 'rc',
  'release candidate': 'rc',
  release_candidate: 'rc',
  candidate: 'rc',
};

/** The channel that an entry was meant for. */
export function meantWord(entry: OldEntry): Word {
  return knownWord(entry) ?? ofVersion(entry);
}

/** The same, but that a word nobody knows is told as it is, in lower case. */
export function wordOf(entry: OldEntry): string {
  return knownWord(entry) ?? (saidOf(entry) || ofVersion(entry));
}

function saidOf({ tag, stability }: OldEntry): string {
  return (tag ?? stability ?? '').trim().toLowerCase();
}

function knownWord(entry: OldEntry): Word | undefined {
  const said = saidOf(entry);
  return WORDS.find((word) => word === said) ?? (Object.hasOwn(MEANT, said) ? MEANT[said] : undefined);
}

function ofVersion({ version }: OldEntry): Word {
  return WORDS.find((word) => word !== 'stable' && new RegExp(`[-.]${word}`, 'i').test(version)) ?? 'stable';
}

const ASKED = [
  '3.10.12',
  '4.0.0',
  '4.1.0',
  '4.2.0',
  '4.3.0',
  '4.4.0',
  '5.0.0',
  '5.1.0',
  '5.2.0',
  '5.3.0',
  '5.4.0',
  '6.0.0',
  '6.1.0',
];

/** The Joomla versions of an entry as a range; null: it fits none, or does not say. */
export function meantTarget({ target }: OldEntry): { min: string; max: string } | null {
  if (target === null || target.name?.toLowerCase() !== 'joomla') return null;
  const fitting = ASKED.filter((joomla) => matchTarget(target.version ?? '', joomla) === 'fits');
  const [first, last] = [fitting[0], fitting.at(-1)];
  if (first === undefined || last === undefined) return null;
  const major = (version: string) => version.split('.')[0] ?? '';
  const minor = (version: string) => version.split('.').slice(0, 2).join('.');
  const isWhole = ASKED.filter((each) => major(each) === major(last)).at(-1) === last;
  return { min: minor(first), max: isWhole ? major(last) : minor(last) };
}

/** Everything that Joomla misreads in a feed, each in one sentence; `own`: what the manifest says, where it is known. */
export function feedFaults(entries: readonly OldEntry[], own: { type: string; element: string } | null): string[] {
  const faults: string[] = [];
  const some = (what: (entry: OldEntry) => boolean) => entries.filter(what);
  const count = (found: readonly OldEntry[]) =>
    found.length === entries.length ? 'every entry' : `${found.length} of ${entries.length} entries`;
  const tell = (found: readonly OldEntry[], words: string) => {
    if (found.length > 0) faults.push(`${count(found)}: ${words}`);
  };
  if (entries.some(({ element, version }) => /\{\{|##|@\w+@/.test(element + version)))
    faults.push('the feed holds placeholders of a build: it is a template, and no site is served by it');
  tell(
    some(({ client, type }) => !client && type !== 'component'),
    'no <client>, so Joomla takes it for the administrator and never offers a plugin, package, library, file or site module',
  );
  tell(
    some(({ type, folder }) => type === 'plugin' && !folder),
    'no <folder>, so a plugin is never found',
  );
  tell(
    some(({ stability }) => stability !== null),
    '<stability> in place of <tags><tag>: offered, and then refused as an invalid update',
  );
  const odd = some(({ tag }) => tag !== null && !WORDS.some((word) => word === tag.toLowerCase()));
  const words = [...new Set(odd.map(({ tag }) => JSON.stringify(tag)))].join(', ');
  tell(odd, `the channel ${words} is no word of Joomla's (dev, alpha, beta, rc, stable), so it counts as stable`);
  tell(
    some(({ target }) => target === null || target.name !== 'joomla'),
    'no <targetplatform name="joomla">, so it is ignored',
  );
  tell(
    some((entry) => entry.target?.name === 'joomla' && meantTarget(entry) === null),
    'a <targetplatform> that no Joomla fits',
  );
  tell(
    some(({ hashes }) => hashes.some((hash) => hash === '')),
    'an empty checksum, so the installation is refused',
  );
  tell(
    some(({ hashes }) => hashes.some((hash) => hash !== '' && hash !== hash.trim())),
    'a checksum with blanks round it, so the installation is refused',
  );
  tell(
    some(({ hashes }) => hashes.length === 0),
    'no checksum, so every update warns',
  );
  tell(
    some(({ downloads }) => downloads.length > 1),
    'several <downloadurl>: Joomla takes the last one only',
  );
  tell(
    some(({ downloads }) => downloads.length === 0),
    'no <downloadurl>, so nothing can be installed',
  );
  tell(
    some(({ type, element }) => /^pkg_/.test(element) && type !== 'package'),
    'the element is a package by its name and has another type',
  );
  tell(
    some(({ type, element }) => type === 'package' && element !== '' && !/^pkg_|\{\{/.test(element)),
    'the element of a package begins with pkg_',
  );
  if (own !== null) {
    tell(
      some(({ element }) => element !== own.element),
      `the element is not "${own.element}", as the manifest makes it`,
    );
    tell(
      some(({ type }) => type !== own.type),
      `the type is not "${own.type}", as the manifest says`,
    );
  }
  const newest = entries[0]?.version ?? '';
  if (entries.length > 1 && entries.every(({ version }) => version === newest))
    faults.push(`all ${entries.length} entries are the same version, ${newest}`);
  return faults;
}
