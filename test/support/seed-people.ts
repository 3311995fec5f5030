import { OPERATOR, type Person } from '../../src/accounts/person.ts';
import { startSession } from '../../src/accounts/sessions.ts';
import type { Db } from '../../src/db/connect.ts';
import { SEED_NOW, seedSecrets } from './seed.ts';

/** Somebody who is signed in twice. */
export interface SeededPerson {
  id: string;
  /** The headers of a request that a page of ours makes in his browser. */
  session: Record<string, string>;
  /** His other session. */
  otherSessionId: string;
}

const PUBLIC_URL = 'https://updates.example.com';

/** For `startApi`, whose address is that of PUBLIC_URL. */
export async function seedPerson(db: Db, who: Omit<Person, 'id'>): Promise<SeededPerson> {
  const deps = { secrets: seedSecrets, publicUrl: PUBLIC_URL };
  const browser = {
    cookie: undefined,
    agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
    network: '192.0.2.0/24',
  };
  const by = { now: SEED_NOW, requestId: null };
  const other = await db.tx((tx) => startSession(tx, deps, who, browser, by));
  const { text, person } = await db.tx((tx) => startSession(tx, deps, who, browser, by));
  const session = { cookie: `__Host-feedgate-session=${text}`, origin: PUBLIC_URL, 'sec-fetch-site': 'same-origin' };
  return { id: person.id, session, otherSessionId: other.person.sessionId };
}

export function seedOperator(db: Db): Promise<SeededPerson> {
  return seedPerson(db, OPERATOR);
}
