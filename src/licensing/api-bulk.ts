import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { licenseFilter, licenseFilterFields } from '../http/license-query.ts';
import { type Route, route } from '../http/route.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { cancelBulk, planBulk, startBulk } from './bulk-plans.ts';
import { seeBulk } from './bulk-reads.ts';
import { BulkView } from './bulk-view.ts';
import { changeBodies, oneMove, toChange } from './change-bodies.ts';
import { reasonField } from './fields.ts';
import type { LicenseChange } from './license-change.ts';

interface Deps {
  db: Db;
}

const MOST_IDS = 10_000;
const BODY_LIMIT = 512 * 1024;
const bodies = changeBodies(idParam('package'));
const params = z.object({ id: idParam('bulk') });

/** One change of many licenses: planned and counted first, then run as one job. */
export function bulkRoutes(deps: Deps): Route[] {
  return [planning(deps), running(deps), canceling(deps)];
}

const filterField = z
  .strictObject({
    ...licenseFilterFields,
    never_used: z.boolean().optional(),
    over_limit: z.boolean().optional(),
  })
  .refine((filter) => Object.values(filter).some((value) => value !== undefined), 'name at least one condition');

const shared = {
  selection: z
    .strictObject({
      license_ids: z.array(idParam('license')).min(1).max(MOST_IDS).optional(),
      filter: filterField.optional().meta({ description: 'As in the list of licenses; all that is said must hold' }),
    })
    .refine(
      ({ license_ids: ids, filter }) => (ids === undefined) !== (filter === undefined),
      'give either license_ids or filter',
    ),
  dry_run: z.boolean().default(true).meta({ description: 'false: it is begun at once' }),
};

const reason = { reason: reasonField };
const stated = z.strictObject(reason);
const PlanBody = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('renew'), params: bodies.renew.extend(reason).prefault({}), ...shared }),
  z.strictObject({ action: z.literal('extend'), params: bodies.extend.extend(reason).superRefine(oneMove), ...shared }),
  z.strictObject({
    ...{ action: z.literal('shorten'), params: bodies.shorten.extend(reason).superRefine(oneMove), ...shared },
  }),
  z.strictObject({ action: z.literal('set_end'), params: bodies.end.extend(reason), ...shared }),
  z.strictObject({ action: z.literal('change_package'), params: bodies.switch.extend(reason), ...shared }),
  z.strictObject({ action: z.literal('suspend'), params: stated.prefault({}), ...shared }),
  z.strictObject({ action: z.literal('resume'), params: stated.prefault({}), ...shared }),
  z.strictObject({ action: z.literal('revoke'), params: stated.prefault({}), ...shared }),
]);
type Plan = z.output<typeof PlanBody>;

function changeOf(plan: Plan): LicenseChange {
  switch (plan.action) {
    case 'renew':
      return toChange.renew(plan.params);
    case 'extend':
      return toChange.extend(plan.params);
    case 'shorten':
      return toChange.shorten(plan.params);
    case 'set_end':
      return toChange.end(plan.params);
    case 'change_package':
      return toChange.switch(plan.params);
    default:
      return { kind: plan.action };
  }
}

function planning({ db }: Deps): Route {
  return route({
    method: 'post',
    path: `${ORGANIZATION_LEVEL.path}/bulk`,
    operationId: 'planBulk',
    summary: 'Plans one change of many licenses and counts what it would do',
    description:
      'The plan fixes which licenses are meant: run it by its id. Nothing is changed before, unless `dry_run` is false. Up to 10,000 ids or, by a filter, 100,000 licenses. A plan that is not run is forgotten after a week.',
    tag: 'bulk changes',
    scope: 'licenses:write',
    role: 'manager',
    params: ORGANIZATION_LEVEL.params,
    body: PlanBody,
    bodyLimit: BODY_LIMIT,
    answers: { 201: BulkView, 202: BulkView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { org }, body }, context) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, context.actor, { org });
      const { license_ids: licenseIds, filter } = body.selection;
      const selection =
        licenseIds === undefined
          ? {
              filter: licenseFilter({ organizationId: organization.id }, filter ?? {}),
              shown: shownFilter(filter ?? {}),
            }
          : { licenseIds };
      const { reason: why, ...said } = body.params;
      const wish = { action: body.action, change: changeOf(body), reason: why, shown: shownParams(said), selection };
      const { id } = await planBulk(db, organization.id, wish, context);
      if (body.dry_run) return { status: 201, body: await seeBulk(db, context.actor, id) };
      await startBulk(db, id, context);
      return { status: 202, body: await seeBulk(db, context.actor, id) };
    },
  });
}

/** What was sent, for whoever looks at the plan: instants as texts again, nothing that was left out. */
function shownParams(said: object): Record<string, unknown> {
  const entries = Object.entries(said).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      (name === 'until' || name === 'valid_until') && typeof value === 'number' ? new Date(value).toISOString() : value,
    ]),
  );
}

function shownFilter(filter: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

function running({ db }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/bulk/{id}/run',
    operationId: 'runBulk',
    summary: 'Begins a bulk change that was planned',
    description: 'Each license is decided upon again when its turn comes. Once more is no error.',
    tag: 'bulk changes',
    scope: 'licenses:write',
    role: 'manager',
    params,
    answers: { 202: BulkView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'PLAN_ENDED'],
    async handler({ params: { id } }, context) {
      await startBulk(db, id, context);
      return { status: 202, body: await seeBulk(db, context.actor, id) };
    },
  });
}

function canceling({ db }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/bulk/{id}/cancel',
    operationId: 'cancelBulk',
    summary: 'Gives up a bulk change',
    description: 'What is done stays done; the rest stays as it is.',
    tag: 'bulk changes',
    scope: 'licenses:write',
    role: 'manager',
    params,
    answers: { 200: BulkView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'PLAN_ENDED'],
    async handler({ params: { id } }, context) {
      await cancelBulk(db, id, context);
      return { status: 200, body: await seeBulk(db, context.actor, id) };
    },
  });
}
