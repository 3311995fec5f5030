import { z } from 'zod';

/** What an organization does about money that comes back, and about a charge that fails. */
export const PaymentPolicy = z.object({
  /** A partial refund closes what was paid for from so many percent on; null: only a full one does. */
  partialRefundPercent: z.number().int().min(1).max(100).nullable().default(null),
  /** A full refund of the period that runs: its time ends now, or at the end of the period. */
  periodRefund: z.enum(['end', 'keep']).default('end'),
  /** While a dispute is open. */
  disputeOpened: z.enum(['suspend', 'keep']).default('suspend'),
  /** When a bank suspects fraud and nobody disputes yet. */
  fraudWarning: z.enum(['flag', 'suspend']).default('flag'),
  /** Days after a failed charge of a subscription where its package says nothing. */
  graceDays: z.number().int().min(0).max(90).default(7),
});
export type PaymentPolicy = z.infer<typeof PaymentPolicy>;
