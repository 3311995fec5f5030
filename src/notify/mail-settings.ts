import { z } from 'zod';

/** How an organization writes to its buyers. */
export const MailSettings = z.object({
  /** The name that stands beside the sender's address; null: the organization's. */
  fromName: z.string().trim().min(1).max(100).nullable().default(null),
  /** Where answers go. null: nowhere. */
  replyTo: z.email().max(200).nullable().default(null),
  /** Of buyers whose language is not known. */
  language: z.enum(['en', 'de', 'fr']).default('en'),
  /** Templates that are not sent. */
  off: z.array(z.string().max(40)).max(50).default([]),
  /** What stands above the text of a mail, by template and language. */
  intro: z.record(z.string().max(60), z.string().max(2_000)).default({}),
  /** Stands under every mail: who sells, as the law wants it. */
  footer: z.string().max(1_000).default(''),
});
export type MailSettings = z.infer<typeof MailSettings>;
