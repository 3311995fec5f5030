import { z } from 'zod';
import { instant } from '../licensing/fields.ts';
import { MAIL_TEMPLATES } from './mail-wish.ts';
import type { MailRecord } from './store-mails.ts';

export const MAIL_STATES = ['waiting', 'sent', 'dropped', 'failed'] as const satisfies readonly MailRecord['state'][];

export const MailView = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    template: z.enum(MAIL_TEMPLATES),
    state: z.enum(MAIL_STATES).meta({
      description: '`dropped`: not true any more when its time came, or not wanted; `failed`: given up',
    }),
    customer_id: z.string().nullable(),
    license_id: z.string().nullable(),
    order_id: z.string().nullable(),
    email: z.string(),
    language: z.string().meta({ description: 'As it was known when the mail was planned; empty: not known' }),
    not_before: instant.meta({ description: 'When it is sent, or tried again' }),
    attempts: z.number().int(),
    sent_at: instant.nullable(),
    detail: z.string().meta({ description: 'Why it was not sent' }),
    created_at: instant,
    created_by: z.string(),
  })
  .meta({ id: 'Mail' });

/** What stands in a mail is made when it is sent and is kept nowhere, so it cannot be shown. */
export function mailView(mail: MailRecord): z.input<typeof MailView> {
  const { id, organizationId, template, state, customerId, about, email, language, attempts, detail } = mail;
  return {
    ...{ id, organization_id: organizationId, template, state, customer_id: customerId },
    ...{ license_id: about.license_id ?? null, order_id: about.order_id ?? null, email, language },
    ...{ not_before: mail.notBefore, attempts, sent_at: mail.sentAt, detail },
    ...{ created_at: mail.createdAt, created_by: mail.createdBy },
  };
}
