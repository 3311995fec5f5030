import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { type Route, route } from '../http/route.ts';
import { LEVELS, type LevelRoutes } from '../releases/level.ts';
import type { Secrets } from '../secrets.ts';
import { labelField, siteLimitField } from './fields.ts';
import { licenseKeyView, SoldKeyView } from './key-sale-view.ts';
import { readKeyAt, textForSeller, textForSellerAgain } from './shop.ts';
import { makeTestKey } from './test-keys.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

/** A key for a try, in one call. */
export function testKeyRoutes(deps: Deps): Route[] {
  return LEVELS.map((level) => making(deps, level));
}

function making(deps: Deps, level: LevelRoutes): Route {
  return route({
    method: 'post',
    path: `${level.path}/test-key`,
    operationId: `make${level.name}TestKey`,
    summary: `Makes a license key for a try of what ${level.words} releases`,
    description:
      'What is left out is as the organization has it by default; without a default the newest base package that is sold, for 14 days and one site. The license is the internal customer\'s "Test keys".',
    tag: 'license keys',
    scope: 'licenses:write',
    role: 'support',
    params: level.params,
    body: z.strictObject({
      product_id: idParam('product').nullable().default(null).meta({ description: 'What the package must cover' }),
      package_id: idParam('package').nullable().default(null),
      days: z.number().int().min(1).max(3_650).nullable().default(null),
      sites: siteLimitField.optional(),
      label: labelField.default('Test key'),
    }),
    answers: { 200: SoldKeyView, 201: SoldKeyView },
    problems: [
      ...(['NOT_FOUND', 'WRONG_ID_KIND', 'PACKAGE_INACTIVE', 'PACKAGE_UNCLEAR', 'MASTER_IS_FIXED'] as const),
      ...(['ADDON_NEEDS_LICENSE', 'TRIAL_USED', 'LIMIT_ABOVE_LICENSE', 'PAYMENT_LINE_CONFLICT'] as const),
      ...(level.name === 'Repository' ? (['PACKAGE_NOT_OF_REPOSITORY'] as const) : []),
    ],
    secretFields: ['/key'],
    async refill(stored, { actor }) {
      const reply = z.looseObject({ id: z.string(), grant_id: z.string() }).parse(stored);
      return { ...reply, key: await textForSellerAgain(deps, actor, reply.id, reply.grant_id) };
    },
    async handler({ params, body }, context) {
      const { actor, idempotencyKey, now } = context;
      const found = await level.find(deps.db, actor, params);
      const request = idempotencyKey === null ? null : { token: actor.id, key: idempotencyKey };
      const { product_id: productId, package_id: packageId, days, sites, label } = body;
      const wish = { productId, packageId, days, sites, label, request };
      const { key, grant, replayed } = await makeTestKey(deps, found, wish, context);
      const seen = await readKeyAt(deps.db, found, key.id);
      const shown = { ...licenseKeyView(seen, found.repository?.id ?? null, now), grants: seen.grants };
      const made = { ...shown, key: textForSeller(deps.secrets, actor, key, grant), grant_id: grant.id };
      return replayed ? { status: 200, body: made } : { status: 201, body: made };
    },
  });
}
