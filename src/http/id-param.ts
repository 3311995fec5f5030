import { z } from 'zod';
import { ID_PREFIX, type IdKind, kindOfId } from '../ids.ts';

const IN_WORDS: Partial<Record<IdKind, string>> = {
  package: 'a license package',
  key: 'a license key',
  batch: 'a batch of keys',
  bulk: 'a bulk change',
  token: 'an API token',
  loginLink: 'a login link',
  delivery: 'a hook delivery',
  audit: 'an audit event',
  webhook_event: 'a webhook event',
  webhook_delivery: 'a webhook delivery',
  payment_account: 'a payment account',
  payment_event: 'a payment event',
  payment_alert: 'a payment alert',
};

/** `a product`, `an audit event`. */
function inWords(kind: IdKind): string {
  return IN_WORDS[kind] ?? `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

/** The mark by which the issue of a mixed-up id is known among all others. */
export const WRONG_ID_KIND = { problem: 'WRONG_ID_KIND' } as const;

/**
 * An id of one kind, for a path, a query or a body. The id of another kind is refused with WRONG_ID_KIND, which names both kinds;
 * a text that is no id of ours with INVALID_REQUEST.
 */
export function idParam(kind: IdKind) {
  const needed = `${inWords(kind)} (${ID_PREFIX[kind]}_…)`;
  return z
    .string()
    .max(64)
    .superRefine((text, context) => {
      const given = kindOfId(text);
      if (given === kind) return;
      if (given === null) return context.addIssue({ code: 'custom', message: `must be the id of ${needed}` });
      const message = `is the id of ${inWords(given)} (${ID_PREFIX[given]}_…), but that of ${needed} is needed`;
      context.addIssue({ code: 'custom', message, params: WRONG_ID_KIND });
    })
    .meta({ description: `The id of ${needed}` });
}
