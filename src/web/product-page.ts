import { createHash } from 'node:crypto';
import express, { type Router } from 'express';
import type { Db } from '../db/connect.ts';
import { type Visible, visibleReleases } from '../licensing/access.ts';
import { verdict } from '../licensing/verdict.ts';
import { type Product, productPath, RESERVED_SEGMENTS } from '../releases/product.ts';
import type { Platform } from '../releases/release.ts';
import { findProductsByPath } from '../releases/store-products.ts';
import type { Catalog } from '../updates/catalog.ts';
import type { FeedFormat } from '../updates/feed-format.ts';
import { downloadUrl, pageUrl, type ServedRelease } from '../updates/feed-releases.ts';
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
    const product = (await deps.db.read((tx) => findProductsByPath(tx, [path]))).get(path);
    if (!product) return next();
    if (path !== productPath(product)) return res.redirect(301, pageUrl(deps.config.publicUrl, product));
    const html = render(deps.config.publicUrl, product, await shownOf(deps, product));
    const tag = `"${createHash('sha256').update(html).digest('base64url').slice(0, 27)}"`;
    res.set({ etag: tag, 'cache-control': 'no-cache' });
    if (req.headers['if-none-match'] === tag) return res.status(304).end();
    res.type('html').send(html);
  });
  return router;
}

async function shownOf(deps: PageDeps, product: Product): Promise<Shown[]> {
  const open = verdict({
    now: 0,
    kind: 'feed',
    product: { ...product, mode: product.mode === 'strict' ? 'listed' : product.mode },
    key: { kind: 'none' },
    site: null,
  });
  const shown: Shown[] = [];
  for (const platform of product.platforms) {
    const format = deps.formats.find((each) => each.platform === platform);
    if (!format) continue;
    const mode = product.mode === 'strict' ? 'listed' : product.mode;
    shown.push({ format, releases: visibleReleases({ ...product, mode }, open, await deps.catalog(product, format)) });
  }
  return shown;
}

function render(publicUrl: string, product: Product, shown: readonly Shown[]): string {
  const own = pageUrl(publicUrl, product);
  const sections = [
    `<h1>${escapeHtml(product.name)}</h1>`,
    `<p class="by">by ${escapeHtml(product.organizationName)}</p>`,
    product.description === '' ? '' : `<p>${escapeHtml(product.description)}</p>`,
    ...shown.map(({ format, releases }) => versions(own, format, releases, shown.length > 1)),
    howTo(own, product),
    ...shown.slice(0, 1).map(({ releases }) => changes(releases)),
  ];
  return page(`${product.name} – ${product.organizationName}`, sections.filter((each) => each !== '').join('\n'));
}

function versions(own: string, format: FeedFormat, releases: Shown['releases'], several: boolean): string {
  const heading = several ? `Newest versions for ${format.title}` : 'Newest versions';
  const newest = new Map<string, Visible<ServedRelease>>();
  for (const each of releases) if (!newest.has(each.release.channel)) newest.set(each.release.channel, each);
  if (newest.size === 0) return `<h2>${heading}</h2>\n<p>There is no public version yet.</p>`;
  const rows = [...newest.values()].map(({ release, access }) => {
    const date = new Date(release.firstSeenAt).toISOString().slice(0, 10);
    const file =
      access === 'file'
        ? `<a href="${escapeHtml(downloadUrl(own, release.version, release.fileName))}">Download</a>`
        : 'with a license key';
    return `<tr><td>${escapeHtml(release.channel)}</td><td>${escapeHtml(release.version)}</td><td><time datetime="${date}">${date}</time></td><td>${file}</td></tr>`;
  });
  return `<h2>${heading}</h2>
<table><thead><tr><th scope="col">Channel</th><th scope="col">Version</th><th scope="col">Since</th><th scope="col">File</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`;
}

const WHERE_TO_TYPE: Record<Platform, string> = {
  joomla:
    'In Joomla open <b>System → Update Sites</b>, choose the update site of this extension, type the key into <b>Download Key</b> and save. Then check for updates.',
  dolibarr:
    'In Dolibarr open <b>Home → Setup → Modules</b>, open the setup page of this module and type the key into the field for the license key. Then check for updates on the page of modules.',
};

function howTo(own: string, product: Product): string {
  const buy = product.settings.renewUrl ?? product.settings.websiteUrl;
  const get =
    buy === null ? 'Ask the vendor for a license key.' : `<a href="${escapeHtml(buy)}">Get or renew a license key.</a>`;
  const need =
    product.mode === 'open'
      ? 'The public versions need no license key; a key opens the other channels.'
      : 'Updates need a license key. The extension itself goes on working without one.';
  const steps = product.platforms.map((platform) => `<p>${WHERE_TO_TYPE[platform]}</p>`);
  return `<h2 id="renew">License key</h2>\n<p>${need} ${get}</p>\n${steps.join('\n')}\n<p class="feed">Feed: <code>${escapeHtml(own)}/${product.platforms.includes('joomla') ? 'updates.xml' : 'dolibarr.txt'}</code></p>`;
}

function changes(releases: Shown['releases']): string {
  const latest = releases.slice(0, 5).filter(({ release }) => release.release.changelog.length > 0);
  if (latest.length === 0) return '';
  const lists = latest.map(({ release }) => {
    const items = release.release.changelog.flatMap(({ word, items: texts }) =>
      texts.map((text) => `<li><span class="word">${escapeHtml(word)}</span> ${escapeHtml(text)}</li>`),
    );
    return `<h3>${escapeHtml(release.version)}</h3>\n<ul>${items.join('\n')}</ul>`;
  });
  return `<h2>Changes</h2>\n${lists.join('\n')}`;
}
