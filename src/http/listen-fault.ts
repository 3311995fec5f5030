import type { Config } from '../config.ts';

/** Why the server could not listen, in words for whoever started it. */
export function listenFault(error: NodeJS.ErrnoException, { port, host }: Pick<Config, 'port' | 'host'>): Error {
  if (error.code === 'EADDRINUSE') return new Error(`port ${port} is taken on ${host}; set PORT to another one`);
  return error.code === 'EACCES'
    ? new Error(`port ${port} may not be used by this user; set PORT to another one`)
    : error;
}
