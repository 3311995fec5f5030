import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { newId } from '../ids.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import { writeSlot } from './claims.ts';
import type { By } from './keys.ts';
import { licenseOf } from './licenses.ts';
import { refreshLicense } from './refresh.ts';
import { withProducts } from './sightings.ts';
import type { RunningSite } from './site-products.ts';
import { type SiteRules, siteRulesOf } from './site-rules.ts';
import { DECLARED } from './slot-notes.ts';
import {
  decideSlot,
  exemptCap,
  possibleIdentities,
  type SiteClaim,
  slotHeldBy,
  slotIdentity,
  WILDCARD,
} from './slots.ts';
import {
  exemptActivation,
  findActivation,
  insertActivation,
  labelActivation,
  releaseActivation,
  slotsBelow,
} from './store-activations.ts';
import { type LicenseRecord, lockLicense } from './store-licenses.ts';
import { ledgersOf } from './store-lookup.ts';
import { findSite, type SiteRecord } from './store-sites.ts';
import { heldSlots, idlestSlots } from './store-slots.ts';
import { readTypedSite } from './typed-site.ts';

export interface SiteWish {
  /** A host name or address, or `*.` and a domain. */
  site: string;
  label: string | null;
  /** The counted site that it is a staging host of; null: it takes a slot of its own. */
  stagingOf: string | null;
}

/**
 * Adds a site by hand, under the limits that a poll is held to; the same site again changes nothing but its label. A wildcard takes
 * one slot and frees those of the hosts below it. Throws NOT_FOUND, INVALID_SITE, SITE_LIMIT and ACTIVATION_NOT_APPLICABLE.
 */
export async function addSite(
  db: Db,
  licenseId: string,
  wish: SiteWish,
  by: By,
): Promise<{ site: RunningSite; isNew: boolean }> {
  const claim = typed(wish.site);
  return db.tx(async (tx) => {
    await licenseOf(tx, by.actor, licenseId);
    const license = (await lockLicense(tx, licenseId)) as LicenseRecord;
    const rules = await rulesOf(tx, license, by.now);
    const meant = rules.unit === 'registrable' ? withoutWildcard(claim) : claim;
    const isFree = wish.stagingOf !== null;
    const done = isFree
      ? await declare(tx, license, rules, meant, wish, by)
      : await claimByHand(tx, license, rules, meant, wish, by);
    if (!done.isNew && wish.label !== null) await labelActivation(tx, done.id, wish.label);
    if (done.isChanged) {
      await refreshLicense(tx, (await lockLicense(tx, licenseId)) as LicenseRecord, by.now);
      await note(
        tx,
        done.isNew ? 'site.add' : 'site.declare',
        done.id,
        { license_id: licenseId, site: meant.host },
        by,
      );
    }
    const [site] = await withProducts(tx, [(await findSite(tx, done.id)) as SiteRecord]);
    return { site: site as RunningSite, isNew: done.isNew };
  });
}

interface Done {
  id: string;
  isNew: boolean;
  isChanged: boolean;
}

function typed(text: string): SiteClaim {
  const read = readTypedSite(text);
  if (read.ok) return read.claim;
  throw problem('INVALID_SITE', `/site: ${read.detail}`, { errors: [{ pointer: '/site', detail: read.detail }] });
}

/** Where domains count, a domain is all that is below it anyway. */
function withoutWildcard(claim: SiteClaim): SiteClaim {
  return claim.host.startsWith(WILDCARD) ? { ...claim, host: claim.host.slice(WILDCARD.length) } : claim;
}

async function rulesOf(tx: Tx, license: LicenseRecord, now: number): Promise<SiteRules> {
  const grants = (await ledgersOf(tx, [license.id])).get(license.id) ?? [];
  const rules = siteRulesOf(grants, await productsOfOrganization(tx, license.organizationId), now);
  if (rules.master) throw problem('ACTIVATION_NOT_APPLICABLE', 'a master license counts no sites');
  return rules;
}

async function heldFor(tx: Tx, licenseId: string, claim: SiteClaim) {
  return (await heldSlots(tx, [licenseId], possibleIdentities(claim), [])).get(licenseId) ?? [];
}

async function claimByHand(
  tx: Tx,
  license: LicenseRecord,
  rules: SiteRules,
  claim: SiteClaim,
  { label }: SiteWish,
  by: By,
): Promise<Done> {
  const held = await heldFor(tx, license.id, claim);
  const own = slotHeldBy(claim, rules.unit, held);
  if (own) return { id: own.id, isNew: false, isChanged: false };
  // Before the limit is looked at: a wildcard takes one slot for all of them.
  if (claim.host.startsWith(WILDCARD)) await freeBelow(tx, license.id, claim.host, by);
  const { countedSites, exemptSites } = (await lockLicense(tx, license.id)) as LicenseRecord;
  const decision = decideSlot({
    ...{ claim, unit: rules.unit, limit: rules.limit, overagePercent: rules.overagePercent, keyRoom: null },
    ...{ counted: countedSites, exempt: exemptSites, held, now: by.now, takeoverDays: rules.takeoverDays },
    idlest: (await idlestSlots(tx, [license.id])).get(license.id) ?? null,
  });
  if (decision.kind === 'held') return { id: decision.id, isNew: false, isChanged: false };
  if (decision.kind === 'refused') throw full(countedSites, rules.limit);
  const context = { licenseId: license.id, keyId: null, unit: rules.unit, label, now: by.now };
  return { id: await writeSlot(tx, decision, claim, context), isNew: true, isChanged: true };
}

function full(used: number, max: number | null) {
  return problem('SITE_LIMIT', 'all sites of this license are taken; release one, or sell more', {
    facts: { used, max },
  });
}

/** Hosts below a new wildcard give their own slots up; who is known by its instance keeps its slot. */
async function freeBelow(tx: Tx, licenseId: string, wildcard: string, by: By): Promise<void> {
  for (const { id, identity } of await slotsBelow(tx, licenseId, wildcard.slice(WILDCARD.length))) {
    await releaseActivation(tx, id, by.actor.id, toIso(by.now), 'wildcard');
    await note(tx, 'site.release', id, { license_id: licenseId, site: identity, for: wildcard }, by);
  }
}

/** A staging host of a counted site is free of charge, under the cap of all that is free. */
async function declare(
  tx: Tx,
  license: LicenseRecord,
  rules: SiteRules,
  claim: SiteClaim,
  { stagingOf, label }: SiteWish,
  by: By,
): Promise<Done> {
  const parent = stagingOf === null ? null : await findActivation(tx, stagingOf);
  if (parent?.licenseId !== license.id || parent.releasedAt !== null || !parent.counted)
    throw wrong('is no site of this license that counts');
  if (claim.host.startsWith(WILDCARD)) throw wrong('goes with one host, not with a wildcard');
  const own = slotHeldBy(claim, rules.unit, await heldFor(tx, license.id, claim));
  if (own?.id === parent.id) throw wrong('is this very site');
  if (own && own.exemptReason === DECLARED) return { id: own.id, isNew: false, isChanged: false };
  if ((own === null || own.counted) && license.exemptSites >= exemptCap(rules.limit))
    throw problem('SITE_LIMIT', 'no more sites can be free of charge', {
      facts: { used: license.exemptSites, max: exemptCap(rules.limit) },
    });
  if (own) {
    await exemptActivation(tx, { id: own.id, licenseId: license.id, counted: own.counted }, DECLARED, parent.id);
    return { id: own.id, isNew: false, isChanged: true };
  }
  const id = newId('activation', by.now);
  const at = toIso(by.now);
  await insertActivation(tx, {
    ...{
      id,
      licenseId: license.id,
      keyId: null,
      kind: 'site',
      identity: slotIdentity(claim, 'host'),
      host: claim.host,
    },
    ...{ instance: null, counted: false, exemptReason: DECLARED, besideId: parent.id, label, firstSeenAt: at },
    ...{ lastSeenAt: at, releasedAt: null, releasedBy: null },
  });
  return { id, isNew: true, isChanged: true };
}

function wrong(detail: string) {
  return problem('INVALID_REQUEST', `/staging_of: ${detail}`, { errors: [{ pointer: '/staging_of', detail }] });
}

function note(tx: Tx, action: string, entityId: string, changes: Record<string, string>, by: By): Promise<void> {
  return audit(tx, { actor: by.actor, action, entity: 'site', entityId, changes, requestId: by.requestId }, by.now);
}
