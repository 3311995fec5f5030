import type { ArchiveView, JoomlaFacts } from '../../src/releases/release.ts';
import { parseXml, XML_SIZE_LIMIT, type XmlElement } from '../../src/releases/safe-xml.ts';
import { type FactsResult, factsOf, refused } from './manifest-facts.ts';
import { identityOf, typeOf } from './manifest-identity.ts';
import { soleFolder } from './root-folder.ts';

/** XML files of an archive that are looked at, those nearest to its root first. */
const FILES_LIMIT = 2_000;

interface Found {
  path: string;
  manifest: XmlElement;
}

interface Level {
  manifests: Found[];
  /** The first file that seems to be a manifest and can't be read as one. */
  broken: FactsResult | null;
}

/**
 * Finds the manifest of an archive and reads it. With a hint (an element, or `plg_GROUP_ELEMENT` for a plugin) the
 * manifest of that extension nearest to the root is taken. Otherwise the level nearest to the root that has any
 * manifest decides: its only one, else its only package; a sole folder round everything does not count as a level.
 * Errors of `archive.read` are passed on.
 */
export async function readManifest(archive: ArchiveView, hint: string | null): Promise<FactsResult> {
  let first: Level | null = null;
  for (const paths of xmlPathsByLevel(archive)) {
    const level = await readLevel(archive, paths);
    if (level.manifests.length === 0 && level.broken === null) continue;
    first ??= level;
    const hinted = hint === null ? undefined : level.manifests.find((found) => isHinted(found, hint));
    if (hinted) return factsOf(hinted.manifest, hinted.path);
    if (hint === null) break;
  }
  if (!first) return none();
  return chosen(first);
}

function chosen(level: Level): FactsResult {
  const { manifests, broken } = level;
  const packages = manifests.filter(({ manifest }) => typeOf(manifest) === 'package');
  const only = manifests.length === 1 ? manifests[0] : packages.length === 1 ? packages[0] : undefined;
  if (only) return factsOf(only.manifest, only.path);
  if (manifests.length === 0) return broken ?? none();
  const names = manifests.slice(0, 5).map(({ path }) => path);
  return refused(
    'MANIFEST_AMBIGUOUS',
    `The archive holds ${manifests.length} manifests side by side: ${names.join(', ')}${manifests.length > 5 ? ' and more' : ''}.`,
    'Name the element of this product in its settings, or put the extensions into one package.',
  );
}

function none(): FactsResult {
  return refused(
    'MANIFEST_MISSING',
    'The archive holds no Joomla manifest: no XML file with the root <extension>.',
    'Attach the zip that one installs in Joomla to the release.',
  );
}

function isHinted({ manifest, path }: Found, hint: string): boolean {
  const identity = identityOf(manifest, path);
  if (!identity.ok) return false;
  return (
    identity.element === hint || (identity.type === 'plugin' && `plg_${identity.folder}_${identity.element}` === hint)
  );
}

function xmlPathsByLevel(archive: ArchiveView): string[][] {
  const base = soleFolder(archive.files);
  const levels: string[][] = [];
  for (const { path, size } of archive.files) {
    if (!path.endsWith('.xml') || !path.startsWith(base) || size > XML_SIZE_LIMIT) continue;
    const depth = path.slice(base.length).split('/').length - 1;
    const level = levels[depth] ?? [];
    level.push(path);
    levels[depth] = level;
  }
  let room = FILES_LIMIT;
  return levels.flatMap((level) => {
    const kept = level.slice(0, room);
    room -= kept.length;
    return kept.length > 0 ? [kept] : [];
  });
}

async function readLevel(archive: ArchiveView, paths: string[]): Promise<Level> {
  const level: Level = { manifests: [], broken: null };
  for (const path of paths) {
    const bytes = await archive.read(path);
    const xml = parseXml(bytes);
    if (xml.ok && xml.root.name === 'extension' && typeOf(xml.root)) {
      level.manifests.push({ path, manifest: xml.root });
    } else {
      level.broken ??= xml.ok ? brokenRoot(xml.root, path) : brokenFile(bytes, xml.fault, xml.detail, path);
    }
  }
  return level;
}

function brokenRoot(root: XmlElement, path: string): FactsResult | null {
  if (root.name !== 'extension') return null;
  const identity = identityOf(root, path);
  if (identity.ok) return null;
  return refused(
    'MANIFEST_UNREADABLE',
    identity.detail,
    'Correct the attribute "type" of <extension> and release again.',
  );
}

const FAULTS = {
  entities: ['MANIFEST_WITH_ENTITIES', 'Remove the <!DOCTYPE> and write the texts out.'],
  encoding: ['MANIFEST_ENCODING', 'Save the manifest as UTF-8 and release again.'],
  malformed: ['MANIFEST_UNREADABLE', 'Make the manifest well-formed XML and release again.'],
} as const;

/** null: the file does not look like a manifest, so its fault is nobody's concern here. */
function brokenFile(bytes: Uint8Array, fault: keyof typeof FAULTS, detail: string, path: string): FactsResult | null {
  const text = Buffer.from(bytes).toString('latin1').replaceAll('\0', '');
  if (!/<extension\s/.test(text)) return null;
  const [code, fix] = FAULTS[fault];
  return refused(code, `The manifest ${path} can't be read: ${detail}.`, fix);
}

/** Folder of the manifest with a trailing slash, empty at the archive's root: what Joomla installs from. */
export function manifestFolder(facts: JoomlaFacts): string {
  return facts.manifestPath.slice(0, facts.manifestPath.lastIndexOf('/') + 1);
}
