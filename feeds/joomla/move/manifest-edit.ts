import { indentAt, indentUnitOf, lineEndOf } from '../../../src/moving/php-mask.ts';
import {
  attributeOf,
  elementsIn,
  escapeXml,
  type Replacement,
  replaced,
  textOf,
  wholeLine,
  type XmlPart,
} from './xml-outline.ts';

export interface ManifestWish {
  /** Name of the update server, where there is none yet. */
  name: string;
  feedUrl: string;
  changelogUrl: string | null;
  needsKey: boolean;
  /** The script file that is to be named where none is; null: none is to be. */
  scriptFile: string | null;
}

export interface ManifestEdit {
  text: string;
  done: string[];
  oldUrls: string[];
  /** As the manifest names it now. */
  scriptFile: string | null;
}

/** The script file that a manifest names; undefined: the text is no manifest that can be edited. */
export function scriptFileOf(text: string): string | null | undefined {
  const root = rootOf(text);
  if (root === null) return undefined;
  const part = root.children.find(({ name }) => name === 'scriptfile');
  return part ? textOf(text, part) || null : null;
}

/** Every update server that a manifest names. */
export function serversOf(text: string): string[] {
  const part = rootOf(text)?.children.find(({ name }) => name === 'updateservers');
  if (!part || part.selfClosing) return [];
  const servers = (elementsIn(text, ...part.inner) ?? []).filter(({ name }) => name === 'server');
  return (servers.length > 0 ? servers : [part]).map((each) => textOf(text, each)).filter((url) => url !== '');
}

/**
 * Puts update server, key field, changelog and script file into a manifest, or into the template that a build fills in: each is
 * edited where it stands, and everything else stays byte for byte. null: the text is no manifest that can be edited.
 */
export function editManifest(text: string, wish: ManifestWish): ManifestEdit | null {
  const root = rootOf(text);
  if (root === null) return null;
  const edits: Replacement[] = [];
  const done: string[] = [];
  const missing: string[] = [];
  const named = (name: string) => root.children.find((each) => each.name === name);
  const oldUrls = serversOf(text).filter((url) => url !== wish.feedUrl);

  editServers(text, named('updateservers'), wish, { edits, done, missing });
  editKeyField(text, named('dlid'), wish, { edits, done, missing });
  editChangelog(text, named('changelogurl'), wish, { edits, done, missing });
  const script = named('scriptfile');
  const scriptFile = (script && textOf(text, script)) || wish.scriptFile;
  if (!script && wish.scriptFile !== null) {
    missing.push(`<scriptfile>${escapeXml(wish.scriptFile)}</scriptfile>`);
    done.push(`names the script file ${wish.scriptFile}`);
  }
  if (missing.length > 0) {
    const last = root.children.at(-1) as XmlPart;
    const newline = lineEndOf(text);
    const indent = root.children[0] ? indentAt(text, root.children[0].start) : '';
    const lines = missing.flatMap((element) => element.split('\n'));
    edits.push({ start: last.end, end: last.end, text: lines.map((line) => newline + indent + line).join('') });
  }
  return { text: replaced(text, edits), done, oldUrls, scriptFile };
}

interface Notes {
  edits: Replacement[];
  done: string[];
  /** Elements that come to the end, in lines. */
  missing: string[];
}

function editServers(text: string, part: XmlPart | undefined, wish: ManifestWish, notes: Notes): void {
  const server = (attributes: string, inner: string) => `<server${attributes}>${inner}</server>`;
  const url = escapeXml(wish.feedUrl);
  const fresh = server(` type="extension" name="${escapeXml(wish.name)}"`, url);
  const servers = part ? (elementsIn(text, ...part.inner) ?? []).filter(({ name }) => name === 'server') : [];
  const [first, ...others] = servers;
  const isRight = first && textOf(text, first) === wish.feedUrl && attributeOf(first, 'type') === 'extension';
  if (isRight && others.length === 0) return;
  notes.done.push(`asks ${wish.feedUrl} for updates, and no other server`);
  if (part === undefined) {
    notes.missing.push(`<updateservers>\n${stepOf(text)}${fresh}\n</updateservers>`);
    return;
  }
  if (first === undefined) {
    const indent = indentAt(text, part.start);
    const newline = lineEndOf(text);
    const inner = `${newline}${indent}${stepOf(text)}${fresh}${newline}${indent}`;
    notes.edits.push({ start: part.start, end: part.end, text: `<updateservers>${inner}</updateservers>` });
    return;
  }
  const inner = first.selfClosing ? '' : text.slice(...first.inner);
  const [, before = '', after = ''] = /^(\s*)[\s\S]*?(\s*)$/.exec(inner) ?? [];
  notes.edits.push({ ...first, text: server(withType(first.attributes), before + url + after) });
  for (const other of others) {
    const [start, end] = wholeLine(text, other);
    notes.edits.push({ start, end, text: '' });
  }
}

function withType(attributes: string): string {
  const type = /(\s)type\s*=\s*(?:"[^"]*"|'[^']*')/;
  return type.test(attributes) ? attributes.replace(type, '$1type="extension"') : ` type="extension"${attributes}`;
}

function editKeyField(text: string, part: XmlPart | undefined, wish: ManifestWish, notes: Notes): void {
  if (!wish.needsKey) return;
  const field = '<dlid prefix="dlid=" suffix=""/>';
  if (part === undefined) {
    notes.missing.push(field);
    notes.done.push('has a field for the key');
    return;
  }
  const suffix = attributeOf(part, 'suffix') ?? '';
  if (attributeOf(part, 'prefix') === 'dlid=' && (suffix === '' || suffix.startsWith('&'))) return;
  notes.edits.push({ ...part, text: field });
  notes.done.push(`hands the key over as Joomla wants it (was ${text.slice(part.start, part.end)})`);
}

function editChangelog(text: string, part: XmlPart | undefined, wish: ManifestWish, notes: Notes): void {
  if (wish.changelogUrl === null) return;
  const element = `<changelogurl>${escapeXml(wish.changelogUrl)}</changelogurl>`;
  if (part === undefined) notes.missing.push(element);
  else if (textOf(text, part) !== wish.changelogUrl) notes.edits.push({ ...part, text: element });
  else return;
  notes.done.push(`shows the changelog at ${wish.changelogUrl}`);
}

/** The root and its children; null: no manifest, or one without anything in it. */
function rootOf(text: string): { children: XmlPart[] } | null {
  const [root, ...more] = elementsIn(text) ?? [];
  if (root?.name !== 'extension' || root.selfClosing || more.length > 0) return null;
  const children = elementsIn(text, ...root.inner);
  return children === null || children.length === 0 ? null : { children };
}

/** One step further in, as the file does it. */
function stepOf(text: string): string {
  return indentUnitOf(text) ?? '    ';
}
