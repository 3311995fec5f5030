/** One line that XML 1.0 can hold, at most `limit` characters (code points) long. */
export function oneLine(text: string, limit: number): string {
  const line = text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
  if (line.length <= limit) return line;
  const chars = [...line];
  return chars.length <= limit ? line : `${chars.slice(0, limit - 1).join('')}…`;
}

/** The whole document out of its entries, as many from the first on as fit into `limit` bytes. */
export function documentOf(root: string, entries: Iterable<string>, limit: number): string {
  const kept: string[] = [];
  let size = 0;
  for (const entry of entries) {
    size += Buffer.byteLength(entry) + 1;
    if (size > limit) break;
    kept.push(entry);
  }
  if (kept.length === 0) return emptyDocument(root);
  return `${DECLARATION}<${root}>\n${kept.join('\n')}\n</${root}>\n`;
}

/** What Joomla reads as "nothing", without any message. */
export function emptyDocument(root: string): string {
  return `${DECLARATION}<${root}/>\n`;
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** Joomla's parser gives up at 10 MB; far below it, because every check of every site loads the whole file. */
export const DOCUMENT_LIMIT = 2 * 1024 * 1024;
