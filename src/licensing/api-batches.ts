import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { exportQuery, ROWS_ANSWER, rowsStream } from '../http/rows-stream.ts';
import { LEVELS, type LevelRoutes, ORGANIZATION_LEVEL } from '../releases/level.ts';
import type { Secrets } from '../secrets.ts';
import { BATCH_COLUMNS, batchRows, keysInBatch, listBatches, readBatch } from './batch-reads.ts';
import { makeBatch } from './batches.ts';
import { instant, labelField, nameField, purposeField, quantityField } from './fields.ts';
import type { BatchRecord } from './store-batches.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

const MOST_AT_ONCE = 1_000;

const BatchView = z
  .object({
    id: z.string(),
    name: z.string(),
    package_id: z.string(),
    customer_id: z.string(),
    count: z.number().int().meta({ description: 'How many keys there are to be' }),
    made: z.number().int().meta({ description: 'How many were made' }),
    created_at: instant,
  })
  .meta({ id: 'Batch' });

const NewBatch = BatchView.extend({
  keys: z.array(
    z
      .object({
        key: z.string().nullable(),
        key_id: z.string(),
        license_id: z.string(),
        valid_until: instant.nullable(),
      })
      .meta({ id: 'BatchKey' }),
  ),
}).meta({ id: 'NewBatch' });

function batchView({ id, name, packageId, customerId, count, made, createdAt }: BatchRecord) {
  return { id, name, package_id: packageId, customer_id: customerId, count, made, created_at: createdAt };
}

/** Keys that are made in advance, each with a license of its own, and given out by somebody else. */
export function batchRoutes(deps: Deps): Route[] {
  return [...LEVELS.map((level) => making(deps, level)), listing(deps), reading(deps), exporting(deps)];
}

function making(deps: Deps, level: LevelRoutes): Route {
  return route({
    method: 'post',
    path: `${level.path}/license-keys/batch`,
    operationId: `make${level.name}KeyBatch`,
    summary: `Makes many keys of one package of ${level.words} in advance`,
    description:
      'For a marketplace that sells them: each has a license of its own, whose customer is "Unsold stock" unless one is named. The same name again gives the same keys and makes none. As CSV: the keys of the batch.',
    tag: 'batches',
    scope: 'licenses:write',
    role: 'manager',
    params: level.params,
    body: z.strictObject({
      name: nameField.optional().meta({
        description: 'Unique in the organization; left out: the Idempotency-Key, else the id of the batch',
      }),
      package_id: idParam('package'),
      count: z.number().int().min(1).max(MOST_AT_ONCE),
      quantity: quantityField,
      customer_id: idParam('customer').nullable().default(null).meta({ description: 'null: the unsold stock' }),
      label: labelField.default(''),
      purpose: purposeField.default('commercial'),
      source: z.enum(['admin', 'import']).default('admin'),
    }),
    answers: { 201: NewBatch },
    problems: [
      ...(['NOT_FOUND', 'WRONG_ID_KIND', 'ALREADY_EXISTS', 'PACKAGE_INACTIVE', 'MASTER_IS_FIXED'] as const),
      ...(['ADDON_NEEDS_LICENSE', 'TRIAL_USED'] as const),
      ...(level.name === 'Repository' ? (['PACKAGE_NOT_OF_REPOSITORY'] as const) : []),
    ],
    secretFields: ['/keys'],
    async refill(stored) {
      const reply = z.looseObject({ id: z.string() }).parse(stored);
      return { ...reply, keys: await keysInBatch(deps, reply.id) };
    },
    async handler({ params, body }, context) {
      const found = await level.find(deps.db, context.actor, params);
      const { package_id: packageId, customer_id: customerId, name, ...wish } = body;
      const named = name ?? context.idempotencyKey;
      const batch = await makeBatch(deps, found, { ...wish, packageId, customerId, name: named }, context);
      return { status: 201, body: { ...batchView(batch), keys: await keysInBatch(deps, batch.id) } };
    },
  });
}

function listing({ db }: Deps): Route {
  return route({
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/batches`,
    operationId: 'listKeyBatches',
    summary: 'The batches of keys of an organization, newest first',
    tag: 'batches',
    scope: 'licenses:read',
    role: 'viewer',
    params: ORGANIZATION_LEVEL.params,
    query: z.object(pageQuery('batch')),
    answers: { 200: pageOf(BatchView) },
    problems: ['NOT_FOUND'],
    async handler({ params, query }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
      return { status: 200, body: pageBody(await listBatches(db, organization.id, query), batchView) };
    },
  });
}

const params = z.object({ id: idParam('batch') });

function reading({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/batches/{id}',
    operationId: 'getKeyBatch',
    summary: 'One batch of keys',
    tag: 'batches',
    scope: 'licenses:read',
    role: 'viewer',
    params,
    answers: { 200: BatchView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, { actor }) {
      return { status: 200, body: batchView(await readBatch(db, actor, id)) };
    },
  });
}

function exporting(deps: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/batches/{id}/keys',
    operationId: 'exportKeyBatch',
    summary: 'The keys of a batch with their full texts',
    description: 'Who took them out is remembered.',
    tag: 'batches',
    scope: 'licenses:write',
    role: 'support',
    params,
    query: z.object(exportQuery),
    answers: { 200: ROWS_ANSWER },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, query }, context) {
      const batches = await batchRows(deps, id, context);
      return { status: 200, stream: rowsStream({ ...query, name: `keys-${id}`, columns: BATCH_COLUMNS, batches }) };
    },
  });
}
