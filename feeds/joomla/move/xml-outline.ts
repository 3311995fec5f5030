/** One element of a text, by its place in it. */
export interface XmlPart {
  name: string;
  /** Of the opening tag, as written, with the blanks before it. */
  attributes: string;
  start: number;
  end: number;
  /** Where its content begins and ends; both are `end` of an element that closes itself. */
  inner: [number, number];
  selfClosing: boolean;
}

const TOKEN =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<![^>]*>|<\/([^\s>]+)\s*>|<([^\s/>!?]+)((?:"[^"]*"|'[^']*'|[^>"'])*?)(\/?)>/g;

/**
 * The elements that lie side by side in a piece of XML text, without those inside them; null where tags do not fit together.
 * Made for edits that leave every other byte alone: no parser and printer in between.
 */
export function elementsIn(text: string, from = 0, to = text.length): XmlPart[] | null {
  const found: XmlPart[] = [];
  const open: { name: string; attributes: string; start: number; innerStart: number }[] = [];
  TOKEN.lastIndex = from;
  for (let match = TOKEN.exec(text); match !== null && match.index < to; match = TOKEN.exec(text)) {
    const [whole, closing, opening, attributes = '', slash] = match;
    const end = match.index + whole.length;
    if (opening !== undefined && slash === '/') {
      const part = { name: opening, attributes, start: match.index, end, inner: [end, end] as [number, number] };
      if (open.length === 0) found.push({ ...part, selfClosing: true });
    } else if (opening !== undefined) open.push({ name: opening, attributes, start: match.index, innerStart: end });
    else if (closing !== undefined) {
      const last = open.pop();
      if (last?.name !== closing) return null;
      const { name, start, innerStart } = last;
      const part = {
        name,
        attributes: last.attributes,
        start,
        end,
        inner: [innerStart, match.index] as [number, number],
      };
      if (open.length === 0) found.push({ ...part, selfClosing: false });
    }
  }
  return open.length === 0 ? found : null;
}

export function attributeOf(part: XmlPart, name: string): string | null {
  const found = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(part.attributes);
  return found ? unescapeXml(found[1] ?? found[2] ?? '') : null;
}

/** The text of an element without what comments say. */
export function textOf(text: string, part: XmlPart): string {
  const inner = text.slice(...part.inner).replace(/<!--[\s\S]*?-->/g, '');
  const plain = inner.replace(/<!\[CDATA\[([\s\S]*?)\]\]>/g, (_, data: string) => escapeXml(data));
  return unescapeXml(plain).trim();
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function unescapeXml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}

export interface Replacement {
  start: number;
  end: number;
  text: string;
}

/** Places in the old text; none overlaps another. */
export function replaced(text: string, replacements: readonly Replacement[]): string {
  let result = text;
  for (const { start, end, text: by } of [...replacements].sort((a, b) => b.start - a.start))
    result = result.slice(0, start) + by + result.slice(end);
  return result;
}

/** An element together with the line that it has for itself. */
export function wholeLine(text: string, { start, end }: Pick<XmlPart, 'start' | 'end'>): [number, number] {
  const before = text.lastIndexOf('\n', start - 1) + 1;
  const after = text.indexOf('\n', end);
  const isAlone =
    /^[ \t]*$/.test(text.slice(before, start)) && /^[ \t\r]*$/.test(text.slice(end, Math.max(after, end)));
  return isAlone && after !== -1 ? [before, after + 1] : [start, end];
}
