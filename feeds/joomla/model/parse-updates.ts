import { comparePhpVersions } from '../../../src/releases/version-order.ts';
import { checkDatabase, otherPlatform, phpFits, type Refusal, refuseTarget } from './requirements.ts';
import { type JoomlaSite, STABILITY_WORDS, stabilityOf } from './site.ts';
import { readXml } from './xml-events.ts';

/** The parser's object for one `<update>`. It stays open after its end, and whatever strays there still changes it. */
export interface FeedEntry {
  /** By upper-case element name; not trimmed. */
  fields: Map<string, string>;
  refusal: Refusal | null;
}

export interface FeedWarning {
  /** `message`: a yellow box that the administrator sees; `php`: a line in PHP's error log at most. */
  kind: 'message' | 'php';
  code: 'open' | 'parse' | 'php-minimum' | 'database' | 'client' | 'platform';
  text: string;
  /** The address that the message names, a key in it and all: not for logs. */
  url?: string;
}

export interface ParsedFeed {
  /** False: parse error, nothing of the document counts. */
  ok: boolean;
  /** The words of an uncaught PHP error that ends the check; null as a rule. */
  fatal: string | null;
  entries: FeedEntry[];
  winner: FeedEntry | null;
  warnings: FeedWarning[];
}

const FIELDS = new Set(
  'NAME ELEMENT TYPE FOLDER CLIENT VERSION DESCRIPTION INFOURL CHANGELOGURL EXTRA_QUERY'.split(' '),
);

interface OpenEntry extends FeedEntry {
  target: Map<string, string> | null;
  phpMinimum: string | null;
  databases: Map<string, string> | null;
  stability: number | null;
}

/** Pass 1: what Joomla's extension adapter makes of a feed at the check. Elements are known by name alone, wherever they stand. */
export function parseUpdates(body: Uint8Array, site: JoomlaSite): ParsedFeed {
  const result: ParsedFeed = { ok: true, fatal: null, entries: [], winner: null, warnings: [] };
  const path: string[] = [];
  let current: OpenEntry | null = null;

  function entryFor(name: string): OpenEntry | null {
    if (current === null) result.fatal ??= `<${name.toLowerCase()}> stands before the first <update>`;
    return current;
  }

  result.ok = readXml(body, {
    open(name, attributes) {
      if (result.fatal !== null) return;
      path.push(name);
      if (name === 'UPDATE') {
        current = newEntry();
        return;
      }
      if (FIELDS.has(name)) entryFor(name)?.fields.set(name, '');
      else if (name === 'TARGETPLATFORM') assign(entryFor(name), { target: attributes });
      else if (name === 'PHP_MINIMUM') assign(entryFor(name), { phpMinimum: '' });
      else if (name === 'SUPPORTED_DATABASES') assign(entryFor(name), { databases: attributes });
    },
    close(name) {
      if (result.fatal !== null) return;
      path.pop();
      if (name === 'UPDATE' && current !== null) endEntry(current, site, result);
    },
    text(piece) {
      if (result.fatal !== null) return;
      const name = path.at(-1) ?? '';
      if (FIELDS.has(name)) append(entryFor(name), name, piece);
      else if (name === 'PHP_MINIMUM') assign(entryFor(name), { phpMinimum: piece });
      else if (name === 'TAG') assign(entryFor(name), { stability: stabilityOf(piece) });
    },
  });
  return result;
}

function newEntry(): OpenEntry {
  const fields = new Map([
    ['FOLDER', ''],
    ['INFOURL', ''],
  ]);
  return { fields, refusal: null, target: null, phpMinimum: null, databases: null, stability: null };
}

function assign(entry: OpenEntry | null, change: Partial<OpenEntry>): void {
  if (entry !== null) Object.assign(entry, change);
}

function append(entry: OpenEntry | null, name: string, piece: string): void {
  entry?.fields.set(name, (entry.fields.get(name) ?? '') + piece);
}

function endEntry(entry: OpenEntry, site: JoomlaSite, result: ParsedFeed): void {
  if (result.entries.at(-1) === entry) return;
  result.entries.push(entry);
  entry.refusal = refuse(entry, site, result.warnings);
  if (entry.refusal !== null) return;
  const newest = result.winner?.fields.get('VERSION') ?? '';
  if (result.winner === null || comparePhpVersions(entry.fields.get('VERSION') ?? '', newest) > 0)
    result.winner = entry;
}

/** All of php, database and stability are asked, so that both warnings can appear; the first failure is the reason told. */
function refuse(entry: OpenEntry, site: JoomlaSite, warnings: FeedWarning[]): Refusal | null {
  const other = refusePlatform(entry.target, site, warnings);
  if (other !== null) return other;
  const reasons: Refusal[] = [];
  const named = `${entry.fields.get('NAME') ?? ''} ${entry.fields.get('VERSION') ?? ''}`.trim();
  if (!phpFits(entry.phpMinimum, site.php)) {
    const detail = `it needs PHP ${entry.phpMinimum} and the site has ${site.php}`;
    warnings.push({ kind: 'message', code: 'php-minimum', text: `${named}: ${detail}` });
    reasons.push({ code: 'php', detail });
  }
  const { databases } = entry;
  const database = checkDatabase(databases && ((type) => databases.get(type.toUpperCase())), site.db);
  if (!database.fits) {
    const { type, used, required } = database;
    const needs = required === null ? 'does not support' : `needs ${type} ${required} and not`;
    const detail = `it ${needs} the ${type} ${used} of the site`;
    warnings.push({ kind: 'message', code: 'database', text: `${named}: ${detail}` });
    reasons.push({ code: 'database', detail });
  }
  if (entry.stability !== null && entry.stability < site.minStability) {
    const takes = STABILITY_WORDS[site.minStability];
    const detail = `the site takes ${takes === 'stable' ? 'stable only' : `${takes} or better`}`;
    reasons.push({ code: 'stability', detail });
  }
  return reasons[0] ?? null;
}

function refusePlatform(target: Map<string, string> | null, site: JoomlaSite, warnings: FeedWarning[]): Refusal | null {
  if (target === null) {
    warnings.push({ kind: 'php', code: 'platform', text: 'an entry has no targetplatform' });
    return { code: 'no-platform', detail: 'it names no target platform' };
  }
  const name = target.get('NAME') ?? '';
  if (name !== 'joomla') return otherPlatform(name);
  const pattern = target.get('VERSION');
  if (pattern === undefined) warnings.push({ kind: 'php', code: 'platform', text: 'a targetplatform has no version' });
  const refusal = refuseTarget(pattern, site.joomla);
  if (refusal?.code === 'bad-pattern') warnings.push({ kind: 'php', code: 'platform', text: refusal.detail });
  return refusal;
}
