import { findSurvivor } from '../accounts/store-customers.ts';
import { fromIso, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { findOrganization, type OrganizationRecord } from '../forge/store.ts';
import { textIfKnown } from '../licensing/keys.ts';
import { wholeTerms } from '../licensing/license-status.ts';
import type { WholeLicense } from '../licensing/license-view.ts';
import { wholeLicenses } from '../licensing/licenses.ts';
import { type KeyRecord, keysOfLicense } from '../licensing/store-keys.ts';
import { findLicenses } from '../licensing/store-licenses.ts';
import { findAlert } from '../payments/store-alerts.ts';
import { findPayment, findSubscription } from '../payments/store-facts.ts';
import { findOrder, linesOfOrder, type OrderRecord } from '../payments/store-orders.ts';
import type { LinkTokens } from '../payments/tokens.ts';
import { type Product, renewUrlOf } from '../releases/product.ts';
import type { Secrets } from '../secrets.ts';
import { pageUrl } from '../updates/feed-releases.ts';
import { type MailFacts, type MailLanguage, mailLanguage } from './mail-facts.ts';
import { whyDropped } from './mail-reason.ts';
import type { MailSettings } from './mail-settings.ts';
import { REMINDERS, TO_VENDOR } from './mail-text.ts';
import type { MailAbout, MailTemplate } from './mail-wish.ts';
import { endOfReplaced, findRefund, findWithdrawal, renewsItself, sellsHere } from './store-mail-facts.ts';
import type { MailRecord } from './store-mails.ts';
import { findWebhook } from './store-webhooks.ts';

export interface MailGround {
  secrets: Pick<Secrets, 'open'>;
  links: LinkTokens;
  publicUrl: string;
}

/** A mail that is ready to be written, or the reason why it is not sent. */
export type Loaded =
  | { drop: string }
  | { drop: null; to: string; language: MailLanguage; facts: MailFacts; settings: MailSettings };

/** Reads what stands in a mail as things are now. Keys are opened here and nowhere else, and go no further than into the mail. */
export async function loadMail(tx: Tx, ground: MailGround, mail: MailRecord, now: number): Promise<Loaded> {
  const organization = await findOrganization(tx, mail.organizationId);
  if (!organization) return { drop: 'the organization is gone' };
  const settings = organization.settings.mail;
  const { template, about } = mail;
  if (settings.off.includes(template)) return { drop: 'the organization does not send such mails' };
  const customer = mail.customerId === null ? null : await findSurvivor(tx, mail.customerId);
  if (customer !== null && customer.anonymizedAt !== null) return { drop: 'the customer was anonymized' };
  const isReminder = REMINDERS.has(template);
  if (isReminder && customer !== null && customer.remindersOffAt !== null)
    return { drop: 'the customer wants no reminders' };
  const order = about.order_id === undefined ? null : await findOrder(tx, about.order_id);
  const licenses = await licensesOf(tx, mail, order);
  if (about.license_id !== undefined && licenses.length === 0) return { drop: 'the license is gone' };
  const found = await detailsOf(tx, about);
  if (found === null) return { drop: 'what it is about is gone' };
  const keys = KEYED.has(template) ? await keysOf(tx, licenses, about, now) : [];
  const texts = keys.flatMap((key) => textIfKnown(ground.secrets, key) ?? []);
  const license = await standingOf(tx, licenses, now);
  const { subscription, payment } = found;
  const days = about.days ?? null;
  const drop = whyDropped(template, { now, days, license, subscription, keys: texts.length });
  if (drop !== null) return { drop };
  const isVendor = TO_VENDOR.has(template);
  const language = isVendor
    ? mailLanguage(settings.language)
    : mailLanguage(customer?.language, order?.language, mail.language, settings.language);
  const products = productsOf(licenses, now);
  const renew = await renewLinkOf(tx, ground, template, licenses[0], products, organization);
  const stop =
    isReminder && customer !== null ? `${ground.publicUrl}/mail/stop/${ground.links.customer(customer.id)}` : null;
  const facts: MailFacts = {
    ...{ template, keys: texts, test: [order, subscription, payment].some((each) => each?.mode === 'test') },
    vendor: vendorOf(organization, template, language),
    name: customer?.name ?? found.withdrawal?.name ?? order?.name ?? '',
    products: products.map((product) => ({
      ...{ name: product.name, platforms: product.platforms, url: pageUrl(ground.publicUrl, product) },
    })),
    license: LICENSED.has(template) && !license?.empty ? license : null,
    reference: order?.id ?? null,
    ...{ amount: found.amount, details: found.details },
    at: await instantOf(tx, template, about, found),
    links: {
      order: order === null || isVendor ? null : `${ground.publicUrl}/order/${ground.links.order(order.id)}`,
      ...{ renew, stop, pay: about.url ?? null },
    },
  };
  const to = isVendor ? (settings.replyTo ?? mail.email) : mail.email;
  return { drop: null, to, language, facts, settings };
}

/** Mails with the keys. */
const KEYED: ReadonlySet<MailTemplate> = new Set(['key', 'key_replaced']);
/** Mails that say what the license is. */
const LICENSED: ReadonlySet<MailTemplate> = new Set([
  ...(['key', 'renewed', 'expiring', 'ended', 'recovered', 'canceled', 'key_replaced'] as const),
]);
/** Mails that lead to the page on which one renews. */
const RENEWING: ReadonlySet<MailTemplate> = new Set(['expiring', 'ended', 'canceled']);

export function vendorOf(
  { name, supportUrl, settings: { mail } }: OrganizationRecord,
  template: MailTemplate,
  language: MailLanguage,
): MailFacts['vendor'] {
  const intro = TO_VENDOR.has(template) ? '' : (mail.intro[`${template}.${language}`] ?? mail.intro[template] ?? '');
  return { name, supportUrl, intro, replyTo: mail.replyTo, footer: mail.footer };
}

/** The license that it names, else all that the order went into. */
async function licensesOf(
  tx: Tx,
  { organizationId, about }: MailRecord,
  order: OrderRecord | null,
): Promise<WholeLicense[]> {
  const lines = order === null || about.license_id !== undefined ? [] : await linesOfOrder(tx, order.id);
  const ids = about.license_id === undefined ? lines.flatMap(({ licenseId }) => licenseId ?? []) : [about.license_id];
  const records = (await findLicenses(tx, [...new Set(ids)])).filter((each) => each.organizationId === organizationId);
  return [...(await wholeLicenses(tx, organizationId, records)).values()];
}

/** The best that several of them are. */
async function standingOf(tx: Tx, licenses: readonly WholeLicense[], now: number) {
  const [first] = licenses;
  if (!first) return null;
  const all = licenses.map(({ ledger, products }) => wholeTerms(ledger, products, now));
  // Of what was given back there is no end, which is not the same as one without.
  const terms = all.filter(({ state }) => state !== 'canceled' && state !== 'none');
  const ends = terms.map(({ validUntil }) => validUntil);
  const sites = terms.map(({ limits }) => limits.sites);
  const runs = await Promise.all(licenses.map(({ record }) => renewsItself(tx, record.id)));
  const until = ends.includes(null) || ends.length === 0 ? null : Math.max(...(ends as number[]));
  return {
    ...{ until, over: until !== null && until <= now, empty: terms.length === 0 },
    sites: sites.includes(null) ? null : Math.max(...(sites as number[])),
    renewsItself: runs.includes(true),
    revoked: licenses.every(({ record }) => record.revokedAt !== null),
    suspended: licenses.every(({ record }) => record.suspendedAt !== null),
  };
}

function productsOf(licenses: readonly WholeLicense[], now: number): Product[] {
  const all = licenses.flatMap(({ ledger, products }) => wholeTerms(ledger, products, now).products);
  const named = new Map(all.map(({ product }) => [product.id, product]));
  return [...named.values()].filter(({ retiredAt }) => retiredAt === null);
}

/** Keys that open something now and are sold, not our own; the one that it names, else all. */
async function keysOf(tx: Tx, licenses: readonly WholeLicense[], about: MailAbout, now: number): Promise<KeyRecord[]> {
  const all: KeyRecord[] = [];
  for (const { record } of licenses) if (!record.master) all.push(...(await keysOfLicense(tx, record.id)));
  const isGood = (key: KeyRecord) => key.revokedAt === null && (key.endsAt === null || key.endsAt > toIso(now));
  const isMeant = (key: KeyRecord) => (about.key_id === undefined ? key.replacedBy === null : key.id === about.key_id);
  return all.filter((key) => isGood(key) && isMeant(key));
}

async function renewLinkOf(
  tx: Tx,
  { publicUrl, links }: MailGround,
  template: MailTemplate,
  license: WholeLicense | undefined,
  [product]: readonly Product[],
  { id, renewUrl }: OrganizationRecord,
): Promise<string | null> {
  if (!RENEWING.has(template) || !license) return null;
  if (await sellsHere(tx, id)) return `${publicUrl}/renew/${links.license(license.record.id)}`;
  return product ? renewUrlOf(product) : renewUrl;
}

type Found = Exclude<Awaited<ReturnType<typeof detailsOf>>, null>;

/** What else the mail is about; null: some of it is gone. */
async function detailsOf(tx: Tx, about: MailAbout) {
  const look = async <T>(id: string | undefined, find: (tx: Tx, id: string) => Promise<T | null>) =>
    id === undefined ? null : ((await find(tx, id)) ?? 'gone');
  const refund = await look(about.refund_id, findRefund);
  const payment = await look(about.payment_id, findPayment);
  const subscription = await look(about.subscription_id, findSubscription);
  const withdrawal = await look(about.withdrawal_id, findWithdrawal);
  const alert = await look(about.alert_id, findAlert);
  const webhook = await look(about.webhook_id, findWebhook);
  if (refund === 'gone' || payment === 'gone' || subscription === 'gone') return null;
  if (withdrawal === 'gone' || alert === 'gone' || webhook === 'gone') return null;
  const paid = refund ?? payment;
  const details: MailFacts['details'] = [
    ...(withdrawal === null
      ? []
      : ([
          { label: 'order', value: withdrawal.orderRef },
          { label: 'name', value: withdrawal.name },
          { label: 'email', value: withdrawal.email },
          { label: 'statement', value: withdrawal.statement },
        ] as const)),
    ...(alert === null
      ? []
      : ([
          { label: 'problem', value: alert.detail === '' ? alert.code : `${alert.code}: ${alert.detail}` },
          { label: 'about', value: alert.subject },
        ] as const)),
    ...(webhook === null
      ? []
      : ([
          { label: 'problem', value: webhookTrouble(webhook.disabledReason) },
          { label: 'about', value: `${webhook.id} (${new URL(webhook.url).host})` },
        ] as const)),
  ];
  const amount = paid === null ? null : { minor: paid.amountMinor, currency: paid.currency };
  return { subscription, payment, withdrawal, amount, details };
}

function webhookTrouble(reason: string | null): string {
  return `WEBHOOK_DISABLED: ${reason === 'gone' ? 'it answered 410 Gone' : 'nothing but failures for days'}`;
}

async function instantOf(tx: Tx, template: MailTemplate, about: MailAbout, found: Found): Promise<number | null> {
  const ms = (iso: string | null | undefined) => (iso ? fromIso(iso) : null);
  if (template === 'key_replaced' && about.key_id !== undefined) return ms(await endOfReplaced(tx, about.key_id));
  if (template === 'payment_failed') return ms(found.subscription?.graceUntil);
  return ms(found.withdrawal?.at);
}
