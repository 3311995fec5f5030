import express, { type Request, type Response, type Router } from 'express';
import { markRoute } from '../http/request-facts.ts';
import { type MailLanguage, mailLanguage } from '../notify/mail-facts.ts';
import { offerNamed } from '../payments/offers.ts';
import type { Offers, PackageOffer } from '../payments/sold-price.ts';
import { BUY_WORDS } from './buy-words.ts';
import { escapeHtml, page } from './layout.ts';
import { buyerFields, fault, legalLinks, NOTHING_TYPED, priceButtons, type Typed, testBand } from './shop-parts.ts';
import { isTooMany, payFor, readForm, type ShopDeps, sendMissing, typedIn } from './shop-request.ts';
import { SHOP_WORDS } from './shop-words.ts';

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
  res.vary('Accept-Language');
  const wish = named(req);
  const found = await offerNamed(deps, wish);
  if (!found) {
    sendMissing(req, res, 'buy');
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
  if (isTooMany(deps, req, res)) return;
  const { organization } = found.offers;
  const cancelUrl = `${deps.publicUrl}${req.path}`;
  const answer = await payFor(deps, req, res, {
    organization,
    licenseId: null,
    cancelUrl,
    language: languageFor(req, organization),
  });
  if ('html' in answer) return void res.type('html').send(answer.html);
  res
    .status(422)
    .type('html')
    .send(render(deps, req, found, typedIn(req), answer.fault));
}

/** In the language of the browser, else in that in which the vendor writes. */
function languageFor(req: Request, { settings }: Offers['organization']): MailLanguage {
  return mailLanguage(...req.acceptsLanguages(), settings.mail.language);
}

function render(
  { publicUrl, gateways }: ShopDeps,
  req: Request,
  { offers, one }: { offers: Offers; one: PackageOffer },
  typed: Typed,
  wrong: string,
): string {
  const { organization, mode } = offers;
  const language = languageFor(req, organization);
  const words = BUY_WORDS[language];
  const { name, description, kind } = one.offer;
  const addon =
    kind === 'addon'
      ? `<p class="note">${words.addon}</p>`
      : `<form method="post" action="${escapeHtml(`${publicUrl}${req.path}`)}">
${buyerFields(organization, typed, { email: true, quantity: kind !== 'trial' }, language)}
${priceButtons(one, gateways, 'new', language)}
</form>`;
  return page(
    `${wrong === '' ? '' : `${SHOP_WORDS[language].error}: `}${name} – ${organization.name}`,
    `${testBand(mode, language)}
<h1><bdi>${escapeHtml(name)}</bdi></h1>
<p class="by">${words.by(`<bdi>${escapeHtml(organization.name)}</bdi>`)}</p>
${description === '' ? '' : `<p>${escapeHtml(description)}</p>`}
<dl>${limits(one, language)}</dl>
${fault(wrong, language)}
${addon}
${legalLinks(organization, publicUrl, { language })}`,
    { language },
  );
}

function limits({ offer: { terms } }: PackageOffer, language: MailLanguage): string {
  const words = BUY_WORDS[language];
  const counted = [
    [words.sites, terms.sites],
    [words.devices, terms.devices],
    [words.seats, terms.seats],
  ] as const;
  const rows = counted.flatMap(([name, most]) =>
    most === 0 ? [] : [[name, most === null ? words.anyNumber : `${most}`]],
  );
  const until = terms.fixed === null ? [] : [[words.until, new Date(terms.fixed.until).toISOString().slice(0, 10)]];
  const all = [...rows, [words.versions, terms.channels.join(', ')], ...until];
  return all.map(([name = '', value = '']) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join('');
}
