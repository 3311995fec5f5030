import { z } from 'zod';
import type { Core } from '../app.ts';
import { licenseFilter, licenseFilterFields } from '../http/license-query.ts';
import type { LicenseFilter } from '../licensing/license-filter.ts';
import { type Command, numberOf, UsageError, type Values } from './command.ts';
import { levelOf } from './level.ts';

const MOST_LISTED = 1_000;

/** Options of a query: the names of its fields, with dashes; other short names beside them. */
function optionsOf(fields: Record<string, unknown>, short: Record<string, string>): NonNullable<Command['options']> {
  const names = [...Object.keys(fields).map((field) => field.replaceAll('_', '-')), ...Object.keys(short)];
  return Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
}

/** Reads them by the schema of the API. Throws UsageError, which names the option. */
export function queryOf<T extends z.ZodObject>(values: Values, schema: T, short: Record<string, string>): z.output<T> {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const field = short[name] ?? name.replaceAll('-', '_');
    if (field in schema.shape) given[field] = value;
  }
  const read = schema.safeParse(given);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const field = String(issue?.path[0] ?? '');
  const name = Object.keys(short).find((each) => short[each] === field && values[each] !== undefined);
  throw new UsageError(`--${name ?? field.replaceAll('_', '-')} ${issue?.message}`);
}

const SHORT = { email: 'customer_email', license: 'license_id', package: 'package_id', product: 'product_id' };
const Filter = z.object(licenseFilterFields);

export const listOptions: NonNullable<Command['options']> = {
  ...optionsOf(licenseFilterFields, SHORT),
  ...{ org: { type: 'string' }, repo: { type: 'string' }, sort: { type: 'string' }, limit: { type: 'string' } },
};

export const listHelp = [
  '--customer      beginnings of words of name, e-mail address and organization, e.g. "jane mil"',
  '--email         e-mail address of the customer; --customer-email-prefix for its beginning',
  '--hint          prefix and last four characters of a key, as pages and logs show them',
  '--domain        example.com, *.example.com for all below, .example.com for both',
  '--status        active, expiring, trial, grace, not_yet_valid, expired, canceled, suspended, revoked',
  '--license, --package, --product, --customer-id, --payment-ref, --external-customer-id, --external-workspace-id',
  '--expiring-before, --expired-before, --created-from, --created-before   an instant: 2027-01-31T00:00:00Z',
  '--never-used true, --over-limit true, --purpose test',
  '--sort          created, valid_until, customer, of keys last_used; --sort=-created for the newest first',
];

/** The filter of a list of keys or licenses. Throws UsageError. */
export async function listFilterOf(core: Pick<Core, 'db'>, values: Values): Promise<LicenseFilter> {
  const { organization, repository } = await levelOf(core, values);
  const place = { organizationId: organization.id, repositoryId: repository?.id };
  return licenseFilter(place, queryOf(values, Filter, SHORT));
}

export function limitOf(values: Values): number {
  return Math.min(numberOf(values, 'limit') ?? 50, MOST_LISTED);
}
