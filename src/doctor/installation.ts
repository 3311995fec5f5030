import type { Db } from '../db/connect.ts';
import { notePepper } from './store.ts';

/**
 * A database belongs to the secret key that it was made under: with another one no key would be found and none could be shown.
 * Throws in words; the first start notes whose database it is.
 */
export async function checkPepper(db: Db, fingerprint: string): Promise<void> {
  const known = await db.tx((tx) => notePepper(tx, fingerprint));
  if (known !== fingerprint) {
    throw new Error(
      'this database was made under another secret key: put the old SECRET_KEY or secret.key back (without it every license key is lost)',
    );
  }
}
