import { z } from 'zod';
import type { Scope } from '../accounts/scope.ts';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { type Context, type Route, route } from '../http/route.ts';
import { buyerFields, saleBody } from '../http/sale-body.ts';
import { LEVELS, type Level, type LevelRoutes } from '../releases/level.ts';
import type { Secrets } from '../secrets.ts';
import { domainsField, instantField, paymentRefField, quantityField } from './fields.ts';
import { LicenseKeyDetails, licenseKeyView, SoldKeyView } from './key-sale-view.ts';
import { changeKeyAt, type KeyWithGrants, readKeyAt, sellAt, textForSeller, textForSellerAgain } from './shop.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

const SaleBody = saleBody(
  z.strictObject({
    package_id: idParam('package'),
    license_id: idParam('license')
      .optional()
      .meta({ description: 'Sells into this license; without it a new one is made' }),
    quantity: quantityField,
    ...buyerFields,
  }),
);

const KeyChangeBody = z
  .strictObject({
    valid_until: instantField.nullable().optional().meta({ description: 'null: without an end' }),
    domains: domainsField.optional(),
    payment_ref: paymentRefField.optional().meta({
      description:
        'The payment for the new end: it becomes a renewal, which a refund closes. Without it the end is set by hand',
    }),
  })
  .refine((body) => body.payment_ref === undefined || body.valid_until !== undefined, {
    message: 'is required with payment_ref',
    path: ['valid_until'],
  });

/** What shops and payment gateways call: sell a key, change its end, look at it. */
export function shopRoutes(deps: Deps): Route[] {
  return LEVELS.flatMap((level) => [selling(deps, level), reading(deps, level), changing(deps, level)]);
}

function selling(deps: Deps, level: LevelRoutes): Route {
  return route({
    method: 'post',
    path: `${level.path}/license-keys`,
    operationId: `sell${level.name}LicenseKey`,
    summary: `Sells a package of ${level.words}`,
    description:
      'A new license with its key, or more of an own license. The same `payment_ref` and `line` sell once for ever: 200 and the same key when they come again, 409 with another package.',
    tag: 'license keys',
    scope: 'payments:write',
    role: 'support',
    params: level.params,
    body: SaleBody,
    answers: { 200: SoldKeyView, 201: SoldKeyView },
    problems: [
      ...(['NOT_FOUND', 'WRONG_ID_KIND', 'PAYMENT_LINE_CONFLICT', 'NO_END_TO_EXTEND', 'TRIAL_USED'] as const),
      'CUSTOMER_ANONYMIZED',
      ...(['MASTER_IS_FIXED', 'PACKAGE_INACTIVE', 'STILL_IN_USE', 'ADDON_NEEDS_LICENSE'] as const),
      ...(level.name === 'Repository' ? (['PACKAGE_NOT_OF_REPOSITORY'] as const) : []),
    ],
    secretFields: ['/key'],
    async refill(stored, { actor }) {
      const reply = z.looseObject({ id: z.string(), grant_id: z.string() }).parse(stored);
      return { ...reply, key: await textForSellerAgain(deps, actor, reply.id, reply.grant_id) };
    },
    async handler({ params, body }, context) {
      const found = await level.find(deps.db, context.actor, params);
      const { key, grant, replayed } = await sellAt(deps, found, saleOf(body, context), context);
      const seen = await readKeyAt(deps.db, found, key.id);
      const text = textForSeller(deps.secrets, context.actor, key, grant);
      const sold = { ...details(seen, found, context.now), key: text, grant_id: grant.id };
      return replayed ? { status: 200, body: sold } : { status: 201, body: sold };
    },
  });
}

function saleOf(body: z.output<typeof SaleBody>, { actor, idempotencyKey }: Context<Scope>) {
  return {
    packageId: body.package_id,
    licenseId: body.license_id ?? null,
    quantity: body.quantity,
    customer: { name: body.customer_name ?? '', email: body.customer_email ?? '' },
    customerId: body.customer_id ?? null,
    domains: body.domains,
    source: 'purchase' as const,
    paymentRef: body.payment_ref,
    line: body.line,
    request: idempotencyKey === null ? null : { token: actor.id, key: idempotencyKey },
  };
}

function details(seen: KeyWithGrants, { repository }: Level, now: number) {
  return { ...licenseKeyView(seen, repository?.id ?? null, now), grants: seen.grants };
}

function reading({ db }: Deps, level: LevelRoutes): Route {
  return route({
    method: 'get',
    path: `${level.path}/license-keys/{id}`,
    operationId: `get${level.name}LicenseKey`,
    summary: 'One license key with its license, without its text',
    tag: 'license keys',
    scope: 'licenses:read',
    role: 'viewer',
    params: level.params.extend({ id: idParam('key') }),
    answers: { 200: LicenseKeyDetails },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, { actor, now }) {
      const found = await level.find(db, actor, params);
      return { status: 200, body: details(await readKeyAt(db, found, params.id), found, now) };
    },
  });
}

function changing({ db }: Deps, level: LevelRoutes): Route {
  return route({
    method: 'patch',
    path: `${level.path}/license-keys/{id}`,
    operationId: `change${level.name}LicenseKey`,
    summary: 'Changes until when the license of a key lasts, or the sites that the key works on',
    description:
      'With `payment_ref` the new end is a renewal; the same payment again changes nothing. Routes of a repository change only the lines of its own packages.',
    tag: 'license keys',
    scope: 'payments:write',
    role: 'support',
    params: level.params.extend({ id: idParam('key') }),
    body: KeyChangeBody,
    answers: { 200: LicenseKeyDetails },
    problems: [
      ...(['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED', 'PAYMENT_LINE_CONFLICT'] as const),
      ...(['NO_END_TO_EXTEND', 'END_NOT_LATER', 'END_IN_PAST', 'NOTHING_OPEN', 'STILL_IN_USE'] as const),
    ],
    async handler({ params, body }, context) {
      const found = await level.find(db, context.actor, params);
      const change = { end: body.valid_until, domains: body.domains, paymentRef: body.payment_ref ?? null };
      await changeKeyAt(db, found, params.id, change, context);
      return { status: 200, body: details(await readKeyAt(db, found, params.id), found, context.now) };
    },
  });
}
