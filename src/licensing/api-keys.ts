import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { idParam } from '../http/id-param.ts';
import { type Route, route } from '../http/route.ts';
import type { Secrets } from '../secrets.ts';
import { domainsField, keyTextField, labelField, purposeField, siteLimitField } from './fields.ts';
import { KeyView, keyView } from './key-view.ts';
import { textIfKnown } from './keys.ts';
import { addKey, changeKey, readKey, showKey } from './level-keys.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

const params = z.object({ id: idParam('key') });
const TEXT = z.string().meta({ description: 'The full license key' });

/** Keys of licenses. */
export function keyRoutes(deps: Deps): Route[] {
  return [reading(deps), showing(deps), adding(deps), changing(deps)];
}

function reading({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/keys/{id}',
    operationId: 'getKey',
    summary: 'One license key, without its text',
    tag: 'keys',
    scope: 'licenses:read',
    role: 'viewer',
    params,
    answers: { 200: KeyView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, { actor, now }) {
      return { status: 200, body: keyView(await readKey(db, actor, id), now) };
    },
  });
}

function showing({ db, secrets }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/keys/{id}/text',
    operationId: 'showKey',
    summary: 'The full text of a license key',
    description: 'Who looked at it is remembered.',
    tag: 'keys',
    scope: 'licenses:write',
    role: 'support',
    params,
    answers: { 200: z.object({ id: z.string(), key: TEXT }) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id } }, context) {
      return { status: 200, body: { id, key: await showKey(db, secrets, id, context) } };
    },
  });
}

function adding({ db, secrets }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/{id}/keys',
    operationId: 'addKey',
    summary: 'One more key of a license',
    tag: 'keys',
    scope: 'licenses:write',
    role: 'support',
    params: z.object({ id: idParam('license') }),
    body: z.strictObject({
      label: labelField.default(''),
      purpose: purposeField.default('commercial'),
      domains: domainsField.default([]),
      site_limit: siteLimitField.default(null),
      key: keyTextField.optional().meta({ description: 'An own text, e.g. of a key sold elsewhere before' }),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits')
        .optional()
        .meta({ description: 'Instead of `key`: the SHA-256 of a text that only its owner knows' }),
    }),
    answers: { 201: KeyView.extend({ key: TEXT.nullable() }) },
    problems: [
      ...(['NOT_FOUND', 'WRONG_ID_KIND', 'ALREADY_EXISTS', 'KEY_MALFORMED'] as const),
      ...(['LIMIT_ABOVE_LICENSE', 'MASTER_IS_FIXED'] as const),
    ],
    secretFields: ['/key'],
    async refill(stored, { actor }) {
      const reply = z.looseObject({ id: z.string() }).parse(stored);
      return { ...reply, key: textIfKnown(secrets, await readKey(db, actor, reply.id)) };
    },
    async handler({ params: { id }, body: { key: text, site_limit: siteLimit, ...wish } }, context) {
      if (text !== undefined && wish.sha256 !== undefined) {
        const errors = [{ pointer: '/sha256', detail: 'goes without `key`' }];
        throw problem('INVALID_REQUEST', 'a key is imported by its text or by its hash', { errors });
      }
      const key = await addKey(db, secrets, id, { ...wish, siteLimit, text }, context);
      return { status: 201, body: { ...keyView(key, context.now), key: textIfKnown(secrets, key) } };
    },
  });
}

function changing({ db }: Deps): Route {
  return route({
    method: 'patch',
    path: '/api/v1/keys/{id}',
    operationId: 'changeKey',
    summary: 'Changes what is said of a key: label, purpose, own limit, the sites that it works on',
    tag: 'keys',
    scope: 'licenses:write',
    role: 'support',
    params,
    body: z.strictObject({
      label: labelField.optional(),
      purpose: purposeField.optional(),
      domains: domainsField.optional(),
      site_limit: siteLimitField.optional(),
    }),
    answers: { 200: KeyView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'LIMIT_ABOVE_LICENSE', 'MASTER_IS_FIXED'],
    async handler({ params: { id }, body: { site_limit: siteLimit, ...change } }, context) {
      const key = await changeKey(db, id, { ...change, siteLimit }, context);
      return { status: 200, body: keyView(key, context.now) };
    },
  });
}
