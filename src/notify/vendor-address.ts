import type { OrganizationSettings } from '../releases/organization-settings.ts';
import { isAddress } from './mail-message.ts';

/** Where mails for a vendor go: where answers to its own mails go, else its address for support. '' : it has none. */
export function vendorAddress({
  settings,
  supportUrl,
}: {
  settings: Pick<OrganizationSettings, 'mail'>;
  supportUrl: string | null;
}): string {
  if (settings.mail.replyTo !== null) return settings.mail.replyTo;
  const written = /^mailto:([^?]+)/i.exec(supportUrl ?? '')?.[1] ?? '';
  return isAddress(written) ? written : '';
}
