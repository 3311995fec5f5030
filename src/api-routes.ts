import { feedFormats } from '../feeds/index.ts';
import { customerDoubleRoutes } from './accounts/api-customer-doubles.ts';
import { customerRoutes } from './accounts/api-customers.ts';
import { meRoutes } from './accounts/api-me.ts';
import { teamRoleRoutes } from './accounts/api-team-roles.ts';
import { tokenRoutes } from './accounts/api-tokens.ts';
import examples from './api-examples.json' with { type: 'json' };
import type { Core } from './app.ts';
import { auditRoutes } from './audit/api-audit.ts';
import { openapiDocument, openapiRoute } from './http/openapi.ts';
import type { Route } from './http/route.ts';
import { importRoutes } from './imports/api-imports.ts';
import { activationRoutes } from './licensing/api-activate.ts';
import { batchRoutes } from './licensing/api-batches.ts';
import { bulkRoutes } from './licensing/api-bulk.ts';
import { bulkReadRoutes } from './licensing/api-bulk-reads.ts';
import { customerFileRoutes } from './licensing/api-customer-file.ts';
import { grantRoutes } from './licensing/api-grants.ts';
import { installationRoutes } from './licensing/api-installations.ts';
import { keyLifeRoutes } from './licensing/api-key-life.ts';
import { keyRoutes } from './licensing/api-keys.ts';
import { licenseChangeRoutes } from './licensing/api-license-changes.ts';
import { licenseListRoutes } from './licensing/api-license-lists.ts';
import { licenseRoutes } from './licensing/api-licenses.ts';
import { packageRoutes } from './licensing/api-packages.ts';
import { shopRoutes } from './licensing/api-shop.ts';
import { siteRoutes } from './licensing/api-sites.ts';
import { testKeyRoutes } from './licensing/api-test-keys.ts';
import { usageRoutes } from './licensing/api-usage.ts';
import { usageSeriesRoutes } from './licensing/api-usage-series.ts';
import { validateRoutes } from './licensing/api-validate.ts';
import { movingRoutes } from './moving/api-moving.ts';
import { deliveryRoutes } from './notify/api-deliveries.ts';
import { mailRoutes } from './notify/api-mails.ts';
import { webhookRoutes } from './notify/api-webhooks.ts';
import { eventDocs } from './notify/event-docs.ts';
import { version } from './package-root.ts';
import { accountRoutes } from './payments/api-accounts.ts';
import { checkoutRoutes } from './payments/api-checkout.ts';
import { keyAddressRoutes } from './payments/api-key-addresses.ts';
import { meterRoutes } from './payments/api-meters.ts';
import { moneyRoutes } from './payments/api-money.ts';
import { moneyEventRoutes } from './payments/api-money-events.ts';
import { subscriptionRoutes } from './payments/api-subscriptions.ts';
import { withdrawalRoutes } from './payments/api-withdrawals.ts';
import { channelRoutes } from './releases/api-channels.ts';
import { organizationRoutes } from './releases/api-organizations.ts';
import { productPartRoutes } from './releases/api-product-parts.ts';
import { productRoutes } from './releases/api-products.ts';
import { releaseRoutes } from './releases/api-releases.ts';
import { tagRulesRoutes } from './releases/api-rules.ts';

/** What the API stands on. */
export type ApiCore = Pick<
  Core,
  'clock' | 'db' | 'secrets' | 'gate' | 'forge' | 'standings' | 'webhooks' | 'mails' | 'payments' | 'links'
> & {
  config: Pick<Core['config'], 'publicUrl'>;
  paymentEvents: Pick<Core['paymentEvents'], 'reconcileNow'> & {
    worker: Pick<Core['paymentEvents']['worker'], 'syncNow' | 'workNow'>;
  };
};

/** Every route of `/api`, for the server and for the OpenAPI document alike. */
export function apiRoutes(core: ApiCore): Route[] {
  const documents = feedFormats.flatMap((format) => format.documents.map(({ fileName }) => fileName));
  const routes = [
    ...meRoutes(core),
    ...organizationRoutes(core),
    ...tokenRoutes(core),
    ...channelRoutes(core),
    ...teamRoleRoutes(core),
    ...tagRulesRoutes(core),
    ...productRoutes(core),
    ...productPartRoutes({ db: core.db, documents }),
    ...movingRoutes({ forge: core.forge, documents: feedDocuments() }),
    ...releaseRoutes(core),
    ...packageRoutes(core),
    ...customerRoutes(core),
    ...customerDoubleRoutes(core),
    ...customerFileRoutes(core),
    ...licenseListRoutes(core),
    ...licenseRoutes(core),
    ...licenseChangeRoutes(core),
    ...grantRoutes(core),
    ...keyRoutes(core),
    ...keyLifeRoutes(core),
    ...batchRoutes(core),
    ...testKeyRoutes(core),
    ...bulkRoutes(core),
    ...bulkReadRoutes(core),
    ...siteRoutes(core),
    ...shopRoutes(core),
    ...keyAddressRoutes(core.payments),
    ...usageRoutes(core),
    ...usageSeriesRoutes(core),
    ...installationRoutes(core),
    ...importRoutes(core),
    ...auditRoutes(core),
    ...moneyRoutes(core),
    ...meterRoutes(core.payments),
    ...moneyEventRoutes(core),
    ...subscriptionRoutes({ ...core, look: core.paymentEvents.worker.syncNow }),
    ...webhookRoutes({ ...core, allowed: core.webhooks.allowed }),
    ...deliveryRoutes(core),
    ...accountRoutes(core.payments),
    ...checkoutRoutes({ ...core.payments, links: core.links }),
    ...mailRoutes(core),
    ...withdrawalRoutes(core),
    ...validateRoutes(core),
    ...activationRoutes(core),
  ];
  return [
    ...routes,
    openapiRoute(routes, { version, publicUrl: core.config.publicUrl, examples, events: eventDocs() }),
  ];
}

/** The OpenAPI document of an installation; `publicUrl` null: of none in particular. */
export function apiDocument(core: ApiCore, publicUrl: string | null) {
  return openapiDocument(apiRoutes(core), { version, publicUrl, examples, events: eventDocs() });
}

/** What may stand in a bridge: feeds, no changelogs. */
function feedDocuments(): string[] {
  return feedFormats.flatMap(({ documents }) =>
    documents.filter(({ kind }) => kind === 'feed').map(({ fileName }) => fileName),
  );
}

/** The text of `docs/openapi.json`. */
export function openapiText(core: ApiCore): string {
  return `${JSON.stringify(apiDocument(core, null), null, 2)}\n`;
}
