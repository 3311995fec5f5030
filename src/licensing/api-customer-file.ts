import { z } from 'zod';
import { OneCustomer, oneCustomer } from '../accounts/customer-view.ts';
import { readCustomer } from '../accounts/customers.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { idParam } from '../http/id-param.ts';
import { type Route, route } from '../http/route.ts';
import { exportQuery, ROWS_ANSWER } from '../http/rows-stream.ts';
import type { Secrets } from '../secrets.ts';
import { anonymizeCustomer } from './anonymize.ts';
import { customerPart, FILE_PARTS, openCustomerFile, wholeCustomer } from './customer-file.ts';

interface Deps {
  db: Db;
  secrets: Secrets;
}

const params = z.object({ id: idParam('customer') });

/** What a customer may ask for of his own data: to have it, and that it goes. */
export function customerFileRoutes(deps: Deps): Route[] {
  return [exporting(deps), forgetting(deps)];
}

function exporting({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/customers/{id}/export',
    operationId: 'exportCustomer',
    summary: 'All that is kept of a customer',
    description:
      'One JSON object with a list for each part, or one part as JSON or CSV. Keys are told by their hints. Doubles that were merged into the customer are in it.',
    tag: 'customers',
    scope: 'licenses:read',
    role: 'support',
    params,
    query: z.object({
      part: z.enum(FILE_PARTS).optional().meta({ description: 'Without it: everything, as JSON' }),
      format: exportQuery.format.removeDefault().optional().meta({ description: 'Of one part: `csv`, else `json`' }),
      bom: exportQuery.bom,
    }),
    answers: { 200: ROWS_ANSWER },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params: { id }, query: { part, format, bom } }, { actor, now }) {
      const file = await openCustomerFile(db, actor, id, now);
      if (part !== undefined)
        return { status: 200, stream: customerPart(file, part, { format: format ?? 'json', bom }) };
      if (format === 'csv') {
        const detail = 'needs `part`: a CSV holds one kind of thing';
        throw problem('INVALID_REQUEST', `/query/format ${detail}`, { errors: [{ pointer: '/query/format', detail }] });
      }
      return { status: 200, stream: wholeCustomer(file) };
    },
  });
}

const Gone = z
  .object({
    dry_run: z.boolean(),
    changed: z.boolean().meta({ description: 'False: it was done before' }),
    gone: z.object({
      licenses: z.number().int().meta({ description: 'Licenses whose notes, labels and domains go; they stay' }),
      keys_revoked: z.number().int(),
      sites: z
        .number()
        .int()
        .meta({ description: 'Sites whose names go; they stay counted, or with `keep_keys` get their slots anew' }),
      audit_events: z.number().int().meta({ description: 'Events of which texts go' }),
    }),
    customer: OneCustomer,
  })
  .meta({ id: 'Anonymized' });

function forgetting({ db, secrets }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/customers/{id}/anonymize',
    operationId: 'anonymizeCustomer',
    summary: 'Takes out of everything who a customer is',
    description:
      'Name, addresses, notes, labels, domains, names of sites and texts of the audit go; the ledger with amounts, payment references and times stays. It cannot be undone.',
    tag: 'customers',
    scope: 'licenses:write',
    role: 'manager',
    params,
    body: z.strictObject({
      keep_keys: z.boolean().default(false).meta({ description: 'The keys go on working; else they are revoked' }),
      dry_run: z.boolean().default(false).meta({ description: 'Only says what would go' }),
    }),
    answers: { 200: Gone },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'MASTER_IS_FIXED'],
    async handler({ params: { id }, body: { keep_keys: keepKeys, dry_run: dryRun } }, context) {
      const done = await anonymizeCustomer({ db, secrets }, id, { keepKeys, dryRun }, context);
      const { changed, licenses, keysRevoked, sites, events } = done;
      const gone = { licenses, keys_revoked: keysRevoked, sites, audit_events: events };
      const customer = oneCustomer(await readCustomer(db, context.actor, id));
      return { status: 200, body: { dry_run: dryRun, changed, gone, customer } };
    },
  });
}
