import { versionOrNull } from '../licensing/extension-version.ts';
import type { Platform } from '../releases/release.ts';

/** A request as far as the poll path reads it, cut by hand: `new URL()` costs more than the rest of a poll. */
export interface RequestHead {
  /** As it came: path and query, or a whole address as proxies are sent it. */
  url: string;
  headers: Record<string, string | string[] | undefined>;
}

export type Target =
  /** A feed document of a product; `paths` are the addresses it may mean, none where it can mean none. */
  | { kind: 'document'; fileName: string; paths: string[] }
  | { kind: 'download'; paths: string[]; version: string; fileName: string | null };

export interface PollRequest {
  target: Target;
  /** How the client proves itself, as it came; null: it sent none. */
  credentials: { keyText: string | null; siteText: string | null; instanceText: string | null };
  /** True: the key stood in the path, so links in the answer carry it too. */
  keyInPath: boolean;
  /** Which version of the product runs on the site, as its kit says; null: nothing usable is said. */
  extensionVersion: string | null;
  query: Query;
}

export type Query = (name: string) => string | null;

/** No alias is longer. */
const MAX_PATH = 500;
const MAX_PARAMETERS = 100;
const JOOMLA_TAIL = '/extension.xml';
const SLASH = 47;

/**
 * null: not ours to answer. `documents` are the last path segments that feeds are polled at, `reserved` the first ones that are
 * never a product's. Whatever comes is read somehow: a client would take any answer but its own document for a broken server.
 */
export function parsePoll(
  { url, headers }: RequestHead,
  documents: ReadonlySet<string>,
  reserved: ReadonlySet<string>,
): PollRequest | null {
  // Joomla puts the tail behind everything, a query included, where it did not like the first answer.
  const text = withoutTail(url.charCodeAt(0) === SLASH ? url : url.replace(/^https?:\/\/[^/?]*/i, ''));
  const mark = text.indexOf('?');
  const path = withoutTail(mark < 0 ? text : text.slice(0, mark));
  const keyed = /^\/+k\/([^/]*)\/(.*)$/i.exec(path);
  const segments = (keyed?.[2] ?? path).split('/').filter((part) => part !== '');
  const decodedSegments = path.includes('%') ? segments.map(percentDecoded) : segments;
  const [first] = decodedSegments;
  if (first === undefined || reserved.has(first.toLowerCase())) return null;
  const target = readTarget(decodedSegments, documents);
  if (target === null) return null;
  const query = readQuery(mark < 0 ? '' : text.slice(mark + 1));
  const pathKey = keyed === null ? '' : percentDecoded(keyed[1] as string);
  const keyInPath = pathKey.trim() !== '';
  const keyText = keyInPath ? pathKey : keyOf(headers, query);
  const siteText = query('site') ?? query('domain') ?? headerText(headers['x-site-url']);
  const credentials = { keyText, siteText, instanceText: query('instance') };
  return { target, credentials, keyInPath, extensionVersion: versionOrNull(query('installed')), query };
}

/** The first that is not empty, in the order of DESIGN §5; the path comes before all of them. */
function keyOf(headers: RequestHead['headers'], query: Query): string | null {
  const [scheme = '', value = ''] = (headerText(headers['authorization']) ?? '').split(/\s+/, 2);
  const candidates = [
    /^bearer$/i.test(scheme) ? value : '',
    headerText(headers['x-license-key']),
    /^basic$/i.test(scheme) ? basicPassword(value) : '',
    query('dlid'),
    query('key'),
    query('license_key'),
    query('amp;dlid'),
  ];
  return candidates.find((text) => text != null && text.trim() !== '') ?? null;
}

function readTarget(segments: string[], documents: ReadonlySet<string>): Target | null {
  const at = segments.indexOf('download', 2);
  if (at >= 2 && at <= 3 && segments.length > at + 1 && segments.length <= at + 3) {
    const paths = addresses(segments.slice(0, at));
    return { kind: 'download', paths, version: segments[at + 1] as string, fileName: segments[at + 2] ?? null };
  }
  const fileName = (segments.at(-1) as string).toLowerCase();
  if (documents.has(fileName))
    return { kind: 'document', fileName, paths: [...addresses(segments.slice(0, -1)), ...addresses(segments)] };
  // Any other path of a file may be the old address of a feed.
  return /\.(xml|txt|php|json)$/.test(fileName) ? { kind: 'document', fileName, paths: addresses(segments) } : null;
}

/** At most one; none where it cannot be a product's: PostgreSQL takes no control character, and one would fail a whole look-up. */
function addresses(segments: readonly string[]): string[] {
  const path = segments.join('/').toLowerCase();
  return path === '' || path.length > MAX_PATH || /\p{Cc}/u.test(path) ? [] : [path];
}

function withoutTail(text: string): string {
  return text.endsWith(JOOMLA_TAIL) ? text.slice(0, -JOOMLA_TAIL.length) : text;
}

const NO_QUERY: Query = () => null;

/** The first value of a name that is not empty; `a=1&a=2` is the first. Broken encoding is taken as it stands. */
function readQuery(text: string): Query {
  if (text === '') return NO_QUERY;
  const pairs = text.split('&', MAX_PARAMETERS).map((pair) => {
    const equals = pair.indexOf('=');
    return equals < 0 ? { name: pair, value: '' } : { name: pair.slice(0, equals), value: pair.slice(equals + 1) };
  });
  return (name) => {
    const found = pairs.find((each) => each.value !== '' && (each.name === name || percentDecoded(each.name) === name));
    return found ? parameterValue(found.value) : null;
  };
}

/**
 * Joomla sends a key as it was typed, so a plus is a plus; forms send a blank as a plus, so in a key of our making, which has
 * none, it is a blank.
 */
function parameterValue(text: string): string {
  const value = percentDecoded(text);
  return /^[a-z]{2,8}\d[-+ ]/i.test(value) ? value.replaceAll('+', ' ') : value;
}

function percentDecoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function headerText(value: string | string[] | undefined): string | null {
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined || text === '' ? null : text;
}

function basicPassword(encoded: string): string {
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? '' : text.slice(colon + 1);
}

/** E.g. `joomla/5.2.1`, from the User-Agent or the parameters that a kit adds; empty where nothing is said. */
export function clientVersion(platform: Platform, userAgent: string | undefined, query: Query): string {
  if (platform === 'dolibarr') {
    const version = query('dolibarr');
    return version !== null && /^[0-9][0-9A-Za-z.-]{0,20}$/.test(version) ? `dolibarr/${version}` : '';
  }
  const version = /Joomla!?\/([0-9][0-9A-Za-z.-]{0,20})/.exec(userAgent ?? '')?.[1];
  return version === undefined ? '' : `joomla/${version}`;
}
