import { findSurvivor } from '../accounts/store-customers.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { findOrganization } from '../forge/store.ts';
import { newId } from '../ids.ts';
import type { KeyRecord } from '../licensing/store-keys.ts';
import type { LicenseRecord } from '../licensing/store-licenses.ts';
import type { MailWish } from './mail-wish.ts';
import { insertMail } from './store-mails.ts';
import { vendorAddress } from './vendor-address.ts';

/** Puts a mail on the list in the transaction of what it tells of. False: the same wish was there already. */
export async function queueMail(tx: Tx, wish: MailWish, now: number): Promise<boolean> {
  if (wish.email === '') return false;
  const { notBefore, ...rest } = wish;
  const waiting = { state: 'waiting' as const, attempts: 0, sentAt: null, detail: '' };
  return insertMail(tx, {
    ...{ id: newId('mail', now), ...rest, ...waiting },
    ...{ notBefore: toIso(notBefore), createdAt: toIso(now), createdBy: 'system' },
  });
}

/** The owner of a license is told of the key that takes the place of his. Nobody is, where it was never sold. */
export async function queueKeyReplaced(
  tx: Tx,
  {
    license,
    next,
  }: { license: Pick<LicenseRecord, 'id' | 'organizationId' | 'customerId' | 'master'>; next: KeyRecord },
  now: number,
): Promise<void> {
  if (license.master || next.purpose !== 'commercial') return;
  const customer = await findSurvivor(tx, license.customerId);
  if (!customer || customer.kind === 'internal') return;
  const wish: MailWish = {
    ...{ organizationId: license.organizationId, template: 'key_replaced', tag: `key_replaced:${next.id}` },
    ...{ customerId: customer.id, email: customer.email, language: customer.language, notBefore: now },
    about: { license_id: license.id, key_id: next.id },
  };
  await queueMail(tx, wish, now);
}

/** A vendor is told that nobody listens any more where his webhook leads to. */
export async function queueWebhookAlert(
  tx: Tx,
  { id, organizationId }: { id: string; organizationId: string },
  now: number,
): Promise<void> {
  const organization = await findOrganization(tx, organizationId);
  if (!organization) return;
  const wish: MailWish = {
    ...{ organizationId, template: 'vendor_alert', tag: `vendor_alert:${id}:${toIso(now)}`, customerId: null },
    ...{ email: vendorAddress(organization), language: '', about: { webhook_id: id }, notBefore: now },
  };
  await queueMail(tx, wish, now);
}
