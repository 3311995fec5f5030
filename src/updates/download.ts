import type { IncomingMessage, ServerResponse } from 'node:http';
import send from 'send';
import { type Access, downloadCode, type Visible, visibleReleases } from '../licensing/access.ts';
import type { Asked, Gate } from '../licensing/gate.ts';
import { reasonOf, type Verdict, type VerdictCode } from '../licensing/verdict.ts';
import type { Product } from '../releases/product.ts';
import { PLATFORMS, type Platform } from '../releases/release.ts';
import type { ArtifactRecord } from '../releases/store-releases.ts';
import type { Catalog } from './catalog.ts';
import type { FeedFormat } from './feed-format.ts';
import { pageUrl, type ServedRelease } from './feed-releases.ts';
import { clientVersion, type PollRequest } from './poll-request.ts';

export interface DownloadDeps {
  publicUrl: string;
  formats: readonly FeedFormat[];
  gate: Gate;
  catalog: Catalog;
  /** The path of the artifact's bytes on disk, fetched from the forge once if they are not there; null: they are gone. */
  fill(artifact: ArtifactRecord, product: Product): Promise<string | null>;
  count(document: string, code: VerdictCode | 'UNKNOWN_PRODUCT'): void;
  onError(error: unknown, where: string): void;
}

export type Download = (req: IncomingMessage, res: ServerResponse, poll: PollRequest) => Promise<void>;

interface Wanted {
  format: FeedFormat;
  served: ServedRelease;
  access: Access;
}

/** `…/download/{version}/{file}` and `…/download/latest`: the gate, then the bytes. A refusal is a 403 with one short sentence. */
export function makeDownload(deps: DownloadDeps): Download {
  return async (req, res, poll) => {
    try {
      if (req.method !== 'GET' && req.method !== 'HEAD') return say(res, 405, 'Use GET.', null, { allow: 'GET, HEAD' });
      await download(deps, req, res, poll);
    } catch (error) {
      deps.onError(error, 'download');
      deps.count('download', 'UNAVAILABLE');
      if (!res.headersSent)
        say(res, 503, 'Not available for the moment. Try again in a minute.', 'UNAVAILABLE', { 'retry-after': '60' });
      else res.destroy();
    }
  };
}

async function download(
  deps: DownloadDeps,
  req: IncomingMessage,
  res: ServerResponse,
  poll: PollRequest,
): Promise<void> {
  const target = poll.target as Extract<PollRequest['target'], { kind: 'download' }>;
  const asked = await deps.gate.ask('download', target.paths, {
    ...poll.credentials,
    platform: platformAsked(req, poll),
  });
  if (asked === null) {
    deps.count('download', 'UNKNOWN_PRODUCT');
    return say(res, 404, 'There is no such file.', 'NOT_FOUND');
  }
  const wanted = await find(deps, asked, poll, target);
  const code = wanted === null ? asked.verdict.code : downloadCode(asked.verdict, wanted.served, wanted.access);
  const isOpen = wanted?.access === 'file';
  // A refused or missing file takes no slot and starts no time.
  const verdict: Verdict = isOpen ? asked.verdict : { ...asked.verdict, claim: null, firstUse: [] };
  const platformVersion = clientVersion(wanted?.format.platform ?? 'joomla', req.headers['user-agent'], poll.query);
  const final = await deps.gate.record(
    { ...asked, verdict },
    { kind: wanted === null ? 'missing' : 'download', platformVersion, code },
  );
  const finalCode = final === verdict ? code : final.code;
  deps.count('download', finalCode);
  if (wanted === null) return say(res, 404, 'There is no such file.', finalCode);
  if (!isOpen || !stillOpen(asked, final, wanted)) return refuse(deps, res, asked, finalCode);
  await sendFile(deps, req, res, asked, wanted, finalCode);
}

/** The slot may have gone to another site between the question and the commit. */
function stillOpen(asked: Asked, final: Verdict, { served }: Wanted): boolean {
  return visibleReleases(asked.product, final, [served])[0]?.access === 'file';
}

function platformAsked(req: IncomingMessage, poll: PollRequest): Platform | null {
  const named = poll.query('platform');
  if (named !== null) return PLATFORMS.find((each) => each === named) ?? null;
  return /Dolibarr/i.test(req.headers['user-agent'] ?? '') || poll.query('dolibarr') !== null ? 'dolibarr' : null;
}

async function find(
  deps: DownloadDeps,
  asked: Asked,
  poll: PollRequest,
  target: { version: string; fileName: string | null },
): Promise<Wanted | null> {
  const { product, verdict } = asked;
  const named = platformNamed(poll);
  const order = product.platforms.filter((platform) => named === null || platform === named);
  const isLatest = target.version === 'latest' && target.fileName === null;
  const candidates: Wanted[] = [];
  for (const platform of order) {
    const format = deps.formats.find((each) => each.platform === platform);
    if (!format) continue;
    const served = await deps.catalog(product, format);
    const visible = visibleReleases(product, verdict, served);
    if (isLatest) return newest(format, visible, poll.query('channel') ?? 'stable', served);
    const release = served.find((each) => each.version === target.version);
    if (release) candidates.push({ format, served: release, access: accessOf(visible, release) });
  }
  return candidates.find(({ served }) => served.fileName === target.fileName) ?? candidates[0] ?? null;
}

function platformNamed(poll: PollRequest): Platform | null {
  const named = poll.query('platform');
  return PLATFORMS.find((each) => each === named) ?? null;
}

/** The newest of the channel that the verdict opens; where it opens none, the newest, so that the refusal has a reason. */
function newest(
  format: FeedFormat,
  visible: readonly Visible<ServedRelease>[],
  channel: string,
  all: readonly ServedRelease[],
): Wanted | null {
  const open = visible.find(({ release, access }) => access === 'file' && release.channel === channel);
  if (open) return { format, served: open.release, access: 'file' };
  const first = all.find((each) => each.channel === channel);
  return first ? { format, served: first, access: accessOf(visible, first) } : null;
}

function accessOf(visible: readonly Visible<ServedRelease>[], release: ServedRelease): Access {
  return visible.find((each) => each.release === release)?.access ?? 'hidden';
}

function refuse(deps: DownloadDeps, res: ServerResponse, { product }: Asked, code: VerdictCode): void {
  say(res, 403, `${reasonOf(code)} ${product.settings.renewUrl ?? pageUrl(deps.publicUrl, product)}`, code);
}

async function sendFile(
  deps: DownloadDeps,
  req: IncomingMessage,
  res: ServerResponse,
  asked: Asked,
  { served }: Wanted,
  code: VerdictCode,
): Promise<void> {
  const path = await deps.fill(served.artifact, asked.product);
  if (path === null) return say(res, 404, 'The file is not on the forge any more.', code);
  res.setHeader('content-type', 'application/zip');
  res.setHeader('content-disposition', `attachment; filename="${served.fileName}"`);
  res.setHeader('etag', `"${served.artifact.sha256}"`);
  res.setHeader('cache-control', 'private, no-cache');
  res.setHeader('x-feedgate-code', code);
  res.setHeader('x-content-type-options', 'nosniff');
  await new Promise<void>((resolve) => {
    res.once('close', resolve);
    send(req, path, { cacheControl: false, lastModified: false, dotfiles: 'allow' })
      .on('error', (error) => {
        deps.onError(error, 'download');
        if (!res.headersSent) say(res, 503, 'Not available for the moment.', 'UNAVAILABLE');
        else res.destroy();
      })
      .pipe(res);
  });
}

function say(
  res: ServerResponse,
  status: number,
  sentence: string,
  code: string | null,
  headers: Record<string, string> = {},
): void {
  const bytes = Buffer.from(`${sentence}\n`, 'utf8');
  res.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': bytes.length,
    'cache-control': 'private, no-store',
    ...(code === null ? {} : { 'x-feedgate-code': code }),
    ...headers,
  });
  res.end(bytes);
}
