import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { newId } from '../ids.ts';
import type { EventType } from '../notify/event-types.ts';
import { coversOf } from './slot-notes.ts';
import type { SiteClaim, SlotDecision, SlotInput } from './slots.ts';
import { countActivation, insertActivation, moveActivation, releaseActivation } from './store-activations.ts';
import { markOverLimit } from './store-licenses.ts';

/** What has to be written of a decision. */
export type Claim = Exclude<SlotDecision, { kind: 'held' | 'refused' }>;

export interface ClaimContext {
  licenseId: string;
  /** The key that claims it; null: somebody does it by hand. */
  keyId: string | null;
  unit: SlotInput['unit'];
  label?: string | null | undefined;
  now: number;
  /** Where nobody writes an audit row of it, which would tell. */
  tell?: ((type: EventType, siteId: string) => void) | undefined;
}

/** Writes a slot that was granted, and answers which one it is. The caller holds the license's lock and decided under it. */
export async function writeSlot(tx: Tx, claim: Claim, site: SiteClaim, context: ClaimContext): Promise<string> {
  const { licenseId, keyId, unit, label = null, now, tell } = context;
  const at = toIso(now);
  if (claim.kind !== 'claim') tell?.('site.changed', claim.id);
  if (claim.kind === 'move') {
    await moveActivation(tx, claim.id, claim.identity, site.host, at);
    return claim.id;
  }
  if (claim.evicts !== null) await takeOver(tx, claim.evicts, site, context);
  if (claim.over) await markOverLimit(tx, licenseId, at);
  if (claim.kind === 'count') {
    if (claim.takes !== null && (await releaseActivation(tx, claim.takes, SYSTEM_ACTOR.id, at, 'moved')))
      tell?.('site.released', claim.takes);
    await countActivation(tx, claim.id, licenseId, claim.over);
    return claim.id;
  }
  const id = newId('activation', now);
  tell?.('site.claimed', id);
  await insertActivation(tx, {
    ...{ id, licenseId, keyId, kind: 'site', identity: claim.identity, host: site.host, instance: site.instance },
    ...{
      counted: claim.counted,
      exemptReason: claim.exemptReason,
      besideId: claim.beside,
      overLimit: claim.over,
      label,
    },
    ...{ covers: coversOf(claim.identity, site.host, unit, claim.counted), firstSeenAt: at, lastSeenAt: at },
    ...{ releasedAt: null, releasedBy: null },
  });
  return id;
}

/** The site that has been silent the longest makes place for a new one, as its package allows. */
async function takeOver(tx: Tx, id: string, site: SiteClaim, { licenseId, now }: ClaimContext): Promise<void> {
  await releaseActivation(tx, id, SYSTEM_ACTOR.id, toIso(now), 'takeover');
  const changes = { license_id: licenseId, for_site: site.host === '' ? (site.instance ?? '') : site.host };
  const event = { actor: SYSTEM_ACTOR, action: 'site.takeover', entity: 'site', entityId: id, changes };
  await audit(tx, { ...event, requestId: null }, now);
}
