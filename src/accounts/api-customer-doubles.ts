import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { cursorParam, encodeCursor, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { CustomerDetails, customerDetails, OneCustomer, oneCustomer } from './customer-view.ts';
import { listDoubles, readCustomer } from './customers.ts';
import { mergeCustomers } from './merge-customers.ts';

interface Deps {
  db: Db;
}

/** Customers who are one and the same. */
export function customerDoubleRoutes(deps: Deps): Route[] {
  return [doubles(deps), merging(deps)];
}

const ofOrganization = { tag: 'customers', problems: ['NOT_FOUND', 'WRONG_ID_KIND'] } as const;
const params = z.object({ id: idParam('customer') });

const Doubles = z
  .object({
    email: z.string().meta({ description: 'What they share: the address without its `+tag`' }),
    count: z.number().int(),
    customers: z.array(CustomerDetails).meta({ description: 'The oldest 20 of them' }),
  })
  .meta({ id: 'Doubles' });

function doubles({ db }: Deps): Route {
  return route({
    ...ofOrganization,
    method: 'get',
    path: `${ORGANIZATION_LEVEL.path}/customers/doubles`,
    operationId: 'listCustomerDoubles',
    summary: 'Customers who may be one and the same',
    description: 'They have one e-mail address, whatever its case and `+tag`. Nothing is merged by itself.',
    scope: 'licenses:read',
    role: 'viewer',
    params: ORGANIZATION_LEVEL.params,
    query: z.object({
      limit: pageQuery('customer').limit,
      cursor: cursorParam(z.tuple([z.string()])).optional(),
    }),
    answers: { 200: z.object({ items: z.array(Doubles), next_cursor: z.string().nullable() }) },
    async handler({ params: { org }, query: { limit, cursor } }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, { org });
      const { items, next } = await listDoubles(db, organization.id, { limit, after: cursor?.[0] ?? null });
      const shown = items.map((each) => ({ ...each, customers: each.customers.map(customerDetails) }));
      return { status: 200, body: { items: shown, next_cursor: next === null ? null : encodeCursor([next]) } };
    },
  });
}

function merging({ db }: Deps): Route {
  return route({
    ...ofOrganization,
    method: 'post',
    path: '/api/v1/customers/{id}/merge',
    operationId: 'mergeCustomer',
    summary: 'Merges a double into another customer',
    description:
      'All that is its own becomes the other’s, whose fields stay; empty ones are filled. The double’s id leads to the other from then on. It cannot be undone.',
    scope: 'licenses:write',
    role: 'support',
    params,
    body: z.strictObject({ into: idParam('customer').meta({ description: 'The customer that stays' }) }),
    answers: { 200: OneCustomer },
    problems: [...ofOrganization.problems, 'MASTER_IS_FIXED', 'CUSTOMER_ANONYMIZED'],
    async handler({ params: { id }, body: { into } }, context) {
      const survivor = await mergeCustomers(db, id, into, context);
      return { status: 200, body: oneCustomer(await readCustomer(db, context.actor, survivor)) };
    },
  });
}
