import { type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';

/** More than any page of any list of Stripe's. */
const MAX_BYTES = 16 * 1024 * 1024;

type Headers = Record<string, string | string[] | number | undefined>;

/** What the SDK asks of an answer: it has come in whole. */
interface WholeAnswer {
  getStatusCode(): number;
  getHeaders(): Record<string, string>;
  getRawResponse(): unknown;
  toStream(): never;
  toJSON(): Promise<unknown>;
}

/**
 * How the SDK reaches Stripe. Its own client measures silence only, so that an answer that drips never times out, and reads an answer
 * of any length; here `timeout` is the time of the whole exchange. Notices of the API that the SDK prints are dropped.
 */
export const stripeTransport = {
  getClientName: () => 'node',
  async makeRequest(
    host: string,
    port: string,
    path: string,
    method: string,
    headers: object,
    body: string,
    protocol: string,
    timeout: number,
  ): Promise<WholeAnswer> {
    const { answer, text } = await exchange(
      protocol === 'http',
      { host, port, path, method, headers: headers as Headers },
      body,
      timeout,
    );
    const { 'stripe-notice': _, ...kept } = answer.headers;
    return {
      getStatusCode: () => answer.statusCode ?? 0,
      getHeaders: () => kept as Record<string, string>,
      getRawResponse: () => ({ statusCode: answer.statusCode ?? 0, headers: kept }),
      toStream: () => {
        throw new Error('answers are read whole');
      },
      toJSON: async () => objectOf(text),
    };
  },
};

function exchange(
  plain: boolean,
  options: RequestOptions,
  body: string,
  timeout: number,
): Promise<{ answer: IncomingMessage; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = (plain ? plainRequest : tlsRequest)(options);
    const end = setTimeout(() => sent.destroy(coded('ETIMEDOUT', 'no whole answer in time')), timeout);
    sent.on('close', () => clearTimeout(end));
    sent.on('error', reject);
    sent.on('response', (answer) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > MAX_BYTES) sent.destroy(coded('EMSGSIZE', 'the answer is too large'));
        else parts.push(part);
      });
      answer.on('error', reject);
      answer.on('end', () => resolve({ answer, text: Buffer.concat(parts).toString('utf8') }));
      // No connection reset: that code would make the SDK ask again whatever it was told.
      answer.on('close', () => reject(coded('ECONNABORTED', 'the answer was cut off')));
    });
    sent.end(body);
  });
}

/** Refused here, or the SDK would look for members in it. */
function objectOf(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new SyntaxError('no JSON object');
  return value;
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
