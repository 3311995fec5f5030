import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { joomlaClient } from '../../feeds/joomla/client-model.ts';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import type { Scope } from '../../src/accounts/scope.ts';
import { createToken } from '../../src/accounts/tokens.ts';
import { DAY } from '../../src/clock.ts';
import { type Caller, callerOf } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { joomlaZip } from '../support/site-archives.ts';
import { openVendor, pathOf, TARGETS, type Vendor } from '../support/vendor.ts';

/** A day of a shop: it sells, renews, moves a site, refunds by hand and revokes, and the buyer's Joomla lives through it. */

onEachDatabase("a shop's day", (database) => {
  let vendor: Vendor;
  let shop: Caller;
  let support: Caller;
  let owner: Caller;
  let packageId: string;

  beforeEach(async () => {
    vendor = await openVendor(database(), { product: { mode: 'strict', settings: { targets: TARGETS } } });
    await vendor.forge.publishRelease(vendor.repo, {
      tag: 'v1.1.0',
      assets: { 'plg_hello-1.1.0.zip': await joomlaZip({ version: '1.1.0' }) },
    });
    await vendor.sync();
    shop = await tokenOf('payments:write', 'licenses:read');
    support = await tokenOf('licenses:write');
    owner = await tokenOf('admin');
    const sold = { name: 'One year, one site', duration: { value: 1, unit: 'year' }, sites: 1 };
    const made = await owner.post(`${base()}/packages`, sold);
    expect(made.status).toBe(201);
    packageId = made.json.id;
  });
  afterEach(() => vendor.close());

  const base = () => `/repos/${vendor.organization.slug}/hello`;

  async function tokenOf(...scopes: Scope[]): Promise<Caller> {
    const { core, url, time } = vendor.test;
    const wish = { name: 'test', organizationId: vendor.organization.id, scopes, expiresAt: null };
    return callerOf(url, (await createToken(core, wish, CLI_ACTOR, time.now)).text);
  }

  async function sell(ref: string, more: object = {}) {
    const sale = { package_id: packageId, customer_name: 'Ada', customer_email: 'ada@example.com', payment_ref: ref };
    const answer = await shop.post(`${base()}/license-keys`, { ...sale, ...more });
    expect([200, 201]).toContain(answer.status);
    return answer.json as { id: string; license_id: string; grant_id: string; key: string; valid_until: string };
  }

  /** What the buyer's Joomla is offered, and whether it installs it; the kit tells key and site. */
  async function joomla(key: string, host: string): Promise<string | null> {
    const { facts } = (await vendor.known()).artifact('1.1.0');
    const { offered, installs } = await joomlaClient.play(
      {
        ...{
          version: '5.4',
          installed: '1.0.0',
          facts,
          feedUrl: `${vendor.test.url}${pathOf(vendor.product)}/updates.xml`,
        },
        ...{ key, host, kit: true, php: '8.3', stability: 'stable', download: true },
      },
      (url) => url,
    );
    return installs === true ? offered : null;
  }

  async function validate(key: string, site: string) {
    const product = pathOf(vendor.product).slice(1);
    const { json } = await callerOf(vendor.test.url, null).post('/licenses/validate', { key, product, site });
    return json as { valid: boolean; code: string; license: { valid_until: string } | null };
  }

  it('sells, renews, moves a site, refunds and revokes', async () => {
    const first = await sell('order-1');
    expect((await sell('order-1')).id).toBe(first.id);
    expect(await joomla(first.key, 'one.example.com')).toBe('1.1.0');
    expect((await validate(first.key, 'one.example.com')).code).toBe('VALID');

    expect(await joomla(first.key, 'two.example.com')).toBeNull();
    expect(await validate(first.key, 'two.example.com')).toMatchObject({ valid: false, code: 'SITE_LIMIT' });
    const buyer = callerOf(vendor.test.url, null);
    const product = pathOf(vendor.product).slice(1);
    const released = await buyer.post('/licenses/deactivate', { key: first.key, product, site: 'one.example.com' });
    expect(released.status).toBe(204);
    expect(await joomla(first.key, 'two.example.com')).toBe('1.1.0');
    expect(await joomla(first.key, 'one.example.com')).toBeNull();

    vendor.test.time.now += 300 * DAY;
    const renewal = await sell('order-2', { license_id: first.license_id });
    expect([first.valid_until, renewal.valid_until]).toEqual(['2027-03-01T12:00:00.000Z', '2028-03-01T12:00:00.000Z']);
    const { json: seen } = await shop.get(`${base()}/license-keys/${first.id}`);
    expect(seen.valid_until).toBe(renewal.valid_until);

    const refund = await support.post(`/grants/${renewal.grant_id}/close`, { reason: 'refunded by hand' });
    expect(refund.status).toBe(200);
    expect((await shop.get(`${base()}/license-keys/${first.id}`)).json.valid_until).toBe(first.valid_until);
    expect(await joomla(first.key, 'two.example.com')).toBe('1.1.0');
    await support.post(`/grants/${first.grant_id}/close`, { reason: 'refunded by hand' });
    expect(await joomla(first.key, 'two.example.com')).toBeNull();
    expect((await validate(first.key, 'two.example.com')).code).toBe('CANCELED');

    const other = await sell('order-3');
    expect(other.license_id).not.toBe(first.license_id);
    expect(await joomla(other.key, 'three.example.com')).toBe('1.1.0');
    const revoked = await support.post(`/keys/${other.id}/revoke`, { reason: 'leaked' });
    expect([revoked.status, revoked.json.key_status]).toEqual([200, 'revoked']);
    expect(await joomla(other.key, 'three.example.com')).toBeNull();
    expect((await validate(other.key, 'three.example.com')).code).toBe('KEY_REVOKED');

    const audited = await owner.get(`/audit/${first.license_id}`);
    expect(audited.status).toBe(200);
    expect(vendor.test.lines.join('\n')).not.toContain(first.key);
  });

  describe('with the wrong door', () => {
    it('is told so in words, and nothing is sold', async () => {
      const stranger = { package_id: packageId, customer_name: 'Eve', customer_email: 'eve@example.com' };
      const reader = await tokenOf('licenses:read');
      expect((await reader.post(`${base()}/license-keys`, stranger)).json.code).toBe('FORBIDDEN');
      expect((await shop.post(`${base()}/packages`, { name: 'x', duration: null, sites: 1 })).json.code).toBe(
        'FORBIDDEN',
      );
      const { json } = await owner.get(`/organizations/${vendor.organization.slug}/licenses`);
      expect(json.items.filter(({ master }: { master: boolean }) => !master)).toEqual([]);
    });
  });
});
