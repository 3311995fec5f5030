import { createHash } from 'node:crypto';
import { problem } from '../errors.ts';
import type { Platform } from '../releases/release.ts';

/** A file of a kit: `path` with forward slashes, relative to the archive's root. */
export interface KitFile {
  path: string;
  bytes: Uint8Array;
}

export interface KitOptions {
  platform: Platform;
  /** Where clients reach this installation: http or https, maybe with a path; no user, query or fragment. */
  serverUrl: string;
  organizationSlug: string;
  organizationName: string;
  /** The kit's own version, `1.2.3`. */
  version: string;
}

export interface Kit {
  fileName: string;
  files: KitFile[];
}

/** How a file type writes a value inside the quotes or text that the template has round it. */
const ESCAPES: Record<string, (text: string) => string> = {
  php: (text) => text.replace(/[\\']/g, '\\$&'),
  xml: (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`),
  // Joomla reads its language files raw and turns only \" back; a backslash has no way to be written.
  ini: (text) => text.replaceAll('\\', '/').replaceAll('"', '\\"'),
  md: (text) => text.replace(/[\\`*[\]]/g, '\\$&'),
};

const LONGEST_IDENTIFIER = 40;
const MARK = /__(ELEMENT|IDENT|NS|CONST|SERVER_URL|ORG_NAME|ORG_SLUG|VERSION)__/g;

/**
 * Fills a client kit's template for one organization of this server. Pure: the same input gives the same bytes, in the
 * template's order. Marks (`__SERVER_URL__` and the like) are replaced in paths and in the text of .php, .xml, .ini and
 * .md files, each escaped as that language wants it; any other file is taken as it is.
 * Refuses a server address or version that could not be a real one with INVALID_REQUEST.
 */
export function buildKit(template: readonly KitFile[], options: KitOptions): Kit {
  const values = markValues(options);
  const files = template.map(({ path, bytes }) => ({
    path: filled(path, values, null),
    bytes: filledBytes(path, bytes, values),
  }));
  const base = options.platform === 'joomla' ? `pkg_${values['ELEMENT']}` : `dolibarr_${values['ELEMENT']}`;
  return { fileName: `${base}-${options.version}.zip`, files };
}

/**
 * An organization's name as PHP, Joomla and Dolibarr can all bear it in names: `[a-z0-9_]`, at most 40 long. A slug of
 * letters, digits and hyphens stays readable (`acme-gmbh` -> `acme_gmbh`); any other gets a hash, so that no two meet.
 */
export function kitIdentifier(organizationSlug: string): string {
  const slug = organizationSlug.toLowerCase();
  const plain = slug.replace(/[^a-z0-9]/g, '_');
  if (/^[a-z0-9-]+$/.test(slug) && plain.length <= LONGEST_IDENTIFIER) return plain;
  const hash = createHash('sha256').update(slug).digest('hex').slice(0, 8);
  return `${plain.slice(0, LONGEST_IDENTIFIER - 9)}_${hash}`;
}

function markValues(options: KitOptions): Record<string, string> {
  if (!/^\d+\.\d+\.\d+$/.test(options.version)) throw problem('INVALID_REQUEST', 'A kit version has the form 1.2.3.');
  if (options.organizationSlug === '') throw problem('INVALID_REQUEST', 'A kit needs an organization.');
  const identifier = kitIdentifier(options.organizationSlug);
  return {
    ELEMENT: `feedgate_${identifier}`,
    IDENT: identifier,
    NS: `Feedgate_${identifier}`,
    CONST: `FEEDGATE_${identifier.toUpperCase()}`,
    SERVER_URL: serverAddress(options.serverUrl),
    ORG_NAME: printable(options.organizationName) || options.organizationSlug,
    ORG_SLUG: options.organizationSlug,
    VERSION: options.version,
  };
}

/** The address as clients will write it: normalized, without a slash at its end. */
function serverAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw problem('INVALID_REQUEST', 'The server address must be a plain http or https address.');
  }
  return url.href.replace(/\/+$/, '');
}

/** One line without what no XML or language file can hold, and without tags: Joomla shows names and descriptions as HTML. */
function printable(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\u{2028}\u{2029}\u{FFFE}\u{FFFF}<>]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

function filledBytes(path: string, bytes: Uint8Array, values: Record<string, string>): Uint8Array {
  const type = path.slice(path.lastIndexOf('.') + 1);
  const write = ESCAPES[type];
  return write ? new TextEncoder().encode(filled(new TextDecoder().decode(bytes), values, write)) : bytes;
}

function filled(text: string, values: Record<string, string>, write: ((text: string) => string) | null): string {
  return text.replace(MARK, (_mark, name: string) => {
    const value = values[name] ?? '';
    return write ? write(value) : value;
  });
}
