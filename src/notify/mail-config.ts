import { z } from 'zod';
import { type Address, oneLine, parseSender } from './mail-message.ts';
import { type MailServer, parseMailServer } from './mail-server.ts';

/** How mails to buyers leave. */
export interface MailConfig {
  /** `file`: each is a file in `DATA_DIR/mail`, for whatever takes it from there. `off`: none is sent. */
  transport: 'smtp' | 'file' | 'console' | 'off';
  from: Address;
  /** False: nobody said it, and `from` is made of the public address. */
  fromSaid: boolean;
  /** null: not by SMTP. */
  server: MailServer | null;
  /** False: in the clear where the server offers nothing else. */
  tlsRequired: boolean;
}

/** The variables of the environment. */
export const mailFields = {
  MAIL_FROM: z
    .string()
    .transform((text, context): Address => {
      const sender = parseSender(text);
      if (sender) return sender;
      context.addIssue({ code: 'custom', message: 'is an address, or a name and an address: Shop <shop@example.com>' });
      return z.NEVER;
    })
    .optional(),
  SMTP_URL: z
    .string()
    .transform((text, context): MailServer => {
      const server = parseMailServer(text);
      if (typeof server !== 'string') return server;
      context.addIssue({ code: 'custom', message: server });
      return z.NEVER;
    })
    .optional(),
  SMTP_TLS: z.enum(['required', 'optional'], { error: 'is required or optional' }).default('required'),
  MAIL_TRANSPORT: z.enum(['smtp', 'file', 'console', 'off'], { error: 'is smtp, file, console or off' }).optional(),
};

interface Said {
  PUBLIC_URL: string;
  MAIL_FROM?: Address | undefined;
  SMTP_URL?: MailServer | undefined;
  SMTP_TLS: 'required' | 'optional';
  MAIL_TRANSPORT?: MailConfig['transport'] | undefined;
}

/** By SMTP where a server is named; else into files, so that nothing is lost before one is. */
export function mailConfig(said: Said): MailConfig {
  const { PUBLIC_URL, MAIL_FROM, SMTP_URL, SMTP_TLS, MAIL_TRANSPORT } = said;
  return {
    transport: MAIL_TRANSPORT ?? (SMTP_URL === undefined ? 'file' : 'smtp'),
    from: MAIL_FROM ?? { name: '', address: `feedgate@${oneLine(new URL(PUBLIC_URL).hostname)}` },
    fromSaid: MAIL_FROM !== undefined,
    server: SMTP_URL ?? null,
    tlsRequired: SMTP_TLS === 'required',
  };
}

/** What does not fit together. */
export function mailFaults(said: Said): string[] {
  const { transport, server, fromSaid } = mailConfig(said);
  if (transport !== 'smtp') return [];
  return [
    ...(server === null ? ['SMTP_URL is required with MAIL_TRANSPORT=smtp'] : []),
    ...(fromSaid ? [] : ['MAIL_FROM is required to send mails by SMTP: the address that they come from']),
  ];
}
