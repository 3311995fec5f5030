import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { findSurvivor } from '../accounts/store-customers.ts';
import { audit } from '../audit/audit.ts';
import { DAY, fromIso, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { listOrganizations, type OrganizationRecord } from '../forge/store.ts';
import type { MailWish } from './mail-wish.ts';
import { queueMail } from './mails.ts';
import { type Ending, type Ends, endingLicenses, switchRemindersOff } from './store-reminders.ts';

interface Reminder {
  template: 'expiring' | 'ended';
  /** Days before the end; 0: it is over. */
  days: number;
  /** ms, seen from now: ends after `from` and up to `to`. */
  from: number;
  to: number;
}

/** Each has days of its own: a license that is found late gets the one that fits, not all at once. */
const REMINDERS: readonly Reminder[] = [
  { template: 'expiring', days: 30, from: 7 * DAY, to: 30 * DAY },
  { template: 'expiring', days: 7, from: DAY, to: 7 * DAY },
  { template: 'expiring', days: 1, from: 0, to: DAY },
  // After an outage an end is told of late; of older ones everybody knows.
  { template: 'ended', days: 0, from: -7 * DAY, to: 0 },
];
const SLICE = 200;

/** Puts the reminders that are due on the list of mails, each once for each end. Returns how many. */
export async function queueReminders(db: Db, now: number): Promise<number> {
  let queued = 0;
  for (const organization of await db.read(listOrganizations)) {
    for (const reminder of REMINDERS) {
      if (!organization.settings.mail.off.includes(reminder.template))
        queued += await queueAll(db, organization, reminder, now);
    }
  }
  return queued;
}

async function queueAll(db: Db, { id }: OrganizationRecord, reminder: Reminder, now: number): Promise<number> {
  const tag = `${reminder.template}:${reminder.days}:`;
  const ends: Ends = { organizationId: id, tag, from: toIso(now + reminder.from), to: toIso(now + reminder.to) };
  let queued = 0;
  for (let after: Ending | null = null; ; ) {
    const from: Ending | null = after;
    const { count, last } = await db.tx(async (tx) => {
      const found = await endingLicenses(tx, ends, from, SLICE);
      let made = 0;
      for (const each of found)
        if (!isFresh(each, now) && (await queueMail(tx, wishOf(id, reminder, each, now), now))) made += 1;
      return { count: made, last: found.length < SLICE ? null : (found.at(-1) ?? null) };
    });
    queued += count;
    if (last === null) return queued;
    after = last;
  }
}

/** Nobody who bought a month yesterday is told that it ends in 30 days: the first half of what was given is quiet. */
function isFresh({ givenAt, validUntil }: Ending, now: number): boolean {
  if (givenAt === null) return false;
  const [given, end] = [fromIso(givenAt), fromIso(validUntil)];
  return now < given + (end - given) / 2;
}

function wishOf(organizationId: string, { template, days }: Reminder, ending: Ending, now: number): MailWish {
  const { id, validUntil, customerId, email, language } = ending;
  return {
    ...{ organizationId, template, customerId, email, language, notBefore: now },
    tag: `${template}:${days}:${id}:${validUntil}`,
    about: { license_id: id, days },
  };
}

/** A customer follows the link of a reminder: none comes any more. Again is the same. False: there is no such customer. */
export async function stopReminders(db: Db, customerId: string, now: number): Promise<boolean> {
  return db.tx(async (tx) => {
    const customer = await findSurvivor(tx, customerId);
    if (!customer || customer.anonymizedAt !== null) return false;
    if (!(await switchRemindersOff(tx, customer.id, toIso(now)))) return true;
    const event = { actor: SYSTEM_ACTOR, action: 'customer.reminders_off', entity: 'customer', entityId: customer.id };
    await audit(tx, { ...event, changes: { reminders: { from: true, to: false } }, requestId: null }, now);
    return true;
  });
}
