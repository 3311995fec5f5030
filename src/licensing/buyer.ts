/** What a sale says of who buys. */
interface Buyer {
  license_id?: unknown;
  customer_id?: unknown;
  customer_name?: unknown;
  customer_email?: unknown;
}

/** Given to `refine` for each of the two fields. Asked even where other fields are wrong, so that all faults are told at once. */
export function needsBuyer(field: 'customer_name' | 'customer_email') {
  return { message: 'is required for a new license without customer_id', path: [field], when: () => true };
}

/** Anything may have been sent: what is no object is refused elsewhere. */
export function hasBuyer(body: unknown, field: 'customer_name' | 'customer_email'): boolean {
  if (typeof body !== 'object' || body === null) return true;
  const { license_id: license, customer_id: customer, [field]: given } = body as Buyer;
  return license !== undefined || customer !== undefined || given !== undefined;
}
