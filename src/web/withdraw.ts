import express, { type Request, type Response, type Router } from 'express';
import { findOrganizationBySlug } from '../forge/forge-reads.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import { markRoute } from '../http/request-facts.ts';
import { emailField } from '../licensing/fields.ts';
import { mailLanguage } from '../notify/mail-facts.ts';
import { sellersOf } from '../payments/offers.ts';
import type { WithdrawalWish } from '../payments/withdrawals.ts';
import { declareWithdrawal } from '../payments/withdrawals.ts';
import { byOf, fieldOf, isTooMany, readForm, type ShopDeps, sendMissing } from './shop-request.ts';
import { askPage, confirmPage, donePage, type Place, whomPage } from './withdraw-page.ts';
import { WITHDRAW_WORDS } from './withdraw-words.ts';

/**
 * `/withdraw` and `/withdraw/{organization}`: the two steps by which a consumer withdraws from a contract without signing in, as
 * article 11a of directive 2011/83/EU wants it.
 */
export function withdrawRouter(deps: ShopDeps): Router {
  const router = express.Router();
  router.use('/withdraw', (_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    markRoute(res, '/withdraw/{organization}');
    next();
  });
  router.get('/withdraw', (req, res) => choose(deps, req, res));
  router.get('/withdraw/:organization', (req, res) => ask(deps, req, res));
  router.post('/withdraw/:organization', readForm, (req, res) => declare(deps, req, res));
  return router;
}

async function choose({ db, publicUrl }: ShopDeps, req: Request, res: Response): Promise<void> {
  const sellers = (await sellersOf(db)).filter(({ settings }) => settings.seller.withdrawals);
  const [only, ...others] = sellers;
  if (only && others.length === 0) return res.redirect(303, `${publicUrl}/withdraw/${encodeURIComponent(only.slug)}`);
  res.type('html').send(whomPage({ publicUrl, language: mailLanguage(...req.acceptsLanguages()) }, sellers));
}

/** null: nobody of that name sells here, or somebody else is the seller. */
async function sellerOf(deps: ShopDeps, req: Request, res: Response): Promise<OrganizationRecord | null> {
  const found = await findOrganizationBySlug(deps.db, String(req.params['organization']));
  if (found?.settings.seller.withdrawals) return found;
  sendMissing(req, res, 'withdraw');
  return null;
}

async function ask(deps: ShopDeps, req: Request, res: Response): Promise<void> {
  const seller = await sellerOf(deps, req, res);
  if (!seller) return;
  const order = req.query['order'];
  const orderRef = typeof order === 'string' ? order.slice(0, 100) : '';
  res.type('html').send(askPage(placeOf(deps, req, seller), seller, { orderRef, email: '', name: '' }, ''));
}

/** In the language of the browser, else in that in which the vendor writes. */
function placeOf({ publicUrl }: ShopDeps, req: Request, { settings }: OrganizationRecord): Place {
  return { publicUrl, language: mailLanguage(...req.acceptsLanguages(), settings.mail.language) };
}

async function declare(deps: ShopDeps, req: Request, res: Response): Promise<void> {
  const seller = await sellerOf(deps, req, res);
  if (!seller) return;
  const typed = { orderRef: lineOf(req, 'order'), email: fieldOf(req, 'email'), name: lineOf(req, 'name') };
  const place = placeOf(deps, req, seller);
  const step = fieldOf(req, 'step');
  const read = wishOf(typed);
  const fault = 'fault' in read ? WITHDRAW_WORDS[place.language].missing[read.fault] : '';
  if ('fault' in read || step === 'change') {
    if (fault !== '') res.status(422);
    return void res.type('html').send(askPage(place, seller, typed, fault));
  }
  if (step !== 'confirm') return void res.type('html').send(confirmPage(place, seller, read.wish));
  if (isTooMany({ ...deps, flood: deps.declarations }, req, res)) return;
  const record = await declareWithdrawal(deps.db, seller, read.wish, place.language, byOf(deps, req, res));
  res.type('html').send(donePage(place, seller, record));
}

function lineOf(req: Request, name: string): string {
  return fieldOf(req, name).replaceAll(/[\p{Cc}\s]+/gu, ' ');
}

/** What is typed here is mailed to an address that anybody may type: it is one line, and leads nowhere. */
const LEADS_ELSEWHERE = /:\/\/|\bwww\.|\.[a-z]{2,}\//i;

function wishOf({
  orderRef,
  email,
  name,
}: WithdrawalWish): { wish: WithdrawalWish } | { fault: 'order' | 'name' | 'email' | 'link' } {
  const address = emailField.safeParse(email);
  if (orderRef === '' || orderRef.length > 100) return { fault: 'order' };
  if (name === '' || name.length > 200) return { fault: 'name' };
  if (LEADS_ELSEWHERE.test(orderRef) || LEADS_ELSEWHERE.test(name)) return { fault: 'link' };
  if (!address.success) return { fault: 'email' };
  return { wish: { orderRef, email: address.data, name } };
}
