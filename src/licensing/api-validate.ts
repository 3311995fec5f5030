import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { type Route, route } from '../http/route.ts';
import { LEVELS, type LevelRoutes } from '../releases/level.ts';
import { PLATFORMS } from '../releases/release.ts';
import type { Gate } from './gate.ts';
import { strike } from './strikes.ts';
import { type Asker, validateById, validateByText } from './validate.ts';
import { Validation } from './validation.ts';

interface Deps {
  db: Db;
  clock: Clock;
  gate: Gate;
}

/** Every text may be empty, as clients send what they know. */
const asker = {
  site: z.string().max(2_048).optional().meta({ description: 'Address or host name of the site' }),
  instance: z.string().max(200).optional().meta({ description: 'A hash that survives a change of host' }),
  channel: z.string().max(40).optional().meta({ description: 'Whether this channel is included as well' }),
  version: z.string().max(100).optional().meta({ description: 'The version of the product that is installed' }),
  platform: z.enum(PLATFORMS).optional(),
  entitlements: z
    .array(z.string().min(1).max(60))
    .max(50)
    .optional()
    .meta({ description: 'Features that must be included as well' }),
  nonce: z.string().max(100).optional().meta({ description: 'Sent back as it came' }),
};
const product = z
  .string()
  .max(500)
  .meta({ description: '`org/repo` or `org/repo/edition`, an old address too, or the id of the product' });
const key = z
  .string()
  .max(2_048)
  .refine((text) => text.trim() !== '', 'is required');

/** What a key opens, without opening it. */
export function validateRoutes(deps: Deps): Route[] {
  return [byText(deps), ...LEVELS.map((level) => byId(deps, level))];
}

function byText(deps: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/validate',
    operationId: 'validateLicense',
    summary: 'What a license key opens for a product',
    description:
      'The answer is 200 for a no as well; `code` says why. It claims no site. A key that nobody knows and a key of another product get the same answer.',
    tag: 'validation',
    scope: 'public',
    role: null,
    body: z.strictObject({ key, product: product.min(1), ...asker }),
    answers: { 200: Validation },
    problems: ['LOCKED_OUT', 'UNAVAILABLE'],
    async handler({ body }, { network, now }) {
      const onMiss = () => strike(deps.db, network, now);
      return { status: 200, body: await validateByText(deps, body.key, body.product, askerOf(body), onMiss) };
    },
  });
}

function byId(deps: Deps, level: LevelRoutes): Route {
  return route({
    method: 'post',
    path: `${level.path}/license-keys/{id}/validate`,
    operationId: `validate${level.name}LicenseKey`,
    summary: 'What a license key opens, by its id',
    description: "On a repository's route `product` may be left out where it has one product or a main edition.",
    tag: 'license keys',
    scope: 'licenses:read',
    role: 'viewer',
    params: level.params.extend({ id: idParam('key') }),
    body: z.strictObject({ product: product.min(1).optional(), ...asker }),
    answers: { 200: Validation },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'UNAVAILABLE'],
    async handler({ params, body }, { actor }) {
      const found = await level.find(deps.db, actor, params);
      const validation = await validateById(deps, found, params.id, body.product ?? null, askerOf(body));
      return { status: 200, body: validation };
    },
  });
}

type AskerBody = { [Name in Exclude<keyof Asker, 'platform' | 'entitlements'>]?: string | undefined } & {
  platform?: Asker['platform'] | undefined;
  entitlements?: string[] | undefined;
};

function askerOf(body: AskerBody): Asker {
  return {
    site: body.site || null,
    instance: body.instance || null,
    channel: body.channel || null,
    version: body.version || null,
    platform: body.platform ?? null,
    entitlements: body.entitlements ?? [],
    nonce: body.nonce ?? null,
  };
}
