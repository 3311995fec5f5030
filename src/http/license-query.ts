import { z } from 'zod';
import { typedWords } from '../accounts/search-words.ts';
import { toIso } from '../clock.ts';
import { type DomainPattern, domainPattern } from '../licensing/domain-pattern.ts';
import { emailField, instantField, paymentRefField } from '../licensing/fields.ts';
import { typedHint } from '../licensing/key-view.ts';
import { LISTED_STATUSES, type LicenseFilter } from '../licensing/license-filter.ts';
import { KEY_PURPOSES } from '../licensing/license-key.ts';
import { idParam } from './id-param.ts';

const yes = z.enum(['true', 'false']).transform((word) => word === 'true');
export const isoField = instantField.transform(toIso);
const emailStart = z.string().trim().toLowerCase().min(1).max(254);

const domainField = z
  .string()
  .max(300)
  .transform((text, context): DomainPattern => {
    try {
      return domainPattern(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  })
  .meta({
    description: 'A site that uses it or may use it: `example.com`, all below `*.example.com`, both `.example.com`',
  });

/** More words only make the search dearer: who typed eight of a name has found it. */
const MOST_TYPED = 8;

export const wordsField = z
  .string()
  .max(200)
  .transform((text) => typedWords(text).slice(0, MOST_TYPED))
  .meta({ description: 'Beginnings of words of name, e-mail address and organization name; all must be found' });

/** The fields of a query that picks licenses, as lists, exports and bulk changes take them. */
export const licenseFilterFields = {
  license_id: idParam('license').optional(),
  customer_id: idParam('customer').optional(),
  customer: wordsField.optional(),
  customer_email: emailField.optional(),
  customer_email_prefix: emailStart.optional(),
  external_customer_id: z.string().min(1).max(200).optional(),
  external_workspace_id: z.string().min(1).max(200).optional(),
  hint: z.string().max(40).transform(typedHint).optional().meta({
    description: 'Prefix and last characters of a key as shown, e.g. FG1…7K2M; three dots will do',
  }),
  domain: domainField.optional(),
  package_id: idParam('package').optional(),
  product_id: idParam('product').optional(),
  payment_ref: paymentRefField.optional(),
  status: z.enum(LISTED_STATUSES).optional().meta({ description: '`expiring` lasts, but no more than 14 days' }),
  purpose: z.enum(KEY_PURPOSES).optional(),
  expiring_before: isoField.optional().meta({ description: 'Lasts now, and ends before then' }),
  expired_before: isoField.optional().meta({ description: 'Has ended before then' }),
  never_used: yes.optional().meta({ description: 'Keys that nothing was ever asked with' }),
  over_limit: yes.optional().meta({ description: 'More sites are in use than allowed' }),
  created_from: isoField.optional(),
  created_before: isoField.optional(),
};

const Query = z.object(licenseFilterFields);

/** What such a query means in one place. */
export function licenseFilter(
  place: Pick<LicenseFilter, 'organizationId' | 'repositoryId'>,
  query: z.output<typeof Query>,
): LicenseFilter {
  return {
    ...place,
    licenseId: query.license_id,
    customerId: query.customer_id,
    words: query.customer,
    email: query.customer_email,
    emailPrefix: query.customer_email_prefix,
    externalCustomerId: query.external_customer_id,
    externalWorkspaceId: query.external_workspace_id,
    hint: query.hint,
    domain: query.domain,
    packageId: query.package_id,
    productId: query.product_id,
    paymentRef: query.payment_ref,
    status: query.status,
    purpose: query.purpose,
    expiringBefore: query.expiring_before,
    expiredBefore: query.expired_before,
    neverUsed: query.never_used,
    overLimit: query.over_limit,
    createdFrom: query.created_from,
    createdBefore: query.created_before,
  };
}
