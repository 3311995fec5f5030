import { audit } from '../audit/audit.ts';
import type { AuditChanges } from '../audit/changes.ts';
import type { Tx } from '../db/dialect.ts';
import type { By } from '../licensing/keys.ts';
import type { PaymentRecord, SubscriptionRecord } from './store-facts.ts';

/** What payments write into the audit, and so tell the webhooks. */

export function noteState(
  tx: Tx,
  licenseId: string,
  action: 'suspend' | 'resume',
  reason: string,
  by: By,
): Promise<void> {
  return note(tx, `license.${action}`, 'license', licenseId, { reason }, by);
}

export function notePayment(
  tx: Tx,
  { id, amountMinor, currency }: PaymentRecord,
  action: 'paid' | 'fail' | 'refund' | 'dispute',
  changes: AuditChanges,
  by: By,
): Promise<void> {
  return note(tx, `payment.${action}`, 'payment', id, { amount_minor: amountMinor, currency, ...changes }, by);
}

export function noteSubscription(
  tx: Tx,
  { id }: SubscriptionRecord,
  action: 'start' | 'change' | 'past_due' | 'recover' | 'cancel' | 'end',
  changes: AuditChanges,
  by: By,
): Promise<void> {
  return note(tx, `subscription.${action}`, 'subscription', id, changes, by);
}

function note(tx: Tx, action: string, entity: string, entityId: string, changes: AuditChanges, by: By): Promise<void> {
  return audit(tx, { actor: by.actor, action, entity, entityId, changes, requestId: by.requestId }, by.now);
}
