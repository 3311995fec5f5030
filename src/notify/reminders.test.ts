import { beforeEach, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import {
  SEED_NOW,
  type Shop,
  seedCustomer,
  seedGrant,
  seedKey,
  seedLicense,
  seedPackage,
  seedShop,
} from '../../test/support/seed.ts';
import { CLI_ACTOR } from '../accounts/actor.ts';
import { mergeCustomers } from '../accounts/merge-customers.ts';
import type { CustomerRecord } from '../accounts/store-customers.ts';
import { DAY, HOUR, toIso } from '../clock.ts';
import { updateOrganization } from '../forge/store.ts';
import { newId } from '../ids.ts';
import type { KeyPurpose } from '../licensing/license-key.ts';
import type { LicenseRecord } from '../licensing/store-licenses.ts';
import { OrganizationSettings } from '../releases/organization-settings.ts';
import { queueReminders, stopReminders } from './reminders.ts';

onEachDatabase('reminders', (database) => {
  let shop: Shop;
  const db = () => database().db;

  beforeEach(async () => {
    await db().tx(async (tx) => {
      await tx('mails').delete();
      await tx('subscriptions').delete();
      await tx('grants').delete();
      await tx('license_keys').delete();
      await tx('licenses').delete();
    });
    shop = await seedShop(db());
  });

  async function license(
    days: number,
    of: { license?: Partial<LicenseRecord>; customer?: Partial<CustomerRecord>; purpose?: KeyPurpose } = {},
  ): Promise<LicenseRecord> {
    const customer = await seedCustomer(db(), shop.organization, of.customer);
    const validUntil = toIso(SEED_NOW + days * DAY);
    const made = await seedLicense(db(), shop.organization, { validUntil, customerId: customer.id, ...of.license });
    await seedKey(db(), made, { purpose: of.purpose ?? 'commercial' });
    return made;
  }
  async function renewedBySubscription({ id }: LicenseRecord): Promise<void> {
    await db().tx(async (tx) => {
      const account = newId('payment_account');
      const head = { organization_id: shop.organization.id, mode: 'live', created_at: '', created_by: '' };
      await tx('payment_accounts').insert({
        ...{ ...head, id: account, provider: newId('job'), credentials_sealed: '', hook_secrets_sealed: '' },
        ...{ settings: '{}', source: 'api', active: true, faults: '[]' },
      });
      await tx('subscriptions').insert({
        ...{ ...head, id: newId('subscription'), account_id: account, provider: 'stripe', external_id: newId('job') },
        ...{ state: 'active', provider_state: '', items: '[]', currency: 'EUR', license_id: id, runs: true },
        ...{ trouble: '', url: '', fetched_at: '' },
      });
    });
  }
  const rows = () => db().read((tx) => tx('mails').orderBy('tag'));
  const told = async () => (await rows()).map(({ template, about }) => `${template} ${JSON.parse(about).days}`);

  it('come 30, 7 and 1 days before the end and at the end, each once', async () => {
    const own = await license(40);
    const at = async (days: number) => {
      const queued = await queueReminders(db(), SEED_NOW + days * DAY + HOUR);
      expect(await queueReminders(db(), SEED_NOW + days * DAY + 2 * HOUR)).toBe(0);
      return queued;
    };
    const days = [0, 9, 10, 20, 32, 33, 35, 38, 39, 39.5, 40, 41, 60];
    const queued: number[] = [];
    for (const day of days) queued.push(await at(day));
    expect(queued).toEqual([0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0]);
    expect(await told()).toEqual(['ended 0', 'expiring 1', 'expiring 30', 'expiring 7']);
    expect((await rows())[0]).toMatchObject({ customer_id: own.customerId, state: 'waiting' });
  });

  it('begin anew for a new end', async () => {
    const own = await license(20);
    expect(await queueReminders(db(), SEED_NOW)).toBe(1);
    const next = toIso(SEED_NOW + 385 * DAY);
    await db().tx((tx) => tx('licenses').where({ id: own.id }).update({ valid_until: next }));
    expect(await queueReminders(db(), SEED_NOW)).toBe(0);
    expect(await queueReminders(db(), SEED_NOW + 360 * DAY)).toBe(1);
  });

  it('of a license that is found late are the one that fits, and none of an end long past', async () => {
    await license(5);
    await license(-3);
    await license(-30);
    expect(await queueReminders(db(), SEED_NOW)).toBe(2);
    expect(await told()).toEqual(['ended 0', 'expiring 7']);
  });

  it('do not come in the first half of what was given', async () => {
    const own = await license(30);
    const sold = await seedPackage(db(), shop.organization);
    await seedGrant(db(), own, sold, { given: SEED_NOW });
    const queued: number[] = [];
    for (const day of [0, 14, 15, 16, 23, 29]) queued.push(await queueReminders(db(), SEED_NOW + day * DAY + HOUR));
    expect(queued).toEqual([0, 0, 1, 0, 1, 1]);
  });

  it('are for what somebody bought, and for nothing that renews itself', async () => {
    await license(20, { purpose: 'test' });
    await license(20, { purpose: 'internal' });
    await license(20, { customer: { kind: 'internal' } });
    await license(20, { customer: { email: '' } });
    await license(20, { license: { suspendedAt: toIso(SEED_NOW) } });
    await license(20, { license: { revokedAt: toIso(SEED_NOW) } });
    await renewedBySubscription(await license(20));
    await license(20, { license: { validUntil: null } });
    expect(await queueReminders(db(), SEED_NOW)).toBe(0);
  });

  it('are not queued where the organization does not send them', async () => {
    await license(20);
    await license(-1);
    const settings = OrganizationSettings.parse({ mail: { off: ['expiring'] } });
    await db().tx((tx) => updateOrganization(tx, shop.organization.id, { settings }));
    expect(await queueReminders(db(), SEED_NOW)).toBe(1);
    expect(await told()).toEqual(['ended 0']);
  });

  it('reach everybody, however many there are, once under two instances', async () => {
    const customer = await seedCustomer(db(), shop.organization);
    for (let i = 0; i < 205; i++) {
      const end = { validUntil: toIso(SEED_NOW + 20 * DAY), customerId: customer.id };
      await seedKey(db(), await seedLicense(db(), shop.organization, end));
    }
    const both = await Promise.all([queueReminders(db(), SEED_NOW), queueReminders(database().another(), SEED_NOW)]);
    expect(both[0] + both[1]).toBe(205);
    expect(await rows()).toHaveLength(205);
  });

  it('end where the customer says so, under every name that he has', async () => {
    const own = await license(20);
    expect(await stopReminders(db(), own.customerId, SEED_NOW)).toBe(true);
    expect(await stopReminders(db(), own.customerId, SEED_NOW + 1)).toBe(true);
    expect(await queueReminders(db(), SEED_NOW)).toBe(0);
    expect(await stopReminders(db(), newId('customer'), SEED_NOW)).toBe(false);
    const events = await db().read((tx) => tx('audit_events').where({ entity_id: own.customerId }));
    expect(events.map(({ action }) => action)).toEqual(['customer.reminders_off']);
    const other = await license(20);
    await mergeCustomers(db(), own.customerId, other.customerId, { actor: CLI_ACTOR, requestId: null, now: SEED_NOW });
    expect(await queueReminders(db(), SEED_NOW)).toBe(0);
  });
});
