import type { Clock } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import type { FloodLimiter } from '../http/limits.ts';
import { type Product, productPath } from '../releases/product.ts';
import { versionOrNull } from './extension-version.ts';
import type { Asked, Gate } from './gate.ts';
import { lookupAll } from './lookup.ts';
import { maskedSite } from './masked-site.ts';
import { refusalOf } from './refusals.ts';
import { withProducts } from './sightings.ts';
import { siteIdentity } from './site-identity.ts';
import type { RunningSite } from './site-products.ts';
import { slotHeldBy } from './slots.ts';
import { findSite, silentSites } from './store-sites.ts';
import { strike } from './strikes.ts';
import { type Asker, credentialsOf, findServed } from './validate.ts';
import { limitsInForce, type Verdict, type VerdictCode } from './verdict.ts';
import { reasonOf } from './verdict-reasons.ts';

export interface KeyDeps {
  db: Db;
  clock: Clock;
  gate: Gate;
  /** Against floods of changes with one real key; by the license, as its network may be that of a whole hoster. */
  flood: FloodLimiter;
  /** The page of a product, where people find what to do about a full license. */
  pageOf(product: Product): string;
}

/** The request that a key came with. */
export interface KeyRequest {
  requestId: string;
  network: string;
  now: number;
}

export interface ActivateWish extends Pick<Asker, 'site' | 'instance' | 'version' | 'platform'> {
  key: string;
  product: string;
  label: string | null;
  /** E.g. `5.2.1`. */
  platformVersion: string | null;
}

export interface Activated {
  isNew: boolean;
  site: RunningSite;
  verdict: Verdict;
  asked: Asked;
}

const SITES_SHOWN = 20;

/**
 * Claims a slot for a site with the key; the same site again is fine, at the limit too. Starts no time: a poll or a download does.
 * Throws KEY_MALFORMED, INVALID_SITE, LICENSE_NOT_FOUND, LOCKED_OUT, SITE_LIMIT and all else that refusals.ts names.
 */
export async function activateByText(deps: KeyDeps, wish: ActivateWish, request: KeyRequest): Promise<Activated> {
  requireIdentity(wish.site, wish.instance);
  const asked = await askOf(deps, wish, request);
  const { license } = asked.question.key;
  requireCalm(deps, license.id, request.now);
  const platformVersion = [wish.platform, wish.platformVersion].filter((part) => part).join('/');
  const use = { kind: 'activate', platformVersion, extensionVersion: versionOrNull(wish.version) };
  const record = (code: VerdictCode) => {
    const activation = { label: wish.label, requestId: request.requestId };
    return deps.gate.record(asked, { ...use, code, activation }).catch(() => {
      throw problem('UNAVAILABLE', 'the activation could not be recorded', { retryAfterSeconds: 5 });
    });
  };
  if (asked.verdict.terms?.master) throw problem('ACTIVATION_NOT_APPLICABLE', 'a master key counts no sites');
  const final = await record(asked.verdict.code);
  const refusal = refusalOf(final.code);
  if (refusal === 'SITE_LIMIT') throw await full(deps, asked, final);
  if (refusal !== null) throw problem(refusal, reasonOf(final.code));
  return { isNew: final.claim !== null, site: await siteOf(deps.db, asked, final), verdict: final, asked };
}

type AskedWithKey = Asked & { question: { key: Extract<Asked['question']['key'], { kind: 'found' }> } };

/** Throws what an unknown key gets: the same for a key of another product and a product that nobody knows. */
async function askOf(deps: KeyDeps, wish: ActivateWish, { network, now }: KeyRequest): Promise<AskedWithKey> {
  requireReadable(deps.gate, wish.key);
  const product = await deps.db.read((tx) => findServed(tx, wish.product));
  const asked =
    product && (await deps.gate.ask('activate', [productPath(product)], credentialsOf(wish.key, product, wish)));
  if (asked === null || asked.verdict.code === 'NOT_FOUND' || asked.question.key.kind !== 'found')
    throw await notFound(deps.db, network, now);
  // Nothing new begins after the end, whatever it leaves.
  if (asked.verdict.code === 'EXPIRED') return { ...asked, verdict: { ...asked.verdict, claim: null } } as AskedWithKey;
  return asked as AskedWithKey;
}

export function requireReadable(gate: Gate, keyText: string): void {
  if (gate.isMalformed(keyText)) throw problem('KEY_MALFORMED', 'the license key has a typing error');
}

/** Counts the miss; the problem is the same whatever was wrong. */
export async function notFound(db: Db, network: string, now: number) {
  await strike(db, network, now);
  return problem('LICENSE_NOT_FOUND');
}

export function requireCalm({ flood }: Pick<KeyDeps, 'flood'>, licenseId: string, now: number): void {
  const { allowed, retryAfterSeconds } = flood.take(licenseId, now);
  if (!allowed) throw problem('RATE_LIMITED', 'too many changes with this key', { retryAfterSeconds });
}

/** A site that is named must be one; who names none must send an instance. */
export function requireIdentity(site: string | null, instance: string | null): void {
  const named = site === null ? null : siteIdentity(site);
  if (named !== null && !named.ok && named.reason !== 'none') {
    const detail = named.reason === 'too_long' ? 'is too long for a host name' : 'is no host name of a site';
    throw problem('INVALID_SITE', `/site: ${detail}`, { errors: [{ pointer: '/site', detail }] });
  }
  if (instance !== null && !/^\s*[0-9a-f]{32,128}\s*$/i.test(instance)) {
    const detail = 'must be a hash of 32 to 128 hexadecimal digits';
    throw problem('INVALID_REQUEST', `/instance: ${detail}`, { errors: [{ pointer: '/instance', detail }] });
  }
  if (named?.ok || instance !== null) return;
  const detail = 'is required where no instance is sent';
  throw problem('INVALID_REQUEST', `/site: ${detail}`, { errors: [{ pointer: '/site', detail }] });
}

async function siteOf(db: Db, { question, keyHash }: Asked, { terms }: Verdict): Promise<RunningSite> {
  const site = await db.read(async (tx) => {
    const [found] = await lookupAll(tx, [{ paths: [], keyHash, site: question.site }]);
    if (found?.key.kind !== 'found' || question.site === null || terms === null) return null;
    const slot = slotHeldBy(question.site, limitsInForce(terms).siteUnit, found.key.license.held);
    const held = slot && (await findSite(tx, slot.id));
    return held && (await withProducts(tx, [held]))[0];
  });
  // Between the commit and this look somebody may have released it.
  if (!site) throw problem('UNAVAILABLE', 'the site was released at the same moment', { retryAfterSeconds: 1 });
  return site;
}

/** What a full license answers: how full it is now, and which sites could be given up. */
async function full({ db, pageOf }: KeyDeps, { product, keyHash }: AskedWithKey, { terms }: Verdict) {
  const { license, sites } = await db.read(async (tx) => {
    const [found] = await lookupAll(tx, [{ paths: [], keyHash, site: null }]);
    const now = found?.key.kind === 'found' ? found.key.license : null;
    return { license: now, sites: now === null ? [] : await silentSites(tx, now.id, SITES_SHOWN) };
  });
  const own = license?.key.siteLimit ?? null;
  const isKeyFull = own !== null && (license?.key.countedSites ?? 0) >= own;
  return problem('SITE_LIMIT', isKeyFull ? 'all sites of this key are taken' : reasonOf('SITE_LIMIT'), {
    facts: {
      used: (isKeyFull ? license?.key.countedSites : license?.countedSites) ?? 0,
      max: isKeyFull ? own : terms && limitsInForce(terms).limits.sites,
      activations: sites.map(({ id, identity, lastSeenAt }) => ({
        ...{ id, site: maskedSite(identity), last_seen_at: lastSeenAt },
      })),
      release_url: `${pageOf(product)}#sites`,
    },
  });
}
