import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { licenseFilter, licenseFilterFields } from '../http/license-query.ts';
import { pageBody, pageOf, placeIn, sortedQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { exportQuery, ROWS_ANSWER, rowsStream } from '../http/rows-stream.ts';
import { LEVELS, type LevelRoutes, ORGANIZATION_LEVEL } from '../releases/level.ts';
import type { Secrets } from '../secrets.ts';
import { exportKeys, exportLicenses, KEY_COLUMNS, LICENSE_COLUMNS } from './exports.ts';
import { keysByText } from './key-reads.ts';
import { LicenseKeyView, licenseKeyView } from './key-sale-view.ts';
import { KeyView, keyView } from './key-view.ts';
import { keysAt } from './level-keys.ts';
import { KEY_SORTS, LICENSE_SORTS, listFingerprint } from './license-filter.ts';
import { LicenseView, licenseView } from './license-view.ts';
import { listLicenses } from './licenses.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

const FINDING =
  `All that is said must hold. A status is that of the whole license; on routes of a repository it may differ from
the one that is shown, which is that of its own packages.`.replace('\n', ' ');

/** The lists of licenses and keys that people read, on both levels, and the same as files. */
export function licenseListRoutes(deps: Deps): Route[] {
  return [
    plainKeys(deps),
    ...LEVELS.flatMap((level) => [
      licenses(deps, level),
      licensesExport(deps, level),
      keys(deps, level),
      keySearch(deps, level),
      keysExport(deps, level),
    ]),
  ];
}

const common = { scope: 'licenses:read', role: 'viewer', problems: ['NOT_FOUND', 'WRONG_ID_KIND'] } as const;
const keyQuery = z.object({ ...sortedQuery(KEY_SORTS), ...licenseFilterFields });

function plainKeys({ db }: Deps): Route {
  return route({
    ...common,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/keys`,
    operationId: 'listKeys',
    summary: 'The license keys of an organization',
    description: FINDING,
    tag: 'keys',
    params: ORGANIZATION_LEVEL.params,
    query: keyQuery,
    answers: { 200: pageOf(KeyView) },
    async handler({ params, query: { sort, limit, cursor, ...query } }, { actor, now }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
      const filter = licenseFilter({ organizationId: organization.id }, query);
      const after = placeIn(cursor, listFingerprint(filter, sort));
      const page = await keysAt(db, filter, { sort, limit, after, now });
      return { status: 200, body: pageBody(page, ({ key }) => keyView(key, now)) };
    },
  });
}

function keys({ db }: Deps, level: LevelRoutes): Route {
  return route({
    ...common,
    method: 'get',
    path: `${level.path}/license-keys`,
    operationId: `list${level.name}LicenseKeys`,
    summary: `The license keys of ${level.words}, with their licenses`,
    description: FINDING,
    tag: 'license keys',
    params: level.params,
    query: keyQuery,
    answers: { 200: pageOf(LicenseKeyView) },
    async handler({ params, query: { sort, limit, cursor, ...query } }, { actor, now }) {
      const { organization, repository } = await level.find(db, actor, params);
      const filter = licenseFilter({ organizationId: organization.id, repositoryId: repository?.id }, query);
      const after = placeIn(cursor, listFingerprint(filter, sort));
      const page = await keysAt(db, filter, { sort, limit, after, now });
      return { status: 200, body: pageBody(page, (seen) => licenseKeyView(seen, repository?.id ?? null, now)) };
    },
  });
}

function keySearch({ db, secrets }: Deps, level: LevelRoutes): Route {
  return route({
    ...common,
    method: 'post',
    path: `${level.path}/license-keys/search`,
    operationId: `search${level.name}LicenseKeys`,
    summary: `The license key of ${level.words} with this text`,
    description: 'The text stands in the body, so that no log of addresses holds it. No item: there is no such key.',
    tag: 'license keys',
    params: level.params,
    body: z.strictObject({ key: z.string().min(1).max(512).meta({ description: 'The full license key' }) }),
    answers: { 200: z.object({ items: z.array(LicenseKeyView) }) },
    problems: [...common.problems, 'KEY_MALFORMED'],
    async handler({ params, body: { key } }, { actor, now }) {
      const { organization, repository } = await level.find(db, actor, params);
      const place = { organizationId: organization.id, repositoryId: repository?.id };
      const found = await keysByText(db, secrets, place, key, now);
      return { status: 200, body: { items: found.map((seen) => licenseKeyView(seen, repository?.id ?? null, now)) } };
    },
  });
}

function keysExport({ db, secrets }: Deps, level: LevelRoutes): Route {
  return route({
    ...common,
    method: 'get',
    path: `${level.path}/license-keys/export`,
    operationId: `export${level.name}LicenseKeys`,
    summary: `All license keys of ${level.words} as a file`,
    description: `${FINDING} Full texts need the scope licenses:write and the role manager; that they were given out is remembered.`,
    tag: 'license keys',
    params: level.params,
    query: z.object({
      ...exportQuery,
      include_keys: z
        .enum(['true', 'false'])
        .default('false')
        .transform((word) => word === 'true')
        .meta({ description: 'With the full texts of the keys, in a column `key`' }),
      ...licenseFilterFields,
    }),
    answers: { 200: ROWS_ANSWER },
    async handler({ params, query: { format, bom, include_keys: withTexts, ...query } }, context) {
      const { organization, repository } = await level.find(db, context.actor, params);
      const filter = licenseFilter({ organizationId: organization.id, repositoryId: repository?.id }, query);
      const batches = await exportKeys({ db, secrets }, filter, withTexts, context);
      const columns = KEY_COLUMNS.filter((column) => withTexts || column !== 'key');
      const name = `license-keys-${(repository ?? { name: organization.slug }).name}`;
      return { status: 200, stream: rowsStream({ format, bom, name, columns, batches }) };
    },
  });
}

function licenses({ db }: Deps, level: LevelRoutes): Route {
  const isWhole = level.name === 'Organization';
  return route({
    ...common,
    method: 'get',
    path: `${level.path}/licenses`,
    operationId: isWhole ? 'listLicenses' : 'listRepositoryLicenses',
    summary: `The licenses of ${level.words}`,
    description: `${FINDING} What is said of a key must hold of one of its keys.`,
    tag: 'licenses',
    params: level.params,
    query: z.object({ ...sortedQuery(LICENSE_SORTS), ...licenseFilterFields }),
    answers: { 200: pageOf(LicenseView) },
    async handler({ params, query: { sort, limit, cursor, ...query } }, { actor, now }) {
      const { organization, repository } = await level.find(db, actor, params);
      const filter = licenseFilter({ organizationId: organization.id, repositoryId: repository?.id }, query);
      const after = placeIn(cursor, listFingerprint(filter, sort));
      const page = await listLicenses(db, filter, { sort, limit, after, now });
      return { status: 200, body: pageBody(page, (whole) => licenseView(whole, repository?.id ?? null, now)) };
    },
  });
}

function licensesExport({ db }: Deps, level: LevelRoutes): Route {
  return route({
    ...common,
    method: 'get',
    path: `${level.path}/licenses/export`,
    operationId: `export${level.name}Licenses`,
    summary: `All licenses of ${level.words} as a file`,
    description: FINDING,
    tag: 'licenses',
    params: level.params,
    query: z.object({ ...exportQuery, ...licenseFilterFields }),
    answers: { 200: ROWS_ANSWER },
    async handler({ params, query: { format, bom, ...query } }, { actor, now }) {
      const { organization, repository } = await level.find(db, actor, params);
      const filter = licenseFilter({ organizationId: organization.id, repositoryId: repository?.id }, query);
      const name = `licenses-${(repository ?? { name: organization.slug }).name}`;
      const batches = exportLicenses(db, filter, now);
      return { status: 200, stream: rowsStream({ format, bom, name, columns: LICENSE_COLUMNS, batches }) };
    },
  });
}
