import { comparePhpVersions } from '../../../src/releases/version-order.ts';
import { checkDatabase, matchTarget, phpFits } from './requirements.ts';
import { type JoomlaSite, stabilityOf } from './site.ts';
import { readXml } from './xml-events.ts';

/** One element of an entry: its text, not trimmed, and its attributes, all of its occurrences laid over each other. */
interface DetailsPart {
  text: string;
  attributes: Map<string, string>;
}

/** By lower-case element name; a number is the stability that a tag gave. */
export type DetailsEntry = Map<string, DetailsPart | number>;

export interface ParsedDetails {
  ok: boolean;
  fatal: string | null;
  /** Handed over at `</updates>` only; a cut-off document has none. */
  winner: DetailsEntry | null;
  /** Versions of all entries that fit and have a download, in document order: what the pre-update check asks for. */
  compatibleVersions: string[];
}

type Asker = Pick<JoomlaSite, 'joomla' | 'php' | 'db' | 'minStability'>;

/** Pass 2: what Joomla's `Update` class makes of the same feed at the click on "Update". It asks neither element nor client. */
export function parseDetails(body: Uint8Array, site: Asker): ParsedDetails {
  const result: ParsedDetails = { ok: true, fatal: null, winner: null, compatibleVersions: [] };
  const path: string[] = [];
  let current: DetailsEntry | null = null;
  let latest: DetailsEntry | null = null;

  result.ok = readXml(body, {
    open(name, attributes) {
      if (result.fatal !== null) return;
      path.push(name);
      if (name === 'UPDATE') current = new Map();
      else if (name !== 'UPDATES' && name !== 'DOWNLOADSOURCE') result.fatal = openPart(current, name, attributes);
    },
    close(name) {
      if (result.fatal !== null) return;
      path.pop();
      if (name === 'UPDATE' && current !== null && fits(current, site)) {
        if (hasDownload(current)) result.compatibleVersions.push(textOf(current, 'version'));
        if (latest === null || comparePhpVersions(textOf(current, 'version'), textOf(latest, 'version')) > 0) {
          latest = current;
        }
      }
      if (name === 'UPDATES') {
        result.winner = latest ?? result.winner;
        latest = null;
        current = null;
      }
    },
    text(piece) {
      if (result.fatal !== null) return;
      const name = (path.at(-1) ?? '').toLowerCase();
      if (name === 'tag') current?.set('stability', stabilityOf(piece));
      else appendText(current, name, piece);
    },
  });
  return result;
}

/** The text of an element, empty where the entry has none. */
export function textOf(entry: DetailsEntry, name: string): string {
  const part = entry.get(name);
  return part === undefined || typeof part === 'number' ? '' : part.text;
}

function openPart(entry: DetailsEntry | null, name: string, attributes: Map<string, string>): string | null {
  const key = name.toLowerCase();
  if (entry === null) return `<${key}> stands outside of every <update>`;
  const part = entry.get(key) ?? { text: '', attributes: new Map<string, string>() };
  if (typeof part === 'number') return `<${key}> comes after a tag in one entry`;
  part.text = '';
  for (const [attribute, value] of attributes) part.attributes.set(attribute.toLowerCase(), value);
  entry.set(key, part);
  return null;
}

function appendText(entry: DetailsEntry | null, name: string, piece: string): void {
  const part = entry?.get(name);
  if (part !== undefined && typeof part !== 'number') part.text += piece;
}

function fits(entry: DetailsEntry, site: Asker): boolean {
  const target = partOf(entry, 'targetplatform')?.attributes;
  if (target?.get('name') !== 'joomla' || matchTarget(target.get('version'), site.joomla) !== 'fits') return false;
  if (!phpFits(partOf(entry, 'php_minimum')?.text ?? null, site.php)) return false;
  const databases = partOf(entry, 'supported_databases')?.attributes;
  if (!checkDatabase(databases ? (type) => databases.get(type) : null, site.db).fits) return false;
  // PHP compares a <stability> element, which is an object, as if it were 1.
  const stability = entry.get('stability');
  return stability === undefined || (typeof stability === 'number' ? stability : 1) >= site.minStability;
}

function partOf(entry: DetailsEntry, name: string): DetailsPart | undefined {
  const part = entry.get(name);
  return typeof part === 'number' ? undefined : part;
}

function hasDownload(entry: DetailsEntry): boolean {
  const url = textOf(entry, 'downloadurl');
  return url !== '' && url !== '0';
}
