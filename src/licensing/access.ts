import { type GatedProduct, opensChannel, type Verdict, type VerdictCode } from './verdict.ts';

/** A release as far as the gate looks at it. */
export interface GatedRelease {
  version: string;
  channel: string;
  security: boolean;
  /** ms UTC, ours. */
  firstSeenAt: number;
}

/** `file`: listed and downloadable. `listed`: shown, the file is refused. */
export type Access = 'file' | 'listed' | 'hidden';

export type Visible<R> = { release: R; access: Exclude<Access, 'hidden'> };

/**
 * What one asker sees of a product's releases, in the order given (newest first). The one place where mode, channels, what
 * stays after the end and security releases meet; feeds and downloads both go through it.
 */
export function visibleReleases<R extends GatedRelease>(
  product: GatedProduct,
  verdict: Verdict,
  releases: readonly R[],
): Visible<R>[] {
  const visible = releases.map((release) => ({ release, access: accessTo(product, verdict, release) }));
  const shown = newestShown(verdict, releases);
  return visible.flatMap(({ release, access }) => {
    if (access !== 'hidden') return [{ release, access }];
    return release === shown ? [{ release, access: 'listed' as const }] : [];
  });
}

function accessTo(product: GatedProduct, verdict: Verdict, release: GatedRelease): Access {
  if (opensChannel(verdict.channels, release.channel)) return 'file';
  if (release.security && (verdict.security || product.securityOpen)) return 'file';
  if (verdict.remainders.some((left) => left.kind === 'owned' && isOwned(left, release))) return 'file';
  if (product.mode === 'strict' || !product.openChannels.includes(release.channel)) return 'hidden';
  return product.mode === 'open' ? 'file' : 'listed';
}

function isOwned(left: { channels: readonly string[]; before: number }, release: GatedRelease): boolean {
  return release.firstSeenAt < left.before && opensChannel(left.channels, release.channel);
}

/** After the end a `shown` package lists the newest version of its channels and nothing else. */
function newestShown<R extends GatedRelease>(verdict: Verdict, releases: readonly R[]): R | null {
  const shown = verdict.remainders.filter((left) => left.kind === 'shown');
  if (shown.length === 0) return null;
  return releases.find((release) => shown.some((left) => opensChannel(left.channels, release.channel))) ?? null;
}

/** Why the file of a release is refused; the code of the answer where it is not. */
export function downloadCode(verdict: Verdict, release: GatedRelease, access: Access): VerdictCode {
  if (access === 'file') return verdict.allowed ? verdict.code : openCode(verdict);
  if (!verdict.allowed || verdict.code === 'OPEN') return verdict.code === 'OPEN' ? 'NOT_FOUND' : verdict.code;
  const owned = verdict.remainders.filter((left) => left.kind === 'owned');
  if (verdict.code === 'EXPIRED' && owned.some((left) => opensChannel(left.channels, release.channel)))
    return 'UPDATES_EXPIRED';
  return verdict.code === 'EXPIRED' ? 'EXPIRED' : 'CHANNEL_NOT_INCLUDED';
}

/** A file that is free is served to a bad key as well; the code still tells what is wrong with the key. */
function openCode(verdict: Verdict): VerdictCode {
  return verdict.code === 'NOT_FOUND' && verdict.terms === null ? 'OPEN' : verdict.code;
}
