import express, { type Request, type Response, type Router } from 'express';
import { markRoute } from '../http/request-facts.ts';
import { type MailLanguage, mailLanguage } from '../notify/mail-facts.ts';
import { type Held, type Renewal, renewalOf } from '../payments/renewals.ts';
import type { PackageOffer } from '../payments/sold-price.ts';
import { BUY_WORDS } from './buy-words.ts';
import { escapeHtml, page } from './layout.ts';
import { dayText } from './price-words.ts';
import { buyerFields, fault, legalLinks, NOTHING_TYPED, priceButtons, type Typed, testBand } from './shop-parts.ts';
import { isTooMany, payFor, readForm, type ShopDeps, sendMissing, typedIn } from './shop-request.ts';
import { SHOP_WORDS } from './shop-words.ts';

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
  if (licenseId !== null && renewal) {
    const language = languageFor(req, renewal);
    return { licenseId, renewal, place: { own: `${deps.publicUrl}/renew/${token}`, language } };
  }
  sendMissing(req, res, 'renew');
  return null;
}

/** In the customer's, else in that of the browser, else in that in which the vendor writes. */
function languageFor(req: Request, { language, organization }: Renewal): MailLanguage {
  return mailLanguage(language, ...req.acceptsLanguages(), organization.settings.mail.language);
}

/** Where the page stands, and how it speaks. */
interface Place {
  own: string;
  language: MailLanguage;
}

async function show(deps: ShopDeps, req: Request, res: Response): Promise<void> {
  const found = await find(deps, req, res);
  if (found) res.type('html').send(render(deps, found.renewal, found.place, NOTHING_TYPED, ''));
}

async function renew(deps: ShopDeps, req: Request, res: Response): Promise<void> {
  const found = await find(deps, req, res);
  if (!found) return;
  if (isTooMany(deps, req, res)) return;
  const { licenseId, renewal, place } = found;
  const { organization } = renewal;
  const { own: cancelUrl, language } = place;
  const answer = await payFor(deps, req, res, { organization, licenseId, cancelUrl, language });
  if ('html' in answer) return void res.type('html').send(answer.html);
  res
    .status(422)
    .type('html')
    .send(render(deps, renewal, place, typedIn(req), answer.fault));
}

function render(deps: ShopDeps, renewal: Renewal, { own, language }: Place, typed: Typed, wrong: string): string {
  const words = BUY_WORDS[language];
  const { organization, mode, held } = renewal;
  const isAny = renewal.renew.length + renewal.change.length + renewal.add.length > 0;
  const sections = [
    section(deps, words.renew, renewal.renew, 'into', language),
    section(deps, words.change, renewal.change, 'switch', language),
    section(deps, words.add, renewal.add, 'into', language),
  ];
  const form = `<form method="post" action="${escapeHtml(own)}">
${buyerFields(organization, typed, { email: false, quantity: false }, language)}
${sections.join('\n')}
</form>`;
  const nothing = `<p class="note">${words.nothing}</p>`;
  return page(
    `${wrong === '' ? '' : `${SHOP_WORDS[language].error}: `}${words.license} – ${organization.name}`,
    `${testBand(mode, language)}
<h1>${words.license}</h1>
<p class="by">${words.by(`<bdi>${escapeHtml(organization.name)}</bdi>`)}</p>
<ul>${held.map((each) => heldLine(each, language)).join('\n')}</ul>
${fault(wrong, language)}
${renewal.revoked ? `<p class="note">${words.revoked}</p>` : isAny ? form : nothing}
${legalLinks(organization, deps.publicUrl, { language })}`,
    { language },
  );
}

function heldLine({ name, until, isOver, runs }: Held, language: MailLanguage): string {
  const words = BUY_WORDS[language];
  const day = until === null ? null : `${dayText(until)} (UTC)`;
  const when = day === null ? words.noEnd : isOver ? words.heldEnded(day) : words.heldUntil(day);
  const goesOn = runs ? `; ${words.runs}` : '';
  return `<li><span><b><bdi>${escapeHtml(name)}</bdi></b>: ${when}${goesOn}</span></li>`;
}

function section(
  { gateways }: ShopDeps,
  { title, text }: { title: string; text: string },
  offers: readonly PackageOffer[],
  kind: 'into' | 'switch',
  language: MailLanguage,
): string {
  if (offers.length === 0) return '';
  const items = offers.map(
    (each) =>
      `<h3><bdi>${escapeHtml(each.offer.name)}</bdi></h3>\n${each.offer.description === '' ? '' : `<p>${escapeHtml(each.offer.description)}</p>\n`}${priceButtons(each, gateways, kind, language)}`,
  );
  return `<h2>${title}</h2>\n<p>${text}</p>\n${items.join('\n')}`;
}
