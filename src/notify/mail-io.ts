import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport, type SendMailOptions } from 'nodemailer';
import { headersOf, type Message, messageIdOf, type SendOutcome } from './mail-message.ts';
import { isLoopback, type MailServer } from './mail-server.ts';

/** How mails leave. Sending never throws: what went wrong is told, without the secrets of the operator. */
export interface MailTransport {
  kind: 'smtp' | 'file' | 'console';
  send(message: Message): Promise<SendOutcome>;
  /** null: it takes mails; else what is wrong. */
  check(): Promise<string | null>;
  close(): void;
}

const CONNECT_MS = 15_000;
const SOCKET_MS = 45_000;

function composed(message: Message): SendMailOptions {
  const { from, to, replyTo, subject, text, html } = message;
  return {
    from,
    to: { name: '', address: to },
    ...(replyTo === null ? {} : { replyTo: { name: '', address: replyTo } }),
    // The envelope is said apart, so that no header decides where a mail goes.
    envelope: { from: from.address, to: [to] },
    ...{ subject, text, html, messageId: messageIdOf(message), headers: headersOf(message) },
    // Texts come from vendors and buyers: none of them may name a file or an address to be read.
    ...{ disableFileAccess: true, disableUrlAccess: true },
  };
}

export interface SmtpOptions {
  server: MailServer;
  /** Without it mails go in the clear where the server offers nothing else; to this machine itself they always may. */
  tlsRequired: boolean;
}

/** A few connections that are kept open. */
export function smtpTransport({ server, tlsRequired }: SmtpOptions): MailTransport {
  const { host, port, secure, user, password } = server;
  const strict = tlsRequired && !isLoopback(host);
  const transport = createTransport({
    ...{ host, port, secure, pool: true, maxConnections: 3, maxMessages: 100 },
    ...(user === null ? {} : { auth: { user, pass: password ?? '' } }),
    ...{ requireTLS: strict, tls: { rejectUnauthorized: strict, minVersion: 'TLSv1.2' } },
    ...{ connectionTimeout: CONNECT_MS, greetingTimeout: CONNECT_MS, dnsTimeout: CONNECT_MS, socketTimeout: SOCKET_MS },
  });
  const secrets = [user, password].filter((each) => each !== null);
  return {
    kind: 'smtp',
    async send(message) {
      try {
        await transport.sendMail(composed(message));
        return { ok: true };
      } catch (error) {
        return { ok: false, lasting: isLasting(error), detail: wordsOf(error, secrets) };
      }
    },
    async check() {
      try {
        await transport.verify();
        return null;
      } catch (error) {
        return wordsOf(error, secrets);
      }
    },
    close: () => transport.close(),
  };
}

/** The server has refused the address or the mail for good; a wrong password or a full mailbox may be mended. */
function isLasting(error: unknown): boolean {
  const { code, responseCode } = error as { code?: string; responseCode?: number };
  const isRefusal = code === 'EENVELOPE' || code === 'EMESSAGE';
  return isRefusal && responseCode !== undefined && responseCode >= 500 && responseCode !== 552;
}

/** A server may repeat in its answer what it was told. */
function wordsOf(error: unknown, secrets: readonly string[]): string {
  const { message, responseCode } = error as { message: string; responseCode?: number };
  let words = message.replaceAll(/\s+/g, ' ');
  for (const secret of secrets) {
    for (const form of [secret, Buffer.from(secret).toString('base64')])
      if (form !== '') words = words.replaceAll(form, '***');
  }
  const code = responseCode === undefined || words.includes(String(responseCode)) ? '' : ` (${responseCode})`;
  return `${words.slice(0, 300)}${code}`;
}

/** The mail as it would go over the wire. */
async function rawOf(message: Message): Promise<Buffer> {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  const { message: raw } = await composer.sendMail(composed(message));
  return raw as Buffer;
}

/** One file a mail, named by its id, so that an attempt that is made again writes the same file. For the owner's eyes only: it holds the key. */
export function fileTransport(folder: string): MailTransport {
  return {
    kind: 'file',
    async send(message) {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const path = join(folder, `${message.id}.eml`);
        await writeFile(`${path}.part`, await rawOf(message), { mode: 0o600 });
        await rename(`${path}.part`, path);
        return { ok: true };
      } catch (error) {
        return { ok: false, lasting: false, detail: wordsOf(error, []) };
      }
    },
    async check() {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await chmod(folder, 0o700);
        const probe = join(folder, '.probe');
        await writeFile(probe, '');
        await rm(probe);
        return null;
      } catch (error) {
        return wordsOf(error, []);
      }
    },
    close: () => undefined,
  };
}

/** For a look while developing. What is printed ends in a log, so `print` masks keys. */
export function consoleTransport(print: (text: string) => void): MailTransport {
  return {
    kind: 'console',
    async send({ id, to, subject, text }) {
      print(`Mail ${id}\nTo: ${to}\nSubject: ${subject}\n\n${text}`);
      return { ok: true };
    },
    check: async () => null,
    close: () => undefined,
  };
}
