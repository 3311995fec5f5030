import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { isoField, wordsField } from '../http/license-query.ts';
import { pageBody, pageOf, placeIn, sortedQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { exportQuery, ROWS_ANSWER, rowsStream } from '../http/rows-stream.ts';
import { emailField, nameField } from '../licensing/fields.ts';
import { listFingerprint } from '../licensing/license-filter.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { CUSTOMER_KINDS, CUSTOMER_SORTS, type CustomerFilter, NOTES_LIMIT } from './customer.ts';
import { CUSTOMER_COLUMNS, CustomerDetails, customerDetails, OneCustomer, oneCustomer } from './customer-view.ts';
import { addCustomer, changeCustomer, listCustomers, readCustomer } from './customers.ts';
import { exportCustomers } from './export-customers.ts';

interface Deps {
  db: Db;
}

const params = z.object({ id: idParam('customer') });
const external = z.string().trim().min(1).max(200).nullable();
const facts = {
  email: z.union([emailField, z.literal('')]).meta({ description: 'Empty where none is known' }),
  kind: z.enum(CUSTOMER_KINDS),
  organization_name: z.string().trim().max(200),
  external_customer_id: external.meta({ description: 'Your own id; no two customers of an organization have one' }),
  external_workspace_id: external.meta({ description: 'The id of a workspace elsewhere; several may share it' }),
  notes: z.string().max(NOTES_LIMIT),
  language: z.string().regex(/^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$/, 'must be a language tag such as de or pt-BR'),
};

const NewBody = z.strictObject({
  name: nameField,
  email: facts.email.default(''),
  kind: facts.kind.default('customer'),
  organization_name: facts.organization_name.default(''),
  external_customer_id: facts.external_customer_id.default(null),
  external_workspace_id: facts.external_workspace_id.default(null),
  notes: facts.notes.default(''),
  language: facts.language.default(''),
});
const ChangeBody = z.strictObject({ name: nameField, ...facts }).partial();

const filterFields = {
  q: wordsField.optional(),
  email: emailField.optional(),
  email_prefix: z.string().trim().toLowerCase().min(1).max(254).optional(),
  kind: z.enum(CUSTOMER_KINDS).optional(),
  external_customer_id: z.string().min(1).max(200).optional(),
  external_workspace_id: z.string().min(1).max(200).optional(),
  created_from: isoField.optional(),
  created_before: isoField.optional(),
};
const Filter = z.object(filterFields);

function filterOf(organizationId: string, query: z.output<typeof Filter>): CustomerFilter {
  return {
    organizationId,
    words: query.q,
    email: query.email,
    emailPrefix: query.email_prefix,
    kind: query.kind,
    externalCustomerId: query.external_customer_id,
    externalWorkspaceId: query.external_workspace_id,
    createdFrom: query.created_from,
    createdBefore: query.created_before,
  };
}

/** Who owns licenses. */
export function customerRoutes(deps: Deps): Route[] {
  return [listing(deps), exporting(deps), reading(deps), adding(deps), changing(deps)];
}

const ofOrganization = { tag: 'customers', problems: ['NOT_FOUND', 'WRONG_ID_KIND'] } as const;
function listing({ db }: Deps): Route {
  return route({
    ...ofOrganization,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/customers`,
    operationId: 'listCustomers',
    summary: 'The customers of an organization',
    scope: 'licenses:read',
    role: 'viewer',
    params: ORGANIZATION_LEVEL.params,
    query: z.object({ ...sortedQuery(CUSTOMER_SORTS), ...filterFields }),
    answers: { 200: pageOf(CustomerDetails) },
    async handler({ params: { org }, query: { sort, limit, cursor, ...query } }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, { org });
      const filter = filterOf(organization.id, query);
      const fingerprint = listFingerprint(filter, sort);
      const page = await listCustomers(db, filter, { sort, limit, after: placeIn(cursor, fingerprint), fingerprint });
      return { status: 200, body: pageBody(page, customerDetails) };
    },
  });
}

function exporting({ db }: Deps): Route {
  return route({
    ...ofOrganization,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/customers/export`,
    operationId: 'exportCustomers',
    summary: 'All customers of an organization as a file',
    scope: 'licenses:read',
    role: 'viewer',
    params: ORGANIZATION_LEVEL.params,
    query: z.object({ ...exportQuery, ...filterFields }),
    answers: { 200: ROWS_ANSWER },
    async handler({ params: { org }, query: { format, bom, ...query } }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, { org });
      const batches = exportCustomers(db, filterOf(organization.id, query));
      const name = `customers-${organization.slug}`;
      return { status: 200, stream: rowsStream({ format, bom, name, columns: CUSTOMER_COLUMNS, batches }) };
    },
  });
}

function reading({ db }: Deps): Route {
  return route({
    ...ofOrganization,
    method: 'get',
    path: '/api/v1/customers/{id}',
    operationId: 'getCustomer',
    summary: 'One customer',
    description: 'The id of a double that was merged gets the customer that it was merged into, with that one’s `id`.',
    scope: 'licenses:read',
    role: 'viewer',
    params,
    answers: { 200: OneCustomer },
    async handler({ params: { id } }, { actor }) {
      const found = oneCustomer(await readCustomer(db, actor, id));
      return { status: 200, headers: { 'Content-Location': `/api/v1/customers/${found.id}` }, body: found };
    },
  });
}

function adding({ db }: Deps): Route {
  return route({
    ...ofOrganization,
    method: 'post',
    path: `${ORGANIZATION_LEVEL.path}/customers`,
    operationId: 'createCustomer',
    summary: 'Writes down a customer',
    description: 'One address may be that of several; a sale by address goes to the oldest of them.',
    scope: 'licenses:write',
    role: 'support',
    params: ORGANIZATION_LEVEL.params,
    body: NewBody,
    answers: { 201: OneCustomer },
    problems: [...ofOrganization.problems, 'ALREADY_EXISTS'],
    async handler({ params: { org }, body }, context) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, context.actor, { org });
      const { name, email, kind, notes, language } = body;
      const made = await addCustomer(
        db,
        organization.id,
        {
          ...{ name, email, kind, notes, language, organizationName: body.organization_name },
          ...{ externalCustomerId: body.external_customer_id, externalWorkspaceId: body.external_workspace_id },
        },
        context,
      );
      return { status: 201, body: oneCustomer(made) };
    },
  });
}

function changing({ db }: Deps): Route {
  return route({
    ...ofOrganization,
    method: 'patch',
    path: '/api/v1/customers/{id}',
    operationId: 'changeCustomer',
    summary: 'Changes what is written down of a customer',
    scope: 'licenses:write',
    role: 'support',
    params,
    body: ChangeBody,
    answers: { 200: OneCustomer },
    problems: [...ofOrganization.problems, 'ALREADY_EXISTS', 'CUSTOMER_ANONYMIZED'],
    async handler({ params: { id }, body }, context) {
      const { name, email, kind, notes, language } = body;
      const change = {
        ...{ name, email, kind, notes, language, organizationName: body.organization_name },
        ...{ externalCustomerId: body.external_customer_id, externalWorkspaceId: body.external_workspace_id },
      };
      return { status: 200, body: oneCustomer(await changeCustomer(db, id, change, context)) };
    },
  });
}
