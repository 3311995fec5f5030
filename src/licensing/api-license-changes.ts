import { z } from 'zod';
import type { Scope } from '../accounts/scope.ts';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { type Context, type Route, route } from '../http/route.ts';
import { changeBodies, oneMove, toChange } from './change-bodies.ts';
import { changeLicense, eraseLicense } from './change-license.ts';
import { lineField, paymentRefField, reasonField } from './fields.ts';
import type { LicenseChange } from './license-change.ts';
import { LicenseView, licenseView } from './license-view.ts';
import { readLicense } from './licenses.ts';

interface Deps {
  db: Db;
}

const bodies = changeBodies(idParam('package'));
const params = z.object({ id: idParam('license') });

const Changed = LicenseView.extend({
  grant_ids: z
    .array(z.string())
    .meta({ description: 'The lines that it wrote in the ledger; none: nothing had to change' }),
}).meta({ id: 'ChangedLicense' });

const COMMON = ['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED', 'STILL_IN_USE', 'NOTHING_OPEN'] as const;
const payment = { payment_ref: paymentRefField.nullable().default(null), line: lineField };

/** What happens to a license day by day. The same Idempotency-Key does it once, for ever. */
export function licenseChangeRoutes(deps: Deps): Route[] {
  return [
    renewing(deps),
    extending(deps),
    shortening(deps),
    switching(deps),
    ...STATES.map((state) => stating(deps, state)),
    deleting(deps),
  ];
}

async function done(
  { db }: Deps,
  id: string,
  wish: { change: LicenseChange; reason?: string; payment?: { ref: string; line: string } | null },
  context: Context<Scope>,
): Promise<{ status: 200; body: z.input<typeof Changed> }> {
  const { actor, idempotencyKey, now } = context;
  const request = idempotencyKey === null ? null : { token: actor.id, key: idempotencyKey };
  const grantIds = await changeLicense(db, id, { ...wish, request }, context);
  const shown = licenseView(await readLicense(db, actor, id), null, now);
  return { status: 200, body: { ...shown, grant_ids: grantIds } };
}

function paymentOf({ payment_ref: ref, line }: { payment_ref: string | null; line: string }) {
  return ref === null ? null : { ref, line };
}

function renewing(deps: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/{id}/renew',
    operationId: 'renewLicense',
    summary: 'Sells one more of the package that a license has',
    description:
      'In the version that is sold now, behind what is there; after its end and grace it starts now. As many times as it runs, unless `quantity` says otherwise.',
    tag: 'licenses',
    scope: 'payments:write',
    role: 'support',
    params,
    body: z.strictObject({ ...bodies.renew.shape, ...payment }),
    answers: { 200: Changed },
    problems: [...COMMON, 'NO_END_TO_EXTEND', 'PACKAGE_INACTIVE', 'PACKAGE_UNCLEAR', 'PAYMENT_LINE_CONFLICT'],
    handler: ({ params: { id }, body }, context) =>
      done(deps, id, { change: toChange.renew(body), payment: paymentOf(body) }, context),
  });
}

function extending(deps: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/{id}/extend',
    operationId: 'extendLicense',
    summary: 'Gives a license more time by hand',
    description:
      'Counted from the end of what carries it; from now where that is over. It takes nothing away: what already lasts longer stays. Time that is given so goes away with a refund of what was sold.',
    tag: 'licenses',
    scope: 'licenses:write',
    role: 'support',
    params,
    body: bodies.extend.extend({ reason: reasonField }).superRefine(oneMove),
    answers: { 200: Changed },
    problems: [...COMMON, 'NO_END_TO_EXTEND', 'END_NOT_LATER'],
    handler: ({ params: { id }, body }, context) =>
      done(deps, id, { change: toChange.extend(body), reason: body.reason }, context),
  });
}

function shortening(deps: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/{id}/shorten',
    operationId: 'shortenLicense',
    summary: 'Takes time from a license by hand',
    description: 'To a date, by a length, or at once; never to a day that is past.',
    tag: 'licenses',
    scope: 'licenses:write',
    role: 'manager',
    params,
    body: bodies.shorten.extend({ reason: reasonField }).superRefine(oneMove),
    answers: { 200: Changed },
    problems: [...COMMON, 'NO_END_TO_EXTEND', 'END_NOT_EARLIER', 'END_IN_PAST'],
    handler: ({ params: { id }, body }, context) =>
      done(deps, id, { change: toChange.shorten(body), reason: body.reason }, context),
  });
}

function switching(deps: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/{id}/switch',
    operationId: 'switchLicense',
    summary: 'Changes the package of a license, or how many times it has it, at once',
    description:
      'What runs is cut now and the new package goes on to the same end, unless `valid_until` names another. Closing what was sold before does not close the switch: it is a line of its own.',
    tag: 'licenses',
    scope: 'licenses:write',
    role: 'manager',
    params,
    body: z.strictObject({ ...bodies.switch.shape, ...payment, reason: reasonField }),
    answers: { 200: Changed },
    problems: [
      ...COMMON,
      ...(['PACKAGE_INACTIVE', 'PACKAGE_UNCLEAR', 'PAYMENT_LINE_CONFLICT', 'ALREADY_EXISTS'] as const),
      ...(['END_IN_PAST', 'END_NOT_LATER'] as const),
    ],
    handler: ({ params: { id }, body }, context) =>
      done(deps, id, { change: toChange.switch(body), reason: body.reason, payment: paymentOf(body) }, context),
  });
}

const STATES = [
  { kind: 'suspend', summary: 'Suspends a license', description: 'Its keys open nothing until it is resumed.' },
  { kind: 'resume', summary: 'Resumes a suspended license', description: 'Time went on meanwhile.' },
  { kind: 'revoke', summary: 'Revokes a license', description: 'For ever.' },
] as const;

function stating({ db }: Deps, { kind, summary, description }: (typeof STATES)[number]): Route {
  return route({
    method: 'post',
    path: `/api/v1/licenses/{id}/${kind}`,
    operationId: `${kind}License`,
    summary,
    description,
    tag: 'licenses',
    scope: 'licenses:write',
    role: 'manager',
    params,
    body: z.strictObject({ reason: reasonField }),
    answers: { 200: LicenseView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED'],
    async handler({ params: { id }, body: { reason } }, context) {
      await changeLicense(db, id, { change: { kind }, reason }, context);
      return { status: 200, body: licenseView(await readLicense(db, context.actor, id), null, context.now) };
    },
  });
}

function deleting({ db }: Deps): Route {
  return route({
    method: 'delete',
    path: '/api/v1/licenses/{id}',
    operationId: 'deleteLicense',
    summary: 'Deletes a license that was never paid for',
    description: 'With its keys, sites and ledger. One that was sold is revoked instead: 409.',
    tag: 'licenses',
    scope: 'admin',
    role: 'site_admin',
    params,
    answers: { 204: null },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED', 'STILL_IN_USE'],
    async handler({ params: { id } }, context) {
      await eraseLicense(db, id, context);
      return { status: 204 };
    },
  });
}
