import { SaxesParser } from 'saxes';

/** One element: `text` is its own text and CDATA joined, without that of its children, as a manifest reader sees it. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  text: string;
}

type XmlFault = 'entities' | 'encoding' | 'malformed';
export type XmlResult = { ok: true; root: XmlElement } | { ok: false; fault: XmlFault; detail: string };

/** Bytes of a file, and characters of a text, that are still read. */
export const XML_SIZE_LIMIT = 2 * 1024 * 1024;
const DEPTH_LIMIT = 100;
const ELEMENT_LIMIT = 100_000;
const DECLARATION_LIMIT = 200;

/** The signs of Windows-1252 at 0x80 to 0x9F, which Node before 24 decodes as control characters; a blank stands for none. */
const WINDOWS_SIGNS = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ';

/** Names a declaration may use, and the decoder's label; Latin-1 is read as its superset, as every browser does. */
const ENCODINGS = new Map([
  ['utf-8', 'utf-8'],
  ['utf8', 'utf-8'],
  ['us-ascii', 'utf-8'],
  ['utf-16', 'utf-16le'],
  ['utf-16le', 'utf-16le'],
  ['utf-16be', 'utf-16be'],
  ['iso-8859-1', 'windows-1252'],
  ['latin1', 'windows-1252'],
  ['iso-8859-15', 'iso-8859-15'],
  ['windows-1252', 'windows-1252'],
]);

/**
 * Reads a small XML file of unknown origin into a tree. The encoding is told by the byte order mark, else by the XML
 * declaration, else UTF-8 (XML 1.0, appendix F). A document type is refused whatever it says, so nothing is ever
 * expanded or loaded. Never throws.
 */
export function parseXml(bytes: Uint8Array): XmlResult {
  if (bytes.length > XML_SIZE_LIMIT) return failed('malformed', 'the file is larger than 2 MB');
  const encoding = encodingOf(bytes);
  if (!encoding.ok) return failed('encoding', encoding.detail);
  try {
    const text = new TextDecoder(encoding.label, { fatal: true }).decode(bytes);
    return parseXmlText(encoding.label === 'windows-1252' ? withWindowsSigns(text) : text);
  } catch {
    return failed('encoding', `the file is not valid ${encoding.label.toUpperCase()}`);
  }
}

/** The same for a text that is decoded already; an encoding in its declaration has no effect. */
export function parseXmlText(text: string): XmlResult {
  if (text.length > XML_SIZE_LIMIT) return failed('malformed', 'the text is larger than 2 MB');
  const tree = treeOf(text.startsWith('\uFEFF') ? text.slice(1) : text);
  if (tree.fault) return tree.fault;
  if (!tree.root) return failed('malformed', 'there is no element in it');
  return { ok: true, root: tree.root };
}

/** The first child of that name, as written. */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name);
}

/** The text of the first child of that name, untrimmed; empty if there is none. */
export function childText(element: XmlElement | undefined, name: string): string {
  return childOf(element, name)?.text ?? '';
}

interface Tree {
  root: XmlElement | undefined;
  fault: (XmlResult & { ok: false }) | undefined;
}

function treeOf(text: string): Tree {
  const tree: Tree = { root: undefined, fault: undefined };
  const open: XmlElement[] = [];
  let elements = 0;
  const stop = (fault: XmlFault, detail: string) => {
    tree.fault = failed(fault, detail);
    throw new Error(detail);
  };
  const append = (chunk: string) => {
    const element = open.at(-1);
    if (element) element.text += chunk;
  };
  const parser = new SaxesParser();
  parser.on('doctype', () => stop('entities', 'it has a document type (<!DOCTYPE>)'));
  parser.on('opentag', (tag) => {
    elements += 1;
    if (open.length >= DEPTH_LIMIT) stop('malformed', `elements are nested deeper than ${DEPTH_LIMIT}`);
    if (elements > ELEMENT_LIMIT) stop('malformed', `it has more than ${ELEMENT_LIMIT} elements`);
    const element: XmlElement = { name: tag.name, attributes: tag.attributes, children: [], text: '' };
    open.at(-1)?.children.push(element);
    tree.root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.on('text', append);
  parser.on('cdata', append);
  try {
    parser.write(text).close();
  } catch (error) {
    tree.fault ??= failed('malformed', saxWords(error));
  }
  return tree;
}

/** The parser's own words begin with `line:column:`. */
function saxWords(error: unknown): string {
  const words = error instanceof Error ? error.message.slice(0, 200) : 'it cannot be parsed';
  return words.replace(/^(\d+):(\d+): /, 'line $1, column $2: ');
}

type Encoding = { ok: true; label: string } | { ok: false; detail: string };

function encodingOf(bytes: Uint8Array): Encoding {
  const [a, b, c, d] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return { ok: true, label: 'utf-8' };
  if ((a === 0xff && b === 0xfe) || (a === 0x3c && b === 0 && c === 0x3f && d === 0))
    return { ok: true, label: 'utf-16le' };
  if ((a === 0xfe && b === 0xff) || (a === 0 && b === 0x3c && c === 0 && d === 0x3f))
    return { ok: true, label: 'utf-16be' };
  const head = Buffer.from(bytes.subarray(0, DECLARATION_LIMIT)).toString('latin1');
  const declared = /^<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']/.exec(head)?.[1];
  if (declared === undefined) return { ok: true, label: 'utf-8' };
  const label = ENCODINGS.get(declared.toLowerCase());
  if (!label) return { ok: false, detail: `it declares the encoding "${declared}"` };
  if (label.startsWith('utf-16'))
    return { ok: false, detail: `it declares ${declared} and is written in something else` };
  return { ok: true, label };
}

function withWindowsSigns(text: string): string {
  return text.replace(/[\u0080-\u009f]/g, (char) => {
    const sign = WINDOWS_SIGNS[char.charCodeAt(0) - 0x80];
    return sign === undefined || sign === ' ' ? char : sign;
  });
}

function failed(fault: XmlFault, detail: string): XmlResult & { ok: false } {
  return { ok: false, fault, detail };
}
