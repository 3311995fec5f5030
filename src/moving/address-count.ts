/** Polls of one product by one address on one day. */
export interface AddressCount {
  productId: string;
  path: string;
  /** UTC. */
  day: string;
  count: number;
  lastAt: string;
}
