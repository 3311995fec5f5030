import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newId } from '../ids.ts';
import { shopGateway } from './shop/driver.ts';
import { ShopEvent } from './shop-event.ts';
import { factsOfShop, isRenewalOf, pricedLines, renewalId } from './shop-facts.ts';

const AT = '2026-01-01T12:00:00Z';
const paid = {
  type: 'paid',
  order: '1042',
  items: [{ price: 'premium' }],
  customer: { email: 'Ada@Example.com', name: 'Ada', language: 'de-AT' },
  amount_minor: 4_900,
  currency: 'eur',
  at: AT,
};
const period = { start: AT, end: '2027-01-01T12:00:00Z' };
const renewed = { ...paid, type: 'renewed', subscription: { id: 'S1' }, period };

function faultsOf(body: unknown): string[] {
  const read = ShopEvent.safeParse(body);
  return read.success ? [] : read.error.issues.map(({ path, message }) => `/${path.join('/')}: ${message}`);
}

describe('the event of a shop', () => {
  it('is read with its defaults', () => {
    const event = ShopEvent.parse(paid);
    expect(event).toMatchObject({
      currency: 'EUR',
      test: false,
      customer: { email: 'ada@example.com', language: 'de' },
    });
    expect(factsOfShop(event)).toMatchObject({
      checkout: { externalId: '1042', state: 'paid', totalMinor: 4_900, paymentId: '1042', subscriptionId: null },
      subscription: null,
      payments: [{ externalId: '1042', kind: 'one_off', state: 'paid', lines: [{ id: '1', priceId: 'premium' }] }],
    });
  });

  it.each([
    ['no order', { ...paid, order: undefined }, '/order'],
    ['an empty order', { ...paid, order: ' ' }, '/order'],
    ['no items', { ...paid, items: undefined }, '/items: is required with type paid'],
    ['no price', { ...paid, items: [{}] }, '/items/0/price: names a price or a package'],
    ['price and package', { ...paid, items: [{ price: 'a', package: newId('package') }] }, '/items/0/price'],
    [
      'another id',
      { ...paid, items: [{ package: newId('license') }] },
      '/items/0/package: must be the id of a package',
    ],
    ['one line twice', { ...paid, items: [{ price: 'a', line: '2' }, { price: 'b' }] }, '/items/1/line'],
    ['half a cent', { ...paid, amount_minor: 4.5 }, '/amount_minor'],
    ['an amount as text', { ...paid, amount_minor: '4900' }, '/amount_minor'],
    ['more tax than money', { ...paid, amount_minor: 1, tax_minor: 2 }, '/tax_minor'],
    ['no currency', { ...paid, currency: 'EURO' }, '/currency'],
    ['a day in the place of an instant', { ...paid, at: '2026-01-01' }, '/at'],
    ['a mistyped field', { ...paid, ammount_minor: 1 }, 'Unrecognized key'],
    ['a refund that is none', { ...paid, type: 'refunded' }, '/refund: is required with type refunded'],
    ['a refund of a sale', { ...paid, refund: { id: 'r', amount_minor: 1 } }, '/refund: goes with type refunded only'],
    ['a renewal of nothing', { ...renewed, subscription: undefined }, '/subscription'],
    ['a period that ends before it begins', { ...renewed, period: { start: AT, end: AT } }, '/period/end'],
    ['a subscription without its period', { ...paid, subscription: { id: 'S1' } }, '/period'],
    ['a control character', { ...paid, order: 'a\u0000b' }, '/order'],
  ])('is refused with %s', (_name, body, fault) => {
    expect(faultsOf(body).join('; ')).toContain(fault);
  });

  it('names a renewal by its order and the start of its period', () => {
    const facts = factsOfShop(ShopEvent.parse(renewed));
    const id = renewalId('1042', Date.parse(AT));
    expect(facts.payments.map((each) => [each.externalId, each.kind, each.checkoutId])).toEqual([[id, 'period', null]]);
    expect(facts.checkout).toBeNull();
    expect([isRenewalOf(id, '1042'), isRenewalOf(id, '104'), isRenewalOf('1042@x', '1042')]).toEqual([
      true,
      false,
      false,
    ]);
    const refund = { type: 'refunded', order: '1042', period, refund: { id: 'r1', amount_minor: 5 }, at: AT };
    expect(factsOfShop(ShopEvent.parse(refund)).refunds).toMatchObject([{ paymentId: id, amountMinor: 5 }]);
  });

  it('shares what is left of the whole among the items that name no amount', () => {
    const items = [{ price: 'a', amount_minor: 1_000 }, { price: 'b', quantity: 2 }, { price: 'c' }];
    const event = ShopEvent.parse({ ...paid, items, amount_minor: 4_901, discount_minor: 200, tax_minor: 100 });
    expect(pricedLines(event).map(({ amountMinor }) => amountMinor)).toEqual([1_000, 2_001, 2_000]);
    expect(pricedLines(event, (price) => (price === 'b' ? 700 : null)).map(({ amountMinor }) => amountMinor)).toEqual([
      1_000, 1_400, 2_601,
    ]);
  });
});

describe('the parser of the shop gateway', () => {
  const headers = { 'webhook-id': 'evt-1' };

  it('tells what the event is about', () => {
    const subjectOf = (body: object) => {
      const parsed = shopGateway.parse(Buffer.from(JSON.stringify(body)), headers);
      return parsed.ok ? [parsed.event.subject, parsed.event.live] : parsed.errors;
    };
    expect(subjectOf(paid)).toEqual(['checkout:1042', true]);
    expect(subjectOf({ ...renewed, test: true })).toEqual(['subscription:S1', false]);
    expect(subjectOf({ ...paid, order: undefined })).toEqual([{ pointer: '/order', detail: 'is required' }]);
    expect(subjectOf({ ...paid, customer: { ...paid.customer, name: 'A\0' } })).toHaveLength(1);
    expect(subjectOf({ ...paid, extra: 1, currency: 5 })).toHaveLength(2);
  });

  it('takes nothing that is yet to happen', () => {
    const at = { 'webhook-id': 'evt-1', 'webhook-timestamp': String(Date.parse(AT) / 1_000) };
    const errorsOf = (body: object) => {
      const parsed = shopGateway.parse(Buffer.from(JSON.stringify(body)), at);
      return parsed.ok ? [] : parsed.errors;
    };
    expect(errorsOf({ ...paid, at: '2026-01-01T12:05:00Z' })).toEqual([]);
    expect(errorsOf({ ...paid, at: '2026-01-01T12:05:01Z', paid_at: AT })).toEqual([
      { pointer: '/at', detail: 'lies in the future' },
    ]);
  });

  it('answers any bytes without throwing, and never with half a fact', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(shopGateway.parse(bytes, headers).ok).toBe(false);
      }),
    );
  });

  it('answers any JSON, and what was spoilt somewhere, without throwing', () => {
    const fields = Object.keys(renewed) as (keyof typeof renewed)[];
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue(), fc.jsonValue(), (field, value, whole) => {
        for (const body of [whole, { ...renewed, [field]: value }]) {
          const parsed = shopGateway.parse(Buffer.from(JSON.stringify(body)), headers);
          if (!parsed.ok) continue;
          const [payment] = parsed.event.facts?.payments ?? [];
          expect(Number.isSafeInteger(payment?.amountMinor ?? 0)).toBe(true);
          expect(parsed.event.subject).toMatch(/^(checkout|subscription):./);
        }
      }),
    );
  });

  it('keeps the sum of the lines whatever the amounts', () => {
    const amount = fc.integer({ min: 0, max: 1_000_000 });
    const item = fc.record({
      quantity: fc.integer({ min: 1, max: 9 }),
      amount_minor: fc.option(amount, { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 5 }), amount, (items, whole) => {
        const event = ShopEvent.parse({
          ...paid,
          items: items.map((each) => ({ price: 'a', ...each })),
          amount_minor: whole,
        });
        const lines = pricedLines(event);
        const named = items.reduce((sum, each) => sum + (each.amount_minor ?? 0), 0);
        const sum = lines.reduce((total, each) => total + each.amountMinor, 0);
        if (items.some((each) => each.amount_minor === undefined) && named <= whole) expect(sum).toBe(whole);
        expect(lines.every((each) => each.amountMinor >= 0)).toBe(true);
      }),
    );
  });
});
