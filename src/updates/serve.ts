import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gate } from '../licensing/gate.ts';
import type { VerdictCode } from '../licensing/verdict.ts';
import { RESERVED_SEGMENTS } from '../releases/product.ts';
import { within } from './deadline.ts';
import type { Download } from './download.ts';
import { isFresh } from './entity-tag.ts';
import { type Bodies, type Body, type Cache, emptyBody, makeBodies, makeCache, withKey } from './feed-cache.ts';
import type { FeedDocument, FeedFormat } from './feed-format.ts';
import type { Catalog } from './feed-releases.ts';
import { clientVersion, type PollRequest, parsePoll } from './poll-request.ts';

export interface ServeDeps {
  publicUrl: string;
  formats: readonly FeedFormat[];
  gate: Gate;
  catalog: Catalog;
  download: Download;
  /** Counts answers by document and code; never a key, a site or a product. */
  count(document: string, code: VerdictCode | 'UNKNOWN_PRODUCT'): void;
  /** Counts polls of known products by the address that was asked. */
  onAddress?(productId: string, path: string): void;
  /** What went wrong, for the operator; the client gets what it can read. Of an outage only the first. */
  onError(error: unknown, where: string): void;
  /** How long the gate may take, ms; after it the poll is answered from memory. */
  patienceMs?: number;
}

interface Known {
  format: FeedFormat;
  document: FeedDocument;
}

interface Ground extends ServeDeps {
  documents: ReadonlyMap<string, Known>;
  empty: ReadonlyMap<FeedDocument, Body>;
  bodies: Bodies;
  /** What each asker was shown last, for when the database is gone. */
  remembered: Cache<Body>;
  /** True: the last answer could not be given as it should. */
  troubled: boolean;
}

const MOST_REMEMBERED = 20_000;
/** Only texts of unlikely length are longer; they are not worth the memory. */
const LONGEST_REMEMBERED = 600;
/** Joomla waits for 20 s, Dolibarr builds a page meanwhile. */
const PATIENCE_MS = 5_000;

type DocumentPoll = PollRequest & { target: { kind: 'document' } };

/**
 * The poll (DESIGN §4): a plain handler in front of everything else. True: it has answered, or will. Whatever happens the answer
 * is a document that the client can read; the reason stands in `X-Feedgate-Code`.
 */
export function makeServe(deps: ServeDeps): (req: IncomingMessage, res: ServerResponse) => boolean {
  const known = deps.formats.flatMap((format) => format.documents.map((document): Known => ({ format, document })));
  const documents = new Map(known.map((each) => [each.document.fileName, each]));
  const names = new Set(documents.keys());
  const ground: Ground = {
    ...deps,
    documents,
    empty: new Map(known.map(({ document }) => [document, emptyBody(document)])),
    bodies: makeBodies(deps),
    remembered: makeCache<Body>(MOST_REMEMBERED),
    troubled: false,
  };

  return (req, res) => {
    const poll = parsePoll({ url: req.url ?? '/', headers: req.headers }, names, RESERVED_SEGMENTS);
    if (poll === null) return false;
    if (poll.target.kind === 'download') {
      void deps.download(req, res, poll);
      return true;
    }
    const wanted = documents.get(poll.target.fileName) ?? byEnding(documents, poll.target.fileName);
    if (wanted === undefined) return false;
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.writeHead(405, { allow: 'GET, HEAD', 'content-length': 0 }).end();
      return true;
    }
    void answer(ground, wanted, poll as DocumentPoll, req, res);
    return true;
  };
}

/** An old address of a feed may have any name; until its product is known, its ending says which client asks. */
function byEnding(documents: ReadonlyMap<string, Known>, fileName: string): Known | undefined {
  return documents.get(fileName.endsWith('.xml') ? 'updates.xml' : 'dolibarr.txt');
}

interface Decided {
  known: Known;
  code: VerdictCode | 'UNKNOWN_PRODUCT';
  body: Body;
}

async function answer(
  ground: Ground,
  known: Known,
  poll: DocumentPoll,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  let decided: Decided;
  try {
    decided = await within(ground.patienceMs ?? PATIENCE_MS, decide(ground, known, poll, req));
    ground.troubled = false;
  } catch (error) {
    if (!ground.troubled) ground.onError(error, 'poll');
    ground.troubled = true;
    decided = { known, code: 'UNAVAILABLE', body: fromMemory(ground, known, poll) };
  }
  const { document } = decided.known;
  ground.count(document.fileName, decided.code);
  send(req, res, document, withKey(decided.body, poll.credentials.keyText ?? ''), poll, decided.code);
}

/** Asks the gate, records the answer and finds its body. Throws where any of that fails. */
async function decide(ground: Ground, known: Known, poll: DocumentPoll, req: IncomingMessage): Promise<Decided> {
  const { format, document } = known;
  const asked = await ground.gate.ask('feed', poll.target.paths, { ...poll.credentials, platform: format.platform });
  if (asked === null) return { known, code: 'UNKNOWN_PRODUCT', body: emptyOf(ground, document) };
  const meant = asked.document === null ? known : (ground.documents.get(asked.document) ?? known);
  // The address is an alias of another client's document: its sites may be told apart in another way.
  if (meant.format !== format) return decide(ground, meant, poll, req);
  ground.onAddress?.(asked.product.id, asked.path);
  const platformVersion = clientVersion(format.platform, req.headers['user-agent'], poll.query);
  const wish = {
    ...meant,
    product: asked.product,
    keyed: poll.keyInPath && asked.verdict.terms !== null,
    clientVersion: platformVersion.slice(platformVersion.indexOf('/') + 1),
  };
  // Rendered beside the commit: neither waits for the other.
  const [verdict, rendered] = await Promise.all([
    ground.gate.record(asked, {
      ...{ kind: meant.document.fileName, platformVersion, extensionVersion: poll.extensionVersion },
      code: asked.verdict.code,
    }),
    ground.bodies({ ...wish, verdict: asked.verdict }),
  ]);
  const body = verdict === asked.verdict ? rendered : await ground.bodies({ ...wish, verdict });
  remember(ground, meant, poll, verdict.terms !== null, body);
  return { known: meant, code: verdict.code, body };
}

/** A real key is remembered by itself, all others as one: they see the same, and nobody fills the memory with made-up keys. */
function remember(ground: Ground, { document }: Known, poll: DocumentPoll, hasKey: boolean, body: Body): void {
  const { remembered } = ground;
  if (!hasKey) keep(remembered, keylessOf(document, poll), body);
  // Without a key of his own, an asker is in the memory only if his key is gone by now.
  const asker = askerOf(document, poll);
  const isWorthIt = hasKey ? asker.length <= LONGEST_REMEMBERED : remembered.peek(asker) !== undefined;
  if (isWorthIt) keep(remembered, asker, body);
}

function keep(remembered: Cache<Body>, asker: string, body: Body): void {
  if (remembered.peek(asker) !== body) remembered.set(asker, body);
}

function fromMemory(ground: Ground, { document }: Known, poll: DocumentPoll): Body {
  const { remembered } = ground;
  return (
    remembered.peek(askerOf(document, poll)) ?? remembered.peek(keylessOf(document, poll)) ?? emptyOf(ground, document)
  );
}

function askerOf(document: FeedDocument, poll: DocumentPoll): string {
  const { keyText, siteText, instanceText } = poll.credentials;
  return `${keylessOf(document, poll)}\n${keyText}\n${siteText}\n${instanceText}\n${poll.keyInPath}`;
}

function keylessOf(document: FeedDocument, poll: DocumentPoll): string {
  return `${poll.target.paths[0]}\n${document.fileName}`;
}

function emptyOf(ground: Ground, document: FeedDocument): Body {
  return ground.empty.get(document) ?? emptyBody(document);
}

function send(
  req: IncomingMessage,
  res: ServerResponse,
  document: FeedDocument,
  body: Body,
  poll: PollRequest,
  code: Decided['code'],
): void {
  const headers = {
    'content-type': document.contentType,
    etag: body.tag,
    'cache-control': poll.credentials.keyText === null ? 'no-cache' : 'private, no-cache',
    vary: 'Authorization, X-License-Key, X-Site-Url',
    // An unknown product looks like a product that the key is not for.
    'x-feedgate-code': code === 'UNKNOWN_PRODUCT' ? 'NOT_FOUND' : code,
    'x-content-type-options': 'nosniff',
  };
  if (isFresh(req.headers['if-none-match'], body.tag)) {
    res.writeHead(304, headers).end();
    return;
  }
  res.writeHead(200, { ...headers, 'content-length': body.bytes.length });
  res.end(req.method === 'HEAD' ? undefined : body.bytes);
}
