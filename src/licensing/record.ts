import { holderOf } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { makeBatch } from '../batch.ts';
import { dayOf, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import type { EventType } from '../notify/event-types.ts';
import { announce, type News } from '../notify/outbox.ts';
import { writeSlot } from './claims.ts';
import { lookupAll } from './lookup.ts';
import { refreshLicense } from './refresh.ts';
import { keepSealed, type SealedText } from './store-keys.ts';
import { lockLicense, stampFirstUse } from './store-licenses.ts';
import { appendUsage, type UsageRow } from './store-usage.ts';
import {
  holderOfSlots,
  type LicenseSnapshot,
  limitsInForce,
  mayTakeOver,
  type Question,
  type Verdict,
  verdict,
} from './verdict.ts';

/** One answer that is about to be given. */
export interface Entry {
  question: Question;
  verdict: Verdict;
  keyHash: string | null;
  /** Without code and time; the code is that of the verdict unless `code` names a finer one. */
  usage: Omit<UsageRow, 'at' | 'day' | 'code'>;
  code: Verdict['code'];
  /** Of a key of which only the hash was known: its text, sealed. */
  learned?: SealedText;
  /** Of an activation that was asked for with the key. */
  activation?: AskedActivation | undefined;
}

export interface AskedActivation {
  label: string | null;
  requestId: string;
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
  const decided = entries.map((entry) => entry.verdict);
  const events: News[] = [];
  for (const [i, entry] of byLicense(entries)) decided[i] = await decideUnderLock(tx, entry, events);
  // A batch that claims nothing asks for no listeners.
  await announce(tx, events, entries[0]?.question.now ?? 0);
  const rows = entries.map((entry, i): UsageRow => {
    const final = decided[i] as Verdict;
    const isLost = entry.verdict.allowed && !final.allowed;
    const code = isLost ? final.code : entry.code;
    const refused = isLost ? 1 : entry.usage.refused;
    return { ...entry.usage, at: toIso(entry.question.now), day: dayOf(entry.question.now), code, refused };
  });
  await appendUsage(tx, rows);
  for (const { learned } of entries) if (learned) await keepSealed(tx, learned);
  return decided;
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
async function decideUnderLock(tx: Tx, entry: Entry, events: News[]): Promise<Verdict> {
  const { question, keyHash, activation } = entry;
  const locked = await lockLicense(tx, entry.usage.license_id);
  const fresh = await askAgain(
    tx,
    question,
    keyHash,
    question.key.kind === 'found' && question.key.license.idlest !== null,
  );
  if (!locked || fresh === null) return verdict({ ...question, key: { kind: 'unknown' } });
  const { verdict: decided, license } = fresh;
  const { claim, terms } = decided;
  if (!decided.allowed) return decided;
  const tell = (type: EventType, id: string) =>
    events.push({
      type,
      id,
      organizationId: license.organizationId,
      by: { kind: 'client', id: license.key.id },
      changed: [],
    });
  if (claim !== null && question.site !== null && terms !== null) {
    const context = {
      licenseId: license.id,
      keyId: holderOfSlots(license.key),
      unit: limitsInForce(terms).siteUnit,
    };
    const notes = { now: question.now, ...(activation ? { label: activation.label } : { tell }) };
    const id = await writeSlot(tx, claim, question.site, { ...context, ...notes });
    if (activation) await noteActivation(tx, license, id, question, activation.requestId);
  }
  if (decided.firstUse.length > 0) {
    await startTime(tx, license.id, decided.firstUse, question.now);
    tell('license.started', license.id);
  }
  return decided;
}

/** null: the key is gone. A silent site is looked for where only that lets this one in. */
async function askAgain(
  tx: Tx,
  question: Question,
  keyHash: string | null,
  withIdlest: boolean,
): Promise<{ verdict: Verdict; license: LicenseSnapshot } | null> {
  const [fresh] = await lookupAll(tx, [{ paths: [], keyHash, site: question.site, withIdlest }]);
  if (fresh?.key.kind !== 'found') return null;
  const decided = verdict({ ...question, key: fresh.key });
  if (!withIdlest && mayTakeOver(decided)) return askAgain(tx, question, keyHash, true);
  return { verdict: decided, license: fresh.key.license };
}

async function noteActivation(
  tx: Tx,
  { id: licenseId, key }: LicenseSnapshot,
  slotId: string,
  { site, now }: Question,
  requestId: string,
): Promise<void> {
  const changes = { license_id: licenseId, site: site?.host ?? '' };
  const event = { actor: holderOf(key.id), action: 'site.activate', entity: 'site', entityId: slotId, changes };
  await audit(tx, { ...event, requestId }, now);
}

async function startTime(tx: Tx, licenseId: string, grants: readonly string[], now: number): Promise<void> {
  for (const id of grants) await stampFirstUse(tx, id, toIso(now));
  // Read anew: a slot may have been claimed since.
  const license = await lockLicense(tx, licenseId);
  if (license) await refreshLicense(tx, license, now);
}
