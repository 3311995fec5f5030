import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  headers: Record<string, string>;
  body: string;
  /** Where the connection came in. */
  path: string;
}

export interface Receiver {
  url: string;
  received: Received[];
  /** How the next requests are answered; the last one goes on being used. A number is a status; a function does as it likes. */
  answers: (number | ((req: IncomingMessage, res: ServerResponse) => void))[];
  close(): Promise<void>;
}

/** Somebody's webhook endpoint on this machine. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const receiver: Omit<Receiver, 'url' | 'close'> = { received, answers: [204] };
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    received.push({ headers: req.headers as Record<string, string>, body, path: req.url ?? '' });
    const answer = receiver.answers.length > 1 ? receiver.answers.shift() : receiver.answers[0];
    if (typeof answer === 'function') answer(req, res);
    else res.writeHead(answer ?? 204).end(answer === 204 ? undefined : `answer ${answer}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...receiver,
    url: `http://127.0.0.1:${port}/hooks?token=a`,
    get answers() {
      return receiver.answers;
    },
    set answers(next) {
      receiver.answers = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
