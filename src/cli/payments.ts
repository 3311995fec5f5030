import type { Core } from '../app.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { connectAccount, gatewayOf, listAccounts } from '../payments/account-changes.ts';
import { checkAccount } from '../payments/account-checks.ts';
import { hookAddressOf, registerAccountHook } from '../payments/account-hooks.ts';
import { accountView } from '../payments/account-view.ts';
import { openAccount } from '../payments/accounts.ts';
import { type Finding, MODES } from '../payments/gateway.ts';
import { readiness } from '../payments/readiness.ts';
import { type Call, type Command, choiceOf, EXIT, type Io, required, textOf, UsageError } from './command.ts';
import { byCli, secretOf, withCore } from './session.ts';

type Account = Awaited<ReturnType<typeof listAccounts>>[number];
type Organization = Awaited<ReturnType<typeof requireOrganization>>;

const text = { type: 'string' } as const;
const WHICH = { provider: text, mode: text };

/** The one that provider and mode mean; both may be left out where only one is connected. */
export async function accountSaid(core: Core, call: Call): Promise<Account> {
  const { id, slug } = await requireOrganization(core.db, required(call.positionals[0], 'the organization'));
  const provider = textOf(call.values, 'provider');
  const mode = choiceOf(call.values, 'mode', MODES);
  const fits = (each: Account) =>
    (provider === undefined || each.provider === provider) && (mode === undefined || each.mode === mode);
  const [only, ...others] = (await listAccounts(core.db, id)).filter(fits);
  if (only === undefined) throw new UsageError(`${slug} has no such account: feedgate payments connect ${slug} …`);
  if (others.length > 0) throw new UsageError('several accounts are connected; say --provider and --mode');
  return only;
}

async function accountSeen(core: Core, account: Account) {
  return accountView(account, openAccount(core.payments, account), await hookAddressOf(core.payments, account));
}

export const paymentsConnect: Command = {
  name: 'payments connect',
  summary: 'Connects an account at a payment provider, and asks the provider whether all is well.',
  usage: '<organization> --provider stripe --mode test --secret-key-file key.txt',
  help: [
    '--provider     stripe, paypal or shop (a shop of another kind that posts its sales)',
    '--mode         live or test',
    '--secret-key-file      of Stripe; or the variable STRIPE_SECRET_KEY',
    '--client-id, --client-secret-file   of PayPal',
    '--hook-secret-file, --hook-id       of a webhook that is there; else: feedgate payments hook',
  ],
  options: {
    ...{ ...WHICH, 'secret-key': text, 'secret-key-file': text, 'client-id': text, 'client-id-file': text },
    ...{ 'client-secret': text, 'client-secret-file': text, 'hook-secret': text, 'hook-secret-file': text },
    'hook-id': text,
  },
  async run(call) {
    const slug = required(call.positionals[0], 'the organization');
    const provider = required(textOf(call.values, 'provider'), '--provider');
    const mode = choiceOf(call.values, 'mode', MODES);
    if (mode === undefined) throw new UsageError('--mode is missing: live or test');
    return withCore(call, 'publicUrl', async (core) => {
      const organization = await requireOrganization(core.db, slug);
      const credentials: Record<string, string> = {};
      for (const name of Object.keys(gatewayOf(core.payments, provider).credentials.shape))
        credentials[name] = required(
          await secretOf(call, name.replaceAll('_', '-'), null),
          `--${name.replaceAll('_', '-')}`,
        );
      const hookSecret = await secretOf(call, 'hook-secret', null);
      const hookSecrets = hookSecret === undefined ? [] : [hookSecret];
      const wish = {
        provider,
        mode,
        credentials,
        hookSecrets,
        hookId: textOf(call.values, 'hook-id') ?? null,
        settings: {},
      };
      const { id } = await connectAccount(core.payments, organization.id, wish, byCli(core));
      const view = await accountSeen(core, await checkAccount(core.payments, id, byCli(core)));
      call.io.json(view);
      call.io.say(`Connected: ${view.id}. The provider sends its events to ${view.hook_url}`);
      sayFindings(call.io, view.findings);
      if (view.hook_secrets.length === 0 && view.hook_id === null)
        call.io.say(`Next: feedgate payments hook ${slug} --provider ${provider} --mode ${mode}`);
      return EXIT.ok;
    });
  },
};

export const paymentsHook: Command = {
  name: 'payments hook',
  summary: 'Makes or mends our webhook at the provider, with the right events and version, and keeps its secret.',
  usage: '<organization> [--provider stripe] [--mode test]',
  options: WHICH,
  async run(call) {
    return withCore(call, 'publicUrl', async (core) => {
      const { id } = await accountSaid(core, call);
      const { account, secret } = await registerAccountHook(core.payments, id, byCli(core));
      const view = await accountSeen(core, account);
      call.io.json({ ...view, hook_secret: secret });
      call.io.say(`The webhook ${view.hook_id} sends to ${view.hook_url}`);
      if (secret !== null) call.io.say(`The shop signs with this secret, which is shown this once: ${secret}`);
      return EXIT.ok;
    });
  },
};

export const paymentsCheck: Command = {
  name: 'payments check',
  summary: 'Says what is missing before an organization can sell. Exit code 1 where something is wrong.',
  usage: '<organization>',
  async run(call) {
    const slug = required(call.positionals[0], 'the organization');
    return withCore(call, 'publicUrl', async (core) => {
      const organization = await requireOrganization(core.db, slug);
      const { own, accounts } = await examine(core, organization);
      call.io.json({ findings: own, accounts });
      for (const { provider, mode, active, findings } of accounts) {
        call.io.say(`${provider}, ${mode} mode${active ? '' : ' (switched off)'}:`);
        sayFindings(call.io, findings);
      }
      call.io.say(`${slug}:`);
      sayFindings(call.io, own);
      const active = accounts.filter((each) => each.active);
      const all = [...own, ...active.flatMap(({ findings }) => findings)];
      return all.some(({ severity }) => severity === 'error') ? EXIT.failed : EXIT.ok;
    });
  },
};

async function examine(core: Core, organization: Organization) {
  const accounts = [];
  for (const { id } of await listAccounts(core.db, organization.id))
    accounts.push(await accountSeen(core, await checkAccount(core.payments, id, byCli(core))));
  const { mail, publicUrl } = core.config;
  return { accounts, own: await readiness(core.db, organization, { mail, publicUrl }) };
}

const SIGNS: Record<Finding['severity'], string> = { error: 'ERROR  ', warning: 'warning', ok: 'ok     ' };

function sayFindings(io: Io, findings: readonly Finding[]): void {
  if (findings.length === 0) io.say('  ok       nothing is missing');
  for (const { severity, code, detail, fix } of findings)
    io.say(`  ${SIGNS[severity]}  ${code}: ${detail}${fix === '' ? '' : `\n           ${fix}`}`);
}
