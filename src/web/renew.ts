import express, { type Request, type Response, type Router } from 'express';
import { markRoute } from '../http/request-facts.ts';
import { type Held, type Renewal, renewalOf } from '../payments/renewals.ts';
import type { PackageOffer } from '../payments/sold-price.ts';
import { escapeHtml, page } from './layout.ts';
import { dayText } from './price-words.ts';
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

/** `/renew/{token}`: more of a license, or something else in it. All of it goes into the same license and its key stays. */
export function renewRouter(deps: ShopDeps): Router {
  const router = express.Router();
  router.use('/renew', (_req, res, next) => {
    res.set({ 'Referrer-Policy': 'no-referrer', 'X-Robots-Tag': 'noindex, nofollow', 'Cache-Control': 'no-store' });
    markRoute(res, '/renew/{token}');
    next();
  });
  router.get('/renew/:token', (req, res) => show(deps, req, res));
  router.post('/renew/:token', readForm, (req, res) => renew(deps, req, res));
  return router;
}

async function find(deps: ShopDeps, req: Request, res: Response) {
  const token = String(req.params['token']);
  const licenseId = deps.links.read('license', token);
  const renewal = licenseId === null ? null : await renewalOf(deps, licenseId);
  if (licenseId !== null && renewal) return { licenseId, renewal, own: `${deps.publicUrl}/renew/${token}` };
  res.status(404).type('html').send(missingPage('The address of a renewal is long; perhaps not all of it was copied.'));
  return null;
}

async function show(deps: ShopDeps, req: Request, res: Response): Promise<void> {
  const found = await find(deps, req, res);
  if (found) res.type('html').send(render(deps, found.renewal, found.own, NOTHING_TYPED, ''));
}

async function renew(deps: ShopDeps, req: Request, res: Response): Promise<void> {
  const found = await find(deps, req, res);
  if (!found) return;
  if (!mayTry(deps, req)) return void res.status(429).type('html').send(tooManyPage());
  const { licenseId, renewal, own } = found;
  const { organization } = renewal;
  const answer = await payFor(deps, req, res, { organization, licenseId, cancelUrl: own });
  if ('html' in answer) return void res.type('html').send(answer.html);
  res
    .status(422)
    .type('html')
    .send(render(deps, renewal, own, typedIn(req), answer.fault));
}

function render(deps: ShopDeps, renewal: Renewal, own: string, typed: Typed, wrong: string): string {
  const { organization, mode, held } = renewal;
  const isAny = renewal.renew.length + renewal.change.length + renewal.add.length > 0;
  const sections = [
    section(deps, 'Renew', 'Adds time to the license that you have; the key stays the same.', renewal.renew, 'into'),
    section(
      deps,
      'Change to another package',
      'It takes the place of what runs now, from today on, at its full price: nothing is credited for what is left.',
      renewal.change,
      'switch',
    ),
    section(deps, 'Add', 'Adds to the license that you have.', renewal.add, 'into'),
  ];
  const form = `<form method="post" action="${escapeHtml(own)}">
${buyerFields(organization, typed, { email: false, quantity: false })}
${sections.join('\n')}
</form>`;
  const nothing = '<p class="note">Nothing can be bought into this license at the moment.</p>';
  return page(
    `${wrong === '' ? '' : 'Error: '}Your license – ${organization.name}`,
    `${testBand(mode)}
<h1>Your license</h1>
<p class="by">by <bdi>${escapeHtml(organization.name)}</bdi></p>
<ul>${held.map(heldLine).join('\n')}</ul>
${fault(wrong)}
${renewal.revoked ? '<p class="note">This license was withdrawn: nothing can be bought into it.</p>' : isAny ? form : nothing}
${legalLinks(organization, deps.publicUrl)}`,
  );
}

function heldLine({ name, until, isOver, runs }: Held): string {
  const when = until === null ? 'without an end' : `${isOver ? 'ended' : 'until'} ${dayText(until)} (UTC)`;
  const goesOn = runs ? '; it renews itself, so there is nothing to do' : '';
  return `<li><span><b><bdi>${escapeHtml(name)}</bdi></b>: ${when}${goesOn}</span></li>`;
}

function section(
  { gateways }: ShopDeps,
  title: string,
  words: string,
  offers: readonly PackageOffer[],
  kind: 'into' | 'switch',
): string {
  if (offers.length === 0) return '';
  const items = offers.map(
    (each) =>
      `<h3><bdi>${escapeHtml(each.offer.name)}</bdi></h3>\n${each.offer.description === '' ? '' : `<p>${escapeHtml(each.offer.description)}</p>\n`}${priceButtons(each, gateways, kind)}`,
  );
  return `<h2>${title}</h2>\n<p>${words}</p>\n${items.join('\n')}`;
}
