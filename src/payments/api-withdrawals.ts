import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { instant } from '../licensing/fields.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import type { WithdrawalRecord } from './store-withdrawals.ts';
import { closeWithdrawal, listWithdrawals } from './withdrawals.ts';

const WithdrawalView = z
  .object({
    id: z.string(),
    order_ref: z.string().meta({ description: 'As the buyer typed it' }),
    order_id: z.string().nullable().meta({ description: 'The order with this id and address; null: there is none' }),
    email: z.string(),
    name: z.string(),
    statement: z.string(),
    at: instant,
    closed_at: instant.nullable().meta({ description: 'Since when it is dealt with' }),
  })
  .meta({ id: 'Withdrawal' });

function withdrawalView(record: WithdrawalRecord): z.input<typeof WithdrawalView> {
  const { id, email, name, statement, at } = record;
  return {
    ...{ id, order_ref: record.orderRef, order_id: record.orderId, email, name, statement, at },
    closed_at: record.closedAt,
  };
}

/** What buyers declared on the page for withdrawals. */
export function withdrawalRoutes({ db }: { db: Db }): Route[] {
  return [
    route({
      method: 'get',
      path: `${ORGANIZATION_LEVEL.path}/withdrawals`,
      operationId: 'listWithdrawals',
      summary: 'Who withdrew from a contract',
      description: 'Newest first. A withdrawal changes nothing by itself: refund the payment, then close it.',
      tag: 'selling',
      scope: 'licenses:read',
      role: 'support',
      params: ORGANIZATION_LEVEL.params,
      query: z.object({ ...pageQuery('withdrawal'), open: z.enum(['true', 'false']).optional() }),
      answers: { 200: pageOf(WithdrawalView) },
      problems: ['NOT_FOUND'],
      async handler({ params, query }, { actor }) {
        const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
        const open = query.open === undefined ? undefined : query.open === 'true';
        const page = await listWithdrawals(db, { organizationId: organization.id, open }, query);
        return { status: 200, body: pageBody(page, withdrawalView) };
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/withdrawals/{id}/close',
      operationId: 'closeWithdrawal',
      summary: 'Says that a withdrawal is dealt with',
      tag: 'selling',
      scope: 'licenses:write',
      role: 'support',
      params: z.object({ id: idParam('withdrawal') }),
      body: z.strictObject({}),
      answers: { 200: WithdrawalView },
      problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
      async handler({ params }, context) {
        return { status: 200, body: withdrawalView(await closeWithdrawal(db, params.id, context)) };
      },
    }),
  ];
}
