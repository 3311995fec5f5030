import { z } from 'zod';
import { requireRole } from '../accounts/actor.ts';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { type Route, route } from '../http/route.ts';
import { buyerFields, saleBody } from '../http/sale-body.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import type { Secrets } from '../secrets.ts';
import { changeLicense } from './change-license.ts';
import { instantField, quantityField } from './fields.ts';

import { LicenseView, licenseView } from './license-view.ts';
import { changeNotes, readLicense } from './licenses.ts';
import { sellAt, textForSeller, textForSellerAgain } from './shop.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

const params = z.object({ id: idParam('license') });

/** Licenses of organizations. */
export function licenseRoutes(deps: Deps): Route[] {
  return [reading(deps), creating(deps), changing(deps)];
}

function reading({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/licenses/{id}',
    operationId: 'getLicense',
    summary: 'One license',
    tag: 'licenses',
    scope: 'licenses:read',
    role: 'viewer',
    params,
    answers: { 200: LicenseView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, { actor, now }) {
      return { status: 200, body: licenseView(await readLicense(db, actor, id), null, now) };
    },
  });
}

const NewLicenseBody = saleBody(
  z.strictObject({
    package_id: idParam('package'),
    quantity: quantityField,
    source: z.enum(['purchase', 'admin', 'import']).default('purchase'),
    ...buyerFields,
  }),
);

const NewLicense = LicenseView.extend({
  key_id: z.string(),
  key: z.string().nullable().meta({ description: 'The full license key, as with the sale of a license key' }),
  grant_id: z.string(),
}).meta({ id: 'NewLicense' });

function creating(deps: Deps): Route {
  const { db, secrets } = deps;
  return route({
    method: 'post',
    path: `${ORGANIZATION_LEVEL.path}/licenses`,
    operationId: 'createLicense',
    summary: 'Sells a package as a new license with its first key',
    description: 'The same `payment_ref` and `line` sell once for ever: 200 and the same license when they come again.',
    tag: 'licenses',
    scope: 'payments:write',
    role: 'support',
    params: ORGANIZATION_LEVEL.params,
    body: NewLicenseBody,
    answers: { 200: NewLicense, 201: NewLicense },
    problems: [
      ...(['NOT_FOUND', 'WRONG_ID_KIND', 'PAYMENT_LINE_CONFLICT', 'TRIAL_USED', 'MASTER_IS_FIXED'] as const),
      ...(['PACKAGE_INACTIVE', 'ADDON_NEEDS_LICENSE', 'CUSTOMER_ANONYMIZED'] as const),
    ],
    secretFields: ['/key'],
    async refill(stored, { actor }) {
      const reply = z.looseObject({ key_id: z.string(), grant_id: z.string() }).parse(stored);
      return { ...reply, key: await textForSellerAgain(deps, actor, reply.key_id, reply.grant_id) };
    },
    async handler({ params: { org }, body }, context) {
      const { actor, idempotencyKey, now } = context;
      const level = await ORGANIZATION_LEVEL.find(db, actor, { org });
      const wish = {
        packageId: body.package_id,
        licenseId: null,
        quantity: body.quantity,
        customer: { name: body.customer_name ?? '', email: body.customer_email ?? '' },
        customerId: body.customer_id ?? null,
        domains: body.domains,
        source: body.source,
        paymentRef: body.payment_ref,
        line: body.line,
        request: idempotencyKey === null ? null : { token: actor.id, key: idempotencyKey },
      };
      const { license, key, grant, replayed } = await sellAt(deps, level, wish, context);
      const shown = licenseView(await readLicense(db, actor, license.id), null, now);
      const text = textForSeller(secrets, actor, key, grant);
      const made = { ...shown, key_id: key.id, key: text, grant_id: grant.id };
      return replayed ? { status: 200, body: made } : { status: 201, body: made };
    },
  });
}

function changing({ db }: Deps): Route {
  return route({
    method: 'patch',
    path: '/api/v1/licenses/{id}',
    operationId: 'changeLicense',
    summary: 'Changes the notes of a license, or sets until when it lasts',
    description:
      'An end is set by hand, for all that carries the license; a person needs the role manager for it. A refund of what was sold takes the new end away with it.',
    tag: 'licenses',
    scope: 'licenses:write',
    role: 'support',
    params,
    body: z.strictObject({
      notes: z.string().max(10_000).optional(),
      valid_until: instantField.nullable().optional().meta({ description: 'null: without an end' }),
    }),
    answers: { 200: LicenseView },
    problems: [
      ...(['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED', 'END_IN_PAST'] as const),
      ...(['NOTHING_OPEN', 'STILL_IN_USE'] as const),
    ],
    async handler({ params: { id }, body: { notes, valid_until: end } }, context) {
      if (end !== undefined) {
        requireRole(context.actor, 'manager');
        await changeLicense(db, id, { change: { kind: 'end', packageId: null, end } }, context);
      }
      if (notes !== undefined) await changeNotes(db, id, notes, context);
      return { status: 200, body: licenseView(await readLicense(db, context.actor, id), null, context.now) };
    },
  });
}
