import type { JoomlaFacts, ReleaseProblem, ReleaseProblemCode } from '../../src/releases/release.ts';
import { childOf, childText, type XmlElement } from '../../src/releases/safe-xml.ts';
import { identityOf, isPlaceholder } from './manifest-identity.ts';

export type FactsResult = { ok: true; facts: JoomlaFacts } | { ok: false; problem: ReleaseProblem };

const NAME_LIMIT = 100;
const DESCRIPTION_LIMIT = 1_000;
const URL_LIMIT = 2_000;
const SERVERS_LIMIT = 20;
const CHILDREN_LIMIT = 500;

/** What one manifest says. A version with blanks round it is refused: Joomla stores it with them and then sees it as older than all others. */
export function factsOf(manifest: XmlElement, manifestPath: string): FactsResult {
  const version = childText(manifest, 'version');
  if (isPlaceholder(version))
    return placeholder(`The manifest ${manifestPath} still holds the placeholder ${version.trim()}.`);
  const identity = identityOf(manifest, manifestPath);
  if (!identity.ok) {
    return identity.reason === 'placeholder' ? placeholder(identity.detail) : unreadable(identity.detail);
  }
  if (version.trim() === '') return unreadable(`The manifest ${manifestPath} has no <version>.`);
  if (version !== version.trim()) {
    return refused(
      'VERSION_UNFIT',
      `The <version> in ${manifestPath} has blanks or line breaks round "${version.trim()}", so Joomla would offer the update again after every installation.`,
      'Write <version> without any blank inside the tags and release again.',
    );
  }
  const facts: JoomlaFacts = {
    platform: 'joomla',
    element: identity.element,
    type: identity.type,
    client: identity.client,
    folder: identity.folder,
    name: childText(manifest, 'name').trim().slice(0, NAME_LIMIT),
    version,
    description: childText(manifest, 'description').trim().slice(0, DESCRIPTION_LIMIT),
    phpMinimum: phpMinimumOf(manifest),
    updateServers: updateServersOf(manifest),
    dlid: dlidOf(manifest),
    changelogUrl: childText(manifest, 'changelogurl').trim().slice(0, URL_LIMIT) || null,
    children: identity.type === 'package' ? childrenOf(manifest) : [],
    manifestPath,
  };
  return { ok: true, facts };
}

export function refused(code: ReleaseProblemCode, detail: string, fix: string): { ok: false; problem: ReleaseProblem } {
  return { ok: false, problem: { code, severity: 'error', platform: 'joomla', detail, fix } };
}

function placeholder(detail: string): FactsResult {
  return refused(
    'MANIFEST_PLACEHOLDER',
    detail,
    'Attach the zip that your build makes to the release; the files in Git are only its template.',
  );
}

function unreadable(detail: string): FactsResult {
  return refused('MANIFEST_UNREADABLE', detail, 'Correct the manifest and release again.');
}

function phpMinimumOf(manifest: XmlElement): string | null {
  const value = childText(manifest, 'php_minimum').trim();
  return /^\d{1,2}(\.\d{1,3}){0,2}$/.test(value) ? value : null;
}

/** Servers of type `extension` only: the address of a feed does not work as any other. A bare text counts as one, as in Joomla. */
function updateServersOf(manifest: XmlElement): string[] {
  const servers = childOf(manifest, 'updateservers');
  if (!servers) return [];
  const urls =
    servers.children.length === 0
      ? [servers.text.trim()]
      : servers.children
          .filter((server) => server.attributes['type'] === 'extension')
          .map((server) => server.text.trim());
  return urls.filter((url) => url !== '' && url.length <= URL_LIMIT).slice(0, SERVERS_LIMIT);
}

function dlidOf(manifest: XmlElement): JoomlaFacts['dlid'] {
  const dlid = childOf(manifest, 'dlid');
  return dlid ? { prefix: dlid.attributes['prefix'] ?? '', suffix: dlid.attributes['suffix'] ?? '' } : null;
}

function childrenOf(manifest: XmlElement): JoomlaFacts['children'] {
  const files = childOf(manifest, 'files');
  const folder = files?.attributes['folder'] ?? '';
  return (files?.children ?? []).slice(0, CHILDREN_LIMIT).map((child) => ({
    type: child.attributes['type'] ?? '',
    id: child.attributes['id'] ?? '',
    client: child.attributes['client'] ?? '',
    group: child.attributes['group'] ?? '',
    file: folder === '' ? child.text.trimEnd() : `${folder}/${child.text.trimEnd()}`,
  }));
}
