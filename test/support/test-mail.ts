import type { MailConfig } from '../../src/notify/mail-config.ts';

/** Mails of tests become files in the data folder. */
export const TEST_MAIL: MailConfig = {
  transport: 'file',
  from: { name: '', address: 'feedgate@updates.example.com' },
  fromSaid: false,
  server: null,
  tlsRequired: true,
};
