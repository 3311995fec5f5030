import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { LEVELS, type LevelRoutes } from '../releases/level.ts';
import type { Secrets } from '../secrets.ts';
import { changePackageAt, createPackageAt, packagesAt, readPackageAt } from './level-packages.ts';
import { NewPackageBody, PackageChangeBody, PackageView, packageView } from './package-view.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

/** Packages of organizations and of repositories. */
export function packageRoutes(deps: Deps): Route[] {
  return LEVELS.flatMap((level) => [...reading(deps, level), ...writing(deps, level)]);
}

function reading({ db }: Deps, level: LevelRoutes): Route[] {
  return [
    route({
      method: 'get',
      path: `${level.path}/packages`,
      operationId: `list${level.name}Packages`,
      summary: `The packages of ${level.words}`,
      tag: 'packages',
      scope: 'any',
      role: 'viewer',
      params: level.params,
      query: z.object(pageQuery('package')),
      answers: { 200: pageOf(PackageView) },
      problems: ['NOT_FOUND'],
      async handler({ params, query }, { actor }) {
        const page = await packagesAt(db, await level.find(db, actor, params), query);
        return { status: 200, body: pageBody(page, packageView) };
      },
    }),
    route({
      method: 'get',
      path: `${level.path}/packages/{id}`,
      operationId: `get${level.name}Package`,
      summary: `One package of ${level.words}`,
      tag: 'packages',
      scope: 'any',
      role: 'viewer',
      params: level.params.extend({ id: idParam('package') }),
      answers: { 200: PackageView },
      problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
      async handler({ params }, { actor }) {
        const found = await readPackageAt(db, await level.find(db, actor, params), params.id);
        return { status: 200, body: packageView(found) };
      },
    }),
  ];
}

function writing({ db, secrets }: Deps, level: LevelRoutes): Route[] {
  return [
    route({
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
      problems: ['NOT_FOUND'],
      async handler({ params, body: { name, kind, ...terms } }, context) {
        const found = await level.find(db, context.actor, params);
        const made = await createPackageAt(db, secrets, found, { name, kind, terms }, context);
        return { status: 201, body: packageView(made) };
      },
    }),
    route({
      method: 'patch',
      path: `${level.path}/packages/{id}`,
      operationId: `change${level.name}Package`,
      summary: `Changes a package of ${level.words}`,
      description:
        'A change of its terms makes a new version, which is sold from now on; what was sold stays as it was.',
      tag: 'packages',
      scope: 'admin',
      role: 'manager',
      params: level.params.extend({ id: idParam('package') }),
      body: PackageChangeBody,
      answers: { 200: PackageView },
      problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED'],
      async handler({ params, body }, context) {
        const found = await level.find(db, context.actor, params);
        return { status: 200, body: packageView(await changePackageAt(db, found, params.id, body, context)) };
      },
    }),
  ];
}
