import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { requireMatch } from '../http/if-match.ts';
import { cursorParam, pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { kindOfId } from '../ids.ts';
import { LEVELS, type LevelRoutes } from '../releases/level.ts';
import type { Secrets } from '../secrets.ts';
import { changePackageAt, createPackageAt, deletePackageAt } from './level-packages.ts';
import { NewPackageBody, PackageChangeBody } from './package-body.ts';
import { packagesAt, packageVersions, readPackageAt } from './package-reads.ts';
import { PACKAGE_KINDS } from './package-terms.ts';
import { PackageVersionView, PackageView, packageVersionView, packageView, type WholePackage } from './package-view.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

/** Packages of organizations and of repositories. */
export function packageRoutes(deps: Deps): Route[] {
  return LEVELS.flatMap((level) => [
    ...[listing(deps, level), reading(deps, level), versions(deps, level)],
    ...[creating(deps, level), changing(deps, level), deleting(deps, level)],
  ]);
}

const place = z
  .tuple([z.number().int(), z.string().refine((id) => kindOfId(id) === 'package')])
  .transform(([position, id]) => ({ position, id }));

const repositoryQuery = z.object({
  limit: pageQuery('package').limit,
  cursor: cursorParam(place).optional(),
  active: z.enum(['true', 'false']).optional(),
  kind: z.enum(PACKAGE_KINDS).optional(),
  product: idParam('product').optional().meta({ description: 'Id of a product that they cover' }),
  text: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .optional()
    .meta({ description: 'Stands in the name or the description, whatever the case' }),
});
const organizationQuery = repositoryQuery.extend({
  level: z
    .enum(['organization', 'repository'])
    .optional()
    .meta({ description: 'Its own ones only, or those of its repositories only' }),
});

function listQuery({ name }: LevelRoutes): typeof organizationQuery {
  // A repository has but one level: to the handler that is one that was not named.
  return name === 'Organization' ? organizationQuery : (repositoryQuery as typeof organizationQuery);
}

function packageParams(level: LevelRoutes) {
  return level.params.extend({ id: idParam('package') });
}

function listing({ db }: Deps, level: LevelRoutes): Route {
  return route({
    method: 'get',
    path: `${level.path}/packages`,
    operationId: `list${level.name}Packages`,
    summary: `The packages of ${level.words}`,
    description: 'In the order of their `position`.',
    tag: 'packages',
    scope: 'any',
    role: 'viewer',
    params: level.params,
    query: listQuery(level),
    answers: { 200: pageOf(PackageView) },
    problems: ['NOT_FOUND'],
    async handler({ params, query }, { actor }) {
      const { active, ...rest } = query;
      const wishes = { ...rest, active: active === undefined ? undefined : active === 'true' };
      const page = await packagesAt(db, await level.find(db, actor, params), wishes, query);
      return { status: 200, body: pageBody(page, packageView) };
    },
  });
}

function reading({ db }: Deps, level: LevelRoutes): Route {
  return route({
    method: 'get',
    path: `${level.path}/packages/{id}`,
    operationId: `get${level.name}Package`,
    summary: `One package of ${level.words}`,
    tag: 'packages',
    scope: 'any',
    role: 'viewer',
    params: packageParams(level),
    answers: { 200: PackageView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, { actor }) {
      const found = await readPackageAt(db, await level.find(db, actor, params), params.id);
      return { status: 200, body: packageView(found) };
    },
  });
}

function versions({ db }: Deps, level: LevelRoutes): Route {
  return route({
    method: 'get',
    path: `${level.path}/packages/{id}/versions`,
    operationId: `list${level.name}PackageVersions`,
    summary: `What a package of ${level.words} was and is sold as`,
    description: 'The newest version first, each with who made it when, and how many grants were given of it.',
    tag: 'packages',
    scope: 'any',
    role: 'viewer',
    params: packageParams(level),
    answers: { 200: z.object({ items: z.array(PackageVersionView) }) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, { actor }) {
      const found = await packageVersions(db, await level.find(db, actor, params), params.id);
      return { status: 200, body: { items: found.versions.map(packageVersionView(found.of)) } };
    },
  });
}

function creating({ db, secrets }: Deps, level: LevelRoutes): Route {
  return route({
    method: 'post',
    path: `${level.path}/packages`,
    operationId: `create${level.name}Package`,
    summary: `A new package of ${level.words}`,
    description: 'The first package of a level makes its master package and master key by itself.',
    tag: 'packages',
    scope: 'admin',
    role: 'manager',
    params: level.params,
    body: NewPackageBody,
    answers: { 201: PackageView },
    problems: ['NOT_FOUND', 'ALREADY_EXISTS'],
    async handler({ params, body }, context) {
      const found = await level.find(db, context.actor, params);
      return { status: 201, body: packageView(await createPackageAt(db, secrets, found, body, context)) };
    },
  });
}

function changing({ db }: Deps, level: LevelRoutes): Route {
  return route({
    method: 'patch',
    path: `${level.path}/packages/{id}`,
    operationId: `change${level.name}Package`,
    summary: `Changes a package of ${level.words}`,
    description:
      'A change of its terms makes a new version, which is sold from now on; what was sold stays as it was. What is left out stays, so that two changes at once both count; a list is replaced whole, so send `If-Match` with one.',
    tag: 'packages',
    scope: 'admin',
    role: 'manager',
    params: packageParams(level),
    body: PackageChangeBody,
    conditional: true,
    answers: { 200: PackageView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED', 'ALREADY_EXISTS'],
    async handler({ params, body }, context) {
      const found = await level.find(db, context.actor, params);
      const unchanged = (now: WholePackage) => requireMatch(context.ifMatch, PackageView, packageView(now));
      const changed = await changePackageAt(db, found, params.id, body, context, unchanged);
      return { status: 200, body: packageView(changed) };
    },
  });
}

function deleting({ db }: Deps, level: LevelRoutes): Route {
  return route({
    method: 'delete',
    path: `${level.path}/packages/{id}`,
    operationId: `delete${level.name}Package`,
    summary: `Deletes a package of ${level.words} that was never sold`,
    description: 'One that was sold once stays for ever: make it inactive instead.',
    tag: 'packages',
    scope: 'admin',
    role: 'site_admin',
    params: packageParams(level),
    answers: { 204: null },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED', 'STILL_IN_USE'],
    async handler({ params }, context) {
      await deletePackageAt(db, await level.find(db, context.actor, params), params.id, context);
      return { status: 204 };
    },
  });
}
