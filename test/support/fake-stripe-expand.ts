import { listOf } from './fake-stripe-shapes.ts';
import type { StripeWorld } from './fake-stripe-world.ts';

type Bag = Record<string, unknown>;

const MAX_DEPTH = 4;

/** A copy with ids turned into objects along the paths; a path that is too long is refused as Stripe does. null: refused. */
export function expanded(world: StripeWorld, object: object, paths: readonly string[]): object | null {
  if (paths.some((path) => path.split('.').length > MAX_DEPTH)) return null;
  const copy = structuredClone(object) as Bag;
  for (const path of paths) expand(world, copy, path.split('.'));
  return copy;
}

function expand(world: StripeWorld, object: Bag, [name = '', ...rest]: string[]): void {
  if (name === 'data' && Array.isArray(object['data'])) {
    for (const one of object['data'] as Bag[]) expand(world, one, rest);
    return;
  }
  const value = object[name] ?? includable(world, object, name);
  const found = typeof value === 'string' ? lookUp(world, value) : value;
  if (typeof found !== 'object' || found === null) return;
  const copy = structuredClone(found) as Bag;
  object[name] = copy;
  if (rest.length > 0) expand(world, copy, rest);
}

/** Lists that are left out where nobody asks for them. */
function includable(world: StripeWorld, object: Bag, name: string): unknown {
  const id = object['id'] as string;
  switch (`${object['object']}.${name}`) {
    case 'checkout.session.line_items':
      return firstPage(world.sessionLines.get(id) ?? [], `/v1/checkout/sessions/${id}/line_items`);
    case 'invoice.payments':
      return firstPage(
        [...world.invoicePayments.values()].filter(({ invoice }) => invoice === id),
        `/v1/invoice_payments?invoice=${id}`,
      );
    case 'charge.refunds':
      return firstPage(
        [...world.refunds.values()].filter(({ charge }) => charge === id).reverse(),
        `/v1/charges/${id}/refunds`,
      );
    default:
      return undefined;
  }
}

const INLINE = 10;

export function firstPage<T>(all: T[], url: string): { data: T[]; has_more: boolean } {
  return { ...listOf(all.slice(0, INLINE), url), has_more: all.length > INLINE };
}

function lookUp(world: StripeWorld, id: string): object | undefined {
  const places: ReadonlyMap<string, object>[] = [
    ...[world.customers, world.products, world.prices, world.sessions, world.subscriptions, world.schedules],
    ...[world.invoices, world.invoicePayments, world.intents, world.charges, world.refunds, world.disputes],
  ];
  return places.map((place) => place.get(id)).find((one) => one !== undefined);
}
