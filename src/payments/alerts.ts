import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { findOrganization } from '../forge/store.ts';
import { newId } from '../ids.ts';
import { queueMail } from '../notify/mails.ts';
import { vendorAddress } from '../notify/vendor-address.ts';
import { type AlertRecord, raiseAlert } from './store-alerts.ts';

export type AlertWish = Pick<AlertRecord, 'organizationId' | 'accountId' | 'code' | 'subject' | 'detail'>;

/** Says once that a vendor must look at something, on the list and by mail; the same again is only counted. */
export async function alertVendor(tx: Tx, wish: AlertWish, now: number): Promise<void> {
  const at = toIso(now);
  const id = newId('payment_alert', now);
  const isNew = await raiseAlert(tx, { ...wish, id, count: 1, firstAt: at, lastAt: at, dismissedAt: null });
  if (!isNew) return;
  const organization = await findOrganization(tx, wish.organizationId);
  if (!organization) return;
  const { organizationId } = wish;
  const { language } = organization.settings.mail;
  const mail = { organizationId, template: 'vendor_alert' as const, tag: `alert:${id}`, customerId: null, language };
  const email = vendorAddress(organization);
  await queueMail(tx, { ...mail, email, about: { alert_id: id }, notBefore: now }, now);
}
