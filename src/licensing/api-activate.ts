import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { makeFloodLimiter } from '../http/limits.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { PLATFORMS } from '../releases/release.ts';
import { pageUrl } from '../updates/feed-releases.ts';
import { type Activated, activateByText, type KeyDeps, requireIdentity } from './activate.ts';
import { instant } from './fields.ts';
import { type Gate, siteClaim } from './gate.ts';
import { LICENSE_STATUSES, licenseStatus } from './license-status.ts';
import { maskedSite } from './masked-site.ts';
import { deactivateByText, type OwnSites, sitesByText, type WhichSite } from './self-service.ts';
import { SiteView, siteView } from './site-view.ts';
import type { SiteRecord } from './store-sites.ts';
import { limitsInForce, VERDICT_CODES } from './verdict.ts';

interface Core {
  db: Db;
  clock: Clock;
  gate: Gate;
  config: { publicUrl: string };
}

/** So many changes with one key at once, and a second after that: more is a program gone wild. */
const FLOOD = { burst: 300, perSecond: 5, networks: 10_000 };

const key = z
  .string()
  .max(2_048)
  .refine((text) => text.trim() !== '', 'is required');
const product = z
  .string()
  .min(1)
  .max(500)
  .meta({ description: '`org/repo`, `org/repo/edition`, or the id of the product' });
const who = {
  site: z.string().max(2_048).optional().meta({ description: 'Address or host name of the site' }),
  instance: z.string().max(200).optional().meta({ description: 'A hash that survives a change of host' }),
  platform: z.enum(PLATFORMS).optional(),
};
const REFUSED = [
  'KEY_MALFORMED',
  'KEY_REVOKED',
  'LICENSE_NOT_FOUND',
  'LOCKED_OUT',
  'RATE_LIMITED',
  'UNAVAILABLE',
] as const;
const SAME_ANSWER =
  'The key is the credential. A key that nobody knows, a key of another product and a product that nobody knows get the same answer.';

/** What a program does with a license key to the sites of its license. */
export function activationRoutes({ db, clock, gate, config }: Core): Route[] {
  const pageOfProduct: KeyDeps['pageOf'] = (sold) => pageUrl(config.publicUrl, sold);
  const deps = { db, clock, gate, flood: makeFloodLimiter(FLOOD), pageOf: pageOfProduct };
  return [activating(deps), deactivating(deps), listing(deps)];
}

const ActivationAnswer = z.object({
  code: z.enum(['ACTIVATED', 'ALREADY_ACTIVATED']),
  verdict: z.enum(VERDICT_CODES).meta({ description: 'What the license is beside that, as `code` of a validation' }),
  activation: SiteView,
  license: z.object({
    id: z.string(),
    status: z.enum(LICENSE_STATUSES),
    valid_until: instant.nullable(),
    max_sites: z.number().int().nullable().meta({ description: 'null: unlimited' }),
  }),
});

function activating(deps: KeyDeps): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/activate',
    operationId: 'activateLicense',
    summary: 'Claims a slot of a license for a site',
    description: `${SAME_ANSWER} The same site again is 200, also at the limit. It starts no time: the first poll or download does.`,
    tag: 'validation',
    scope: 'public',
    role: null,
    body: z.strictObject({
      key,
      product,
      ...who,
      label: z.string().max(100).optional().meta({ description: 'What people call the site' }),
      version: z.string().max(100).optional().meta({ description: 'The version of the product that is installed' }),
      platform_version: z
        .string()
        .regex(/^[0-9A-Za-z][0-9A-Za-z.-]{0,20}$/, 'is no version')
        .optional(),
    }),
    answers: { 200: ActivationAnswer, 201: ActivationAnswer },
    problems: [
      ...REFUSED,
      ...(['INVALID_SITE', 'LICENSE_REVOKED', 'LICENSE_SUSPENDED', 'LICENSE_EXPIRED', 'LICENSE_CANCELED'] as const),
      ...(['LICENSE_NOT_YET_VALID', 'SITE_NOT_ALLOWED', 'SITE_LIMIT', 'ACTIVATION_NOT_APPLICABLE'] as const),
    ],
    async handler({ body }, { requestId, network, now }) {
      const wish = {
        ...{ key: body.key, product: body.product, site: body.site || null, instance: body.instance || null },
        ...{ label: body.label?.trim() || null, version: body.version || null, platform: body.platform ?? null },
        platformVersion: body.platform_version ?? null,
      };
      const done = await activateByText(deps, wish, { requestId, network, now });
      const answer = activationAnswer(done);
      return done.isNew ? { status: 201, body: answer } : { status: 200, body: answer };
    },
  });
}

function activationAnswer({ isNew, site, verdict, asked }: Activated): z.input<typeof ActivationAnswer> {
  const { terms } = verdict;
  const { key: found } = asked.question;
  if (terms === null || found.kind !== 'found') throw new Error('an activation without a license');
  return {
    code: isNew ? 'ACTIVATED' : 'ALREADY_ACTIVATED',
    verdict: verdict.code,
    activation: siteView(site),
    license: {
      id: site.licenseId,
      status: licenseStatus(found.license, terms),
      valid_until: terms.end === null ? null : toIso(terms.end),
      max_sites: limitsInForce(terms).limits.sites,
    },
  };
}

function deactivating(deps: KeyDeps): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/deactivate',
    operationId: 'deactivateLicense',
    summary: 'Gives the slot of a site up',
    description: `${SAME_ANSWER} Works on ended licenses too, and where the slot is free already. At most 5 slots, or a fifth of the sites where that is more, are given up in 30 days; whoever manages the license is not bound by that.`,
    tag: 'validation',
    scope: 'public',
    role: null,
    body: z.strictObject({
      key,
      product: product.optional(),
      ...who,
      activation_id: idParam('activation').optional().meta({ description: 'In place of site and instance' }),
    }),
    answers: { 204: null },
    problems: [...REFUSED, 'WRONG_ID_KIND', 'INVALID_SITE', 'LICENSE_SUSPENDED', 'TRANSFER_LIMIT'],
    async handler({ body }, { requestId, network, now }) {
      const wish = { key: body.key, product: body.product ?? null };
      await deactivateByText(deps, wish, whichSite(body), { requestId, network, now });
      return { status: 204 };
    },
  });
}

interface Named {
  activation_id?: string | undefined;
  site?: string | undefined;
  instance?: string | undefined;
  platform?: (typeof PLATFORMS)[number] | undefined;
}

function whichSite({ activation_id, site, instance, platform }: Named): WhichSite {
  if (activation_id !== undefined) return { id: activation_id };
  requireIdentity(site || null, instance || null);
  const said = { keyText: null, siteText: site || null, instanceText: instance || null, platform: platform ?? null };
  const claim = siteClaim(said);
  if (claim === null) throw new Error('a site that was checked is none');
  return { claim };
}

const OwnSite = z.object({
  id: z.string(),
  site: z.string().meta({ description: 'Masked: its owner knows it, nobody else learns where it is' }),
  covers: z.enum(['host', 'domain', 'wildcard']),
  counted: z.boolean(),
  exempt_reason: z.string().nullable(),
  over_limit: z.boolean(),
  first_seen_at: instant,
  last_seen_at: instant,
});

function listing(deps: KeyDeps): Route {
  return route({
    method: 'post',
    path: '/api/v1/licenses/sites',
    operationId: 'listOwnSites',
    summary: 'The sites of a license, for whoever holds its key',
    description: `${SAME_ANSWER} \`id\` is what \`deactivate\` takes as \`activation_id\`.`,
    tag: 'validation',
    scope: 'public',
    role: null,
    query: z.object(pageQuery('activation')),
    body: z.strictObject({ key, product: product.optional() }),
    answers: {
      200: pageOf(OwnSite).extend({
        limits: z.object({
          sites: z.object({
            used: z.number().int(),
            exempt: z.number().int(),
            max: z.number().int().nullable().meta({ description: 'null: unlimited' }),
          }),
        }),
        transfers: z
          .object({ used: z.number().int(), max: z.number().int(), next_at: instant.nullable() })
          .meta({ description: 'Slots given up with the key in 30 days; `next_at` null: one can be given up now' }),
      }),
    },
    problems: [...REFUSED, 'LICENSE_SUSPENDED'],
    async handler({ body, query }, { requestId, network, now }) {
      const wish = { key: body.key, product: body.product ?? null };
      return { status: 200, body: ownSites(await sitesByText(deps, wish, query, { requestId, network, now })) };
    },
  });
}

function ownSites({ page, license, rules, transfers }: OwnSites) {
  const { used, max, nextAt } = transfers;
  return {
    ...pageBody(page, ownSite),
    limits: { sites: { used: license.countedSites, exempt: license.exemptSites, max: rules.limit } },
    transfers: { used, max, next_at: nextAt === null ? null : toIso(nextAt) },
  };
}

function ownSite(site: SiteRecord): z.input<typeof OwnSite> {
  return {
    id: site.id,
    site: maskedSite(site.identity),
    covers: site.covers,
    counted: site.counted,
    exempt_reason: site.exemptReason,
    over_limit: site.overLimit,
    first_seen_at: site.firstSeenAt,
    last_seen_at: site.lastSeenAt,
  };
}
