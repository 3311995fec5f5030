import { create } from 'xmlbuilder2';
import type { JoomlaFacts, TargetRange } from '../../src/releases/release.ts';
import type { FeedInput, FeedRelease } from '../../src/updates/feed-format.ts';
import { xmlText } from '../../src/updates/xml-text.ts';
import { changesOf } from './changelog-xml.ts';
import { joomlaFacts } from './facts.ts';
import { VERSION_LIMIT } from './lint-version.ts';
import { ELEMENT_LIMIT, FOLDER_LIMIT } from './manifest-identity.ts';
import { targetRegexp } from './target-regexp.ts';
import { DOCUMENT_LIMIT, documentOf, oneLine } from './xml-text.ts';

const NAME_LIMIT = 100;
const DESCRIPTION_LIMIT = 500;

/**
 * The update feed: the root `updates` with nothing but `update` in it, newest first (https://docs.joomla.org/Deploying_an_Update_Server).
 * - `client` is always there: without it Joomla takes administrator and never offers a plugin or a package.
 * - `folder` is there for plugins only: even an empty one is compared.
 * - `stability`, `detailsurl`, `downloadsource` and a second `downloadurl` are never there: Joomla misreads each.
 * - A file that is refused still has its `downloadurl`: without one Joomla would not say that there is a new version.
 * - What Joomla could not store or match is left out, so that it does not spoil the rest: a version above 32 characters
 *   stops the whole check of a site.
 */
export function renderUpdates(input: FeedInput): string {
  return documentOf('updates', entriesOf(input), DOCUMENT_LIMIT);
}

function* entriesOf(input: FeedInput): Generator<string> {
  for (const release of input.releases) {
    const facts = joomlaFacts(release.facts);
    const { target } = release;
    if (target !== null && fitsColumns(release, facts)) yield entryOf(input, release, facts, target);
  }
}

function fitsColumns({ version }: FeedRelease, { element, folder }: JoomlaFacts): boolean {
  return version.length <= VERSION_LIMIT && element.length <= ELEMENT_LIMIT && folder.length <= FOLDER_LIMIT;
}

function entryOf({ product, links }: FeedInput, release: FeedRelease, facts: JoomlaFacts, target: TargetRange): string {
  const entry = create().ele('update');
  const leaf = (name: string, text: string) => entry.ele(name).txt(xmlText(text));
  const description = oneLine(product.description, DESCRIPTION_LIMIT);
  leaf('name', oneLine(product.name, NAME_LIMIT) || facts.element);
  if (description !== '') leaf('description', description);
  leaf('element', facts.element);
  leaf('type', facts.type);
  if (facts.type === 'plugin') leaf('folder', facts.folder);
  leaf('client', facts.client);
  leaf('version', release.version);
  leaf('infourl', links.info(release));
  if (changesOf(release).length > 0) leaf('changelogurl', links.changelog);
  entry.ele('targetplatform', { name: 'joomla', version: targetRegexp(target) });
  const phpMinimum = release.phpMinimum ?? facts.phpMinimum;
  if (phpMinimum) leaf('php_minimum', phpMinimum);
  entry.ele('tags').ele('tag').txt(release.clientWord);
  entry
    .ele('downloads')
    .ele('downloadurl', { type: 'full', format: 'zip' })
    .txt(xmlText(links.download(release)));
  for (const name of ['sha256', 'sha384', 'sha512'] as const) {
    if (release.file[name] !== '') leaf(name, release.file[name].toLowerCase());
  }
  leaf('maintainer', oneLine(product.organization, NAME_LIMIT));
  if (product.websiteUrl) leaf('maintainerurl', product.websiteUrl);
  return entry.end({ headless: true, prettyPrint: true, offset: 1 });
}
