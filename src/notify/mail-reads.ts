import { type Actor, requireOrganization } from '../accounts/actor.ts';
import { findSurvivor } from '../accounts/store-customers.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { COUNT_LIMIT, type Page, pageFrom, pageRequest } from '../http/paging.ts';
import { redactKeys } from '../http/redact.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import { pageUrl } from '../updates/feed-releases.ts';
import { vendorOf } from './load-mail.ts';
import { type MailLanguage, type MailText, mailLanguage } from './mail-facts.ts';
import { isAddress, type SendOutcome } from './mail-message.ts';
import { sampleFacts } from './mail-sample.ts';
import { mailText } from './mail-text.ts';
import type { MailTemplate } from './mail-wish.ts';
import type { Mails } from './mailing.ts';
import { sendLoaded } from './send-mails.ts';
import {
  countMails,
  findMail,
  hasMails,
  insertMail,
  type MailFilter,
  type MailRecord,
  pageOfMails,
} from './store-mails.ts';

/** Throws NOT_FOUND, in the same words for one that is not there and one that the actor may not touch. */
async function mailOf(tx: Tx, actor: Actor, id: string): Promise<MailRecord> {
  const found = await findMail(tx, id);
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}

export function readMail(db: Db, actor: Actor, id: string): Promise<MailRecord> {
  return db.read((tx) => mailOf(tx, actor, id));
}

/** True: this installation writes to people, so it matters whether that arrives. */
export function isAnythingWritten(db: Db): Promise<boolean> {
  return db.read(hasMails);
}

/** Newest first. */
export async function listMails(
  db: Db,
  filter: MailFilter,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<MailRecord>> {
  const { limit, after } = pageRequest(query);
  return db.read(async (tx) => {
    const rows = await pageOfMails(tx, filter, after, limit + 1);
    return pageFrom(rows, limit, await countMails(tx, filter, COUNT_LIMIT + 1), ({ id }) => [id]);
  });
}

/**
 * The same once more, as a mail of its own: to the address that the customer has now, with what is true now. Throws NOT_FOUND, and
 * CUSTOMER_ANONYMIZED where no address is left.
 */
export async function resendMail(db: Db, id: string, by: By): Promise<MailRecord> {
  return db.tx(async (tx) => {
    const mail = await mailOf(tx, by.actor, id);
    const customer = mail.customerId === null ? null : await findSurvivor(tx, mail.customerId);
    const email = customer === null ? mail.email : customer.email;
    if (email === '') throw problem('CUSTOMER_ANONYMIZED', 'there is no address to send it to');
    const again = newId('mail', by.now);
    const at = toIso(by.now);
    const next: MailRecord = {
      ...mail,
      ...{ id: again, tag: `${mail.tag}|${again}`, email, state: 'waiting', notBefore: at, attempts: 0 },
      ...{ sentAt: null, detail: '', createdAt: at, createdBy: by.actor.id },
    };
    await insertMail(tx, next);
    const event = { actor: by.actor, action: 'mail.resend', entity: 'mail', entityId: again, requestId: by.requestId };
    await audit(tx, { ...event, changes: { again: id, template: mail.template } }, by.now);
    return next;
  });
}

export interface SampleWish {
  template: MailTemplate;
  /** undefined: that of the organization. */
  language?: MailLanguage | undefined;
}

interface Ground {
  db: Db;
  publicUrl: string;
}

async function sampleOf(
  { db, publicUrl }: Ground,
  organization: OrganizationRecord,
  { template, language: said }: SampleWish,
  now: number,
) {
  const language = said ?? mailLanguage(organization.settings.mail.language);
  const products = await db.read((tx) => productsOfOrganization(tx, organization.id));
  const own = products.find(({ retiredAt }) => retiredAt === null);
  const product = own ? { name: own.name, platforms: own.platforms, url: pageUrl(publicUrl, own) } : null;
  const vendor = vendorOf(organization, template, language);
  const { keyPrefix } = organization;
  return { language, facts: sampleFacts(template, { vendor, keyPrefix, publicUrl, now, product }) };
}

/** How a mail would look, with made-up values. */
export async function previewMail(
  ground: Ground,
  organization: OrganizationRecord,
  wish: SampleWish,
  now: number,
): Promise<MailText & { language: MailLanguage }> {
  const { language, facts } = await sampleOf(ground, organization, wish, now);
  return { ...mailText(facts, language), language };
}

/** Sends such a mail at once. That it did not go is an answer, too. */
export async function testMail(
  ground: Ground & { mails: Pick<Mails, 'transport' | 'from'> },
  organization: OrganizationRecord,
  { to, ...wish }: SampleWish & { to: string },
  by: By,
): Promise<SendOutcome> {
  if (!isAddress(to)) {
    const detail = 'is no address that a mail can go to';
    throw problem('INVALID_REQUEST', `to ${detail}`, { errors: [{ pointer: '/to', detail }] });
  }
  const { transport, from } = ground.mails;
  const { language, facts } = await sampleOf(ground, organization, wish, by.now);
  await ground.db.tx(async (tx) => {
    const event = { actor: by.actor, action: 'mail.test', entity: 'organization', entityId: organization.id };
    await audit(tx, { ...event, changes: { template: wish.template, language }, requestId: by.requestId }, by.now);
  });
  if (transport === null)
    return { ok: false, lasting: true, detail: 'the operator sends no mails (MAIL_TRANSPORT=off)' };
  const marked = { ...facts, test: true };
  const settings = organization.settings.mail;
  const outcome = await sendLoaded({ from }, transport, newId('mail', by.now), {
    ...{ drop: null, to, language, facts: marked, settings },
  });
  return outcome.ok ? outcome : { ...outcome, detail: redactKeys(outcome.detail) };
}
