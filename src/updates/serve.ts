import type { IncomingMessage, ServerResponse } from 'node:http';
import { visibleReleases } from '../licensing/access.ts';
import type { Asked, Gate } from '../licensing/gate.ts';
import type { VerdictCode } from '../licensing/verdict.ts';
import { RESERVED_SEGMENTS } from '../releases/product.ts';
import type { Catalog } from './catalog.ts';
import type { Download } from './download.ts';
import { type Cache, makeCache } from './feed-cache.ts';
import type { FeedDocument, FeedFormat } from './feed-format.ts';
import { cutPerChannel, entityTag, feedInput, KEY_PLACE, visibilityOf } from './feed-releases.ts';
import { clientVersion, type PollRequest, parsePoll } from './poll-request.ts';

export interface ServeDeps {
  publicUrl: string;
  formats: readonly FeedFormat[];
  gate: Gate;
  catalog: Catalog;
  download: Download;
  /** Counts answers by document and code; never a key, a site or a product. */
  count(document: string, code: VerdictCode | 'UNKNOWN_PRODUCT'): void;
  /** What went wrong, for the operator; the client gets what it can read. */
  onError(error: unknown, where: string): void;
}

interface Body {
  text: string;
  tag: string;
}

interface Known {
  format: FeedFormat;
  document: FeedDocument;
}

const MOST_BODIES = 5_000;
const MOST_REMEMBERED = 20_000;

/**
 * The poll (DESIGN §4): a plain handler in front of everything else. True: it has answered, or will. Whatever happens the answer
 * is a document that the client can read; the reason stands in `X-Feedgate-Code`.
 */
export function makeServe(deps: ServeDeps): (req: IncomingMessage, res: ServerResponse) => boolean {
  const documents = new Map(
    deps.formats.flatMap((format) =>
      format.documents.map((document): [string, Known] => [document.fileName, { format, document }]),
    ),
  );
  const names = new Set(documents.keys());
  const bodies = makeCache<Body>(MOST_BODIES);
  const remembered = makeCache<Body>(MOST_REMEMBERED);

  return (req, res) => {
    const poll = parsePoll(
      { method: req.method ?? 'GET', url: req.url ?? '/', headers: req.headers },
      names,
      RESERVED_SEGMENTS,
    );
    if (poll === null) return false;
    if (poll.target.kind === 'download') {
      void deps.download(req, res, poll);
      return true;
    }
    const known = documents.get(poll.target.fileName) ?? byEnding(documents, poll.target.fileName);
    if (known === null) return false;
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.writeHead(405, { allow: 'GET, HEAD', 'content-length': 0 }).end();
      return true;
    }
    void answer(deps, { bodies, remembered }, known, poll, req, res);
    return true;
  };
}

/** An old address of a feed may have any name; its ending says which client asks. */
function byEnding(documents: ReadonlyMap<string, Known>, fileName: string): Known | null {
  const wanted = fileName.endsWith('.xml') ? 'updates.xml' : 'dolibarr.txt';
  return documents.get(wanted) ?? null;
}

interface Memory {
  bodies: Cache<Body>;
  /** What each asker was last shown, for when the database is gone. */
  remembered: Cache<Body>;
}

async function answer(
  deps: ServeDeps,
  memory: Memory,
  { format, document }: Known,
  poll: PollRequest,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const nothing: Body = { text: document.empty, tag: entityTag([document.fileName, document.empty]) };
  const target = poll.target as Extract<PollRequest['target'], { kind: 'document' }>;
  const asker = [
    target.paths[0],
    document.fileName,
    poll.credentials.keyText,
    poll.credentials.siteText,
    poll.keyInPath,
  ].join('\n');
  try {
    const asked = await deps.gate.ask('feed', target.paths, { ...poll.credentials, platform: format.platform });
    if (asked === null) {
      deps.count(document.fileName, 'UNKNOWN_PRODUCT');
      return send(req, res, document, nothing, poll, 'NOT_FOUND');
    }
    const usage = {
      kind: document.fileName,
      platformVersion: clientVersion(format.platform, req.headers['user-agent'], poll.query),
      code: asked.verdict.code,
    };
    // Rendered beside the commit: neither waits for the other.
    const [verdict, body] = await Promise.all([
      deps.gate.record(asked, usage),
      bodyFor(deps, memory, { format, document }, asked, poll),
    ]);
    const final =
      verdict === asked.verdict ? body : await bodyFor(deps, memory, { format, document }, { ...asked, verdict }, poll);
    memory.remembered.set(asker, final);
    deps.count(document.fileName, verdict.code);
    send(req, res, document, final, poll, verdict.code);
  } catch (error) {
    deps.onError(error, 'poll');
    deps.count(document.fileName, 'UNAVAILABLE');
    send(req, res, document, memory.remembered.peek(asker) ?? nothing, poll, 'UNAVAILABLE');
  }
}

async function bodyFor(deps: ServeDeps, memory: Memory, known: Known, asked: Asked, poll: PollRequest): Promise<Body> {
  const { format, document } = known;
  const { product, verdict } = asked;
  const keyed = poll.keyInPath && verdict.terms !== null;
  const version = [
    product.id,
    String(product.revision),
    document.fileName,
    visibilityOf(verdict),
    keyed ? 'keyed' : '',
  ];
  const body = await memory.bodies.get(version.join('\n'), async () => {
    const releases = product.platforms.includes(format.platform) ? await deps.catalog(product, format) : [];
    const visible = cutPerChannel(visibleReleases(product, verdict, releases));
    if (visible.length === 0) return { text: document.empty, tag: entityTag([document.fileName, document.empty]) };
    const text = document.render(feedInput({ publicUrl: deps.publicUrl, product, keyed }, visible));
    return { text, tag: entityTag([...version, deps.publicUrl, text]) };
  });
  if (!keyed) return body;
  const key = encodeURIComponent(poll.credentials.keyText ?? '');
  return { text: body.text.replaceAll(KEY_PLACE, key), tag: entityTag([body.tag, asked.question.key.kind, key]) };
}

function send(
  req: IncomingMessage,
  res: ServerResponse,
  document: FeedDocument,
  body: Body,
  poll: PollRequest,
  code: string,
): void {
  const headers = {
    'content-type': document.contentType,
    etag: body.tag,
    'cache-control': poll.credentials.keyText === null ? 'no-cache' : 'private, no-cache',
    vary: 'Authorization, X-License-Key, X-Site-Url',
    'x-feedgate-code': code,
    'x-content-type-options': 'nosniff',
  };
  if (isFresh(req.headers['if-none-match'], body.tag)) {
    res.writeHead(304, headers).end();
    return;
  }
  const bytes = Buffer.from(body.text, 'utf8');
  res.writeHead(200, { ...headers, 'content-length': bytes.length });
  res.end(req.method === 'HEAD' ? undefined : bytes);
}

function isFresh(sent: string | undefined, tag: string): boolean {
  if (sent === undefined) return false;
  return sent.trim() === '*' || sent.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}
