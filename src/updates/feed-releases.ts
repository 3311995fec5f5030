import type { GatedRelease, Visible } from '../licensing/access.ts';
import type { Verdict } from '../licensing/verdict.ts';
import { type Product, renewUrlOf } from '../releases/product.ts';
import type { TargetRange } from '../releases/release.ts';
import type { ArtifactRecord, ReleaseRecord } from '../releases/store-releases.ts';
import type { FeedFormat, FeedInput, FeedRelease } from './feed-format.ts';

/** What can be served of a release on one platform: its words, and the file in force. */
export interface ServedRelease extends GatedRelease {
  release: ReleaseRecord;
  artifact: ArtifactRecord;
  fileName: string;
}

/** Every served release of a product on one platform, newest first. */
export type Catalog = (product: Product, format: FeedFormat) => Promise<readonly ServedRelease[]>;

const MOST_PER_CHANNEL = 20;

/** The releases that a platform's clients may see at all, newest first as those clients order versions. */
export function servedReleases(
  format: Pick<FeedFormat, 'platform' | 'compareVersions' | 'downloadName'>,
  releases: readonly ReleaseRecord[],
  artifacts: readonly ArtifactRecord[],
): ServedRelease[] {
  const byRelease = new Map(
    artifacts.filter((each) => each.platform === format.platform && each.listed).map((each) => [each.releaseId, each]),
  );
  const served = releases.flatMap((release): ServedRelease[] => {
    const artifact = byRelease.get(release.id);
    if (!artifact || release.state !== 'listed' || release.yankedAt !== null) return [];
    const { version, channel, security } = release;
    const fileName = format.downloadName(artifact.facts, version);
    return [{ version, channel, security, firstSeenAt: Date.parse(release.firstSeenAt), release, artifact, fileName }];
  });
  return served.sort((a, b) => format.compareVersions(b.version, a.version));
}

/** At most 20 a channel: Joomla's pre-update check wants the installed version in the list, its parser wants an end. */
export function cutPerChannel(visible: readonly Visible<ServedRelease>[]): Visible<ServedRelease>[] {
  const counts = new Map<string, number>();
  return visible.filter(({ release }) => {
    const count = (counts.get(release.channel) ?? 0) + 1;
    counts.set(release.channel, count);
    return count <= MOST_PER_CHANNEL;
  });
}

/** Tells apart everything that a verdict can change in a feed; the same text means the same body. */
export function visibilityOf(verdict: Verdict): string {
  const left = verdict.remainders.map((each) => `${each.kind}:${each.before}:${each.channels.join(',')}`);
  return `${verdict.security ? 's' : ''}|${verdict.allowed ? verdict.channels.join(',') : ''}|${left.join(';')}`;
}

/** Stands for the key in a rendered body; no real link can hold it. */
export const KEY_PLACE = '\u{f8ff}KEY\u{f8ff}';

export interface LinkBase {
  publicUrl: string;
  product: Product;
  /** Links carry the key, for a client whose feed address does. */
  keyed: boolean;
}

export function feedInput(base: LinkBase, visible: readonly Visible<ServedRelease>[]): FeedInput {
  const { product, publicUrl } = base;
  const page = pageUrl(publicUrl, product);
  const own = pageUrl(base.keyed ? `${publicUrl}/k/${KEY_PLACE}` : publicUrl, product);
  const files = new Map<string, string>();
  const releases = visible.map(({ release, access }): FeedRelease => {
    files.set(release.version, release.fileName);
    return toFeedRelease(product, release, access === 'file');
  });
  return {
    product: {
      name: product.name,
      description: product.description,
      organization: product.organizationName,
      websiteUrl: product.settings.websiteUrl,
    },
    releases,
    links: {
      download: ({ version }) => downloadUrl(own, version, files.get(version) ?? ''),
      info: (release) => infoUrl(product, page, release),
      // Joomla fetches it without the key that it has.
      changelog: `${own}/changelog.xml`,
    },
  };
}

function toFeedRelease(product: Product, served: ServedRelease, downloadable: boolean): FeedRelease {
  const { release, artifact, fileName } = served;
  const minimum = artifact.facts.platform === 'joomla' ? artifact.facts.phpMinimum : null;
  return {
    version: release.version,
    channel: release.channel,
    clientWord: release.clientWord,
    downloadable,
    security: release.security,
    firstSeenAt: served.firstSeenAt,
    notes: release.notes,
    changelog: release.changelog,
    target: targetOf(product, served),
    phpMinimum: release.phpMinimum ?? minimum ?? product.settings.phpMinimum,
    facts: artifact.facts,
    file: {
      name: fileName,
      size: artifact.size,
      sha256: artifact.sha256,
      sha384: artifact.sha384,
      sha512: artifact.sha512,
    },
  };
}

/** The platform versions that a release is for; what it says itself wins over its product. */
function targetOf(product: Product, { release, artifact: { platform } }: ServedRelease): TargetRange | null {
  return release.targets[platform] ?? product.settings.targets[platform] ?? null;
}

/** Without what a client of this version could not run; empty: it did not say which it is. */
export function fittingReleases(
  format: Pick<FeedFormat, 'fits'>,
  product: Product,
  releases: readonly ServedRelease[],
  clientVersion: string,
): readonly ServedRelease[] {
  const { fits } = format;
  if (fits === undefined || clientVersion === '') return releases;
  return releases.filter((each) =>
    fits({ target: targetOf(product, each), facts: each.artifact.facts }, clientVersion),
  );
}

/** A link to a product's page, feeds and files: `{publicUrl}/{org}/{repo}[/{edition}]`. */
export function pageUrl(publicUrl: string, product: Pick<Product, 'organizationSlug' | 'slug' | 'edition'>): string {
  const parts = [product.organizationSlug, product.slug, ...(product.edition === '' ? [] : [product.edition])];
  return `${publicUrl}/${parts.map(encodeURIComponent).join('/')}`;
}

export function downloadUrl(pageAddress: string, version: string, fileName: string): string {
  return `${pageAddress}/download/${encodeURIComponent(version)}/${encodeURIComponent(fileName)}`;
}

function infoUrl(product: Product, page: string, release: FeedRelease): string {
  if (!release.downloadable) return renewUrlOf(product) ?? `${page}#renew`;
  return product.settings.infoUrl ?? page;
}
