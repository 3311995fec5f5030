import { SaxesParser } from 'saxes';

/** Names come in upper case, as PHP's case folding gives them. */
export interface XmlListener {
  open(name: string, attributes: Map<string, string>): void;
  close(name: string): void;
  /** One piece as the parser hands it out: a text may come in several (see textPieces). */
  text(piece: string): void;
}

/** libxml refuses a longer document. */
const LARGEST_BYTES = 10_000_000;
/** Below it libxml has not begun, and nobody tells it that there is no more. */
const FIRST_LOOK_BYTES = 4;

/**
 * Reads a document as Joomla does: PHP's SAX parser (libxml) that is never told of the end of the input. So an empty or
 * cut-off document is no error, and neither is a bare `&` that no `;` follows anywhere: the parser waits for it, silently.
 * Returns false where PHP reports a parse error; the events before it have been given out. Measured with libxml 2.9.14.
 */
export function readXml(body: Uint8Array, listener: XmlListener): boolean {
  if (body.length < FIRST_LOOK_BYTES) return true;
  if (body.length > LARGEST_BYTES) return false;
  const source = decodeXml(body);
  if (source === null) return false;

  const parser = new SaxesParser();
  const entities = new Map(PREDEFINED);
  let read = 0;
  let failed = false;
  function markRead(): void {
    read = parser.position;
  }
  parser.on('error', (error) => {
    failed = true;
    throw error;
  });
  parser.on('doctype', (doctype) => {
    for (const [name, value] of declaredEntities(doctype)) {
      if (entities.has(name)) continue;
      entities.set(name, value);
      parser.ENTITIES[name] = value;
    }
    markRead();
  });
  parser.on('comment', () => {
    // It comes before the closing `>`.
    read = parser.position + 1;
  });
  parser.on('processinginstruction', markRead);
  parser.on('xmldecl', markRead);
  parser.on('text', () => {
    const start = read;
    read = parser.position - 1;
    for (const piece of textPieces(source.slice(start, read), entities)) listener.text(piece);
  });
  parser.on('cdata', (text) => {
    markRead();
    listener.text(text);
  });
  parser.on('opentag', (tag) => {
    markRead();
    const attributes = new Map<string, string>();
    for (const [name, value] of Object.entries(tag.attributes)) attributes.set(fold(name), value);
    listener.open(fold(tag.name), attributes);
  });
  parser.on('closetag', (tag) => {
    markRead();
    listener.close(fold(tag.name));
  });

  try {
    parser.write(source);
  } catch (error) {
    if (failed) return false;
    throw error;
  }
  return !WAITS_IN_ATTRIBUTE.test(source.slice(read));
}

const PREDEFINED: readonly [string, string][] = [
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
];

/** A whole start tag that was not given out: saxes waits in it for the end of a reference where libxml has failed. */
const WAITS_IN_ATTRIBUTE = /^[^<&]*<[^!?/](?:"[^"]*"|'[^']*'|[^"'>])*>/;

function fold(name: string): string {
  return name.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** By byte order mark, else by the declaration, else UTF-8. null: unknown encoding or bytes that are none. */
function decodeXml(body: Uint8Array): string | null {
  const head = new TextDecoder('latin1').decode(body.subarray(0, 200));
  const declared = /^(?:\u00ef\u00bb\u00bf)?<\?xml[^>]*\sencoding\s*=\s*["']([^"']+)["']/.exec(head)?.[1];
  const label = head.startsWith('\u00ff\u00fe') ? 'utf-16le' : head.startsWith('\u00fe\u00ff') ? 'utf-16be' : declared;
  try {
    return new TextDecoder(label ?? 'utf-8', { fatal: true }).decode(body);
  } catch {
    return null;
  }
}

function declaredEntities(doctype: string): [string, string][] {
  const found = doctype
    .replace(/<!--[\s\S]*?-->/g, '')
    .matchAll(/<!ENTITY\s+([^\s%"']+)\s+(?:"([^"]*)"|'([^']*)')\s*>/g);
  return [...found].map((match) => [match[1] ?? '', decodeCharacters(match[2] ?? match[3] ?? '')]);
}

function decodeCharacters(text: string): string {
  return text.replace(/&#(?:x([0-9a-fA-F]+)|([0-9]+));/g, (_, hex: string | undefined, decimal: string) => {
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
  });
}

/**
 * How libxml cuts a text between two tags: a reference is a piece of its own; the first character outside ASCII begins a
 * new piece, which from there on is cut after every 300 bytes; before it, a line break of two characters begins a new piece.
 */
function textPieces(raw: string, entities: ReadonlyMap<string, string>): string[] {
  const pieces: string[] = [];
  for (const part of raw.split(/(&[^;]*;)/)) {
    if (part === '') continue;
    if (!part.startsWith('&')) pieces.push(...plainPieces(part));
    else if (part.startsWith('&#')) pieces.push(decodeCharacters(part));
    else pieces.push(entities.get(part.slice(1, -1)) ?? '');
  }
  return pieces;
}

const PIECE_BYTES = 300;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the bounds of ASCII are meant
const WIDE = /[^\u0000-\u007f]|\r(?!\n)|\r\n(?=[^\u0000-\u007f]|\r)/;

function plainPieces(text: string): string[] {
  const wide = WIDE.exec(text)?.index ?? text.length;
  const pieces = text
    .slice(0, wide)
    .split(/\r(?=\n)/)
    .filter((piece) => piece !== '');
  let piece = '';
  let bytes = 0;
  for (const character of text.slice(wide).replace(/\r\n?/g, '\n')) {
    piece += character;
    bytes += Buffer.byteLength(character);
    if (bytes < PIECE_BYTES) continue;
    pieces.push(piece);
    piece = '';
    bytes = 0;
  }
  if (piece !== '') pieces.push(piece);
  return pieces;
}
