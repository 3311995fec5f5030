import express, { type Request, type Response } from 'express';
import { SYSTEM_ACTOR } from '../accounts/actor.ts';
import type { Clock } from '../clock.ts';
import type { OrganizationRecord } from '../forge/store.ts';
import type { FloodLimiter } from '../http/limits.ts';
import { clientAddress, networkOf, type TrustedProxies } from '../http/network.ts';
import { requestIdOf } from '../http/request-facts.ts';
import { emailField } from '../licensing/fields.ts';
import { type MailLanguage, mailLanguage } from '../notify/mail-facts.ts';
import type { OrderDeps } from '../payments/orders.ts';
import { beginOrder } from '../payments/orders.ts';
import { faultWords, SHOP_FAULTS } from './shop-faults.ts';
import { missingPage, payPage, type Typed, tooManyPage } from './shop-parts.ts';

/** What the pages of a shop stand on. */
export interface ShopDeps extends OrderDeps {
  clock: Clock;
  trusted: TrustedProxies;
  /** Payments begun and looked after from one network. */
  flood: FloodLimiter;
  /** Withdrawals declared from one network: each is a mail to an address that anybody may type. */
  declarations: FloodLimiter;
}

export const readForm = express.urlencoded({ extended: false, limit: 8_192, parameterLimit: 20 });

/** A field of a form that is there once; else ''. */
export function fieldOf(req: Request, name: string): string {
  const value = ((req.body ?? {}) as Record<string, unknown>)[name];
  return typeof value === 'string' ? value.trim() : '';
}

export function typedIn(req: Request): Typed {
  return {
    email: fieldOf(req, 'email'),
    quantity: fieldOf(req, 'quantity') || '1',
    agreed: fieldOf(req, 'consent') === 'yes',
  };
}

export function byOf(deps: Pick<ShopDeps, 'clock'>, req: Request, res: Response) {
  return { actor: SYSTEM_ACTOR, now: deps.clock(), requestId: requestIdOf(req, res) };
}

/** Answers that there is nothing under this address, in the language of the browser. */
export function sendMissing(req: Request, res: Response, what: Parameters<typeof missingPage>[0]): void {
  res
    .status(404)
    .type('html')
    .send(missingPage(what, mailLanguage(...req.acceptsLanguages())));
}

/** True: there were too many from this network, and it was told so. */
export function isTooMany(
  { flood, trusted, clock }: Pick<ShopDeps, 'flood' | 'trusted' | 'clock'>,
  req: Request,
  res: Response,
): boolean {
  const { allowed, retryAfterSeconds } = flood.take(networkOf(clientAddress(req, trusted)), clock());
  if (allowed) return false;
  const html = tooManyPage(mailLanguage(...req.acceptsLanguages()));
  res.status(429).set('Retry-After', String(retryAfterSeconds)).type('html').send(html);
  return true;
}

/** False: there were too many from this network. */
export function mayTry({ flood, trusted, clock }: Pick<ShopDeps, 'flood' | 'trusted' | 'clock'>, req: Request) {
  return flood.take(networkOf(clientAddress(req, trusted)), clock()).allowed;
}

/** `kind:code` of the button that was pressed. */
function choiceOf(req: Request): { kind: 'new' | 'into' | 'switch'; price: string } | null {
  const [, kind, price] = /^(new|into|switch):(.{1,100})$/.exec(fieldOf(req, 'choice')) ?? [];
  return kind === undefined || price === undefined ? null : { kind: kind as 'new', price };
}

/**
 * Begins the payment that a form asks for: the page that leads to it, or in words why not. What the browser sends is a code and a
 * number, and never what it costs.
 */
export async function payFor(
  deps: ShopDeps,
  req: Request,
  res: Response,
  {
    organization,
    licenseId,
    cancelUrl,
    language,
  }: { organization: OrganizationRecord; licenseId: string | null; cancelUrl: string; language: MailLanguage },
): Promise<{ html: string } | { fault: string }> {
  const words = SHOP_FAULTS[language];
  const choice = choiceOf(req);
  const { email, quantity, agreed } = typedIn(req);
  const address = email === '' ? '' : emailField.safeParse(email).data;
  if (choice === null || (choice.kind === 'new') !== (licenseId === null)) return { fault: words.choose };
  if (address === undefined) return { fault: words.email };
  if (!/^[1-9]\d{0,5}$/.test(quantity)) return { fault: words.quantity };
  if (organization.settings.seller.consent !== null && !agreed) return { fault: words.consent };
  const wish = {
    items: [{ price: choice.price, quantity: Number(quantity) }],
    // Who has a license is spoken to in his language, whatever browser he sits at.
    language: licenseId === null ? (req.acceptsLanguages()[0] ?? '') : language,
    ...{ email: address, successUrl: null, cancelUrl },
    ...{ consent: fieldOf(req, 'consent_version') || null, licenseId, kind: choice.kind },
  };
  try {
    const { order, url } = await beginOrder(deps, organization, wish, null, byOf(deps, req, res));
    const provider = deps.gateways[order.provider]?.title ?? order.provider;
    return { html: payPage(organization.name, url, provider, language) };
  } catch (error) {
    return { fault: faultWords(error, language) };
  }
}
