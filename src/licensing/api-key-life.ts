import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { type Route, route } from '../http/route.ts';
import type { Secrets } from '../secrets.ts';
import { reasonField } from './fields.ts';
import { KeyView, keyView } from './key-view.ts';
import { textIfKnown } from './keys.ts';
import { eraseKey, exchangeKey, pauseKey, readKey, withdrawKey } from './level-keys.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

const params = z.object({ id: idParam('key') });

/** What becomes of a license key: stopped for a while, withdrawn, replaced, deleted. */
export function keyLifeRoutes(deps: Deps): Route[] {
  return [pausing(deps, true), pausing(deps, false), revoking(deps), replacing(deps), deleting(deps)];
}

function pausing({ db }: Deps, suspended: boolean): Route {
  const act = suspended ? 'suspend' : 'resume';
  return route({
    method: 'post',
    path: `/api/v1/keys/{id}/${act}`,
    operationId: `${act}Key`,
    summary: suspended ? 'Suspends a license key' : 'Resumes a suspended license key',
    tag: 'keys',
    scope: 'licenses:write',
    role: 'support',
    params,
    body: z.strictObject({ reason: reasonField }),
    answers: { 200: KeyView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, body: { reason } }, context) {
      return { status: 200, body: keyView(await pauseKey(db, id, { suspended, reason }, context), context.now) };
    },
  });
}

function revoking({ db, secrets }: Deps): Route {
  const next = z.string().nullable().meta({ description: 'The key that took the place of a master key' });
  return route({
    method: 'post',
    path: '/api/v1/keys/{id}/revoke',
    operationId: 'revokeKey',
    summary: 'Revokes a license key for ever',
    description: 'The license stays; a master key gets a successor at once, which is named in `next_key_id`.',
    tag: 'keys',
    scope: 'licenses:write',
    role: 'manager',
    params,
    body: z.strictObject({ reason: reasonField }),
    answers: { 200: KeyView.extend({ next_key_id: next }) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, body: { reason } }, context) {
      const { key, next: made } = await withdrawKey(db, secrets, id, reason, context);
      return { status: 200, body: { ...keyView(key, context.now), next_key_id: made?.id ?? null } };
    },
  });
}

const Replacement = KeyView.extend({
  key: z.string().nullable().meta({ description: 'The full text of the new license key' }),
  replaces: z.string(),
  old_key_ends_at: z.string().nullable().meta({ description: 'Until when the old key goes on' }),
}).meta({ id: 'Replacement' });

function replacing({ db, secrets }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/keys/{id}/replace',
    operationId: 'replaceKey',
    summary: 'Makes a new key in the place of one that goes on for a while',
    description:
      'The new key has the same label, domains, purpose and own limit. Sites that came with the old one are counted once. 200: the key was replaced before, by this one.',
    tag: 'keys',
    scope: 'licenses:write',
    role: 'manager',
    params,
    body: z.strictObject({
      overlap_days: z.number().int().min(0).max(365).default(14).meta({
        description: 'So long the old key goes on; 0 ends it now. Never longer than it would have gone on anyway',
      }),
      reason: reasonField,
    }),
    answers: { 200: Replacement, 201: Replacement },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'KEY_ENDED'],
    secretFields: ['/key'],
    async refill(stored, { actor }) {
      const reply = z.looseObject({ id: z.string() }).parse(stored);
      return { ...reply, key: textIfKnown(secrets, await readKey(db, actor, reply.id)) };
    },
    async handler({ params: { id }, body }, context) {
      const change = { overlapDays: body.overlap_days, reason: body.reason };
      const { key, next, isNew } = await exchangeKey(db, secrets, id, change, context);
      const made = {
        ...keyView(next, context.now),
        key: textIfKnown(secrets, next),
        replaces: id,
        old_key_ends_at: key.endsAt,
      };
      return isNew ? { status: 201, body: made } : { status: 200, body: made };
    },
  });
}

function deleting({ db }: Deps): Route {
  return route({
    method: 'delete',
    path: '/api/v1/keys/{id}',
    operationId: 'deleteKey',
    summary: 'Deletes a license key for ever',
    description:
      'Its sites stay with the license and its usage stays counted. Revoking is what one wants nearly always.',
    tag: 'keys',
    scope: 'admin',
    role: 'site_admin',
    params,
    answers: { 204: null },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED'],
    async handler({ params: { id } }, context) {
      await eraseKey(db, id, context);
      return { status: 204 };
    },
  });
}
