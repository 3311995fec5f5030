import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { MAIL_LANGUAGES } from './mail-facts.ts';
import { listMails, previewMail, readMail, resendMail, testMail } from './mail-reads.ts';
import { MAIL_STATES, MailView, mailView } from './mail-view.ts';
import { MAIL_TEMPLATES } from './mail-wish.ts';
import type { Mails } from './mailing.ts';

interface Deps {
  db: Db;
  mails: Pick<Mails, 'transport' | 'from'>;
  config: { publicUrl: string };
}

const TAG = { tag: 'mails' } as const;
const PATH = `${ORGANIZATION_LEVEL.path}/mails` as const;
const templateField = z.enum(MAIL_TEMPLATES);
const languageField = z.enum(MAIL_LANGUAGES).optional().meta({ description: 'That of the organization by default' });

/** What is written to buyers and vendors. */
export function mailRoutes(deps: Deps): Route[] {
  return [listing(deps), reading(deps), resending(deps), previewing(deps), testing(deps)];
}

function listing({ db }: Deps): Route {
  return route({
    method: 'get',
    path: PATH,
    operationId: 'listMails',
    summary: 'What was written to buyers, newest first',
    description: 'What stands in a mail is made when it is sent and kept nowhere.',
    ...TAG,
    ...{ scope: 'licenses:read', role: 'support', params: ORGANIZATION_LEVEL.params },
    query: z.object({
      ...pageQuery('mail'),
      state: z.enum(MAIL_STATES).optional(),
      template: templateField.optional(),
      customer_id: idParam('customer').optional(),
      license_id: idParam('license').optional(),
    }),
    answers: { 200: pageOf(MailView) },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query: { state, template, customer_id, license_id, ...page } }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
      const of = { customerId: customer_id, licenseId: license_id };
      const found = await listMails(db, { organizationId: organization.id, state, template, ...of }, page);
      return { status: 200, body: pageBody(found, mailView) };
    },
  });
}

function reading({ db }: Deps): Route {
  return route({
    method: 'get',
    path: '/api/v1/mails/{id}',
    operationId: 'getMail',
    summary: 'One mail and what became of it',
    ...TAG,
    ...{ scope: 'licenses:read', role: 'support', params: z.object({ id: idParam('mail') }) },
    answers: { 200: MailView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, { actor }) {
      return { status: 200, body: mailView(await readMail(db, actor, params.id)) };
    },
  });
}

function resending({ db }: Deps): Route {
  return route({
    method: 'post',
    path: '/api/v1/mails/{id}/resend',
    operationId: 'resendMail',
    summary: 'Writes a mail once more',
    description:
      'A new mail to the address that the customer has now, with what is true now; where it is not true any more it is dropped.',
    ...TAG,
    ...{ scope: 'licenses:write', role: 'support', params: z.object({ id: idParam('mail') }) },
    body: z.strictObject({}),
    answers: { 201: MailView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'CUSTOMER_ANONYMIZED'],
    async handler({ params }, context) {
      return { status: 201, body: mailView(await resendMail(db, params.id, context)) };
    },
  });
}

const Preview = z
  .object({ subject: z.string(), text: z.string(), html: z.string(), language: z.enum(MAIL_LANGUAGES) })
  .meta({ id: 'MailPreview' });

function previewing({ db, config }: Deps): Route {
  return route({
    method: 'get',
    path: `${PATH}/preview`,
    operationId: 'previewMail',
    summary: 'How a mail looks, with made-up values',
    ...TAG,
    ...{ scope: 'licenses:read', role: 'manager', params: ORGANIZATION_LEVEL.params },
    query: z.object({ template: templateField.default('key'), language: languageField }),
    answers: { 200: Preview },
    problems: ['NOT_FOUND'],
    async handler({ params, query }, { actor, now }) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
      return { status: 200, body: await previewMail({ db, publicUrl: config.publicUrl }, organization, query, now) };
    },
  });
}

const Tested = z
  .object({ sent: z.boolean(), detail: z.string().meta({ description: 'Why it was not' }) })
  .meta({ id: 'MailTest' });

function testing({ db, mails, config }: Deps): Route {
  return route({
    method: 'post',
    path: `${PATH}/test`,
    operationId: 'testMail',
    summary: 'Sends a mail with made-up values at once',
    ...TAG,
    ...{ scope: 'licenses:write', role: 'manager', params: ORGANIZATION_LEVEL.params },
    body: z.strictObject({ to: z.email().max(200), template: templateField.default('key'), language: languageField }),
    answers: { 200: Tested },
    problems: ['NOT_FOUND'],
    async handler({ params, body }, context) {
      const { organization } = await ORGANIZATION_LEVEL.find(db, context.actor, params);
      const outcome = await testMail({ db, mails, publicUrl: config.publicUrl }, organization, body, context);
      return { status: 200, body: { sent: outcome.ok, detail: outcome.ok ? '' : outcome.detail } };
    },
  });
}
