import { randomInt } from 'node:crypto';
import { type Clock, DAY } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Logger } from '../http/log.ts';
import type { Secrets } from '../secrets.ts';
import { makeSender, type Sender } from './deliver.ts';
import { purgeDeliveries } from './deliveries.ts';
import { purgeNotices } from './expiries.ts';
import type { AllowedTargets } from './target.ts';
import { allowedTargets } from './webhook-io.ts';

export interface Webhooks {
  sender: Sender;
  /** What the operator lets them reach beside the public internet. */
  allowed: AllowedTargets;
}

export interface WebhooksGround {
  db: Db;
  clock: Clock;
  log: Logger;
  secrets: Pick<Secrets, 'open'>;
}

/** The webhooks of an installation. Of an endpoint the log names the id and never the address, which may hold a secret. */
export function makeWebhooks({ db, clock, log, secrets }: WebhooksGround, allowHosts: readonly string[]): Webhooks {
  const allowed = allowedTargets(allowHosts);
  const sender = makeSender({
    ...{ db, clock, secrets, road: { allowed } },
    dice: () => randomInt(1_000) / 1_000,
    onDisabled: ({ id, organizationId }, reason) =>
      log.warn({ webhook: id, organization: organizationId, reason }, 'a webhook was switched off'),
    onError: (err) => log.error({ err }, 'webhooks could not be sent'),
  });
  return { sender, allowed };
}

/** How long one can look up what webhooks were told. */
const KEPT = 30 * DAY;

/** Takes away what nobody looks up any more. */
export async function purgeWebhooks(db: Db, now: number): Promise<void> {
  await purgeDeliveries(db, now - KEPT);
  await purgeNotices(db, now);
}
