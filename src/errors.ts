/**
 * The closed list of problem codes, one status and one title each. Codes are for ever: clients branch on them.
 * A normal "no" of the gate is no problem but a verdict (src/licensing/verdict.ts).
 */
export const PROBLEMS = {
  INVALID_REQUEST: [400, 'The request is not valid'],
  INVALID_SITE: [400, 'This is no host name of a site'],
  KEY_MALFORMED: [400, 'The license key has a typing error'],
  WRONG_ID_KIND: [400, 'The id names another kind of thing'],
  UNAUTHENTICATED: [401, 'A valid API token or a session is needed'],
  SIGNATURE_INVALID: [401, 'The signature does not match'],
  FORBIDDEN: [403, 'The caller may not do this'],
  KEY_REVOKED: [403, 'The license key was withdrawn'],
  LICENSE_REVOKED: [403, 'The license was withdrawn'],
  LICENSE_SUSPENDED: [403, 'The license or its key is suspended'],
  LICENSE_NOT_YET_VALID: [403, 'The license has not begun'],
  LICENSE_CANCELED: [403, 'The license was canceled'],
  LICENSE_EXPIRED: [403, 'The time of the license is over'],
  SITE_NOT_ALLOWED: [403, 'The license key is not for this site'],
  NOT_FOUND: [404, 'There is no such thing'],
  LICENSE_NOT_FOUND: [404, 'There is no such license key for this product'],
  METHOD_NOT_ALLOWED: [405, 'This address does not take that method'],
  ALREADY_EXISTS: [409, 'It exists already'],
  SITE_LIMIT: [409, 'All sites of the license are taken'],
  ACTIVATION_NOT_APPLICABLE: [409, 'The license counts no sites'],
  IDEMPOTENCY_IN_FLIGHT: [409, 'A request with this Idempotency-Key is still running'],
  PAYMENT_LINE_CONFLICT: [409, 'This payment line was sold as something else'],
  NO_END_TO_EXTEND: [409, 'The license already has this package without an end'],
  TRIAL_USED: [409, 'The customer has had this trial'],
  MASTER_IS_FIXED: [409, 'The master package and its license cannot be changed'],
  TOKEN_ENDED: [409, 'The token is of no use any more'],
  KEY_ENDED: [409, 'The license key is of no use any more'],
  NOTHING_OPEN: [409, 'The license holds nothing that this could be done to'],
  PLAN_ENDED: [409, 'The plan was run, given up or not made to its end'],
  CUSTOMER_ANONYMIZED: [409, 'Nothing is kept of the customer any more'],
  STILL_IN_USE: [409, 'It is still in use'],
  SUBSCRIPTION_RUNS: [409, 'A subscription runs that pays for this'],
  SUBSCRIPTION_ENDED: [409, 'The subscription is over'],
  NOT_SUPPORTED: [409, 'The payment provider cannot do this'],
  NOT_CONNECTED: [409, 'No account at the payment provider is connected'],
  PACKAGE_INACTIVE: [409, 'The package is not sold any more'],
  PRECONDITION_FAILED: [412, 'It was changed meanwhile'],
  BODY_TOO_LARGE: [413, 'The body is too large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'The body must be JSON'],
  ADDON_NEEDS_LICENSE: [422, 'An add-on is sold into a license only'],
  PACKAGE_NOT_OF_REPOSITORY: [422, 'The package does not belong to this repository'],
  IDEMPOTENCY_KEY_CONFLICT: [422, 'This Idempotency-Key was used with another body'],
  END_NOT_LATER: [422, 'The new end is not later than the start'],
  END_NOT_EARLIER: [422, 'The new end is not earlier than the old one'],
  END_IN_PAST: [422, 'The new end lies in the past'],
  PACKAGE_UNCLEAR: [422, 'Which package is meant is not clear'],
  LIMIT_ABOVE_LICENSE: [422, 'A key cannot have more sites than its license'],
  RATE_LIMITED: [429, 'Too many requests'],
  LOCKED_OUT: [429, 'Too many keys were not found'],
  TRANSFER_LIMIT: [429, 'Too many sites were released'],
  INTERNAL: [500, 'Something went wrong on our side'],
  FORGE_TROUBLE: [502, 'The forge did not answer as it should'],
  PAYMENT_TROUBLE: [502, 'The payment provider did not answer as it should'],
  UNAVAILABLE: [503, 'Not available for the moment'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One wrong field: where it is (JSON pointer, RFC 6901) and what is wrong with it. */
export interface FieldError {
  pointer: string;
  detail: string;
}

export interface ProblemExtra {
  detail?: string;
  errors?: FieldError[];
  retryAfterSeconds?: number;
  /** Members of the answer beside those that every problem has, such as `used` and `max` of a full license. */
  facts?: Readonly<Record<string, unknown>>;
}

/** What stops a request. Shown to the caller as it is, so its texts hold no secret. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly title: string;
  readonly errors: FieldError[];
  readonly retryAfterSeconds: number | undefined;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, extra: ProblemExtra = {}) {
    const [status, title] = PROBLEMS[code];
    super(extra.detail ?? title);
    this.name = 'Problem';
    this.code = code;
    this.status = status;
    this.title = title;
    this.errors = extra.errors ?? [];
    this.retryAfterSeconds = extra.retryAfterSeconds;
    this.facts = extra.facts ?? {};
  }
}

export function problem(code: ProblemCode, detail?: string, extra: Omit<ProblemExtra, 'detail'> = {}): Problem {
  return new Problem(code, detail === undefined ? extra : { ...extra, detail });
}

export type ForgeTroubleReason = 'unreachable' | 'timeout' | 'rate_limited' | 'unauthorized' | 'bad_answer' | 'refused';

/** The forge did not do its part. Retried by the job queue; the reason tells an operator what to mend. */
export class ForgeTrouble extends Error {
  readonly reason: ForgeTroubleReason;
  readonly retryAfterMs: number | undefined;

  constructor(reason: ForgeTroubleReason, detail: string, retryAfterMs?: number) {
    super(detail);
    this.name = 'ForgeTrouble';
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export type PaymentTroubleReason =
  | 'unreachable'
  | 'timeout'
  | 'rate_limited'
  /** The credentials are refused: nothing is tried again by itself before they are changed. */
  | 'unauthorized'
  | 'bad_answer'
  | 'refused';

/** A payment provider did not do its part. Retried by the worker, but for `unauthorized` and `refused`; its texts hold no secret. */
export class PaymentTrouble extends Error {
  readonly reason: PaymentTroubleReason;
  readonly retryAfterMs: number | undefined;

  constructor(reason: PaymentTroubleReason, detail: string, retryAfterMs?: number) {
    super(detail);
    this.name = 'PaymentTrouble';
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}
