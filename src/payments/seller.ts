import { z } from 'zod';

const address = z
  .url({ protocol: /^https?$/ })
  .max(500)
  .nullable()
  .default(null);

/** What an organization says of itself as a seller, and from where it sells. */
export const SellerSettings = z.object({
  /** Origins of marketing sites that may ask for plans and start a checkout, e.g. `https://www.example.com`. */
  origins: z.array(z.url().max(300)).max(50).default([]),
  /** Beginnings of addresses that a buyer may be sent back to; our own pages always may. */
  returnUrls: z.array(z.url().max(500)).max(50).default([]),
  termsUrl: address,
  privacyUrl: address,
  withdrawalUrl: address,
  /** What a buyer must agree to before he pays; null: nothing. A new text is a new version. */
  consent: z
    .object({ version: z.string().min(1).max(40), text: z.string().min(1).max(2_000) })
    .nullable()
    .default(null),
  /** The page on which a consumer withdraws; off where somebody else is the seller. */
  withdrawals: z.boolean().default(true),
});
export type SellerSettings = z.infer<typeof SellerSettings>;
