import type { LookupFunction } from 'node:net';

/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<{ address: string; family: number }[]>;

/**
 * A look-up for a socket: every address of the name is judged, and the socket connects to these very addresses, so that a name
 * cannot change its mind in between. `fault` says why one may not be connected to; null: it may.
 */
export function guardedLookup(
  resolve: Resolve,
  fault: (host: string, addresses: readonly string[]) => Error | null,
): LookupFunction {
  return (host, options, done) => {
    resolve(host).then(
      (found) => {
        const [first] = found;
        const addresses = found.map(({ address }) => address);
        const error = fault(host, addresses);
        if (error !== null || first === undefined) return done(error ?? new Error(`${host} has no address`), '');
        if (options.all) return done(null, found);
        return done(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => done(error, ''),
    );
  };
}
