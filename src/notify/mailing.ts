import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Logger } from '../http/log.ts';
import { redactKeys } from '../http/redact.ts';
import type { LinkTokens } from '../payments/tokens.ts';
import type { Secrets } from '../secrets.ts';
import type { MailConfig } from './mail-config.ts';
import { consoleTransport, fileTransport, type MailTransport, smtpTransport } from './mail-io.ts';
import type { Address } from './mail-message.ts';
import { type MailSender, makeMailSender } from './send-mails.ts';

/** How an installation writes to people. */
export interface Mails {
  sender: MailSender;
  /** null: it does not. */
  transport: MailTransport | null;
  from: Address;
  /** Of what stands in them. */
  links: LinkTokens;
}

export interface MailsGround {
  db: Db;
  clock: Clock;
  log: Logger;
  secrets: Pick<Secrets, 'open'>;
  config: { mail: MailConfig; dataDir: string; publicUrl: string };
}

/** Of a mail the log names its id, never an address and nothing of what stands in it. */
export function makeMails({ db, clock, log, secrets, config }: MailsGround, links: LinkTokens): Mails {
  const { mail, dataDir, publicUrl } = config;
  const transport = transportOf(mail, dataDir, log);
  const sender = makeMailSender({
    ...{ db, clock, secrets, links, publicUrl, transport, from: mail.from },
    dice: () => randomInt(1_000) / 1_000,
    onFailed: ({ id, organizationId, template }, detail) =>
      log.warn({ mail: id, organization: organizationId, template, detail }, 'a mail was given up'),
    onError: (err) => log.error({ err }, 'mails could not be sent'),
  });
  return { sender, transport, from: mail.from, links };
}

/** The transport that the operator chose; null: none. */
function transportOf(
  { transport, server, tlsRequired }: Pick<MailConfig, 'transport' | 'server' | 'tlsRequired'>,
  dataDir: string,
  log: Pick<Logger, 'info'>,
): MailTransport | null {
  if (transport === 'smtp' && server !== null) return smtpTransport({ server, tlsRequired });
  if (transport === 'file') return fileTransport(join(dataDir, 'mail'));
  // What is printed ends in a log.
  return transport === 'console' ? consoleTransport((text) => log.info({ mail: redactKeys(text) }, 'a mail')) : null;
}
