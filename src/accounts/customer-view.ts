import { z } from 'zod';
import { CUSTOMER_KINDS } from './customer.ts';
import type { CustomerRecord } from './store-customers.ts';

const instant = z.iso.datetime();

export const CustomerDetails = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    name: z.string(),
    email: z.string().meta({ description: 'Empty where none is known' }),
    kind: z.enum(CUSTOMER_KINDS),
    organization_name: z.string(),
    external_customer_id: z.string().nullable(),
    external_workspace_id: z.string().nullable(),
    notes: z.string(),
    language: z.string().meta({ description: 'A tag such as `de` or `pt-BR`; empty: not known' }),
    licenses: z.number().int().meta({ description: 'How many it owns' }),
    anonymized_at: instant.nullable(),
    created_at: instant,
  })
  .meta({ id: 'CustomerDetails' });
export type CustomerDetails = z.input<typeof CustomerDetails>;

export function customerDetails({ record, licenses }: { record: CustomerRecord; licenses: number }): CustomerDetails {
  return {
    id: record.id,
    organization_id: record.organizationId,
    name: record.name,
    email: record.email,
    kind: record.kind,
    organization_name: record.organizationName,
    external_customer_id: record.externalCustomerId,
    external_workspace_id: record.externalWorkspaceId,
    notes: record.notes,
    language: record.language,
    licenses,
    anonymized_at: record.anonymizedAt,
    created_at: record.createdAt,
  };
}

/** One customer alone: beside its own fields, which doubles were merged into it. */
export const OneCustomer = CustomerDetails.extend({
  merged_ids: z.array(z.string()).meta({ description: 'Doubles that were merged into it; their ids lead here' }),
}).meta({ id: 'OneCustomer' });

export function oneCustomer({
  merged,
  ...seen
}: Parameters<typeof customerDetails>[0] & { merged: string[] }): z.input<typeof OneCustomer> {
  return { ...customerDetails(seen), merged_ids: merged };
}

export const CUSTOMER_COLUMNS = Object.keys(CustomerDetails.shape);
