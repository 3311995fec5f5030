import { beforeEach, describe, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { type PlayedGateway, playGateway } from '../../test/support/played-gateway.ts';
import { SEED_NOW, type Shop, seedPackage, seedSecrets, seedShop } from '../../test/support/seed.ts';
import { seedAccount, seedStripeAccount } from '../../test/support/seed-accounts.ts';
import { CLI_ACTOR } from '../accounts/actor.ts';
import { PaymentTrouble } from '../errors.ts';
import { CHECK_PRICES, PackagePrice } from '../licensing/package-price.ts';
import { setPrices } from '../licensing/set-prices.ts';
import type { PackageRecord } from '../licensing/store-packages.ts';
import { pricesOf } from '../licensing/store-prices.ts';
import type { PaymentDeps } from './accounts.ts';
import { checkAllPrices, checkPrice, checkPrices, checkPricesJob } from './check-prices.ts';

const YEAR = { value: 1, unit: 'year' as const };

onEachDatabase('prices at their providers', (database) => {
  let shop: Shop;
  let sold: PackageRecord;
  let stripe: PlayedGateway;
  let deps: PaymentDeps;

  beforeEach(async () => {
    const { db } = database();
    shop = await seedShop(db);
    await db.tx((tx) =>
      tx('organizations').where({ id: shop.organization.id }).update({ support_url: 'mailto:help@acme.example' }),
    );
    sold = await seedPackage(db, shop.organization);
    stripe = playGateway('stripe');
    stripe.prices.set('price_1', {
      ...{ externalId: 'price_1', active: true, name: 'Pro', amountMinor: 4900, currency: 'EUR', interval: YEAR },
    });
    deps = {
      ...{ db, clock: () => SEED_NOW, secrets: seedSecrets, publicUrl: 'https://updates.example.com', apiBases: {} },
      gateways: { stripe, other: { ...playGateway('other'), oneOffIsOurs: true } },
    };
  });

  const by = { actor: CLI_ACTOR, now: SEED_NOW, requestId: null };
  const price = (change: object = {}) =>
    PackagePrice.parse({ provider: 'stripe', external_id: 'price_1', code: 'pro', ...change });
  const set = (...prices: PackagePrice[]) => deps.db.tx((tx) => setPrices(tx, sold, prices, by));
  const stored = async () => (await deps.db.read((tx) => pricesOf(tx, [sold.id]))).get(sold.id) ?? [];
  const alerts = () =>
    deps.db.read((tx) => tx('payment_alerts').where({ organization_id: shop.organization.id }).orderBy('id'));

  it('are looked up when they are set, and what nobody said is taken from there', async () => {
    await seedStripeAccount(deps.db, shop.organization);
    await set(price());
    const jobs = await deps.db.read((tx) => tx('jobs').where({ kind: CHECK_PRICES, subject: shop.organization.id }));
    expect(jobs).toHaveLength(1);
    await checkPricesJob(deps, shop.organization.id);
    expect(await stored()).toMatchObject([{ amount_minor: 4900, currency: 'EUR', interval: YEAR, trouble: '' }]);
    const noted = () => deps.db.read((tx) => tx('audit_events').where({ action: 'package.price', entity_id: sold.id }));
    expect(await noted()).toHaveLength(1);
    await checkPrices(deps, shop.organization.id);
    expect(await noted()).toHaveLength(1);
  });

  it('are not looked up without an account', async () => {
    await set(price());
    expect(await checkPrices(deps, shop.organization.id)).toEqual([]);
    expect(await stored()).toMatchObject([{ amount_minor: null, trouble: '', checkedAt: null }]);
  });

  describe('that are not what they were', () => {
    it.each([
      ['gone', () => stripe.prices.delete('price_1')],
      ['inactive', () => void Object.assign(stripe.prices.get('price_1') ?? {}, { active: false })],
      ['changed', () => void Object.assign(stripe.prices.get('price_1') ?? {}, { amountMinor: 5900 })],
    ])('are in trouble and alert once: %s', async (trouble, breaks) => {
      const account = await seedStripeAccount(deps.db, shop.organization);
      await set(price());
      await checkPrices(deps, shop.organization.id);
      breaks();
      for (let i = 0; i < 2; i++) {
        const [finding] = await checkPrice(deps, account, 'price_1');
        expect(finding).toMatchObject({ code: 'pro', trouble, failure: null });
      }
      expect(await stored()).toMatchObject([{ amount_minor: 4900, currency: 'EUR', interval: YEAR, trouble }]);
      expect(await alerts()).toMatchObject([{ code: `PRICE_${trouble.toUpperCase()}`, subject: 'price_1', count: 1 }]);
      const mails = () => deps.db.read((tx) => tx('mails').where({ organization_id: shop.organization.id }));
      expect(await mails()).toMatchObject([{ template: 'vendor_alert', email: 'help@acme.example' }]);
    });

    it('are well again once either side is mended', async () => {
      await seedStripeAccount(deps.db, shop.organization);
      await set(price({ amount_minor: 3900, currency: 'EUR', interval: YEAR }));
      await checkAllPrices(deps, () => undefined);
      expect(await stored()).toMatchObject([{ trouble: 'changed' }]);
      await set(price({ amount_minor: 4900, currency: 'EUR', interval: YEAR }));
      expect(await stored()).toMatchObject([{ trouble: '', checkedAt: null }]);
      await checkAllPrices(deps, () => undefined);
      expect(await stored()).toMatchObject([{ trouble: '' }]);
      await set(price({ amount_minor: 4900, currency: 'EUR', interval: YEAR }));
      expect((await stored())[0]?.checkedAt).not.toBeNull();
    });
  });

  it('of a provider that does not answer stay as they are, and are asked for again', async () => {
    await seedStripeAccount(deps.db, shop.organization);
    await set(price());
    stripe.failure = { error: new PaymentTrouble('timeout', 'no answer'), after: false };
    await expect(checkPricesJob(deps, shop.organization.id)).rejects.toThrow('no answer');
    const said: string[] = [];
    await checkAllPrices(deps, (_, what) => void said.push(what));
    expect(said).toContain('the price pro');
    stripe.failure = { error: new PaymentTrouble('unauthorized', 'the key is refused'), after: false };
    await checkPricesJob(deps, shop.organization.id);
    expect(await stored()).toMatchObject([{ amount_minor: null, trouble: '', checkedAt: null }]);
    expect(await alerts()).toEqual([]);
  });

  it('are of the account that knows them, be it for money or for tests', async () => {
    await seedStripeAccount(deps.db, shop.organization, { mode: 'test' });
    await seedStripeAccount(deps.db, shop.organization, { mode: 'live' });
    const asked: string[] = [];
    stripe.readPrice = async (account, id) => {
      asked.push(account.mode);
      return account.mode === 'test' ? (stripe.prices.get(id) ?? null) : null;
    };
    await set(price());
    expect(await checkPrices(deps, shop.organization.id)).toMatchObject([{ trouble: '' }]);
    expect(asked).toEqual(['live', 'test']);
  });

  it('that a provider does not know of at all are ours alone', async () => {
    await seedAccount(deps.db, shop.organization, { provider: 'other' });
    await set(price({ provider: 'other', external_id: 'anything', amount_minor: 100, currency: 'EUR' }));
    expect(await checkPrices(deps, shop.organization.id)).toEqual([]);
    expect(await stored()).toMatchObject([{ amount_minor: 100, trouble: '' }]);
  });
});
