import { holderOf } from '../accounts/actor.ts';
import { audit } from '../audit/audit.ts';
import { fromIso, toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { type Page, pageFrom, pageRequest } from '../http/paging.ts';
import { productsOfOrganization } from '../releases/store-products.ts';
import { type KeyDeps, type KeyRequest, notFound, requireCalm, requireReadable } from './activate.ts';
import { isAllowed } from './allowed-sites.ts';
import type { PageQuery } from './licenses.ts';
import { lookupAll } from './lookup.ts';
import { refreshLicense } from './refresh.ts';
import { refusalOf } from './refusals.ts';
import { type SiteRules, siteRulesOf } from './site-rules.ts';
import type { SiteClaim } from './slots.ts';
import { slotHeldBy, WILDCARD } from './slots.ts';
import { findActivation, releaseActivation, transfersSince } from './store-activations.ts';
import { lockLicense } from './store-licenses.ts';
import { countSites, pageOfSites, type SiteRecord } from './store-sites.ts';
import { mostTransfers, nextTransfer, transferWindow } from './transfers.ts';
import { findServed } from './validate.ts';
import { holderOfSlots, isReplaced, type LicenseSnapshot, verdict } from './verdict.ts';

/** Which slot is meant: by its id, or by what holds it. */
export type WhichSite = { id: string } | { claim: SiteClaim };

/**
 * Gives a slot up with the key, whatever has become of the license; one that is free already, or that the key has no say in, is no
 * error. Throws KEY_MALFORMED, LICENSE_NOT_FOUND, LOCKED_OUT, KEY_REVOKED, LICENSE_SUSPENDED and TRANSFER_LIMIT.
 */
export async function deactivateByText(
  deps: KeyDeps,
  wish: { key: string; product: string | null },
  which: WhichSite,
  request: KeyRequest,
): Promise<void> {
  const { license, keyHash } = await holderOfKey(deps, wish, request);
  requireCalm(deps, license.id, request.now);
  await deps.db.tx(async (tx) => {
    const locked = await lockLicense(tx, license.id);
    const slot = locked && (await slotMeant(tx, license, keyHash, which));
    if (!locked || !slot) return;
    const at = toIso(request.now);
    if (slot.counted) await requireBudget(tx, license, locked.countedSites, request.now);
    if (!(await releaseActivation(tx, slot.id, license.key.id, at, 'self'))) return;
    const now = await lockLicense(tx, license.id);
    if (now) await refreshLicense(tx, now, request.now);
    const changes = { license_id: license.id, site: slot.identity };
    const event = { actor: holderOf(license.key.id), action: 'site.deactivate', entity: 'site', entityId: slot.id };
    await audit(tx, { ...event, changes, requestId: request.requestId }, request.now);
  });
}

export interface OwnSites {
  page: Page<SiteRecord>;
  license: LicenseSnapshot;
  rules: SiteRules;
  transfers: { used: number; max: number; nextAt: number | null };
}

/** What the holder of a key may know of the slots of its license, and how many he may still give up. */
export async function sitesByText(
  deps: KeyDeps,
  wish: { key: string; product: string | null },
  query: PageQuery,
  request: KeyRequest,
): Promise<OwnSites> {
  const { license } = await holderOfKey(deps, wish, request);
  const { limit, after } = pageRequest(query);
  return deps.db.read(async (tx) => {
    const own = license.key.siteLimit === null ? {} : { keyId: holderOfSlots(license.key) };
    const filter = { licenseId: license.id, state: 'active' as const, ...own };
    const rows = await pageOfSites(tx, filter, after, limit + 1);
    const counted = await countSites(tx, filter, 1_001);
    const page = pageFrom(rows, limit, counted, ({ id }) => [id]);
    const { rules, used, most } = await budgetOf(tx, license, license.countedSites, request.now);
    const transfers = { used: used.length, max: most, nextAt: nextTransfer(used, most) };
    return { page, license, rules, transfers };
  });
}

/** Whose key it is. One that was withdrawn, replaced or suspended has no say any more; what became of its license does not matter. */
export async function holderOfKey(
  { db, gate, clock }: KeyDeps,
  { key, product: name }: { key: string; product: string | null },
  { network, now }: KeyRequest,
): Promise<{ license: LicenseSnapshot; keyHash: string }> {
  requireReadable(gate, key);
  const keyHash = gate.hashOf(key);
  const found = await db.read(async (tx) => {
    const product = name === null ? null : await findServed(tx, name);
    const [answer] = await lookupAll(tx, [{ paths: [], keyHash, site: null }]);
    if (answer?.key.kind !== 'found' || (name !== null && product === null)) return null;
    const question = { now: clock(), kind: 'validate' as const, key: answer.key, site: null };
    const isOther = product !== null && verdict({ ...question, product }).code === 'NOT_FOUND';
    return isOther ? null : answer.key.license;
  });
  if (found === null || keyHash === null) throw await notFound(db, network, now);
  if (found.key.revoked || isReplaced(found.key, now)) throw problem(refusalOf('KEY_REVOKED') ?? 'KEY_REVOKED');
  if (found.key.suspended) throw problem('LICENSE_SUSPENDED', 'the license key is suspended');
  return { license: found, keyHash };
}

interface Slot {
  id: string;
  identity: string;
  host: string;
  counted: boolean;
}

/** null: there is none, or the key has no say in it. A wildcard is given up by its id only: a host below it is not all of it. */
async function slotMeant(tx: Tx, license: LicenseSnapshot, keyHash: string, which: WhichSite): Promise<Slot | null> {
  const id = 'id' in which ? which.id : await slotOfClaim(tx, keyHash, which.claim);
  const slot = id === null ? null : await findActivation(tx, id);
  if (slot?.licenseId !== license.id || slot.releasedAt !== null || slot.kind !== 'site') return null;
  const { domains, siteLimit } = license.key;
  const isBound = domains !== null && domains.length > 0 && !isAllowed(domains, slot.host);
  const isAnothers = siteLimit !== null && slot.keyId !== holderOfSlots(license.key);
  return isBound || isAnothers ? null : slot;
}

async function slotOfClaim(tx: Tx, keyHash: string, claim: SiteClaim): Promise<string | null> {
  const [answer] = await lookupAll(tx, [{ paths: [], keyHash, site: claim }]);
  if (answer?.key.kind !== 'found') return null;
  const slot =
    slotHeldBy(claim, 'host', answer.key.license.held) ?? slotHeldBy(claim, 'registrable', answer.key.license.held);
  return slot === null || slot.identity.startsWith(WILDCARD) ? null : slot.id;
}

async function budgetOf(tx: Tx, { id, organizationId, grants }: LicenseSnapshot, counted: number, now: number) {
  const rules = siteRulesOf(grants, await productsOfOrganization(tx, organizationId), now);
  const most = mostTransfers(rules.limit, counted);
  const used = (await transfersSince(tx, id, toIso(transferWindow(now)), most)).map(fromIso);
  return { rules, most, used };
}

/** The caller holds the license's lock, so that two at once cannot share the last one. */
async function requireBudget(tx: Tx, license: LicenseSnapshot, counted: number, now: number): Promise<void> {
  const { most, used } = await budgetOf(tx, license, counted, now);
  const next = nextTransfer(used, most);
  if (next === null) return;
  throw problem('TRANSFER_LIMIT', `${most} sites were released in 30 days; the next one can be from ${toIso(next)}`, {
    retryAfterSeconds: Math.ceil((next - now) / 1_000),
    facts: { next_at: toIso(next) },
  });
}
