import { createServer } from 'node:http';
import type { Core } from '../app.ts';
import { buildHandler } from '../handler.ts';
import type { Reroute } from '../updates/client-model.ts';

/** What the server would answer, on a port of this machine, with a gate that writes nothing down: no use is counted, no site taken. */
export async function onLoopback<T>(core: Core, work: (reroute: Reroute) => Promise<T>): Promise<T> {
  const gate: Core['gate'] = { ...core.gate, record: async ({ verdict }) => verdict };
  const server = createServer(buildHandler({ ...core, gate }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const { publicUrl } = core.config;
  const reroute: Reroute = (url) =>
    url.startsWith(`${publicUrl}/`) ? `http://127.0.0.1:${port}${url.slice(publicUrl.length)}` : url;
  try {
    return await work(reroute);
  } finally {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
