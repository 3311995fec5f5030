import type { Db } from '../db/connect.ts';
import { type Job, stuckJobs } from '../jobs/store.ts';
import type { Secrets } from '../secrets.ts';
import { newestInstant, sealedSamples } from './store.ts';

/** When anything was written last, ISO; null in an empty database. A clock that stands before it was set back. */
export async function lastWritten(db: Db): Promise<string | null> {
  return db.read(newestInstant);
}

/** Whether what the database keeps sealed opens with this secret key. `none`: nothing is sealed yet. */
export async function sealState(db: Db, secrets: Pick<Secrets, 'open'>): Promise<'opens' | 'none' | 'broken'> {
  const samples = await db.read(sealedSamples);
  if (samples.length === 0) return 'none';
  return samples.every(({ purpose, id, sealed }) => opens(secrets, purpose, id, sealed)) ? 'opens' : 'broken';
}

function opens(secrets: Pick<Secrets, 'open'>, purpose: string, id: string, sealed: string): boolean {
  try {
    secrets.open(purpose, id, sealed);
    return true;
  } catch {
    return false;
  }
}

/** Jobs that failed again and again. */
export async function jobsThatAreStuck(db: Db): Promise<Job[]> {
  return db.read(stuckJobs);
}
