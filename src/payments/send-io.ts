import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { PaymentTrouble } from '../errors.ts';

/** One request to a payment provider. */
export interface Sending {
  method: string;
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: string | null;
  /** From the first byte sent to the last one received, however slowly they drip, ms. */
  timeoutMs: number;
  maxBytes: number;
}

export interface Received {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

/**
 * Sends it over the wire and reads the answer to its end. Follows nothing. Throws PaymentTrouble `unreachable`, `timeout` or
 * `bad_answer` (too long, cut off, wrongly packed), with texts that hold neither address queries nor bodies.
 */
export async function sendOnce(sending: Sending): Promise<Received> {
  const what = `${sending.method} ${sending.url.host}${sending.url.pathname}`;
  const signal = AbortSignal.timeout(sending.timeoutMs);
  try {
    const message = await request(sending, signal);
    const bytes = await whole(message, sending.maxBytes, what);
    const text = unpacked(bytes, message, sending.maxBytes, what).toString('utf8');
    return { status: message.statusCode ?? 0, headers: message.headers, text };
  } catch (error) {
    if (error instanceof PaymentTrouble) throw error;
    if (signal.aborted) throw new PaymentTrouble('timeout', `${what} did not answer within ${sending.timeoutMs} ms`);
    throw troubleOf(error, what);
  }
}

/** Of a text that PEM blocks are read from. The system's list, as Node ships it. */
export function trustedRoots(): readonly string[] {
  return rootCertificates;
}

export async function pause(ms: number): Promise<void> {
  await sleep(ms);
}

/** Where a provider wants to be told until when, and nobody passes a time in. */
export function machineTime(): number {
  return Date.now();
}

/** Runs on, whatever is done to the clock of the machine. */
export function elapsedMs(): number {
  return performance.now();
}

function request({ method, url, headers, body }: Sending, signal: AbortSignal): Promise<IncomingMessage> {
  const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const options: https.RequestOptions = { method, signal, headers: { ...headers, ...length } };
  return new Promise((resolve, reject) => {
    const sent = url.protocol === 'https:' ? https.request(url, options) : http.request(url, options);
    sent.on('response', resolve).on('error', reject).end(body);
  });
}

async function whole(message: IncomingMessage, maxBytes: number, what: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) {
      message.destroy();
      throw new PaymentTrouble('bad_answer', `${what} answered with more than ${maxBytes} bytes`);
    }
  }
  return Buffer.concat(chunks, size);
}

/** Nobody asked for a packed answer; some send one all the same. */
function unpacked(bytes: Buffer, message: IncomingMessage, maxOutputLength: number, what: string): Buffer {
  if (message.headers['content-encoding'] !== 'gzip' || bytes.length === 0) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength });
  } catch {
    throw new PaymentTrouble('bad_answer', `${what} answered with a body that cannot be unpacked`);
  }
}

/** Codes only: a message may quote what was sent. */
function troubleOf(error: unknown, what: string): PaymentTrouble {
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'it broke off';
  const isBadAnswer = code.startsWith('HPE_');
  return new PaymentTrouble(isBadAnswer ? 'bad_answer' : 'unreachable', `${what} failed: ${code}`);
}
