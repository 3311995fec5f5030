import type { z } from 'zod';
import type { Core } from '../app.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { changePackageAt, createPackageAt } from '../licensing/level-packages.ts';
import { listPackages, type PackageRecord, requirePackage } from '../licensing/package-reads.ts';
import { LENGTH_UNITS, type Length } from '../licensing/package-terms.ts';
import { NewPackageBody, PackageChangeBody, packageView } from '../licensing/package-view.ts';
import { requireProduct } from '../releases/product-reads.ts';
import { type Command, EXIT, listOf, required, textOf, UsageError, type Values } from './command.ts';
import { levelOf } from './level.ts';
import { byCli, withCore } from './session.ts';
import { table } from './table.ts';

const TERMS_OPTIONS = {
  name: { type: 'string' },
  length: { type: 'string' },
  from: { type: 'string' },
  until: { type: 'string' },
  'starts-on': { type: 'string' },
  channels: { type: 'string' },
  sites: { type: 'string' },
  devices: { type: 'string' },
  seats: { type: 'string' },
  sessions: { type: 'string' },
  'site-unit': { type: 'string' },
  'grace-days': { type: 'string' },
  'after-end': { type: 'string' },
  products: { type: 'string' },
  entitlement: { type: 'string', multiple: true },
} as const;

const TERMS_HELP: readonly string[] = [
  '--length       how long one sale lasts: 1y, 6m, 30d, or none for no end',
  '--sites        how many sites, or unlimited; also --devices, --seats, --sessions (0)',
  '--channels     stable is always among them: stable,rc,beta',
  '--from, --until   fixed dates for every sale, such as 2027-01-01',
  '--starts-on    issue (default) or first_use',
  '--site-unit    host (default), or registrable: all hosts of a domain are one site',
  '--grace-days   how long it goes on after its end (0)',
  '--after-end    nothing (default), shown or owned: what a key still opens then',
  '--products     only these, by name or id; every product otherwise',
  '--entitlement  name=value, as often as wanted: true, false, a number or a text',
];

export const packageList: Command = {
  name: 'package list',
  summary: 'The license packages: what is sold.',
  usage: '[--org acme] [--repo hello]',
  options: { org: { type: 'string' }, repo: { type: 'string' } },
  async run(call) {
    return withCore(call, 'database', async (core) => {
      const packages = await listPackages(core.db, await levelOf(core, call.values));
      call.io.json({ packages: packages.map(packageView) });
      const rows = packages.map(({ id, name, kind, active, terms }) => [
        ...[id, name, active ? kind : `${kind}, not sold`, lengthWords(terms.length)],
        ...[terms.sites === null ? 'unlimited' : String(terms.sites), terms.channels.join(',')],
      ]);
      call.io.say(table([['id', 'name', 'kind', 'length', 'sites', 'channels'], ...rows]));
      return EXIT.ok;
    });
  },
};

function lengthWords(length: Length | null): string {
  return length === null ? '-' : `${length.value} ${length.unit}${length.value === 1 ? '' : 's'}`;
}

export const packageCreate: Command = {
  name: 'package create',
  summary: 'Makes a license package that can be sold.',
  usage: '--name "One year" --length 1y --sites 3 [--org acme] [--repo hello] …',
  help: [
    '--org, --repo  whose it is: of an organization, or of one repository of it',
    '--kind         base (default), addon or trial',
    ...TERMS_HELP,
  ],
  options: { ...TERMS_OPTIONS, org: { type: 'string' }, repo: { type: 'string' }, kind: { type: 'string' } },
  async run(call) {
    const { values } = call;
    required(textOf(values, 'name'), '--name');
    if (textOf(values, 'from') === undefined) required(textOf(values, 'length'), '--length');
    required(textOf(values, 'sites'), '--sites');
    return withCore(call, 'database', async (core) => {
      const level = await levelOf(core, values);
      const given = { duration: null, ...(await termsSaid(core, values)), kind: textOf(values, 'kind') };
      const { name, kind, ...terms } = checked(NewPackageBody, given);
      const made = await createPackageAt(core.db, core.secrets, level, { name, kind, terms }, byCli(core));
      call.io.json(packageView(made));
      call.io.say(`Made the package "${made.name}": ${made.id}`);
      return EXIT.ok;
    });
  },
};

export const packageChange: Command = {
  name: 'package change',
  summary: 'Changes what a package gives from now on; what was sold stays as it was sold.',
  usage: '<package> [--active no] …',
  help: [
    '--active       no: it is not sold any more; yes: it is again',
    '--name         as customers read it',
    ...TERMS_HELP,
  ],
  options: { ...TERMS_OPTIONS, org: { type: 'string' }, active: { type: 'string' } },
  async run(call) {
    const name = required(call.positionals[0], 'the package');
    const active = textOf(call.values, 'active');
    if (active !== undefined && active !== 'yes' && active !== 'no') throw new UsageError('--active is yes or no');
    return withCore(call, 'database', async (core) => {
      const level = textOf(call.values, 'org') === undefined ? null : await levelOf(core, call.values);
      const found = await requirePackage(core.db, level, name);
      const said = {
        ...(await termsSaid(core, call.values)),
        active: active === undefined ? undefined : active === 'yes',
      };
      const change = checked(PackageChangeBody, said);
      if (Object.keys(change).length === 0) throw new UsageError('say what to change');
      const changed = await changePackageAt(core.db, await ownLevel(core, found), found.id, change, byCli(core));
      call.io.json(packageView(changed));
      call.io.say(`Changed the package "${changed.name}"; it is sold in version ${changed.version} now.`);
      return EXIT.ok;
    });
  },
};

async function ownLevel(core: Core, { organizationId }: PackageRecord) {
  return { organization: await requireOrganization(core.db, organizationId), repository: null };
}

/** Throws UsageError with the option's own name. */
function checked<T extends z.ZodType>(schema: T, said: Record<string, unknown>): z.output<T> {
  const parsed = schema.safeParse(Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0] ?? '').replaceAll('_', '-');
  const option = { duration: 'length', 'fixed-from': 'from', 'fixed-until': 'until' }[field] ?? field;
  throw new UsageError(`--${option}: ${issue?.message}`);
}

async function termsSaid(core: Core, values: Values): Promise<Record<string, unknown>> {
  const grace = textOf(values, 'grace-days');
  return {
    name: textOf(values, 'name'),
    duration: lengthSaid(textOf(values, 'length')),
    fixed_from: instantSaid(textOf(values, 'from')),
    fixed_until: instantSaid(textOf(values, 'until')),
    starts_on: textOf(values, 'starts-on'),
    channels: textOf(values, 'channels') === undefined ? undefined : listOf(values, 'channels'),
    ...Object.fromEntries(['sites', 'devices', 'seats', 'sessions'].map((name) => [name, limitSaid(values, name)])),
    site_unit: textOf(values, 'site-unit'),
    grace_days: grace === undefined ? undefined : Number(grace),
    after_end: textOf(values, 'after-end'),
    products: await productsSaid(core, values),
    entitlements: entitlementsSaid(values),
  };
}

function lengthSaid(text: string | undefined): Length | null | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return null;
  const [, value, letter] = /^(\d{1,5})([dmy])$/.exec(text) ?? [];
  const unit = LENGTH_UNITS.find((each) => each[0] === letter);
  if (value === undefined || unit === undefined) throw new UsageError('--length is like 1y, 6m or 30d, or none');
  return { value: Number(value), unit };
}

/** A day begins at midnight UTC. */
function instantSaid(text: string | undefined): string | undefined {
  return text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
}

function limitSaid(values: Values, name: string): number | null | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  if (text === 'unlimited') return null;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} is a number, or unlimited`);
  return Number(text);
}

async function productsSaid(core: Core, values: Values): Promise<string[] | undefined> {
  if (textOf(values, 'products') === undefined) return undefined;
  return Promise.all(listOf(values, 'products').map(async (name) => (await requireProduct(core.db, name)).id));
}

function entitlementsSaid(values: Values): Record<string, boolean | number | string> | undefined {
  const said = values['entitlement'];
  if (!Array.isArray(said)) return undefined;
  return Object.fromEntries(
    said.map(String).map((text) => {
      const at = text.indexOf('=');
      if (at <= 0) throw new UsageError('--entitlement is name=value');
      return [text.slice(0, at), entitlementOf(text.slice(at + 1))];
    }),
  );
}

function entitlementOf(text: string): boolean | number | string {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d{1,15}(\.\d{1,10})?$/.test(text) ? Number(text) : text;
}
