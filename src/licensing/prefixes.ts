import { MINUTE } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { DEFAULT_KEY_PREFIX } from './license-key.ts';
import { prefixesInUse } from './store-keys.ts';

/**
 * The prefixes that keys wear in this installation, read once a minute: a key under a new prefix is found before that too, as
 * long as it is typed as it was written.
 */
export function makeKeyPrefixes(db: Db): { current(): readonly string[]; stop(): Promise<void> } {
  let known: readonly string[] = [DEFAULT_KEY_PREFIX];
  let reading: Promise<void> = Promise.resolve();
  const read = () => {
    reading = db.read(prefixesInUse).then(
      (found) => {
        known = [...new Set([DEFAULT_KEY_PREFIX, ...found])];
      },
      () => undefined,
    );
  };
  read();
  const timer = setInterval(read, MINUTE);
  timer.unref();
  return {
    current: () => known,
    /** Resolves when nothing of it is under way, so that the database can be closed. */
    async stop() {
      clearInterval(timer);
      await reading;
    },
  };
}
