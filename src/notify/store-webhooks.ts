import { forUpdate, type Tx } from '../db/dialect.ts';
import { columnsOf, fromRow, toRow } from '../db/rows.ts';
import type { DisabledReason } from './retry-plan.ts';

/** An address of somebody else that is told what happens in an organization. */
export interface WebhookRecord {
  id: string;
  organizationId: string;
  url: string;
  /** `*`, `key.*`, `key.created` … */
  types: string[];
  description: string;
  active: boolean;
  disabledAt: string | null;
  /** null with `disabledAt`: by hand. */
  disabledReason: DisabledReason | null;
  secretSealed: string;
  /** It signs too until then. */
  previousSecretSealed: string | null;
  previousSecretUntil: string | null;
  /** Since when nothing has been delivered; null: the last attempt was well. */
  failingSince: string | null;
  /** The receiver asked for a pause. */
  heldUntil: string | null;
  lastAttemptAt: string | null;
  createdAt: string;
  createdBy: string;
}

const SHAPE = { json: ['types'], booleans: ['active'] };
const COLUMNS = columnsOf(
  ...['id', 'organizationId', 'url', 'types', 'description', 'active', 'disabledAt', 'disabledReason', 'secretSealed'],
  ...['previousSecretSealed', 'previousSecretUntil', 'failingSince', 'heldUntil', 'lastAttemptAt', 'createdAt'],
  'createdBy',
);

function toWebhook(row: object): WebhookRecord {
  return fromRow(row, SHAPE);
}

export async function insertWebhook(tx: Tx, webhook: WebhookRecord): Promise<void> {
  await tx('webhook_endpoints').insert(toRow(webhook, SHAPE));
}

export async function findWebhook(tx: Tx, id: string): Promise<WebhookRecord | null> {
  const row = await tx('webhook_endpoints').select(COLUMNS).where({ id }).first();
  return row ? toWebhook(row) : null;
}

/** Taken before its deliveries are touched, always in this order. */
export async function lockWebhook(tx: Tx, id: string): Promise<WebhookRecord | null> {
  const [row] = await forUpdate(tx, tx('webhook_endpoints').select(COLUMNS).where({ id }));
  return row ? toWebhook(row) : null;
}

/** Few by nature: their number is limited. Oldest first. */
export async function webhooksOf(tx: Tx, organizationId: string): Promise<WebhookRecord[]> {
  const rows = await tx('webhook_endpoints').select(COLUMNS).where({ organization_id: organizationId }).orderBy('id');
  return rows.map(toWebhook);
}

export async function activeWebhooks(tx: Tx): Promise<WebhookRecord[]> {
  return (await tx('webhook_endpoints').select(COLUMNS).where({ active: true }).orderBy('id')).map(toWebhook);
}

export async function updateWebhook(
  tx: Tx,
  id: string,
  change: Partial<Omit<WebhookRecord, 'id' | 'organizationId' | 'createdAt' | 'createdBy'>>,
): Promise<void> {
  await tx('webhook_endpoints').where({ id }).update(toRow(change, SHAPE));
}

/** Its deliveries go with it; events stay until they are old, for others may have got them. */
export async function deleteWebhook(tx: Tx, id: string): Promise<void> {
  await tx('webhook_deliveries').where({ endpoint_id: id }).delete();
  await tx('webhook_endpoints').where({ id }).delete();
}
