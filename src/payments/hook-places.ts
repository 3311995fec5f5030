import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { findOrganization, firstOrganizationId } from '../forge/store.ts';
import { alertVendor } from './alerts.ts';
import { accountsOf, findAccount } from './store-accounts.ts';

/** Whom deliveries at an address are for. */
export interface HookPlace {
  organizationId: string;
  provider: string;
  /** The address names one account; else any of the organization's may be meant. */
  accountId?: string;
}

/** The organization of that slug, or the oldest one. Throws NOT_FOUND where there is none, or none of the provider's accounts. */
export async function hookedOrganization(db: Db, slug: string | null, provider: string): Promise<HookPlace> {
  refuseNul(slug ?? '');
  return db.read(async (tx) => {
    const found = slug === null ? await firstOrganizationId(tx) : ((await findOrganization(tx, slug))?.id ?? null);
    if (found === null) throw problem('NOT_FOUND', 'there is no such organization');
    const accounts = await accountsOf(tx, { organizationId: found, provider });
    if (accounts.length === 0) throw problem('NOT_FOUND', `no account at the provider "${provider}" is connected`);
    return { organizationId: found, provider };
  });
}

/** Of an address that names the account itself. Throws NOT_FOUND. */
export async function hookedAccount(db: Db, accountId: string, provider: string): Promise<HookPlace> {
  refuseNul(accountId);
  const account = await db.read((tx) => findAccount(tx, accountId));
  if (account?.provider !== provider) throw problem('NOT_FOUND', `there is no such account at "${provider}"`);
  return { organizationId: account.organizationId, provider, accountId };
}

/** PostgreSQL takes no U+0000 in a text, so that looking for it would be a fault of ours. Throws NOT_FOUND: nothing is called so. */
export function refuseNul(name: string): void {
  if (name.includes('\0')) throw problem('NOT_FOUND', 'nothing is called so');
}

/** Tells the vendor that what came was refused for its size. */
export async function noteTooLarge(
  db: Db,
  { organizationId, provider }: HookPlace,
  most: number,
  now: number,
): Promise<void> {
  await db.tx(async (tx) => {
    const [account] = await accountsOf(tx, { organizationId, provider });
    const detail = `a delivery to the webhook of ${provider} had more than ${most} bytes and was refused; it may not have come from there`;
    const accountId = account?.id ?? '';
    await alertVendor(tx, { organizationId, accountId, code: 'DELIVERY_TOO_LARGE', subject: accountId, detail }, now);
  });
}
