import type { Credentials } from '../licensing/gate.ts';
import type { Platform } from '../releases/release.ts';

/** A request as far as the poll path reads it, cut by hand: `new URL()` costs more than the rest of a poll. */
export interface RequestHead {
  method: string;
  /** As it came: path and query. */
  url: string;
  headers: Record<string, string | string[] | undefined>;
}

export type Target =
  /** A feed document of a product; `paths` are the addresses it may mean. */
  | { kind: 'document'; fileName: string; paths: string[] }
  | { kind: 'download'; paths: string[]; version: string; fileName: string | null };

export interface PollRequest {
  target: Target;
  credentials: Omit<Credentials, 'platform'>;
  /** True: the key stood in the path, so links in the answer carry it too. */
  keyInPath: boolean;
  query: Query;
}

export type Query = (name: string) => string | null;

const MAX_URL = 8_192;
const JOOMLA_TAIL = '/extension.xml';

/**
 * null: not ours to answer. `documents` are the last path segments that feeds are polled at. A path with a percent sign that
 * is no encoding, or one longer than 8 kB, is nobody's.
 */
export function parsePoll(
  head: RequestHead,
  documents: ReadonlySet<string>,
  reserved: ReadonlySet<string>,
): PollRequest | null {
  if (head.url.length > MAX_URL) return null;
  const mark = head.url.indexOf('?');
  const path = mark < 0 ? head.url : head.url.slice(0, mark);
  const query = readQuery(mark < 0 ? '' : head.url.slice(mark + 1));
  const segments = readSegments(path.endsWith(JOOMLA_TAIL) ? path.slice(0, -JOOMLA_TAIL.length) : path);
  if (segments === null) return null;
  const keyInPath = segments[0] === 'k' && segments.length > 2;
  const rest = keyInPath ? segments.slice(2) : segments;
  if (rest.length < 2 || reserved.has((rest[0] as string).toLowerCase())) return null;
  const target = readTarget(rest, documents);
  if (target === null) return null;
  const keyText = keyInPath ? (segments[1] as string) : keyOf(head.headers, query);
  const siteText = query('site') ?? query('domain') ?? headerText(head.headers['x-site-url']);
  return { target, credentials: { keyText, siteText, instanceText: query('instance') }, keyInPath, query };
}

/** The first that is not empty, in the order of DESIGN §5. */
export function keyOf(headers: RequestHead['headers'], query: Query): string | null {
  const authorization = headerText(headers['authorization']) ?? '';
  const [scheme = '', value = ''] = authorization.split(/\s+/, 2);
  const bearer = scheme.toLowerCase() === 'bearer' ? value : '';
  const candidates = [
    bearer,
    headerText(headers['x-license-key']),
    scheme.toLowerCase() === 'basic' ? basicPassword(value) : '',
    query('dlid'),
    query('key'),
    query('license_key'),
    query('amp;dlid'),
  ];
  return candidates.find((text) => text != null && text.trim() !== '') ?? null;
}

function readTarget(segments: string[], documents: ReadonlySet<string>): Target | null {
  const last = segments.at(-1) as string;
  const at = segments.indexOf('download', 2);
  if (at >= 2 && at <= 3 && segments.length > at + 1 && segments.length <= at + 3) {
    const paths = [segments.slice(0, at).join('/').toLowerCase()];
    return { kind: 'download', paths, version: segments[at + 1] as string, fileName: segments[at + 2] ?? null };
  }
  const whole = segments.join('/').toLowerCase();
  const fileName = last.toLowerCase();
  if (documents.has(fileName)) {
    const base = segments.slice(0, -1).join('/').toLowerCase();
    return { kind: 'document', fileName, paths: base === '' ? [whole] : [base, whole] };
  }
  // Any other path of a file may be the old address of a feed.
  return /\.(xml|txt|php|json)$/.test(fileName) ? { kind: 'document', fileName, paths: [whole] } : null;
}

function readSegments(path: string): string[] | null {
  try {
    const segments = path.split('/').filter((part) => part !== '');
    return path.includes('%') ? segments.map(decodeURIComponent) : segments;
  } catch {
    return null;
  }
}

/** The first value of a name that is not empty; `a=1&a=2` is the first. Broken encoding is taken as it stands. */
function readQuery(text: string): Query {
  if (text === '') return () => null;
  const pairs = text.split('&').map((pair) => {
    const equals = pair.indexOf('=');
    return equals < 0
      ? ([decoded(pair), ''] as const)
      : ([decoded(pair.slice(0, equals)), pair.slice(equals + 1)] as const);
  });
  return (name) => {
    const found = pairs.find(([each, value]) => each === name && value !== '');
    return found ? decoded(found[1]) : null;
  };
}

function decoded(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
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
