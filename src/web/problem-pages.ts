import express, { type Router } from 'express';
import { PROBLEMS, type ProblemCode } from '../errors.ts';
import { escapeHtml, page } from './layout.ts';

/** What helps, in one sentence, for whoever wrote the program that was refused. */
const REMEDIES: Record<ProblemCode, string> = {
  INVALID_REQUEST: 'Mend the fields that `errors` names, each by its JSON pointer, and send the request again.',
  INVALID_SITE: 'Send the host name of the site, such as `www.example.org`, or its address.',
  KEY_MALFORMED: 'Copy the license key anew: its check characters say that a letter or digit in it is wrong.',
  WRONG_ID_KIND: 'Send the id of the kind of thing that the field takes: its first letters tell the kinds apart.',
  UNAUTHENTICATED: 'Send `Authorization: Bearer` with an API token that is in force, or sign in.',
  SIGNATURE_INVALID: 'Make sure that the secret of the webhook on the forge is the one that Feedgate set there.',
  FORBIDDEN:
    'Use a token that has the scope and the binding that this address asks for, or ask the owner for the role.',
  KEY_REVOKED: 'Ask the vendor for the new key: this one was withdrawn or replaced.',
  LICENSE_REVOKED: 'Ask the vendor why the license was withdrawn.',
  LICENSE_SUSPENDED: 'Ask the vendor why the license or its key is suspended.',
  LICENSE_NOT_YET_VALID: 'Wait until the license begins.',
  LICENSE_CANCELED: 'Buy the license again: what was sold is closed, as after a refund.',
  LICENSE_EXPIRED: 'Renew the license, then activate the site.',
  SITE_NOT_ALLOWED: 'Have the vendor add the site to the domains of the key.',
  LICENSE_NOT_FOUND: 'Check the key and the product: a key of another product gets this very answer.',
  SITE_LIMIT: 'Release a site that is not used any more, or buy more of them.',
  ACTIVATION_NOT_APPLICABLE:
    'Leave the activation out: this license counts no sites, so `validate` is all that it takes.',
  NOT_FOUND: 'Check the address and the ids in it, and whether the token may see what they name.',
  METHOD_NOT_ALLOWED: 'Use one of the methods that the header `Allow` of the answer names.',
  ALREADY_EXISTS: 'Use what exists already, or choose another name.',
  IDEMPOTENCY_IN_FLIGHT: 'Wait a moment and send the same request again: it will get the answer of the first one.',
  PAYMENT_LINE_CONFLICT: 'Give every line of a payment a number of its own, and never reuse one for another sale.',
  NO_END_TO_EXTEND: 'Leave the license as it is: it has no end that could be moved.',
  TRIAL_USED: 'Sell the customer a package, since a trial is given once.',
  MASTER_IS_FIXED: 'Make a package or a license of your own instead of changing the master.',
  TOKEN_ENDED: 'Make a new token: this one is revoked, expired or replaced already.',
  KEY_ENDED: 'Give the license another key; a revoked one is not replaced.',
  NOTHING_OPEN: 'Sell a package into the license: what it held was closed, or is of another kind.',
  PLAN_ENDED: 'Plan it anew: a plan is run once.',
  CUSTOMER_ANONYMIZED: 'Write down a new customer: of this one nothing is kept any more, and nothing can be added.',
  STILL_IN_USE: 'First remove or change what still needs it, which `detail` names where that is known.',
  SUBSCRIPTION_RUNS: 'Change or cancel the subscription: what it pays for is not sold or changed beside it.',
  SUBSCRIPTION_ENDED: 'Start a new subscription into the license: one that is over never lives again.',
  NOT_SUPPORTED: 'Do it in another way: `detail` says which, where there is one.',
  NOT_CONNECTED: 'Connect an account at the payment provider first, in the same mode.',
  PACKAGE_INACTIVE: 'Sell another package, or make this one active again if its dates are not over.',
  PRECONDITION_FAILED: 'Read it again, make the change anew, and send it with the new `ETag` in `If-Match`.',
  BODY_TOO_LARGE: 'Send less in one request.',
  UNSUPPORTED_MEDIA_TYPE: 'Send JSON, with `Content-Type: application/json`.',
  ADDON_NEEDS_LICENSE: 'Name the license that the add-on is sold into.',
  PACKAGE_NOT_OF_REPOSITORY: 'Use a package of this repository, or the address of the repository that has the package.',
  IDEMPOTENCY_KEY_CONFLICT: 'Make a new Idempotency-Key for every request that differs from the one before.',
  END_NOT_LATER: 'Send an end that is later than the start.',
  END_NOT_EARLIER: 'Send an end that is earlier than the one that the license has, or extend it.',
  END_IN_PAST: 'Send an end that lies ahead, or end the license now.',
  PACKAGE_UNCLEAR: 'Name one of the packages that `detail` lists, in `package_id`.',
  LIMIT_ABOVE_LICENSE: 'Give the key at most as many sites as its license has, or sell the license more.',
  RATE_LIMITED: 'Wait as many seconds as the header `Retry-After` says, and send the request again.',
  LOCKED_OUT:
    'Wait as many seconds as the header `Retry-After` says, and copy the key anew: too many that nobody has came from this network.',
  TRANSFER_LIMIT: 'Wait until the day that `next_at` names, or have the vendor release the site.',
  INTERNAL: 'Tell the operator the `request_id` of the answer, under which the log holds the cause.',
  FORGE_TROUBLE: 'Try again later, and if it lasts have the operator look at the connection to the forge.',
  PAYMENT_TROUBLE: 'Try again later, and if it lasts run `feedgate payments check`, which says what is wrong.',
  UNAVAILABLE: 'Send the request again in a moment, after `Retry-After` seconds where the answer has that header.',
};

/** `/problems/{CODE}`: where `type` of a problem leads (RFC 9457, section 3.1.1). An unknown code falls through. */
export function problemRouter(): Router {
  const pages = new Map(Object.entries(PROBLEMS).map(([code, [status, title]]) => [code, render(code, status, title)]));
  const router = express.Router();
  router.get('/problems/:code', (req, res, next) => {
    const html = pages.get(req.params.code);
    if (html === undefined) return next();
    res.set('cache-control', 'public, max-age=3600').type('html').send(html);
  });
  return router;
}

function render(code: string, status: number, title: string): string {
  return page(
    `${title} – ${code}`,
    `<h1>${escapeHtml(title)}</h1>
<p class="by"><code>${escapeHtml(code)}</code></p>
<p>An answer with this code has the HTTP status ${status}.</p>
<p>${withCode(REMEDIES[code as ProblemCode])}</p>`,
  );
}

/** What stands between backticks is code. */
function withCode(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}
