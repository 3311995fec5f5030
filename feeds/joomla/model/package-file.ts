import { SaxesParser } from 'saxes';
import { type ArchiveContent, openArchive } from './archive-io.ts';

const BY_EXTENSION = new Map<string, 'zip' | 'other'>([
  ['zip', 'zip'],
  ...['tar', 'tgz', 'gz', 'gzip', 'tbz2', 'bz2', 'bzip2'].map((name) => [name, 'other'] as const),
]);

/**
 * The name under which Joomla keeps a package: `filename=` of the disposition up to the next semicolon, quotes stripped
 * (`filename*=` is not read), else whatever follows the last slash of the whole URL, odd characters turned into `_`.
 * Empty where the URL gives none; Joomla then makes up a name without an ending.
 */
export function packageFileName(url: string, disposition: string | undefined): string {
  const named =
    /filename\s?=\s?(.*)/
      .exec(disposition ?? '')?.[1]
      ?.split(';')[0]
      ?.replace(/^"+|"+$/g, '') ?? '';
  if (named !== '' && named !== '0') return named.replace(/\/+$/, '').split('/').at(-1) ?? '';
  if (!url.includes('/')) return '';
  const last = url.split('/').at(-1) ?? '';
  const cleaned = last
    .replace(/[^a-z0-9_\-.]/gi, '_')
    .replace(/^_+|_+$/g, '')
    .replace(/__+/g, '_');
  return cleaned === '0' ? '' : cleaned;
}

/** By the ending alone; null: Joomla can't unpack a file of this name. */
export function archiveKind(fileName: string): 'zip' | 'other' | null {
  const dot = fileName.lastIndexOf('.');
  return dot === -1 ? null : (BY_EXTENSION.get(fileName.slice(dot + 1).toLowerCase()) ?? null);
}

/** The type that the manifest in a zip declares, or why it is no Joomla package, in words. */
export async function openPackage(body: Uint8Array): Promise<{ ok: true; type: string } | { ok: false; why: string }> {
  const archive = await openArchive(body);
  if (archive === null) return { ok: false, why: 'the file is no zip' };
  for (const path of manifestCandidates(archive)) {
    const content = await archive.read(path);
    const type = content === null ? null : manifestType(content);
    if (type === '') return { ok: false, why: `${path} has an <extension> without a type` };
    if (type !== null) return { ok: true, type };
  }
  return { ok: false, why: 'the zip holds no manifest with an <extension> root, at its root or one folder deep' };
}

const IGNORED = new Set(['.svn', 'CVS', '.DS_Store', '__MACOSX']);

/** A sole folder at the root is descended into; from there on the root and one folder deep are searched. */
function manifestCandidates(archive: ArchiveContent): string[] {
  const tops = new Set(archive.paths.map((path) => path.split('/')[0] ?? ''));
  const visible = [...tops].filter((name) => !IGNORED.has(name) && !name.startsWith('.'));
  const sole = visible.length === 1 ? `${visible[0]}/` : '';
  const root = archive.paths.every((path) => path !== visible[0]) ? sole : '';
  return archive.paths.filter((path) => {
    if (!path.startsWith(root) || !path.endsWith('.xml')) return false;
    const parts = path.slice(root.length).split('/');
    return parts.length <= 2 && parts.every((part) => !IGNORED.has(part) && !part.startsWith('.'));
  });
}

/** null: not well-formed, or another root. */
function manifestType(content: Uint8Array): string | null {
  const parser = new SaxesParser();
  let type: string | null = null;
  let depth = 0;
  parser.on('opentag', (tag) => {
    if (depth === 0 && tag.name === 'extension') type = tag.attributes['type'] ?? '';
    depth += 1;
  });
  parser.on('closetag', () => {
    depth -= 1;
  });
  try {
    parser.write(new TextDecoder('utf-8', { fatal: true }).decode(content)).close();
  } catch {
    return null;
  }
  return type;
}
