import type { Core } from '../app.ts';
import { movingOf } from '../moving/moving.ts';
import { nextStepOf } from '../moving/moving-steps.ts';
import { productPath } from '../releases/product.ts';
import { listProducts } from '../releases/product-reads.ts';
import { type Check, ok, warning } from './doctor-check.ts';

/** How far each product is that comes from another server; one that comes from nowhere has no line. */
export async function checkMoving(core: Core): Promise<Check[]> {
  const checks: Check[] = [];
  for (const product of await listProducts(core.db, null)) {
    const deps = { db: core.db, publicUrl: core.config.publicUrl };
    const moving = await movingOf(deps, product, core.clock());
    if (moving.addresses.length === 0 && moving.adoption === null) continue;
    const next = nextStepOf(moving);
    const path = productPath(product);
    if (next === null) checks.push(ok('moving', `${path} has moved here`));
    else checks.push(warning('moving', `${path}: ${next.detail}`, `feedgate product moving ${path}`));
  }
  return checks;
}
