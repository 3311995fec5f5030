import { type Clock, MINUTE, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { redactKeys } from '../http/redact.ts';
import { newId } from '../ids.ts';
import { loadMail, type MailGround } from './load-mail.ts';
import type { MailTransport } from './mail-io.ts';
import { type Address, isAddress, type Message, oneLine, type SendOutcome } from './mail-message.ts';
import { nextTry } from './mail-retry.ts';
import { mailText } from './mail-text.ts';
import { claimMails, findMail, isMailDue, type MailRecord, type MailTimes, settleMail } from './store-mails.ts';

export interface MailSenderDeps extends MailGround {
  db: Db;
  clock: Clock;
  /** null: the operator sends no mails. */
  transport: MailTransport | null;
  from: Address;
  /** From 0 to 1. */
  dice(): number;
  /** Given up: it is shown in the list of mails, too. */
  onFailed(mail: MailRecord, detail: string): void;
  onError(error: unknown): void;
}

export interface MailSender {
  start(): void;
  /** Lets what is under way end. */
  stop(): Promise<void>;
  /** Sends everything that is due now and waits for it. Returns the number of attempts. */
  drain(): Promise<number>;
}

/** Longer than an attempt can last. */
export const MAIL_LEASE_MS = 5 * MINUTE;
const FARTHEST_LEASE_MS = 30 * MINUTE;
const IDLE_MS = 2_000;
/** At once: what the connections of a transport take. */
const PARALLEL = 3;
const SWITCHED_OFF = 'the operator sends no mails (MAIL_TRANSPORT=off)';
const UNREADABLE: SendOutcome = { ok: false, lasting: false, detail: 'what stands in it could not be read' };

/**
 * Sends what waits, each mail under a lease. A process that dies between sending and writing it down sends the mail once more, under
 * the same Message-ID: at the border of SMTP at least once is all that there is.
 */
export function makeMailSender(deps: MailSenderDeps): MailSender {
  let stopped = true;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();

  async function round(): Promise<number> {
    const { db, clock } = deps;
    const times = timesAt(clock());
    if (!(await db.read((tx) => isMailDue(tx, times.now)))) return 0;
    const leaseId = newId('lease');
    const ids = await db.tx((tx) => claimMails(tx, times, leaseId, PARALLEL));
    await Promise.all(ids.map((id) => attempt(deps, id, leaseId).catch(deps.onError)));
    return ids.length;
  }

  return {
    start() {
      stopped = false;
      const tick = () => {
        if (stopped) return;
        running = round()
          .catch((error: unknown) => {
            deps.onError(error);
            return 0;
          })
          .then((sent) => {
            if (!stopped) timer = setTimeout(tick, sent > 0 ? 0 : IDLE_MS);
          });
      };
      tick();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
      deps.transport?.close();
    },
    async drain() {
      for (let done = 0; ; ) {
        const sent = await round();
        if (sent === 0) return done;
        done += sent;
      }
    },
  };
}

function timesAt(now: number): MailTimes {
  return {
    now: toIso(now),
    leaseUntil: toIso(now + MAIL_LEASE_MS),
    farthestLease: toIso(now + FARTHEST_LEASE_MS),
  };
}

async function attempt(deps: MailSenderDeps, id: string, leaseId: string): Promise<void> {
  const { db, clock, transport } = deps;
  const settle = (change: Parameters<typeof settleMail>[3]) => db.tx((tx) => settleMail(tx, id, leaseId, change));
  const mail = await db.read((tx) => findMail(tx, id));
  // It was removed in this very moment.
  if (!mail) return;
  const loaded = await db
    .read((tx) => loadMail(tx, deps, mail, clock()))
    .catch((error: unknown) => {
      deps.onError(error);
      return null;
    });
  if (loaded !== null && loaded.drop !== null) return void (await settle({ state: 'dropped', detail: loaded.drop }));
  if (transport === null) return void (await settle({ state: 'dropped', detail: SWITCHED_OFF }));
  // What cannot be read now is tried again like what cannot be sent, and stands in nobody's way meanwhile.
  const outcome = loaded === null ? UNREADABLE : await sendLoaded(deps, transport, mail.id, loaded);
  const at = clock();
  const attempts = mail.attempts + 1;
  if (outcome.ok) return void (await settle({ state: 'sent', detail: '', attempts, sentAt: toIso(at) }));
  const detail = redactKeys(outcome.detail);
  const next = outcome.lasting ? null : nextTry(attempts, at, deps.dice());
  const notBefore = next === null ? {} : { notBefore: toIso(next) };
  const isOurs = await settle({ state: next === null ? 'failed' : 'waiting', detail, attempts, ...notBefore });
  if (isOurs && next === null) deps.onFailed(mail, detail);
}

/** Writes a mail and hands it to the transport. The name of the vendor stands before the address of the installation. */
export async function sendLoaded(
  { from }: { from: Address },
  transport: MailTransport,
  id: string,
  { to, language, facts, settings }: Extract<Awaited<ReturnType<typeof loadMail>>, { drop: null }>,
): Promise<SendOutcome> {
  if (!isAddress(to)) return { ok: false, lasting: true, detail: 'the address is none that a mail can go to' };
  const text = mailText(facts, language);
  const message: Message = {
    ...{ id, to, ...text, subject: oneLine(text.subject) },
    from: { name: oneLine(settings.fromName ?? facts.vendor.name), address: from.address },
    replyTo: settings.replyTo !== null && isAddress(settings.replyTo) ? settings.replyTo : null,
    stopUrl: facts.links.stop,
  };
  return transport.send(message);
}
