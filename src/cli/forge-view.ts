import type { ForgeRecord, OrganizationRecord } from '../forge/forge-reads.ts';

/** What `--json` says of a forge: neither its token nor its hook secrets. */
export function forgeView({ id, kind, name, baseUrl, version, checkedAt, checkError }: ForgeRecord) {
  return { id, kind, name, base_url: baseUrl, version, checked_at: checkedAt, check_error: checkError };
}

export function organizationView({ id, slug, name, owner, keyPrefix }: OrganizationRecord) {
  return { id, slug, name, owner, key_prefix: keyPrefix };
}
