import express, { type Request, type Response, type Router } from 'express';
import { markRoute } from '../http/request-facts.ts';
import { offerNamed } from '../payments/offers.ts';
import type { Offers, PackageOffer } from '../payments/sold-price.ts';
import { escapeHtml, page } from './layout.ts';
import {
  buyerFields,
  fault,
  legalLinks,
  missingPage,
  NOTHING_TYPED,
  priceButtons,
  type Typed,
  testBand,
  tooManyPage,
} from './shop-parts.ts';
import { mayTry, payFor, readForm, type ShopDeps, typedIn } from './shop-request.ts';

/** `/buy/{package}` and `/buy/{organization}/{code}`: a plain link to a page on which something can be bought. */
export function buyRouter(deps: ShopDeps): Router {
  const router = express.Router();
  router.get(['/buy/:package', '/buy/:organization/:code'], (req, res) => show(deps, req, res));
  router.post(['/buy/:package', '/buy/:organization/:code'], readForm, (req, res) => buy(deps, req, res));
  return router;
}

function named({ params }: Request) {
  const { package: packageId, organization, code } = params as Record<string, string | undefined>;
  if (packageId !== undefined) return { packageId };
  return { organization: organization ?? '', code: code ?? '' };
}

async function find(deps: ShopDeps, req: Request, res: Response) {
  markRoute(res, '/buy/{package}');
  const wish = named(req);
  const found = await offerNamed(deps, wish);
  if (!found) {
    res.status(404).type('html').send(missingPage('This is not sold, or not any more. Ask whoever gave you the link.'));
    return null;
  }
  const { offers, one } = found;
  const prices = 'code' in wish ? one.prices.filter(({ code }) => code === wish.code) : one.prices;
  return { offers, one: { ...one, prices } };
}

async function show(deps: ShopDeps, req: Request, res: Response): Promise<void> {
  const found = await find(deps, req, res);
  if (found) res.type('html').send(render(deps, req, found, NOTHING_TYPED, ''));
}

async function buy(deps: ShopDeps, req: Request, res: Response): Promise<void> {
  const found = await find(deps, req, res);
  if (!found) return;
  if (!mayTry(deps, req)) return void res.status(429).type('html').send(tooManyPage());
  const { organization } = found.offers;
  const cancelUrl = `${deps.publicUrl}${req.path}`;
  const answer = await payFor(deps, req, res, { organization, licenseId: null, cancelUrl });
  if ('html' in answer) return void res.type('html').send(answer.html);
  res
    .status(422)
    .type('html')
    .send(render(deps, req, found, typedIn(req), answer.fault));
}

function render(
  { publicUrl, gateways }: ShopDeps,
  req: Request,
  { offers, one }: { offers: Offers; one: PackageOffer },
  typed: Typed,
  wrong: string,
): string {
  const { organization, mode } = offers;
  const { name, description, kind } = one.offer;
  const addon =
    kind === 'addon'
      ? '<p class="note">This adds to a license that you have. Buy it by the renewal link that came with your key.</p>'
      : `<form method="post" action="${escapeHtml(`${publicUrl}${req.path}`)}">
${buyerFields(organization, typed, { email: true, quantity: kind !== 'trial' })}
${priceButtons(one, gateways, 'new')}
</form>`;
  return page(
    `${wrong === '' ? '' : 'Error: '}${name} – ${organization.name}`,
    `${testBand(mode)}
<h1><bdi>${escapeHtml(name)}</bdi></h1>
<p class="by">by <bdi>${escapeHtml(organization.name)}</bdi></p>
${description === '' ? '' : `<p>${escapeHtml(description)}</p>`}
<dl>${limits(one)}</dl>
${fault(wrong)}
${addon}
${legalLinks(organization, publicUrl)}`,
  );
}

function limits({ offer: { terms } }: PackageOffer): string {
  const counted = [
    ['Sites', terms.sites],
    ['Devices', terms.devices],
    ['Seats', terms.seats],
  ] as const;
  const rows = counted.flatMap(([name, most]) =>
    most === 0 ? [] : [[name, most === null ? 'any number' : `${most}`]],
  );
  const until = terms.fixed === null ? [] : [['Until', new Date(terms.fixed.until).toISOString().slice(0, 10)]];
  const all = [...rows, ['Versions', terms.channels.join(', ')], ...until];
  return all.map(([name = '', value = '']) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join('');
}
