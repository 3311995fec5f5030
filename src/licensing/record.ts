import { makeBatch } from '../batch.ts';
import { dayOf, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import type { EventType } from '../notify/event-types.ts';
import { announce, type News } from '../notify/outbox.ts';
import { lookupAll } from './lookup.ts';
import { refreshLicense } from './refresh.ts';
import type { SiteClaim } from './slots.ts';
import { countActivation, insertActivation, moveActivation, releaseActivation } from './store-activations.ts';
import { type LicenseRecord, lockLicense, stampFirstUse } from './store-licenses.ts';
import { appendUsage, type UsageRow } from './store-usage.ts';
import { type LicenseSnapshot, type Question, type Verdict, verdict } from './verdict.ts';

/** One answer that is about to be given. */
export interface Entry {
  question: Question;
  verdict: Verdict;
  keyHash: string | null;
  /** Without code and time; the code is that of the verdict unless `code` names a finer one. */
  usage: Omit<UsageRow, 'at' | 'day' | 'code'>;
  code: Verdict['code'];
  /** Which version of the product runs on the site; null: nothing is said. At most 40 characters. */
  extensionVersion: string | null;
}

/** Resolves when the row is durable, with the verdict that holds then (a slot may have gone to somebody else). */
export type Record = (entry: Entry) => Promise<Verdict>;

export interface RecorderMetrics {
  batch(size: number, ms: number): void;
}

const MOST_AT_ONCE = 512;
/** More than this is overload: the poll is answered from memory as UNAVAILABLE instead of piling up. */
const MOST_WAITING = 20_000;

/** The group commit (DESIGN §4): usage rows, slots and first uses of many answers share it. */
export function makeRecorder(db: Db, metrics: RecorderMetrics = { batch: () => undefined }): Record {
  return makeBatch<Entry, Verdict>({
    most: MOST_AT_ONCE,
    mostWaiting: MOST_WAITING,
    // One entry that cannot be written must not take the others with it.
    isOneOfThem: isOneEntrys,
    async answerAll(entries) {
      const began = performance.now();
      try {
        return await db.tx((tx) => writeAll(tx, entries));
      } finally {
        metrics.batch(entries.length, performance.now() - began);
      }
    },
  });
}

/** A value that cannot be written. Any other error is the database's, and asking it again for every entry would only take longer. */
function isOneEntrys(error: unknown): boolean {
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  // SQLSTATE 22: data exception, 23: integrity constraint. https://www.postgresql.org/docs/current/errcodes-appendix.html
  const isRefused = /^2[23][0-9A-Z]{3}$/.test(code) || code.startsWith('SQLITE_CONSTRAINT');
  return isRefused || error instanceof TypeError || error instanceof RangeError;
}

async function writeAll(tx: Tx, entries: readonly Entry[]): Promise<Verdict[]> {
  const verdicts = entries.map((entry) => entry.verdict);
  const news: News[] = [];
  for (const [i, entry] of byLicense(entries)) verdicts[i] = await decideUnderLock(tx, entry, news);
  // A batch that claims nothing asks for no listeners.
  await announce(tx, news, entries[0]?.question.now ?? 0);
  const rows = entries.map((entry, i): UsageRow => {
    const final = verdicts[i] as Verdict;
    const isLost = entry.verdict.allowed && !final.allowed;
    const code = isLost ? final.code : entry.code;
    const refused = isLost ? 1 : entry.usage.refused;
    return { ...entry.usage, at: toIso(entry.question.now), day: dayOf(entry.question.now), code, refused };
  });
  await appendUsage(tx, rows);
  return verdicts;
}

/** Those that change a license, sorted by it, so that two instances take the locks in one order. */
function byLicense(entries: readonly Entry[]): [number, Entry][] {
  return [...entries.entries()]
    .filter(([, { verdict: decided }]) => decided.claim !== null || decided.firstUse.length > 0)
    .sort(([, a], [, b]) =>
      a.usage.license_id < b.usage.license_id ? -1 : a.usage.license_id > b.usage.license_id ? 1 : 0,
    );
}

/** Asks the gate again with what is true under the lock, and writes what that answer needs. */
async function decideUnderLock(tx: Tx, entry: Entry, news: News[]): Promise<Verdict> {
  const { question, keyHash } = entry;
  const locked = await lockLicense(tx, entry.usage.license_id);
  const [fresh] = await lookupAll(tx, [{ paths: [], keyHash, site: question.site }]);
  if (!locked || fresh?.key.kind !== 'found') return verdict({ ...question, key: { kind: 'unknown' } });
  const decided = verdict({ ...question, key: fresh.key });
  if (!decided.allowed) return decided;
  const { license } = fresh.key;
  const by = { kind: 'client', id: license.key.id } as const;
  const tell = (type: EventType, id: string) =>
    news.push({ type, id, organizationId: license.organizationId, by, changed: [] });
  if (decided.claim !== null && question.site !== null)
    await writeSlot(tx, license, decided, question.site, question.now, tell);
  if (decided.firstUse.length > 0) {
    await startTime(tx, locked, decided.firstUse, question.now);
    tell('license.started', license.id);
  }
  return decided;
}

async function writeSlot(
  tx: Tx,
  license: LicenseSnapshot,
  decided: Verdict,
  site: SiteClaim,
  now: number,
  tell: (type: EventType, siteId: string) => void,
): Promise<void> {
  const { claim } = decided;
  const at = toIso(now);
  if (claim === null) return;
  if (claim.kind !== 'claim') tell('site.changed', claim.id);
  if (claim.kind === 'move') return moveActivation(tx, claim.id, claim.identity, site.host, at);
  if (claim.kind === 'count') {
    if (claim.takes !== null && (await releaseActivation(tx, claim.takes, 'moved', at)))
      tell('site.released', claim.takes);
    return countActivation(tx, claim.id, license.id);
  }
  const id = newId('activation', now);
  tell('site.claimed', id);
  await insertActivation(tx, {
    id,
    licenseId: license.id,
    keyId: license.key.id,
    kind: 'site',
    identity: claim.identity,
    host: site.host,
    instance: site.instance,
    counted: claim.counted,
    exemptReason: claim.exemptReason,
    firstSeenAt: at,
    lastSeenAt: at,
    releasedAt: null,
    releasedBy: null,
  });
}

async function startTime(tx: Tx, license: LicenseRecord, grants: readonly string[], now: number): Promise<void> {
  for (const id of grants) await stampFirstUse(tx, id, toIso(now));
  await refreshLicense(tx, license, now);
}
