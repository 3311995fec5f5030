import type { ArchiveView, JoomlaFacts } from '../../../src/releases/release.ts';
import { parseXmlText } from '../../../src/releases/safe-xml.ts';
import { comparePhpVersions } from '../../../src/releases/version-order.ts';
import type { FeedRelease } from '../../../src/updates/feed-format.ts';
import type { OldFeed, SurveyedProduct, Surveyor, SurveyRow } from '../../../src/updates/survey.ts';
import { identityOf, typeOf } from '../manifest-identity.ts';
import { checkForUpdates } from '../model/check.ts';
import { describeOffer } from '../model/describe.ts';
import { clientByName, type Http, type JoomlaSite } from '../model/site.ts';
import { renderUpdates } from '../updates.ts';
import { serversOf } from './manifest-edit.ts';
import { feedFaults, meantTarget, meantWord, type OldEntry, readOldFeed } from './old-feed.ts';

/** What a vendor's sites run on. */
const SITES = ['4.4.14', '5.4.0', '6.0.0'];
const LOWEST = '0.0.1';
const ASSUMED = { min: '4.4', max: '6' };
const MOST_XML = 500;

export const joomlaSurveyor: Surveyor = { platform: 'joomla', survey };

type Identity = Pick<JoomlaFacts, 'type' | 'element' | 'folder' | 'client'>;

interface Manifest {
  path: string;
  identity: Identity;
  servers: string[];
}

async function survey(
  feeds: readonly OldFeed[],
  source: { name: string; view: ArchiveView } | null,
): Promise<SurveyedProduct[]> {
  const manifests = source === null ? [] : topManifests(await manifestsIn(source.view));
  const own = source === null ? [] : await feedsIn(source);
  const read = [...feeds, ...own].map((feed) => ({
    feed,
    entries: readOldFeed(Buffer.from(feed.bytes).toString('utf8')),
  }));
  const left = read.filter(({ feed, entries }) => entries !== null || feeds.includes(feed));
  const products: SurveyedProduct[] = [];
  for (const manifest of manifests) {
    const isIts = ({ entries }: (typeof left)[number]) =>
      manifests.length === 1 ||
      (entries ?? []).some(({ element }) => bare(element) === bare(manifest.identity.element));
    const its = left.filter(isIts);
    for (const one of its) left.splice(left.indexOf(one), 1);
    products.push(await surveyed(its, manifest, source?.name ?? ''));
  }
  for (const one of left) products.push(await surveyed([one], null, ''));
  return products;
}

function bare(element: string): string {
  return element.replace(/^(?:pkg|com|mod|plg|lib|tpl)_/, '').toLowerCase();
}

async function manifestsIn(view: ArchiveView): Promise<Manifest[]> {
  const found: Manifest[] = [];
  const paths = view.files.filter(({ path, size }) => path.endsWith('.xml') && size < 500_000).map(({ path }) => path);
  for (const path of paths.slice(0, MOST_XML)) {
    const text = Buffer.from(await view.read(path)).toString('latin1');
    if (!/<extension[\s>]/.test(text)) continue;
    const xml = parseXmlText(text.replace(/^\u00ef\u00bb\u00bf/, ''));
    if (!xml.ok || xml.root.name !== 'extension' || typeOf(xml.root) === undefined) continue;
    const identity = identityOf(xml.root, path);
    if (identity.ok) found.push({ path, identity, servers: serversOf(text) });
  }
  return found;
}

/** Packages stand for what is in them; else whatever names an update server; else the nearest to the root. */
function topManifests(all: readonly Manifest[]): Manifest[] {
  const packages = all.filter(({ identity }) => identity.type === 'package');
  if (packages.length > 0) return packages;
  const asking = all.filter(({ servers }) => servers.length > 0);
  if (asking.length > 0) return asking;
  return [...all].sort((a, b) => a.path.split('/').length - b.path.split('/').length).slice(0, 1);
}

async function feedsIn({ name, view }: { name: string; view: ArchiveView }): Promise<OldFeed[]> {
  const feeds: OldFeed[] = [];
  for (const { path, size } of view.files) {
    if (!/update[^/]*\.xml$/i.test(path) || size > 2_000_000) continue;
    const bytes = await view.read(path);
    if (/<updates[\s>/]/.test(Buffer.from(bytes).toString('latin1'))) feeds.push({ from: `${name}/${path}`, bytes });
  }
  return feeds;
}

interface Read {
  feed: OldFeed;
  entries: OldEntry[] | null;
}

async function surveyed(read: readonly Read[], manifest: Manifest | null, name: string): Promise<SurveyedProduct> {
  const entries = read.flatMap((each) => each.entries ?? []);
  const identity = manifest?.identity ?? guessed(entries[0]);
  const faults = read.flatMap(({ feed, entries: own }) =>
    own === null ? [`${feed.from} is no feed that Joomla reads`] : feedFaults(own, manifest?.identity ?? null),
  );
  const remarks: string[] = [];
  if (manifest === null && identity !== null)
    remarks.push(
      'The manifest is not known here, so the extension is taken for what the feed says, mended by its type.',
    );
  if (entries.length > 0 && entries.every((entry) => meantTarget(entry) === null))
    remarks.push(
      `No entry says for which Joomla it is; ${ASSUMED.min} - ${ASSUMED.max} is assumed. Set it with the product: --target-joomla.`,
    );
  if (manifest !== null && manifest.servers.length === 0)
    remarks.push(
      `${manifest.path} names no update server: sites that have it now learn of nothing until they install an adopted release by hand.`,
    );
  if (read.length === 0) remarks.push('No feed of it was found; what sites see now is not known.');
  const rows = identity === null ? [] : await rowsOf(read, entries, identity);
  return {
    ...{ platform: 'joomla', rows, faults: [...new Set(faults)], remarks },
    title: identity === null ? (read[0]?.feed.from ?? name) : titleOf(identity),
    from: [...(manifest ? [`${name}/${manifest.path}`] : []), ...read.map(({ feed }) => feed.from)],
    unreachable:
      manifest !== null && manifest.servers.length === 0 && read.length === 0
        ? 'its sites ask no update server: mail its customers'
        : null,
  };
}

function titleOf({ type, element, folder }: Identity): string {
  return type === 'plugin' ? `plugin ${element} (group ${folder})` : `${type} ${element}`;
}

const TYPES = ['component', 'module', 'plugin', 'template', 'package', 'library', 'file', 'language'] as const;

/** What is really installed, as far as the feed lets one tell. */
function guessed(entry: OldEntry | undefined): Identity | null {
  if (entry === undefined) return null;
  const isPackage = /^pkg_/.test(entry.element);
  const type = isPackage ? 'package' : TYPES.find((each) => each === entry.type.toLowerCase());
  if (type === undefined)
    return entry.element === ''
      ? null
      : { type: 'component', element: entry.element, folder: '', client: 'administrator' };
  const element = type === 'package' && !isPackage ? `pkg_${entry.element}` : entry.element;
  const client = type === 'component' || entry.client === 'administrator' ? 'administrator' : 'site';
  return { type, element, folder: type === 'plugin' ? entry.folder || 'system' : '', client };
}

async function rowsOf(read: readonly Read[], entries: readonly OldEntry[], identity: Identity): Promise<SurveyRow[]> {
  const after = Buffer.from(renderUpdates(inputOf(entries, identity)));
  const rows: SurveyRow[] = [];
  for (const joomla of SITES) {
    const site = siteOf(joomla, identity);
    let before: string | null = null;
    let words = 'There is no feed that it could ask.';
    for (const { feed } of read) {
      const result = await checkForUpdates(site, answering(feed.bytes));
      if (before === null) words = describeOffer(site, result);
      before ??= result.offered[0]?.version ?? null;
    }
    const then = entries.length === 0 ? null : await checkForUpdates(site, answering(after));
    const client = `Joomla ${joomla.split('.').slice(0, 2).join('.')}`;
    rows.push({ client, before, words, after: then?.offered[0]?.version ?? null });
  }
  return rows;
}

function answering(body: Uint8Array): Http {
  return async ({ url }) => ({ status: 200, headers: {}, body, url });
}

function siteOf(joomla: string, { type, element, folder, client }: Identity): JoomlaSite {
  const extension = { type, element, folder, clientId: clientByName(client) ?? 1, version: LOWEST };
  return {
    ...{ joomla, php: '8.3.0', db: { type: 'mysql', version: '8.0.36' }, minStability: 4, extraQuery: '' },
    ...{ extensions: [extension], feedUrl: 'https://feed.invalid/updates.xml' },
  };
}

/** The same versions as they are served here: each once, with what the manifest says, the stable ones for everybody. */
function inputOf(entries: readonly OldEntry[], identity: Identity): Parameters<typeof renderUpdates>[0] {
  const facts: JoomlaFacts = {
    ...{ platform: 'joomla', ...identity, name: identity.element, version: '', description: '', phpMinimum: null },
    ...{ updateServers: [], dlid: null, changelogUrl: null, children: [], manifestPath: '' },
  };
  const byVersion = new Map<string, OldEntry>();
  for (const entry of entries) {
    const known = byVersion.get(entry.version);
    if (!known || meantWord(entry) === 'stable') byVersion.set(entry.version, entry);
  }
  const releases = [...byVersion.values()]
    .filter((entry) => meantWord(entry) === 'stable')
    .sort((a, b) => comparePhpVersions(b.version, a.version))
    .map(
      (entry): FeedRelease => ({
        ...{ version: entry.version.replace(/^v/i, ''), channel: 'stable', clientWord: 'stable', downloadable: true },
        ...{ security: false, firstSeenAt: 0, notes: '', changelog: [], facts },
        target: meantTarget(entry) ?? ASSUMED,
        phpMinimum: entry.php !== null && /^\d+(\.\d+)*$/.test(entry.php) ? entry.php : null,
        file: { name: 'x.zip', size: 1, sha256: '0'.repeat(64), sha384: '', sha512: '' },
      }),
    );
  const address = () => 'https://feed.invalid/';
  return {
    product: { name: identity.element, description: '', organization: '', websiteUrl: null },
    releases,
    links: { download: address, info: address, changelog: 'https://feed.invalid/changelog.xml' },
  };
}
