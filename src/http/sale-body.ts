import type { z } from 'zod';
import { domainsField, emailField, lineField, nameField, paymentRefField } from '../licensing/fields.ts';
import { idParam } from './id-param.ts';

/** Who buys, for which sites, and by which payment: what every route that sells takes. */
export const buyerFields = {
  customer_id: idParam('customer')
    .optional()
    .meta({ description: 'A customer that is known, in the place of name and e-mail address' }),
  customer_name: nameField.optional(),
  customer_email: emailField.optional(),
  domains: domainsField.default([]),
  payment_ref: paymentRefField.nullable().default(null),
  line: lineField,
};

/** The body of a sale: one that makes a new license names its buyer. */
export function saleBody<T extends z.ZodObject>(body: T) {
  return body
    .refine((sent) => hasBuyer(sent, 'customer_name'), needsBuyer('customer_name'))
    .refine((sent) => hasBuyer(sent, 'customer_email'), needsBuyer('customer_email'));
}

/** What a sale says of who buys. */
interface Buyer {
  license_id?: unknown;
  customer_id?: unknown;
  customer_name?: unknown;
  customer_email?: unknown;
}

/** Given to `refine` for each of the two fields. Asked even where other fields are wrong, so that all faults are told at once. */
function needsBuyer(field: 'customer_name' | 'customer_email') {
  return { message: 'is required for a new license without customer_id', path: [field], when: () => true };
}

/** Anything may have been sent: what is no object is refused elsewhere. */
function hasBuyer(body: unknown, field: 'customer_name' | 'customer_email'): boolean {
  if (typeof body !== 'object' || body === null) return true;
  const { license_id: license, customer_id: customer, [field]: given } = body as Buyer;
  return license !== undefined || customer !== undefined || given !== undefined;
}
