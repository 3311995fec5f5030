import { createHash } from 'node:crypto';
import {
  CustomerItem,
  faultsOf,
  type ImportItem,
  type ImportRow,
  LicenseItem,
  PackageItem,
  SiteRowItem,
} from './import-format.ts';
import { readTime } from './import-time.ts';
import type { ImportKind, Profile } from './profiles.ts';

export interface CsvRules {
  kind: ImportKind;
  profile: Profile;
  /** Of dates that name none; null: such dates are refused. */
  zone: string | null;
}

type Cells = Readonly<Record<string, string>>;

/** Reads the cells of one line, by our names of columns; cells that are empty are missing. All that is wrong is told at once. */
export function rowOfCsv(line: number, cells: Cells, rules: CsvRules): ImportRow {
  const faults: string[] = [];
  const read = new CellReader(cells, rules, faults);
  const schemas = { packages: PackageItem, customers: CustomerItem, keys: LicenseItem, sites: SiteRowItem };
  const makers = { packages: packageOf, customers: customerOf, keys: licenseOf, sites: siteOf };
  const draft = makers[rules.kind](read);
  const parsed = schemas[rules.kind].safeParse(draft);
  if (!parsed.success) faults.push(...faultsOf(parsed.error).map(inColumns));
  const item = faults.length === 0 && parsed.success ? (parsed.data as ImportItem) : null;
  return { line, item, faults };
}

/** Where a field stands in a line is no matter to its reader. */
function inColumns(fault: string): string {
  return fault.replace(/^(?:grants|keys|sites|versions)\.\d+\.|^customer\./, '');
}

class CellReader {
  readonly cells: Cells;
  readonly rules: CsvRules;
  readonly faults: string[];
  constructor(cells: Cells, rules: CsvRules, faults: string[]) {
    this.cells = cells;
    this.rules = rules;
    this.faults = faults;
  }
  text(column: string): string | undefined {
    const text = this.cells[column]?.trim();
    return text === undefined || text === '' ? undefined : text;
  }
  time(column: string, isEnd = false): string | undefined {
    const text = this.text(column);
    if (text === undefined || /^(0+([-: ]0+)*|never|lifetime|unlimited|null|none)$/i.test(text)) return undefined;
    const read = readTime(text, this.rules.zone, isEnd);
    if (read.ok) return read.iso;
    this.faults.push(`${column}: ${read.detail}`);
    return undefined;
  }
  /** null: no limit. */
  limit(column: string): number | null | undefined {
    const text = this.text(column);
    if (text === undefined) return undefined;
    if (/^(unlimited|null|none|∞|-1)$/i.test(text) || (text === '0' && this.rules.profile.zeroIsUnlimited)) return null;
    if (/^\d{1,9}$/.test(text)) return Number(text);
    this.faults.push(`${column}: "${text.slice(0, 40)}" is no whole number`);
    return undefined;
  }
  list(column: string): string[] {
    return (this.text(column) ?? '').split(/[\s,;|]+/).filter((each) => each !== '');
  }
  yes(column: string): boolean | undefined {
    const text = this.text(column)?.toLowerCase();
    return text === undefined ? undefined : ['1', 'true', 'yes', 'y', 'active'].includes(text);
  }
}

function packageOf(read: CellReader): unknown {
  const name = read.text('name') ?? read.text('ref');
  const sites = read.limit('sites');
  const days = read.limit('duration_days');
  const products = read.list('products').filter((each) => !/^(all|\*)$/i.test(each));
  return {
    ...{
      type: 'package',
      ref: read.text('ref') ?? name,
      name,
      kind: read.text('kind'),
      repository: read.text('repository'),
    },
    active: read.yes('active'),
    versions: [
      {
        length: days === undefined ? lengthOf(read) : days === null ? null : { value: days, unit: 'day' },
        sites: sites === undefined && read.rules.profile.zeroIsUnlimited ? null : sites,
        channels: channelsOf(read.list('channels')),
        graceDays: read.limit('grace_days') ?? undefined,
        afterEnd: read.text('after_end'),
        products: products.length === 0 ? undefined : products,
      },
    ],
  };
}

const UNITS: Readonly<Record<string, string>> = { d: 'day', m: 'month', y: 'year' };

/** `1y`, `6m`, `30d`, or none for no end. */
function lengthOf(read: CellReader): unknown {
  const text = read.text('duration')?.toLowerCase();
  if (text === undefined) {
    read.faults.push('duration: is missing: 1y, 6m, 30d, or none for no end');
    return null;
  }
  if (/^(none|lifetime|unlimited|never)$/.test(text) || (text === '0' && read.rules.profile.zeroIsUnlimited))
    return null;
  const [, value, unit] = /^(\d{1,5})\s*([dmy])[a-z]*$/.exec(text) ?? [];
  if (value !== undefined && unit !== undefined) return { value: Number(value), unit: UNITS[unit] };
  read.faults.push(`duration: "${text.slice(0, 40)}" is none of 1y, 6m, 30d, none`);
  return null;
}

const CHANNEL_WORDS: Readonly<Record<string, string>> = { development: 'dev', 'release-candidate': 'rc' };

function channelsOf(words: readonly string[]): string[] | undefined {
  const channels = words.map((word) => CHANNEL_WORDS[word.toLowerCase()] ?? word.toLowerCase());
  return channels.length === 0 ? undefined : [...new Set(['stable', ...channels])];
}

function customerOf(read: CellReader): unknown {
  const facts = [
    'name',
    'email',
    'kind',
    'organization_name',
    'external_customer_id',
    'external_workspace_id',
    'notes',
  ];
  const email = read.text('email')?.toLowerCase();
  const ref = read.text('ref') ?? email ?? read.text('external_customer_id');
  if (ref === undefined) read.faults.push('ref: a customer needs a ref, an email or an external_customer_id');
  return { type: 'customer', ...Object.fromEntries(facts.map((name) => [name, read.text(name)])), ref: ref ?? '-' };
}

/** One key a line; those of one `license` share it, and its first line says what it is. */
function licenseOf(read: CellReader): unknown {
  const text = read.text('key');
  const digest = read.text('key_sha256');
  const isMaster = /^(master|internal|1|true|yes)$/i.test(read.text('role') ?? '');
  const until = read.time('valid_until', true);
  const status = (read.text('status') ?? 'active').toLowerCase();
  const given = read.time('given_at');
  const ref = read.text('license') ?? read.text('ref') ?? keyRef(text, digest);
  if (ref === undefined) read.faults.push('key: a line needs a key or a key_sha256');
  if (!isMaster && read.text('package') === undefined) read.faults.push('package: is missing');
  const isOff = /^(suspended|disabled|inactive)$/.test(status);
  const isGone = /^(revoked|canceled|cancelled|blocked)$/.test(status);
  if (!isOff && !isGone && !/^(active|expired|ended|valid)$/.test(status))
    read.faults.push(`status: "${status.slice(0, 40)}" is none of active, expired, suspended, revoked`);
  const at = until ?? given ?? EPOCH;
  return {
    ...{ type: 'license', ref: ref ?? '-', master: isMaster, notes: read.text('notes') },
    customer: isMaster
      ? undefined
      : {
          ...{ name: read.text('customer_name'), email: read.text('customer_email') },
          organization_name: read.text('customer_organization'),
          external_customer_id: read.text('external_customer_id'),
        },
    grants: isMaster
      ? []
      : [
          {
            ...{ package: read.text('package') ?? '-', given_at: given, ends_at: until },
            ...{ quantity: read.limit('quantity') ?? undefined, payment_ref: read.text('payment_ref') },
          },
        ],
    keys: [
      {
        ...{ key: text, key_sha256: digest, label: read.text('label'), purpose: read.text('purpose') },
        ...{ site_limit: read.limit('site_limit'), domains: read.list('domains') },
        ...(isOff ? { suspended_at: at } : {}),
        ...(isGone ? { revoked_at: at, revoke_reason: 'brought in as revoked' } : {}),
      },
    ],
    sites: read.list('sites').map((site) => ({ site })),
  };
}

const EPOCH = '1970-01-01T00:00:00.000Z';

function siteOf(read: CellReader): unknown {
  const [key, digest, license] = [read.text('key'), read.text('key_sha256'), read.text('license')];
  const owner = license ?? keyRef(key, digest);
  if (owner === undefined) read.faults.push('license: a line needs a license, a key or a key_sha256');
  const seen = { first_seen_at: read.time('first_seen_at'), last_seen_at: read.time('last_seen_at') };
  const site = read.text('site') ?? '';
  return {
    type: 'site',
    ref: `${owner}/${site.toLowerCase()}`.slice(0, 200),
    license,
    key,
    key_sha256: digest,
    site,
    ...seen,
  };
}

/** What a key is called that has no other name: never by itself. */
export function keyRef(text: string | undefined, digest: string | undefined): string | undefined {
  if (digest !== undefined) return `sha256:${digest.toLowerCase()}`;
  return text === undefined ? undefined : `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
