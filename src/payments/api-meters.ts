import { z } from 'zod';
import { idParam } from '../http/id-param.ts';
import { type Route, route } from '../http/route.ts';
import { instant, instantField } from '../licensing/fields.ts';
import type { PaymentDeps } from './accounts.ts';
import { USAGE_STATES } from './meter-step.ts';
import { reportUsage } from './meters.ts';

const MAX_VALUE = 1_000_000_000_000;

const UsageView = z
  .object({
    id: z.string(),
    subscription_id: z.string(),
    name: z.string(),
    value: z.number().int(),
    identifier: z.string(),
    at: instant,
    state: z.enum(USAGE_STATES).meta({
      description:
        '`unconfirmed`: sent, and no answer came yet. `uncertain`: none came for a day, so that it is not sent again. `refused` and `dropped`: not billed',
    }),
    detail: z.string(),
  })
  .meta({ id: 'ReportedUsage' });

/** What a vendor's own service tells of how much a subscription used. */
export function meterRoutes(deps: Pick<PaymentDeps, 'db' | 'gateways'>): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/subscriptions/{id}/usage',
      operationId: 'reportSubscriptionUsage',
      summary: 'Reports usage that the payment provider bills',
      description:
        'Kept first and told to the provider within the hour, once. The same `identifier` again is the same usage: 200. Stripe counts it by the meter whose event name is `name`; other providers bill no usage.',
      tag: 'subscriptions',
      scope: 'payments:write',
      role: 'manager',
      params: z.object({ id: idParam('subscription') }),
      body: z.strictObject({
        name: z
          .string()
          .regex(/^[\w.:-]{1,100}$/, 'is an event name of a meter: letters, digits and _ . : -')
          .meta({ examples: ['api_calls'] }),
        value: z.number().int().min(0).max(MAX_VALUE),
        identifier: z
          .string()
          .regex(/^[\w.:-]{1,100}$/, 'is 1 to 100 letters, digits and _ . : -')
          .optional()
          .meta({ description: 'Your own id of it; without one each call counts' }),
        at: instantField.optional().meta({ description: 'When it was used; without it now. At most 35 days ago' }),
      }),
      answers: { 200: UsageView, 201: UsageView },
      problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'NOT_SUPPORTED', 'ALREADY_EXISTS'],
      async handler({ params, body }, context) {
        const { usage, replayed } = await reportUsage(deps, params.id, body, context);
        const { id, subscriptionId, name, value, identifier, at, state, detail } = usage;
        const view = { id, subscription_id: subscriptionId, name, value, identifier, at, state, detail };
        return { status: replayed ? 200 : 201, body: view };
      },
    }),
  ];
}
