import { connect, type Socket } from 'node:net';

/** A connection on which a test decides every byte and when it is sent. */
export interface RawConnection {
  send(text: string): void;
  /** All that came, once `enough` says so or the server has closed the connection. */
  receive(enough: (text: string) => boolean): Promise<string>;
  /** Takes nothing more until it is told to. */
  pause(): void;
  resume(): void;
  destroy(): void;
}

export async function rawConnection(port: number): Promise<RawConnection> {
  const socket: Socket = connect(port, '127.0.0.1');
  let received = '';
  let ended = false;
  let look = (): void => undefined;
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    received += chunk;
    look();
  });
  // A server that has said enough may reset the connection while we still send.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
    look();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return {
    send: (text) => void socket.write(text, 'latin1'),
    receive: (enough) =>
      new Promise((resolve) => {
        look = () => {
          if (ended || enough(received)) resolve(received);
        };
        look();
      }),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy: () => void socket.destroy(),
  };
}
