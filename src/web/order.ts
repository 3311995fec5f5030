import express, { type Request, type Response, type Router } from 'express';
import { fromIso, MINUTE } from '../clock.ts';
import { markRoute } from '../http/request-facts.ts';
import { visibleReleases } from '../licensing/access.ts';
import type { Gate } from '../licensing/gate.ts';
import { type MailLanguage, mailLanguage } from '../notify/mail-facts.ts';
import { type OrderSeen, orderSeen } from '../payments/order-reads.ts';
import { startPayment } from '../payments/orders.ts';
import { type Product, productPath } from '../releases/product.ts';
import type { FeedFormat } from '../updates/feed-format.ts';
import { type Catalog, downloadUrl, pageUrl } from '../updates/feed-releases.ts';
import { type FileOfKey, orderPage } from './order-page.ts';
import { faultWords } from './shop-faults.ts';
import { payPage } from './shop-parts.ts';
import { isTooMany, mayTry, readForm, type ShopDeps, sendMissing } from './shop-request.ts';

export interface OrderPageDeps extends ShopDeps {
  gate: Gate;
  catalog: Catalog;
  formats: readonly FeedFormat[];
  /** Looks at what the provider says of the order just now; what it does not answer is tried again by itself. */
  sync(order: OrderSeen['order']): Promise<void>;
}

/** Beyond this nobody stands waiting any more. */
const EAGER_MS = 15 * MINUTE;

/**
 * `/order/{token}`: where a buyer comes back to. Nothing is ever given because somebody opened this address: it has the provider asked,
 * by the same steps as its events, and shows what is there.
 */
export function orderRouter(deps: OrderPageDeps): Router {
  const router = express.Router();
  router.use('/order', (_req, res, next) => {
    // The address opens the key.
    res.set({ 'Referrer-Policy': 'no-referrer', 'X-Robots-Tag': 'noindex, nofollow', 'Cache-Control': 'no-store' });
    markRoute(res, '/order/{token}');
    next();
  });
  router.get('/order/:token', (req, res) => show(deps, req, res));
  router.post('/order/:token', readForm, (req, res) => pay(deps, req, res));
  return router;
}

async function find(deps: OrderPageDeps, req: Request, res: Response): Promise<OrderSeen | null> {
  const id = deps.links.read('order', String(req.params['token']));
  const seen = id === null ? null : await orderSeen(deps, id);
  if (!seen) sendMissing(req, res, 'order');
  return seen;
}

async function show(deps: OrderPageDeps, req: Request, res: Response): Promise<void> {
  const before = await find(deps, req, res);
  if (!before) return;
  if (isWaiting(before) && before.order.externalId !== null && mayTry(deps, req)) await deps.sync(before.order);
  const seen = isWaiting(before) ? ((await orderSeen(deps, before.order.id)) ?? before) : before;
  res.type('html').send(await render(deps, req, seen, ''));
}

function isWaiting({ order }: OrderSeen): boolean {
  return order.state === 'open' || order.state === 'processing';
}

async function pay(deps: OrderPageDeps, req: Request, res: Response): Promise<void> {
  const seen = await find(deps, req, res);
  if (!seen) return;
  if (isTooMany(deps, req, res)) return;
  const { order, organization } = seen;
  try {
    const { url } = await startPayment(deps, order.id);
    const provider = deps.gateways[order.provider]?.title ?? order.provider;
    res.type('html').send(payPage(organization.name, url, provider, languageFor(req, seen)));
  } catch (error) {
    res
      .status(422)
      .type('html')
      .send(await render(deps, req, seen, faultWords(error, languageFor(req, seen))));
  }
}

async function render(deps: OrderPageDeps, req: Request, seen: OrderSeen, wrong: string): Promise<string> {
  const files = new Map<string, FileOfKey[]>();
  for (const { id, key, products } of seen.licenses)
    if (key !== null) files.set(id, await filesOf(deps, key, products));
  const age = deps.clock() - fromIso(seen.order.createdAt);
  const refreshSeconds = isWaiting(seen) ? (age < EAGER_MS ? 5 : 60) : null;
  const own = `${deps.publicUrl}/order/${String(req.params['token'])}`;
  return orderPage(deps, seen, { files, refreshSeconds, own, wrong, language: languageFor(req, seen) });
}

/** In which he ordered, else that of his browser, else that in which the vendor writes. */
function languageFor(req: Request, { order, organization }: OrderSeen): MailLanguage {
  return mailLanguage(order.language, ...req.acceptsLanguages(), organization.settings.mail.language);
}

/** The newest file of each product that the key opens; the links are the gated ones, with the key in their path. */
async function filesOf(deps: OrderPageDeps, key: string, products: readonly Product[]): Promise<FileOfKey[]> {
  const files: FileOfKey[] = [];
  for (const product of products) {
    const path = productPath(product);
    const keyed = { keyText: key, siteText: null, instanceText: null, platform: null };
    const asked = await deps.gate.ask('feed', [path], keyed);
    if (!asked) continue;
    for (const format of deps.formats.filter(({ platform }) => product.platforms.includes(platform))) {
      const releases = visibleReleases(asked.product, asked.verdict, await deps.catalog(product, format));
      const newest = releases.find(({ access }) => access === 'file')?.release;
      if (!newest) continue;
      const base = pageUrl(`${deps.publicUrl}/k/${encodeURIComponent(key)}`, product);
      const url = downloadUrl(base, newest.version, newest.fileName);
      files.push({ product: product.name, platform: format.title, version: newest.version, url });
    }
  }
  return files;
}
