import { connect, type Socket } from 'node:net';

export interface Load {
  requests: number;
  seconds: number;
}

/**
 * Sends requests over kept connections, the next one as soon as an answer is whole, for `ms`. Written on bare sockets: an HTTP
 * client costs more than the server that it measures. Answers must have a Content-Length, or be a 304. Throws on any other status.
 */
export async function load(
  port: number,
  connections: number,
  ms: number,
  next: () => string,
  status: 200 | 304,
): Promise<Load> {
  let requests = 0;
  let over = false;
  const expected = `HTTP/1.1 ${status}`;
  const start = performance.now();

  const run = () =>
    new Promise<void>((resolve, reject) => {
      const socket: Socket = connect(port, '127.0.0.1');
      let text = '';
      socket.setNoDelay(true);
      socket.setEncoding('latin1');
      socket.once('error', reject);
      socket.once('connect', () => socket.write(next()));
      socket.on('data', (chunk: string) => {
        text = text === '' ? chunk : text + chunk;
        if (!isWhole(text, status)) return;
        if (!text.startsWith(expected)) return reject(new Error(`an answer was ${text.slice(0, 40)}`));
        text = '';
        requests += 1;
        if (!over) return void socket.write(next());
        socket.destroy();
        resolve();
      });
    });

  const stop = setTimeout(() => {
    over = true;
  }, ms);
  await Promise.all(Array.from({ length: connections }, run));
  clearTimeout(stop);
  return { requests, seconds: (performance.now() - start) / 1_000 };
}

function isWhole(text: string, status: 200 | 304): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  if (status === 304) return true;
  const at = text.search(/content-length: /i);
  return at >= 0 && text.length >= end + 4 + Number.parseInt(text.slice(at + 16, at + 26), 10);
}
