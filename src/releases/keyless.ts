import { type Clock, DAY, dayOf, toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { newId } from '../ids.ts';
import { keylessShare } from '../licensing/store-usage.ts';
import type { Product } from './product.ts';
import { productsOfOrganization } from './store-products.ts';
import { setProductProblem } from './store-releases.ts';

const DAYS = 14;
const MOST_KEYLESS = 0.05;

/** Stock Joomla sends no key with the feed, so a strict product is invisible to it: says so while it matters (DESIGN §5). */
export async function watchKeylessPolls(db: Db, clock: Clock): Promise<void> {
  const products = await db.read((tx) => productsOfOrganization(tx, null));
  for (const product of products.filter((each) => each.retiredAt === null)) await watch(db, product, clock());
}

async function watch(db: Db, product: Product, now: number): Promise<void> {
  const { keyless, all } = await db.read((tx) => keylessShare(tx, product.id, dayOf(now - DAYS * DAY)));
  const share = all === 0 ? 0 : keyless / all;
  const found = product.mode === 'strict' && share > MOST_KEYLESS;
  const problem = {
    id: newId('problem', now),
    code: 'KEYLESS_POLLS' as const,
    severity: 'warning' as const,
    platform: null,
    detail: `${Math.round(share * 100)} % of the polls of ${DAYS} days carry no key; in strict mode such sites see no update at all.`,
    fix: 'Switch the product to "listed", or ship the client kit.',
  };
  await db.tx((tx) => setProductProblem(tx, product.id, 'KEYLESS_POLLS', found ? problem : null, toIso(now)));
}
