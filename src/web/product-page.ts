import express, { type Router } from 'express';
import type { Db } from '../db/connect.ts';
import { type Visible, visibleReleases } from '../licensing/access.ts';
import { verdict } from '../licensing/verdict.ts';
import { type Product, productPath, RESERVED_SEGMENTS, renewUrlOf } from '../releases/product.ts';
import { findProductNamed } from '../releases/product-reads.ts';
import type { Platform } from '../releases/release.ts';
import { entityTag, isFresh } from '../updates/entity-tag.ts';
import type { FeedFormat } from '../updates/feed-format.ts';
import { type Catalog, downloadUrl, pageUrl, type ServedRelease } from '../updates/feed-releases.ts';
import { escapeHtml, page } from './layout.ts';

export interface PageDeps {
  db: Db;
  catalog: Catalog;
  formats: readonly FeedFormat[];
  config: { publicUrl: string };
}

interface Shown {
  format: FeedFormat;
  /** What somebody without a key may see; in a strict product the versions are named all the same, the files are not. */
  releases: Visible<ServedRelease>[];
}

/** `/{org}/{repo}[/{edition}]`: the plain public page that a feed's info link leads to. */
export function pageRouter(deps: PageDeps): Router {
  const router = express.Router();
  router.get('/:organization/:repository{/:edition}', async (req, res, next) => {
    const { organization, repository, edition } = req.params as {
      organization: string;
      repository: string;
      edition?: string;
    };
    if (RESERVED_SEGMENTS.has(organization.toLowerCase())) return next();
    const path = [organization, repository, ...(edition === undefined ? [] : [edition])].join('/').toLowerCase();
    const product = await findProductNamed(deps.db, path);
    if (!product || product.retiredAt !== null) return next();
    if (path !== productPath(product)) return res.redirect(301, pageUrl(deps.config.publicUrl, product));
    const html = render(deps.config.publicUrl, product, await shownOf(deps, product));
    const tag = entityTag([html]);
    res.set({ etag: tag, 'cache-control': 'no-cache' });
    if (isFresh(req.headers['if-none-match'], tag)) return res.status(304).end();
    res.type('html').send(html);
  });
  return router;
}

async function shownOf(deps: PageDeps, product: Product): Promise<Shown[]> {
  // People are told of the public versions of a strict product as well; only its feeds are silent.
  const told: Product = { ...product, mode: product.mode === 'strict' ? 'listed' : product.mode };
  const nobody = verdict({ now: 0, kind: 'feed', product: told, key: { kind: 'none' }, site: null });
  const formats = deps.formats.filter(({ platform }) => product.platforms.includes(platform));
  return Promise.all(
    formats.map(async (format) => ({
      format,
      releases: visibleReleases(told, nobody, await deps.catalog(product, format)),
    })),
  );
}

function render(publicUrl: string, product: Product, shown: readonly Shown[]): string {
  const own = pageUrl(publicUrl, product);
  const sections = [
    `<h1>${escapeHtml(product.name)}</h1>`,
    `<p class="by">by ${organizationLink(product)}</p>`,
    product.description === '' ? '' : `<p>${escapeHtml(product.description)}</p>`,
    ...shown.map(({ format, releases }) => versions(own, format, releases, shown.length > 1)),
    howTo(publicUrl, own, product, shown),
    ...shown.slice(0, 1).map(({ releases }) => changes(releases)),
  ];
  return page(`${product.name} – ${product.organizationName}`, sections.filter((each) => each !== '').join('\n'));
}

function organizationLink({ organizationName, settings }: Product): string {
  const name = escapeHtml(organizationName);
  return settings.websiteUrl === null ? name : `<a href="${escapeHtml(settings.websiteUrl)}">${name}</a>`;
}

function versions(own: string, format: FeedFormat, releases: Shown['releases'], several: boolean): string {
  const heading = several ? `Newest versions for ${escapeHtml(format.title)}` : 'Newest versions';
  const newest = new Map<string, Visible<ServedRelease>>();
  for (const each of releases) if (!newest.has(each.release.channel)) newest.set(each.release.channel, each);
  if (newest.size === 0) return `<h2>${heading}</h2>\n<p>There is no public version yet.</p>`;
  const rows = [...newest.values()].map(({ release, access }) => {
    const date = new Date(release.firstSeenAt).toISOString().slice(0, 10);
    const file =
      access === 'file'
        ? `<a class="button" href="${escapeHtml(downloadUrl(own, release.version, release.fileName))}">Download</a>`
        : '<span class="soft">with a license key</span>';
    return `<tr><td><span class="tag">${escapeHtml(release.channel)}</span></td><td>${escapeHtml(release.version)}</td><td><time datetime="${date}">${date}</time></td><td>${file}</td></tr>`;
  });
  return `<h2>${heading}</h2>
<div class="scroll"><table><thead><tr><th scope="col">Channel</th><th scope="col">Version</th><th scope="col">Since</th><th scope="col">File</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

const WHERE_TO_TYPE: Record<Platform, string> = {
  joomla:
    'In Joomla open <b>System → Update Sites</b>, choose the update site of this extension, type the key into <b>Download Key</b> and save. Then check for updates.',
  dolibarr:
    'In Dolibarr open <b>Home → Setup → Modules</b>, open the setup page of this module and type the key into the field for the license key. Then check for updates on the page of modules.',
};

/** Joomla sends a key with the file only, so it hears nothing of a strict product unless something adds the key to the check. */
function firstStep(publicUrl: string, { mode, organizationSlug }: Product, platform: Platform): string {
  if (mode !== 'strict' || platform !== 'joomla') return '';
  const kit = `${publicUrl}/kits/${encodeURIComponent(organizationSlug)}/joomla.zip`;
  return `<p>Joomla itself does not send the key when it looks for updates, and without a key there are none to be seen. Unless the extension brought it along, first install <a href="${escapeHtml(kit)}">the update plugin</a>, which sends it.</p>\n`;
}

function howTo(publicUrl: string, own: string, product: Product, shown: readonly Shown[]): string {
  const buy = renewUrlOf(product) ?? product.settings.websiteUrl;
  const get =
    buy === null ? 'Ask the vendor for a license key.' : `<a href="${escapeHtml(buy)}">Get or renew a license key.</a>`;
  const need =
    product.mode === 'open'
      ? 'The public versions need no license key; a key opens the other channels.'
      : 'Updates need a license key. The extension itself goes on working without one.';
  const steps = product.platforms.map(
    (platform) => `${firstStep(publicUrl, product, platform)}<p>${WHERE_TO_TYPE[platform]}</p>`,
  );
  const feeds = shown.map(({ format }) => {
    const feed = format.documents.find(({ kind }) => kind === 'feed')?.fileName ?? '';
    return `<dt>Feed for ${escapeHtml(format.title)}</dt><dd><code>${escapeHtml(own)}/${feed}</code></dd>`;
  });
  const help = product.organizationSupportUrl;
  const support = help === null ? '' : ` <a href="${escapeHtml(help)}">Get help.</a>`;
  return `<h2 id="renew">License key</h2>\n<p>${need} ${get}${support}</p>\n${steps.join('\n')}\n<dl>${feeds.join('')}</dl>`;
}

function changes(releases: Shown['releases']): string {
  const latest = releases.filter(({ release }) => release.release.changelog.length > 0).slice(0, 5);
  if (latest.length === 0) return '';
  const lists = latest.map(({ release }) => {
    const items = release.release.changelog.flatMap(({ word, items: texts }) =>
      texts.map((text) => `<li><span class="word">${escapeHtml(word)}</span><span>${escapeHtml(text)}</span></li>`),
    );
    return `<h3>${escapeHtml(release.version)}</h3>\n<ul>${items.join('\n')}</ul>`;
  });
  return `<h2>Changes</h2>\n${lists.join('\n')}`;
}
