import type { Changelog, ChangelogWord } from './release.ts';
import { childText, parseXmlText } from './safe-xml.ts';

/** `missing`: the file says nothing of that version. */
export type ChangelogResult =
  | { ok: true; changelog: Changelog }
  | { ok: false; reason: 'missing' | 'unreadable'; detail: string };

/** The order in which the words are shown. */
export const CHANGELOG_WORDS = ['security', 'fix', 'language', 'addition', 'change', 'remove', 'note'] as const;

const CHANGELOG_ITEM_LIMIT = 100;
export const CHANGELOG_ITEM_LENGTH = 500;
const FILE_LIMIT = 2 * 1024 * 1024;
/** Of release notes; what comes after it is left out. */
const NOTES_LIMIT = 256 * 1024;
const LINE_LIMIT = 2_000;
/** Below every `######`: a bold or plain line that is nothing but one of the words. */
const LINE_HEADING = 7;

const WORDS_OF: Record<ChangelogWord, string> = {
  security: 'security|security fixes|security fix',
  fix: 'fixed|fix|fixes|bug fix|bug fixes|bugfix|bugfixes|bugs',
  language: 'language|languages|translation|translations|localization|localisation',
  addition: 'added|add|addition|additions|new|new feature|new features|feature|features',
  change:
    'changed|change|changes|whats changed|improved|improvement|improvements|enhancements|updated|performance|breaking changes',
  remove: 'removed|remove|removals|deleted',
  note: 'note|notes|deprecated|deprecations|other|miscellaneous',
};
const WORD_OF_HEADING = new Map(
  CHANGELOG_WORDS.flatMap((word) => WORDS_OF[word].split('|').map((heading) => [heading, word] as const)),
);

type Block = { kind: 'heading'; level: number; text: string } | { kind: 'item'; text: string };
type Entry = { word: ChangelogWord; text: string };

/**
 * What a vendor's changelog file says of one version, as plain text: a Joomla `changelog.xml`, or Markdown in the
 * manner of keepachangelog.com with a heading for each version. At most 100 items of 500 characters.
 */
export function parseChangelog(text: string, version: string, fileName: string): ChangelogResult {
  if (text.length > FILE_LIMIT) return { ok: false, reason: 'unreadable', detail: 'the changelog is larger than 2 MB' };
  if (fileName.toLowerCase().endsWith('.xml')) return fromXml(text, version);
  const blocks = sectionOf(blocksOf(text), version);
  if (!blocks) return missing(version);
  return { ok: true, changelog: grouped(entriesOf(blocks)) };
}

/** The same from release notes in Markdown or plain text: by their headings if they have any, else all under `note`. */
export function changelogFromNotes(notes: string): Changelog {
  return grouped(entriesOf(blocksOf(notes.slice(0, NOTES_LIMIT))));
}

function missing(version: string): ChangelogResult {
  return { ok: false, reason: 'missing', detail: `the changelog has no section for version ${version}` };
}

/** Of several entries for one version the last counts, as in Joomla. */
function fromXml(text: string, version: string): ChangelogResult {
  const xml = parseXmlText(text);
  if (!xml.ok)
    return { ok: false, reason: 'unreadable', detail: `the changelog is no XML that can be read: ${xml.detail}` };
  const entry = xml.root.children.findLast(
    (child) => child.name === 'changelog' && plainVersion(childText(child, 'version').trim()) === plainVersion(version),
  );
  if (!entry) return missing(version);
  const entries = entry.children.flatMap((child) => {
    const word = CHANGELOG_WORDS.find((known) => known === child.name.toLowerCase());
    return word ? child.children.map((item) => ({ word, text: plainText(item.text) })) : [];
  });
  return { ok: true, changelog: grouped(entries) };
}

function sectionOf(blocks: Block[], version: string): Block[] | null {
  const wanted = plainVersion(version);
  const start = blocks.findIndex((block) => block.kind === 'heading' && versionIn(block.text) === wanted);
  const heading = blocks[start];
  if (heading?.kind !== 'heading') return null;
  const rest = blocks.slice(start + 1);
  const end = rest.findIndex(
    (block) => block.kind === 'heading' && block.level <= heading.level && !WORD_OF_HEADING.has(headingKey(block.text)),
  );
  return end < 0 ? rest : rest.slice(0, end);
}

function entriesOf(blocks: Block[]): Entry[] {
  const entries: Entry[] = [];
  let word: ChangelogWord = 'note';
  let prefix = '';
  for (const block of blocks) {
    if (entries.length === CHANGELOG_ITEM_LIMIT) break;
    if (block.kind === 'heading') {
      const key = headingKey(block.text);
      word = WORD_OF_HEADING.get(key) ?? 'note';
      prefix = key.startsWith('deprecat') ? 'Deprecated: ' : '';
      continue;
    }
    const text = plainText(block.text);
    if (text !== '' && !/^full changelog:/i.test(text)) entries.push({ word, text: prefix + text });
  }
  return entries;
}

function grouped(entries: Entry[]): Changelog {
  const kept = entries.filter((entry) => entry.text !== '').slice(0, CHANGELOG_ITEM_LIMIT);
  return CHANGELOG_WORDS.flatMap((word) => {
    const items = kept.filter((entry) => entry.word === word).map((entry) => cut(entry.text));
    return items.length > 0 ? [{ word, items }] : [];
  });
}

function cut(text: string): string {
  const chars = [...text];
  return chars.length <= CHANGELOG_ITEM_LENGTH ? text : `${chars.slice(0, CHANGELOG_ITEM_LENGTH - 1).join('')}…`;
}

/** The first thing in a heading that looks like a version, without a leading v: `[1.2.0] - 2026-01-01`, `Example v1.2.0`. */
function versionIn(heading: string): string | null {
  const tokens = heading.split(/[\s[\]()<>|:,;*_`]+/).filter((token) => /^v?\d/i.test(token));
  const token = tokens.find((candidate) => candidate.includes('.')) ?? tokens[0];
  return token === undefined ? null : plainVersion(token);
}

function plainVersion(version: string): string {
  return version.trim().toLowerCase().replace(/^v/, '').replace(/\+.*$/, '').replace(/\.$/, '');
}

function headingKey(heading: string): string {
  return heading
    .replace(/[^\p{L}\s]/gu, '')
    .trim()
    .replace(/\s+/g, ' ')
    .toLowerCase();
}

/** Headings and list items or paragraphs, in order; code blocks, comments, tables, rules and link definitions are left out. */
function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { kind: 'item'; text: string } | null = null;
  let oneLine = false;
  for (const line of linesOf(text)) {
    if (open !== null && oneLine && /^ {0,3}(?:=+|-+)\s*$/.test(line)) {
      blocks.splice(-1, 1, { kind: 'heading', level: line.includes('=') ? 1 : 2, text: open.text });
      open = null;
      continue;
    }
    const heading = headingOf(line);
    if (heading) blocks.push(heading);
    if (heading || isNoText(line)) {
      open = null;
      continue;
    }
    const bullet = /^\s*(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(.*)$/.exec(line)?.[1];
    if (open !== null && bullet === undefined) {
      open.text = `${open.text} ${line.trim()}`.slice(0, LINE_LIMIT);
      oneLine = false;
      continue;
    }
    open = { kind: 'item', text: bullet ?? line.trim() };
    oneLine = bullet === undefined;
    blocks.push(open);
  }
  return blocks;
}

/** Every fenced code block leaves one empty line. */
function linesOf(text: string): string[] {
  let fence: string | null = null;
  return withoutComments(text)
    .split(/\r\n|\r|\n/)
    .map((raw) => {
      const line = raw.slice(0, LINE_LIMIT);
      const mark = /^\s*(```|~~~)/.exec(line)?.[1];
      if (mark === undefined) return fence === null ? line : '';
      if (fence === null) fence = mark;
      else if (fence === mark) fence = null;
      return '';
    });
}

function headingOf(line: string): Block | null {
  const marked = /^ {0,3}(#{1,6})[ \t]+(.*)$/.exec(line);
  if (marked?.[1] !== undefined && marked[2] !== undefined) {
    return { kind: 'heading', level: marked[1].length, text: marked[2].replace(/#+\s*$/, '').trim() };
  }
  const alone = /^\s*(?:\*\*|__)?([^*_:]{2,30}):?(?:\*\*|__)?:?\s*$/.exec(line);
  const emphasized = /^\s*(?:\*\*|__)|:\s*$/.test(line);
  if (!emphasized || alone?.[1] === undefined || !WORD_OF_HEADING.has(headingKey(alone[1]))) return null;
  return { kind: 'heading', level: LINE_HEADING, text: alone[1] };
}

function isNoText(line: string): boolean {
  if (line.trim() === '' || line.trimStart().startsWith('|')) return true;
  return /^\s*([-*_=])(?:\s*\1)+\s*$/.test(line) || /^\s*\[[^\]]+\]:\s*\S/.test(line);
}

function withoutComments(text: string): string {
  let rest = text;
  let out = '';
  for (let start = rest.indexOf('<!--'); start >= 0; start = rest.indexOf('<!--')) {
    const end = rest.indexOf('-->', start);
    out += rest.slice(0, start);
    rest = end < 0 ? '' : rest.slice(end + 3);
  }
  return out + rest;
}

/** One line of plain text out of inline Markdown: link and image texts stay, their addresses and all marks go. */
function plainText(markdown: string): string {
  const kept: string[] = [];
  const keep = (_all: string, text: string) => `\uE000${kept.push(text) - 1}\uE001`;
  let text = markdown
    .slice(0, LINE_LIMIT)
    .replace(/[\uE000\uE001]/g, '')
    .replace(/`+([^`]+)`+/g, keep)
    .replace(/\\([\\`*_{}[\]()#+.!~<>-])/g, keep)
    .replace(/!?\[([^[\]]*)\](?:\((?:[^()]|\([^()]*\))*\)|\[[^[\]]*\])/g, '$1')
    .replace(/<(https?:\/\/[^<>\s]+)>/gi, '$1')
    .replace(/<\/?[a-z][^<>]*>/gi, '');
  for (let depth = 0; depth < 2; depth++) {
    text = text
      .replace(/(\*\*\*|\*\*|\*|~~)(?=\S)(.*?\S)\1/g, '$2')
      .replace(/(?<!\w)(__|_)(?=\S)(.*?\S)\1(?!\w)/g, '$2');
  }
  return text
    .replace(/\uE000(\d+)\uE001/g, (_all, index: string) => kept[Number(index)] ?? '')
    .replace(/ by @\S+ in https?:\/\/\S+$/, '')
    .replace(/\s+/g, ' ')
    .trim();
}
