import { z } from 'zod';
import { idParam } from '../http/id-param.ts';
import { type Route, route } from '../http/route.ts';
import type { PaymentDeps } from './accounts.ts';
import { keyAddress } from './give-keys.ts';
import { KEY_FIELDS, KEY_PRESETS, type KeyPreset } from './key-request.ts';

const PRESETS = Object.keys(KEY_PRESETS) as [KeyPreset, ...KeyPreset[]];

/** The ready address for a shop that asks a license server for keys. */
export function keyAddressRoutes(deps: PaymentDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/payments/accounts/{id}/key-address',
      operationId: 'makeKeyAddress',
      summary: 'The signed address at which a shop asks for keys',
      description:
        'Of an account of the provider `shop`. Whoever has the address can have keys made, so it is as secret as a password; it ends with the secret of the account. The same wish has the same address.',
      tag: 'payment accounts',
      scope: 'admin',
      role: 'admin',
      params: z.object({ id: idParam('payment_account') }),
      body: z.strictObject({
        preset: z.enum(PRESETS).nullable().default(null).meta({ description: 'Whose names of fields go first' }),
        keys: z
          .enum(['quantity', 'order'])
          .default('quantity')
          .meta({ description: 'A key for each piece, or one key whose limits are multiplied' }),
        sell: z.string().trim().min(1).max(100).nullable().default(null).meta({
          description: 'The code of a price, or the id of a package. null: the request names what it buys',
        }),
        fields: z
          .partialRecord(z.enum(KEY_FIELDS), z.string().trim().min(1).max(100))
          .default({})
          .meta({ description: 'How the shop calls a field, where it is not called as usual' }),
      }),
      answers: { 200: z.object({ address: z.string() }) },
      problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'NOT_SUPPORTED'],
      secretFields: ['/address'],
      async handler({ params, body }, { actor }) {
        return { status: 200, body: { address: await keyAddress(deps, actor, params.id, body) } };
      },
    }),
  ];
}
