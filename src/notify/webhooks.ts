import { type Actor, requireOrganization } from '../accounts/actor.ts';
import { type AuditChanges, audit } from '../audit/audit.ts';
import { HOUR, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { lockOrganization } from '../forge/store.ts';
import { newId } from '../ids.ts';
import type { By } from '../licensing/keys.ts';
import type { Secrets } from '../secrets.ts';
import { newWebhookSecret } from './signature.ts';
import { giveUpWaiting } from './store-deliveries.ts';
import {
  deleteWebhook,
  findWebhook,
  insertWebhook,
  lockWebhook,
  updateWebhook,
  type WebhookRecord,
  webhooksOf,
} from './store-webhooks.ts';
import { type AllowedTargets, targetFault } from './target.ts';

export interface WebhookDeps {
  db: Db;
  secrets: Pick<Secrets, 'seal'>;
  /** What the operator lets webhooks reach. */
  allowed: AllowedTargets;
}

export interface WebhookWish {
  url: string;
  types: readonly string[];
  description: string;
}

/** So many are told of each event at most. */
const MOST_WEBHOOKS = 20;

/** Throws NOT_FOUND, in the same words for one that is not there and one that the actor may not touch. */
export async function webhookOf(tx: Tx, actor: Actor, id: string): Promise<WebhookRecord> {
  const found = await findWebhook(tx, id);
  if (!found) throw problem('NOT_FOUND');
  requireOrganization(actor, found.organizationId);
  return found;
}

export function readWebhook(db: Db, actor: Actor, id: string): Promise<WebhookRecord> {
  return db.read((tx) => webhookOf(tx, actor, id));
}

export function listWebhooks(db: Db, organizationId: string): Promise<WebhookRecord[]> {
  return db.read((tx) => webhooksOf(tx, organizationId));
}

/** Makes a webhook. Its secret is given out here and never again. */
export async function addWebhook(
  { db, secrets, allowed }: WebhookDeps,
  organizationId: string,
  wish: WebhookWish,
  by: By,
): Promise<{ webhook: WebhookRecord; secret: string }> {
  requireTarget(wish.url, allowed);
  const id = newId('webhook', by.now);
  const secret = newWebhookSecret();
  const webhook: WebhookRecord = {
    ...{ id, organizationId, url: wish.url, types: [...wish.types], description: wish.description },
    ...{ active: true, disabledAt: null, disabledReason: null, secretSealed: secrets.seal('webhook', id, secret) },
    ...{ previousSecretSealed: null, previousSecretUntil: null, failingSince: null, heldUntil: null },
    ...{ lastAttemptAt: null, createdAt: toIso(by.now), createdBy: by.actor.id },
  };
  await db.tx(async (tx) => {
    await lockOrganization(tx, organizationId);
    if ((await webhooksOf(tx, organizationId)).length >= MOST_WEBHOOKS)
      throw problem('STILL_IN_USE', `an organization has at most ${MOST_WEBHOOKS} webhooks; remove one first`);
    await insertWebhook(tx, webhook);
    await note(tx, webhook, 'webhook.create', { host: hostIn(wish.url), types: wish.types }, by);
  });
  return { webhook, secret };
}

function requireTarget(url: string, allowed: AllowedTargets): void {
  const fault = targetFault(url, allowed);
  if (fault === null) return;
  throw problem('INVALID_REQUEST', `the address ${fault}`, { errors: [{ pointer: '/url', detail: fault }] });
}

/** Addresses may hold a secret of the receiver, in path or query: only the host is written down. */
function hostIn(url: string): string {
  return new URL(url).host;
}

export type WebhookChange = { [F in keyof WebhookWish]?: WebhookWish[F] | undefined } & {
  active?: boolean | undefined;
};

/** What was switched off, by hand or by itself, begins anew; what waited when it went off is not sent any more. */
export async function changeWebhook(
  { db, allowed }: WebhookDeps,
  id: string,
  change: WebhookChange,
  by: By,
): Promise<WebhookRecord> {
  if (change.url !== undefined) requireTarget(change.url, allowed);
  return db.tx(async (tx) => {
    await webhookOf(tx, by.actor, id);
    const before = (await lockWebhook(tx, id)) ?? (await webhookOf(tx, by.actor, id));
    const { url = before.url, description = before.description, active = before.active } = change;
    const types = change.types === undefined ? before.types : [...change.types];
    const isTurned = active !== before.active;
    const begun = isTurned && active ? { failingSince: null, heldUntil: null } : {};
    const turned = isTurned ? { disabledAt: active ? null : toIso(by.now), disabledReason: null } : {};
    await updateWebhook(tx, id, { url, description, active, types, ...begun, ...turned });
    if (isTurned && !active) await giveUpWaiting(tx, id);
    const changes: AuditChanges = {
      ...(url === before.url ? {} : { host: { from: hostIn(before.url), to: hostIn(url) } }),
      ...(change.types === undefined ? {} : { types: { from: before.types, to: types } }),
      ...(isTurned ? { active: { from: before.active, to: active } } : {}),
    };
    await note(tx, before, 'webhook.change', changes, by);
    return (await findWebhook(tx, id)) as WebhookRecord;
  });
}

/** A new secret; the old one signs too for `overlapHours`, so that receivers can change without a gap. */
export async function rotateWebhookSecret(
  { db, secrets }: WebhookDeps,
  id: string,
  overlapHours: number,
  by: By,
): Promise<{ webhook: WebhookRecord; secret: string }> {
  const secret = newWebhookSecret();
  const webhook = await db.tx(async (tx) => {
    await webhookOf(tx, by.actor, id);
    const before = (await lockWebhook(tx, id)) ?? (await webhookOf(tx, by.actor, id));
    const until = overlapHours === 0 ? null : toIso(by.now + overlapHours * HOUR);
    await updateWebhook(tx, id, {
      secretSealed: secrets.seal('webhook', id, secret),
      previousSecretSealed: until === null ? null : before.secretSealed,
      previousSecretUntil: until,
    });
    await note(tx, before, 'webhook.rotate_secret', { previous_secret_until: until }, by);
    return (await findWebhook(tx, id)) as WebhookRecord;
  });
  return { webhook, secret };
}

/** With its log of deliveries; what waits is not sent any more. */
export async function removeWebhook(db: Db, id: string, by: By): Promise<void> {
  await db.tx(async (tx) => {
    const webhook = await webhookOf(tx, by.actor, id);
    await lockWebhook(tx, id);
    await deleteWebhook(tx, id);
    await note(tx, webhook, 'webhook.remove', { host: hostIn(webhook.url) }, by);
  });
}

function note(tx: Tx, webhook: WebhookRecord, action: string, changes: object, { actor, requestId, now }: By) {
  const { id: entityId, organizationId } = webhook;
  const event = { actor, action, entity: 'webhook', entityId, organizationId, requestId };
  return audit(tx, { ...event, changes: changes as AuditChanges }, now);
}
