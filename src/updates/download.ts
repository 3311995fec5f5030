import type { IncomingMessage, ServerResponse } from 'node:http';
import send from 'send';
import { type Access, downloadCode, type Visible, visibleReleases } from '../licensing/access.ts';
import type { Asked, Gate } from '../licensing/gate.ts';
import type { Verdict, VerdictCode } from '../licensing/verdict.ts';
import { reasonOf } from '../licensing/verdict-reasons.ts';
import { type Product, renewUrlOf } from '../releases/product.ts';
import { PLATFORMS, type Platform } from '../releases/release.ts';
import type { ArtifactRecord } from '../releases/store-releases.ts';
import { within } from './deadline.ts';
import type { FeedFormat } from './feed-format.ts';
import { type Catalog, pageUrl, type ServedRelease } from './feed-releases.ts';
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

/** Nobody waits longer for the gate, ms. */
const PATIENCE_MS = 15_000;
/** A reader that takes nothing for so long has gone, ms. */
const IDLE_MS = 120_000;

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
  const platform = platformAsked(req, poll);
  const asked = await within(PATIENCE_MS, deps.gate.ask('download', target.paths, { ...poll.credentials, platform }));
  if (asked === null) {
    deps.count('download', 'UNKNOWN_PRODUCT');
    return say(res, 404, 'There is no such file.', 'NOT_FOUND');
  }
  const wanted = await find(deps, asked, platform, poll.query('channel') ?? 'stable', target);
  const code = wanted === null ? asked.verdict.code : downloadCode(asked.verdict, wanted.served, wanted.access);
  const isOpen = wanted?.access === 'file';
  // A refused or missing file takes no slot and starts no time.
  const verdict: Verdict = isOpen ? asked.verdict : { ...asked.verdict, claim: null, firstUse: [] };
  const platformVersion = clientVersion(wanted?.format.platform ?? 'joomla', req.headers['user-agent'], poll.query);
  const kind = wanted === null ? 'missing' : 'download';
  const use = { kind, platformVersion, extensionVersion: poll.extensionVersion, code };
  const file = wanted === null ? {} : { file: { ...wanted.served, isOpen } };
  const final = await within(PATIENCE_MS, deps.gate.record({ ...asked, verdict }, { ...use, ...file }));
  const finalCode = final === verdict ? code : final.code;
  deps.count('download', finalCode);
  if (wanted === null) return say(res, 404, 'There is no such file.', finalCode);
  if (!isOpen || !stillOpen(asked, final, wanted)) {
    const reason = poll.credentials.keyText === null ? 'A license key is needed for this file.' : reasonOf(finalCode);
    return refuse(deps, res, asked, reason, finalCode);
  }
  await sendFile(deps, req, res, asked, wanted, finalCode);
}

/** The slot may have gone to another site between the question and the commit. */
function stillOpen(asked: Asked, final: Verdict, { served }: Wanted): boolean {
  return visibleReleases(asked.product, final, [served])[0]?.access === 'file';
}

/** Whose client asks: as it says, else by its User-Agent or a parameter of its kit. */
function platformAsked(req: IncomingMessage, poll: PollRequest): Platform | null {
  const named = poll.query('platform');
  if (named !== null) return PLATFORMS.find((each) => each === named) ?? null;
  return /Dolibarr/i.test(req.headers['user-agent'] ?? '') || poll.query('dolibarr') !== null ? 'dolibarr' : null;
}

/** The file that is meant: for the platform that asks, or by its name, else of the product's first platform that has the version. */
async function find(
  deps: DownloadDeps,
  { product, verdict }: Asked,
  platform: Platform | null,
  channel: string,
  target: { version: string; fileName: string | null },
): Promise<Wanted | null> {
  const isLatest = target.version === 'latest' && target.fileName === null;
  const candidates: Wanted[] = [];
  for (const each of product.platforms) {
    const format = deps.formats.find((one) => one.platform === each);
    if (!format || (platform !== null && platform !== each)) continue;
    const served = await deps.catalog(product, format);
    const visible = visibleReleases(product, verdict, served);
    const release = isLatest
      ? newest(visible, channel, served)
      : served.find(({ version }) => version === target.version);
    if (release) candidates.push({ format, served: release, access: accessOf(visible, release) });
  }
  return candidates.find(({ served }) => served.fileName === target.fileName) ?? candidates[0] ?? null;
}

/** The newest of the channel that the verdict opens; where it opens none, the newest, so that the refusal has a reason. */
function newest(
  visible: readonly Visible<ServedRelease>[],
  channel: string,
  all: readonly ServedRelease[],
): ServedRelease | undefined {
  const open = visible.find(({ release, access }) => access === 'file' && release.channel === channel);
  return open?.release ?? all.find((each) => each.channel === channel);
}

function accessOf(visible: readonly Visible<ServedRelease>[], release: ServedRelease): Access {
  return visible.find((each) => each.release === release)?.access ?? 'hidden';
}

function refuse(deps: DownloadDeps, res: ServerResponse, { product }: Asked, reason: string, code: VerdictCode): void {
  say(res, 403, `${reason} ${renewUrlOf(product) ?? pageUrl(deps.publicUrl, product)}`, code);
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
    res.setTimeout(IDLE_MS, () => res.destroy());
    // `send` decodes what it is given, and a folder may have a percent sign in its name.
    send(req, encodeURI(path), { cacheControl: false, lastModified: false, dotfiles: 'allow' })
      .on('error', (error: Error & { status?: number }) => {
        res.removeHeader('content-disposition');
        res.removeHeader('etag');
        // The part that was asked for is not there, or is of another file.
        if (error.status === 416 || error.status === 412) return say(res, error.status, 'There is no such part.', code);
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
