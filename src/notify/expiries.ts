import { DAY, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { type EventType, wants } from './event-types.ts';
import { announce } from './outbox.ts';
import { deleteNoticesBefore, noteEnds } from './store-notices.ts';
import { activeWebhooks } from './store-webhooks.ts';

/** So long before its end a license is said to end. */
const AHEAD = 30 * DAY;
/** An end is told of late rather than never, but not for ever. */
const BEHIND = 7 * DAY;
const SLICE = 200;

interface Watch {
  organizationId: string;
  type: Extract<EventType, 'license.expiring' | 'license.expired'>;
  /** ISO: ends after `from` and up to `to`. */
  from: string;
  to: string;
}

/** Tells of licenses that end soon or have ended: each end once, whatever the number of instances. Returns how many were told of. */
export async function announceEnds(db: Db, now: number): Promise<number> {
  let told = 0;
  for (const watch of await watches(db, now)) {
    for (;;) {
      const count = await db.tx(async (tx) => {
        const { organizationId, type, from, to } = watch;
        const ids = await noteEnds(tx, { organizationId, tag: type, from, to, at: toIso(now) }, SLICE);
        const by = { kind: 'system', id: 'system' } as const;
        await announce(
          tx,
          ids.map((id) => ({ type, organizationId, id, by, changed: [] })),
          now,
        );
        return ids.length;
      });
      told += count;
      if (count < SLICE) break;
    }
  }
  return told;
}

/** Only what somebody wants to know; nobody is told of ends from before he asked. */
async function watches(db: Db, now: number): Promise<Watch[]> {
  const webhooks = await db.read(activeWebhooks);
  const organizations = [...new Set(webhooks.map(({ organizationId }) => organizationId))];
  return organizations.flatMap((organizationId) => {
    const own = webhooks.filter((each) => each.organizationId === organizationId);
    const asked = (type: Watch['type']) =>
      own.filter(({ types }) => wants(types, type)).map(({ createdAt }) => Date.parse(createdAt));
    const soon: Watch = { organizationId, type: 'license.expiring', from: toIso(now), to: toIso(now + AHEAD) };
    const since = Math.max(now - BEHIND, Math.min(...asked('license.expired')));
    const over: Watch = { organizationId, type: 'license.expired', from: toIso(Math.min(since, now)), to: toIso(now) };
    return [soon, over].filter(({ type }) => asked(type).length > 0);
  });
}

/** After twice the longest time that a note must keep something from being told again. */
export async function purgeNotices(db: Db, now: number): Promise<void> {
  await db.tx((tx) => deleteNoticesBefore(tx, toIso(now - 2 * (AHEAD + BEHIND))));
}
