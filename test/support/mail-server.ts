import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface ReceivedMail {
  envelope: { from: string; to: string[] };
  /** By lower-case name, encoded words decoded. */
  headers: Record<string, string>;
  text: string;
  html: string;
  raw: string;
}

export interface MailServerFake {
  port: number;
  received: ReceivedMail[];
  /** Until so many have come. */
  waitFor(count: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * A real SMTP server on loopback. It refuses `refused@…` for good and `later@…` for now.
 */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServerFake> {
  const received: ReceivedMail[] = [];
  const waiting: (() => void)[] = [];
  const server = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS'], logger: false },
    onRcptTo({ address }, _session, callback) {
      if (address.startsWith('refused@')) return callback(refusal(550, 'no such user'));
      if (address.startsWith('later@')) return callback(refusal(451, 'come back later'));
      callback();
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => void chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? '' : mailFrom.address;
        const raw = Buffer.concat(chunks).toString('utf8');
        received.push({ envelope: { from, to: rcptTo.map(({ address }) => address) }, ...parseMail(raw), raw });
        callback();
        for (const wake of waiting.splice(0)) wake();
      });
    },
    ...options,
  });
  // A client that leaves in the middle is no fault of the server.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    async waitFor(count) {
      while (received.length < count) await new Promise<void>((resolve) => void waiting.push(resolve));
    },
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function refusal(responseCode: number, words: string): Error {
  return Object.assign(new Error(words), { responseCode });
}

/** What our own mails are made of: headers, then two parts. */
function parseMail(raw: string): Pick<ReceivedMail, 'headers' | 'text' | 'html'> {
  const [head = '', ...body] = raw.split('\r\n\r\n');
  const headers = headersOf(head);
  const boundary = /boundary="?([^";]+)"?/.exec(headers['content-type'] ?? '')?.[1];
  const parts = boundary === undefined ? [raw] : body.join('\r\n\r\n').split(`--${boundary}`);
  const of = (type: string) => parts.map(partOf).find((part) => part.type.startsWith(type))?.text ?? '';
  return { headers, text: of('text/plain'), html: of('text/html') };
}

function headersOf(head: string): Record<string, string> {
  const lines = head
    .trim()
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), wordsOf(line.slice(at + 1).trim())];
    }),
  );
}

function wordsOf(text: string): string {
  return text
    .replaceAll('?= =?', '?==?')
    .replaceAll(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_, kind: string, body: string) => {
      return kind.toLowerCase() === 'b'
        ? Buffer.from(body, 'base64').toString('utf8')
        : quoted(body.replaceAll('_', ' '));
    });
}

function quoted(text: string): string {
  const bytes = text.replaceAll(/=\r?\n/g, '').replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function partOf(part: string): { type: string; text: string } {
  const at = part.indexOf('\r\n\r\n');
  const headers = headersOf(part.slice(0, Math.max(at, 0)));
  const body = part.slice(at + 4);
  const encoding = (headers['content-transfer-encoding'] ?? '').toLowerCase();
  const text =
    encoding === 'base64'
      ? Buffer.from(body, 'base64').toString('utf8')
      : encoding === 'quoted-printable'
        ? quoted(body)
        : body;
  return { type: headers['content-type'] ?? '', text: text.replaceAll('\r\n', '\n') };
}
