import { z } from 'zod';
import { idParam } from '../http/id-param.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { changeAccount, connectAccount, listAccounts, readAccount, removeAccount } from './account-changes.ts';
import { checkAccount } from './account-checks.ts';
import { hookAddressOf, registerAccountHook } from './account-hooks.ts';
import { AccountView, AccountWithSecret, accountView, SettingsBody } from './account-view.ts';
import { openAccount, type PaymentDeps } from './accounts.ts';
import { adoptSubscriptions } from './adopt-subscriptions.ts';
import { AdoptionReport } from './adoption.ts';
import { MODES } from './gateway.ts';
import type { AccountRecord } from './store-accounts.ts';

const ADMIN = { tag: 'payment accounts', scope: 'admin', role: 'admin' } as const;
const OF_ORGANIZATION = { ...ADMIN, params: ORGANIZATION_LEVEL.params } as const;
const OWN = { ...ADMIN, params: z.object({ id: idParam('payment_account') }) } as const;
const LIST = `${ORGANIZATION_LEVEL.path}/payments/accounts` as const;
const PATH = '/api/v1/payments/accounts/{id}';

const secret = z.string().min(1).max(500);
const hookId = z.string().min(1).max(255).regex(/^\S+$/, 'must be one word');

/** The accounts at payment providers through which an organization sells. */
export function accountRoutes(deps: PaymentDeps): Route[] {
  return [
    listing(deps),
    connecting(deps),
    reading(deps),
    changing(deps),
    removing(deps),
    checking(deps),
    hooking(deps),
    adopting(deps),
  ];
}

async function viewOf(deps: PaymentDeps, account: AccountRecord): Promise<z.input<typeof AccountView>> {
  return accountView(account, openAccount(deps, account), await hookAddressOf(deps, account));
}

function listing(deps: PaymentDeps): Route {
  return route({
    method: 'get',
    path: LIST,
    operationId: 'listPaymentAccounts',
    summary: 'The accounts at payment providers of an organization',
    ...OF_ORGANIZATION,
    query: z.object(pageQuery('payment_account')),
    answers: { 200: pageOf(AccountView) },
    problems: ['NOT_FOUND'],
    async handler({ params, query }, { actor }) {
      const { organization } = await ORGANIZATION_LEVEL.find(deps.db, actor, params);
      const page = pageOfAll(await listAccounts(deps.db, organization.id), query);
      const views = new Map<string, z.input<typeof AccountView>>();
      for (const each of page.items) views.set(each.id, await viewOf(deps, each));
      return { status: 200, body: pageBody(page, ({ id }) => views.get(id) as z.input<typeof AccountView>) };
    },
  });
}

function connecting(deps: PaymentDeps): Route {
  return route({
    method: 'post',
    path: LIST,
    operationId: 'connectPaymentAccount',
    summary: 'Connects an account at a payment provider',
    description:
      'One for each provider and mode. Secrets go in and never come out again: answers show their ends only. What the provider thinks of them is told by `check`.',
    ...OF_ORGANIZATION,
    body: z.strictObject({
      provider: z
        .string()
        .min(1)
        .max(30)
        .meta({ examples: ['stripe'] }),
      mode: z.enum(MODES).meta({ description: 'Money of live and of test mode never meets' }),
      credentials: z.record(z.string().max(60), secret).meta({
        description: 'What the provider gave out: `secret_key` of Stripe, `client_id` and `client_secret` of PayPal',
        examples: [{ secret_key: 'sk_test_…' }],
      }),
      hook_secrets: z.array(secret).max(5).default([]).meta({
        description: 'What deliveries are signed with, the newest first; none where `hook` makes the webhook',
      }),
      hook_id: hookId
        .nullable()
        .default(null)
        .meta({ description: "The provider's id of our webhook: PayPal needs it" }),
      settings: SettingsBody.default({}),
    }),
    answers: { 201: AccountWithSecret },
    problems: ['NOT_FOUND', 'ALREADY_EXISTS'],
    secretFields: ['/hook_secret'],
    async handler({ params, body }, context) {
      const { organization } = await ORGANIZATION_LEVEL.find(deps.db, context.actor, params);
      const { hook_secrets: hookSecrets, hook_id: hookId, ...rest } = body;
      const account = await connectAccount(deps, organization.id, { ...rest, hookSecrets, hookId }, context);
      const ours = deps.gateways[account.provider]?.secretIsOurs && hookSecrets.length === 0;
      if (!ours) return { status: 201, body: { ...(await viewOf(deps, account)), hook_secret: null } };
      const made = await registerAccountHook(deps, account.id, context);
      return { status: 201, body: { ...(await viewOf(deps, made.account)), hook_secret: made.secret } };
    },
  });
}

function reading(deps: PaymentDeps): Route {
  return route({
    method: 'get',
    path: PATH,
    operationId: 'getPaymentAccount',
    summary: 'One account at a payment provider',
    ...OWN,
    answers: { 200: AccountView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, { actor }) {
      return { status: 200, body: await viewOf(deps, await readAccount(deps.db, actor, params.id)) };
    },
  });
}

function changing(deps: PaymentDeps): Route {
  return route({
    method: 'patch',
    path: PATH,
    operationId: 'changePaymentAccount',
    summary: 'Changes an account: its credentials, the secrets of its webhook, its payment pages',
    description:
      'What is left out stays. A new webhook secret counts beside the old ones until they are dropped, so that nothing is lost while the provider changes over. What the variables of the process have of an account is changed there.',
    ...OWN,
    body: z.strictObject({
      credentials: z.record(z.string().max(60), secret).optional(),
      add_hook_secret: secret.optional(),
      drop_old_hook_secrets: z.boolean().optional().meta({ description: 'Only the newest counts from now on' }),
      hook_id: hookId.nullable().optional(),
      settings: SettingsBody.optional(),
      active: z.boolean().optional().meta({ description: 'Off: nothing new is sold through it' }),
    }),
    answers: { 200: AccountView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, body }, context) {
      return { status: 200, body: await viewOf(deps, await changeAccount(deps, params.id, body, context)) };
    },
  });
}

function removing({ db }: PaymentDeps): Route {
  return route({
    method: 'delete',
    path: PATH,
    operationId: 'removePaymentAccount',
    summary: 'Removes an account through which nothing was ordered',
    ...OWN,
    answers: { 204: null },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'STILL_IN_USE'],
    async handler({ params }, context) {
      await removeAccount(db, params.id, context);
      return { status: 204 };
    },
  });
}

function checking(deps: PaymentDeps): Route {
  return route({
    method: 'post',
    path: `${PATH}/check`,
    operationId: 'checkPaymentAccount',
    summary: 'Asks the provider what is missing or wrong, and looks up the prices',
    ...OWN,
    body: z.strictObject({}),
    answers: { 200: AccountView },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params }, context) {
      return { status: 200, body: await viewOf(deps, await checkAccount(deps, params.id, context)) };
    },
  });
}

function hooking(deps: PaymentDeps): Route {
  return route({
    method: 'post',
    path: `${PATH}/hook`,
    operationId: 'registerPaymentHook',
    summary: 'Makes or mends our webhook at the provider and keeps its secret',
    description:
      'The webhook gets the events that are needed, in the version that we read. An earlier secret goes on counting.',
    ...OWN,
    body: z.strictObject({}),
    answers: { 200: AccountWithSecret },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'NOT_SUPPORTED', 'PAYMENT_TROUBLE', 'STILL_IN_USE'],
    secretFields: ['/hook_secret'],
    async handler({ params }, context) {
      const { account, secret } = await registerAccountHook(deps, params.id, context);
      return { status: 200, body: { ...(await viewOf(deps, account)), hook_secret: secret } };
    },
  });
}

function adopting(deps: PaymentDeps): Route {
  return route({
    method: 'post',
    path: `${PATH}/adopt`,
    operationId: 'adoptSubscriptions',
    summary: 'Links subscriptions that run already to imported licenses',
    description:
      'So that the next renewal finds its license. What was paid before, the license has by its import, and it is not given twice. Begin with a dry run; doing it again changes nothing.',
    ...OWN,
    body: z.strictObject({
      csv: z.string().max(200_000).nullable().default(null).meta({
        description:
          'Columns `external_id` and one of `license`, `key`, `email`. null: the provider lists them, where it can',
      }),
      dry_run: z.boolean().default(true),
    }),
    answers: { 200: AdoptionReport },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND', 'NOT_SUPPORTED', 'PAYMENT_TROUBLE'],
    async handler({ params, body }, context) {
      const call = { csv: body.csv, isDryRun: body.dry_run };
      return { status: 200, body: await adoptSubscriptions(deps, params.id, call, context) };
    },
  });
}
