import { createHash } from 'node:crypto';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { DIGEST_SEAL, SEAL } from '../licensing/keys.ts';
import type { PackageTerms } from '../licensing/package-terms.ts';
import type { Product } from '../releases/product.ts';
import { aliasesOf, productsOfOrganization } from '../releases/store-products.ts';
import type { Secrets } from '../secrets.ts';
import { pathBelow } from './bring-others.ts';
import {
  closingsOfAll,
  customersAfter,
  type ExportedKey,
  type ExportedLicense,
  type ExportedPackage,
  type ExportedSite,
  grantsOfAll,
  keysOfAll,
  licensesAfter,
  packagesWithVersions,
  sitesOfAll,
} from './store-export.ts';

const ROWS_AT_ONCE = 500;

export interface ExportWish {
  organization: OrganizationRecord;
  /** True: keys as they are typed; else their SHA-256, by which they are found again and shown by nobody. */
  withKeys: boolean;
}

/** All of an organization's licensing, a thing at a time, in the format that an import reads. */
export async function* giveOut(db: Db, secrets: Secrets, wish: ExportWish): AsyncIterable<object> {
  const { organization } = wish;
  yield { type: 'feedgate-export', version: 1, source: `feedgate:${organization.id}` };
  const products = await db.read((tx) => productsOfOrganization(tx, organization.id));
  for (const product of products.filter((each) => each.retiredAt === null)) yield await productItem(db, product);
  const packages = await db.read((tx) => packagesWithVersions(tx, organization.id));
  for (const each of packages) if (each.kind !== 'master') yield packageItem(each, products);
  yield* customerItems(db, organization.id);
  yield* licenseItems(db, secrets, wish, packages);
}

async function productItem(db: Db, product: Product): Promise<object> {
  const aliases = await db.read((tx) => aliasesOf(tx, product.id));
  return {
    ...{ type: 'product', ref: product.id, path: pathBelow(product), mode: product.mode },
    ...{ open_channels: product.openChannels, security_open: product.securityOpen },
    ...{ claim_on: product.claimOn, missing_site: product.missingSite },
    aliases: aliases.filter(({ kind }) => kind !== 'current').map(({ path, document }) => ({ path, document })),
  };
}

function packageItem(
  { id, name, kind, active, description, repositoryName, versions }: ExportedPackage,
  products: readonly Product[],
): object {
  const head = { type: 'package', ref: id, name, kind, active, description, repository: repositoryName };
  return { ...head, versions: versions.map((terms) => termsItem(terms, products)) };
}

function termsItem({ fixed, products: ids, ...terms }: PackageTerms, products: readonly Product[]): object {
  const paths = ids?.flatMap((id) => products.filter((each) => each.id === id).map(pathBelow)) ?? null;
  const dates = fixed === null ? null : { from: toIso(fixed.from), until: toIso(fixed.until) };
  return { ...terms, fixed: dates, products: paths };
}

async function* customerItems(db: Db, organizationId: string): AsyncIterable<object> {
  for (let after = ''; ; ) {
    const rows = await db.read((tx) => customersAfter(tx, organizationId, after, ROWS_AT_ONCE));
    for (const { id, organizationName, externalCustomerId, externalWorkspaceId, ...rest } of rows)
      yield {
        ...{ type: 'customer', ref: id, ...rest, organization_name: organizationName },
        ...{ external_customer_id: externalCustomerId, external_workspace_id: externalWorkspaceId },
      };
    const last = rows.at(-1);
    if (rows.length < ROWS_AT_ONCE || last === undefined) return;
    after = last.id;
  }
}

async function* licenseItems(
  db: Db,
  secrets: Secrets,
  { organization, withKeys }: ExportWish,
  packages: readonly ExportedPackage[],
): AsyncIterable<object> {
  const masters = new Map(
    packages.filter(({ kind }) => kind === 'master').map((each) => [each.id, each.repositoryName]),
  );
  for (let after = ''; ; ) {
    const read = await db.read(async (tx) => {
      const licenses = await licensesAfter(tx, organization.id, after, ROWS_AT_ONCE);
      const ids = licenses.map(({ id }) => id);
      const grants = await grantsOfAll(tx, ids);
      const closings = await closingsOfAll(
        tx,
        [...grants.values()].flat().map(({ id }) => id),
      );
      return { licenses, grants, closings, keys: await keysOfAll(tx, ids), sites: await sitesOfAll(tx, ids) };
    });
    for (const license of read.licenses) {
      const grants = read.grants.get(license.id) ?? [];
      const keys = (read.keys.get(license.id) ?? []).flatMap((key) => keyItem(secrets, key, withKeys));
      if (license.master) {
        const repository = masters.get(grants[0]?.packageId ?? '') ?? null;
        yield { type: 'license', ref: license.id, master: true, repository, keys };
        continue;
      }
      yield {
        ...licenseHead(license),
        grants: grants.map((grant) => ({
          ...{ ref: grant.id, package: grant.packageId, package_version: grant.packageVersion, source: grant.source },
          ...{
            given_at: grant.givenAt,
            ends_at: grant.endsAt,
            quantity: grant.quantity,
            payment_ref: grant.paymentRef,
          },
          length: grant.lengthValue === null ? null : { value: grant.lengthValue, unit: grant.lengthUnit },
          ...{ line: grant.line, supersedes: grant.supersedes, first_used_at: grant.firstUsedAt },
          closings: read.closings
            .filter(({ grantId }) => grantId === grant.id)
            .map(({ kind, at, reason }) => ({ kind, at, reason })),
        })),
        keys,
        sites: (read.sites.get(license.id) ?? []).map(siteItem),
      };
    }
    const last = read.licenses.at(-1);
    if (read.licenses.length < ROWS_AT_ONCE || last === undefined) return;
    after = last.id;
  }
}

function licenseHead(license: ExportedLicense): object {
  const { id, customerId, notes, suspendedAt, revokedAt, createdAt } = license;
  const state = { suspended_at: suspendedAt, revoked_at: revokedAt, created_at: createdAt };
  return { type: 'license', ref: id, customer: customerId, notes, ...state };
}

/** Of a key that came as a hash, and whose hash was not kept, nothing can be given back. */
function keyItem(secrets: Secrets, key: ExportedKey, withKeys: boolean): object[] {
  const text = key.sealed === null ? null : secrets.open(SEAL, key.id, key.sealed);
  const digest =
    text !== null
      ? createHash('sha256').update(text).digest('hex')
      : key.sealedSha256 === null
        ? null
        : secrets.open(DIGEST_SEAL, key.id, key.sealedSha256);
  if (digest === null) return [];
  return [
    {
      ...{ ref: key.id, ...(withKeys && text !== null ? { key: text } : { key_sha256: digest }) },
      ...{ label: key.label, purpose: key.purpose, site_limit: key.siteLimit, domains: key.domains ?? [] },
      ...{ suspended_at: key.suspendedAt, revoked_at: key.revokedAt, revoke_reason: key.revokeReason },
      ...{ ends_at: key.endsAt, replaced_by: key.replacedBy, created_at: key.createdAt },
    },
  ];
}

function siteItem(site: ExportedSite): object {
  return {
    ...{ site: site.host || site.identity, identity: site.identity, instance: site.instance, counted: site.counted },
    ...{ exempt_reason: site.exemptReason, covers: site.covers, label: site.label, key: site.keyId },
    ...{ first_seen_at: site.firstSeenAt, last_seen_at: site.lastSeenAt },
  };
}
