import { z } from 'zod';
import { type GatewayAccount, MODES } from './gateway.ts';
import type { AccountRecord } from './store-accounts.ts';

const instant = z.iso.datetime();

/** What is switched on for payment pages; a provider takes of it what it knows. */
export const SettingsBody = z
  .strictObject({
    automatic_tax: z.boolean().meta({ description: 'The provider works out the tax, where it can' }),
    tax_ids: z.boolean().meta({ description: 'Buyers may give their tax id' }),
    invoices: z.boolean().meta({ description: 'The provider makes an invoice of one-off sales too' }),
    promotion_codes: z.boolean().meta({ description: 'Buyers may type a promotion code' }),
  })
  .partial();
export type SettingsChange = z.output<typeof SettingsBody>;

const FindingView = z
  .object({
    severity: z.enum(['error', 'warning', 'ok']),
    code: z.string().meta({ description: 'Stable, to branch on' }),
    detail: z.string(),
    fix: z.string().meta({ description: 'What to do about it; empty: nothing' }),
  })
  .meta({ id: 'PaymentFinding' });

/** An account as its owner sees it: of its secrets only as much as tells one from another. */
export const AccountView = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    provider: z.string().meta({ examples: ['stripe'] }),
    mode: z.enum(MODES),
    source: z.enum(['environment', 'api']).meta({
      description: '`environment`: the variables of the process have it, and it is changed there',
    }),
    active: z.boolean(),
    external_id: z.string().nullable().meta({ description: "The provider's own id of it; null: not known yet" }),
    credentials: z
      .record(z.string(), z.string())
      .meta({ description: 'By name, each shown by its ends only', examples: [{ secret_key: 'sk_…w3Kd' }] }),
    hook_url: z.string().meta({ description: 'Where the provider sends its events' }),
    hook_id: z.string().nullable().meta({ description: "The provider's id of our webhook" }),
    hook_secrets: z.array(z.string()).meta({
      description: 'Those that may have signed a delivery, the newest first, shown by their ends only',
    }),
    settings: z.object(SettingsBody.required().shape),
    checked_at: instant.nullable(),
    findings: z.array(FindingView).meta({ description: 'What the last check found' }),
    reconciled_at: instant.nullable().meta({ description: "When the provider's own list of events was last read" }),
    created_at: instant,
    created_by: z.string(),
  })
  .meta({ id: 'PaymentAccount' });
export type AccountView = z.input<typeof AccountView>;

export const AccountWithSecret = AccountView.extend({
  hook_secret: z.string().nullable().meta({
    description:
      'Of a shop of another kind, shown this once: it signs its events with it. null: nothing was made that anybody must be told',
  }),
}).meta({ id: 'PaymentAccountWithSecret' });

/** `opened` is the same account with its secrets opened, of which only hints go on. */
export function accountView(
  account: AccountRecord,
  opened: Pick<GatewayAccount, 'credentials' | 'hookSecrets'>,
  hookUrl: string,
): AccountView {
  const { id, provider, mode, source, active, settings } = account;
  return {
    ...{ id, organization_id: account.organizationId, provider, mode, source, active },
    external_id: account.externalId,
    credentials: Object.fromEntries(Object.entries(opened.credentials).map(([name, text]) => [name, hintOf(text)])),
    hook_url: hookUrl,
    hook_id: account.hookId,
    hook_secrets: opened.hookSecrets.map(hintOf),
    settings: {
      automatic_tax: settings.automaticTax,
      tax_ids: settings.taxIds,
      invoices: settings.invoices,
      promotion_codes: settings.promotionCodes,
    },
    checked_at: account.checkedAt,
    findings: account.faults,
    reconciled_at: account.reconciledAt,
    created_at: account.createdAt,
    created_by: account.createdBy,
  };
}

/** Enough to tell one secret from another, never enough to use one. */
function hintOf(secret: string): string {
  if (secret.length < 16) return '…';
  return secret.length < 24 ? `…${secret.slice(-2)}` : `${secret.slice(0, 3)}…${secret.slice(-4)}`;
}
