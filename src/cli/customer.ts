import { z } from 'zod';
import { CLI_ACTOR } from '../accounts/actor.ts';
import { CUSTOMER_KINDS, CUSTOMER_SORTS } from '../accounts/customer.ts';
import { customerDetails, oneCustomer } from '../accounts/customer-view.ts';
import { listCustomers, readCustomer } from '../accounts/customers.ts';
import { mergeCustomers } from '../accounts/merge-customers.ts';
import { wordsField } from '../http/license-query.ts';
import { anonymizeCustomer } from '../licensing/anonymize.ts';
import { customerPart, FILE_PARTS, openCustomerFile, wholeCustomer } from '../licensing/customer-file.ts';
import { emailField } from '../licensing/fields.ts';
import { type Command, choiceOf, EXIT, flagOf, required, textOf, UsageError } from './command.ts';
import { levelOf } from './level.ts';
import { limitOf, queryOf } from './list-options.ts';
import { byCli, withCore } from './session.ts';
import { table } from './table.ts';

const Query = z.object({
  find: wordsField.optional(),
  email: emailField.optional(),
  kind: z.enum(CUSTOMER_KINDS).optional(),
  external_customer_id: z.string().optional(),
  external_workspace_id: z.string().optional(),
});

export const customerList: Command = {
  name: 'customer list',
  summary: 'Customers of an organization.',
  usage: '[--org acme] [--find "jane mil"] [--email jane@example.com] [--kind reseller] [--sort name] [--limit 50]',
  help: [
    '--find   beginnings of words of name, e-mail address and organization; all must be found',
    '--external-customer-id, --external-workspace-id   your own ids',
  ],
  options: {
    ...{ org: { type: 'string' }, find: { type: 'string' }, email: { type: 'string' }, kind: { type: 'string' } },
    ...{ 'external-customer-id': { type: 'string' }, 'external-workspace-id': { type: 'string' } },
    ...{ sort: { type: 'string' }, limit: { type: 'string' } },
  },
  async run(call) {
    return withCore(call, 'database', async (core) => {
      const { organization } = await levelOf(core, call.values);
      const query = queryOf(call.values, Query, {});
      const filter = {
        ...{ organizationId: organization.id, words: query.find, email: query.email, kind: query.kind },
        ...{ externalCustomerId: query.external_customer_id, externalWorkspaceId: query.external_workspace_id },
      };
      const sort = choiceOf(call.values, 'sort', CUSTOMER_SORTS) ?? 'created';
      const page = { sort, limit: limitOf(call.values), after: null, fingerprint: '' };
      const views = (await listCustomers(core.db, filter, page)).items.map(customerDetails);
      call.io.json({ customers: views });
      const rows = views.map(({ id, name, email, kind, licenses }) => [id, name, email || '-', kind, String(licenses)]);
      const heading = ['id', 'name', 'e-mail', 'kind', 'licenses'];
      call.io.say(rows.length === 0 ? 'There is no such customer.' : table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};

export const customerShow: Command = {
  name: 'customer show',
  summary: 'What is written down of a customer.',
  usage: '<cus_…>',
  async run(call) {
    const id = required(call.positionals[0], 'the customer');
    return withCore(call, 'database', async (core) => {
      const view = oneCustomer(await readCustomer(core.db, CLI_ACTOR, id));
      call.io.json(view);
      if (view.id !== id) call.io.say(`${id} was merged into ${view.id}.`);
      for (const [name, value] of Object.entries(view))
        if (value !== '' && value !== null && String(value) !== '') call.io.say(`${name.padEnd(22)} ${value}`);
      return EXIT.ok;
    });
  },
};

export const customerMerge: Command = {
  name: 'customer merge',
  summary: 'Makes one of two: everything of the double becomes the other’s. It cannot be undone.',
  usage: '<cus_… of the double> --into <cus_…>',
  options: { into: { type: 'string' } },
  async run(call) {
    const double = required(call.positionals[0], 'the double');
    const into = required(textOf(call.values, 'into'), '--into');
    return withCore(call, 'database', async (core) => {
      const survivor = await mergeCustomers(core.db, double, into, byCli(core));
      const view = oneCustomer(await readCustomer(core.db, CLI_ACTOR, survivor));
      call.io.json(view);
      call.io.say(`${double} is part of ${view.id} (${view.name}) now, which has ${view.licenses} licenses.`);
      return EXIT.ok;
    });
  },
};

export const customerExport: Command = {
  name: 'customer export',
  summary: 'All that is kept of a customer, as JSON; one part as JSON or CSV.',
  usage: '<cus_…> [--part licenses] [--format csv] > jane.json',
  help: [`--part   ${FILE_PARTS.join(', ')}`],
  options: { part: { type: 'string' }, format: { type: 'string' } },
  async run(call) {
    const id = required(call.positionals[0], 'the customer');
    const part = choiceOf(call.values, 'part', FILE_PARTS);
    const format = choiceOf(call.values, 'format', ['json', 'csv']) ?? 'json';
    if (format === 'csv' && part === undefined)
      throw new UsageError('--format csv needs --part: a CSV holds one kind of thing');
    if (format === 'csv' && call.isJson) throw new UsageError('--json and --format csv do not go together');
    return withCore(call, 'database', async (core) => {
      const file = await openCustomerFile(core.db, CLI_ACTOR, id, core.clock());
      const { chunks } = part === undefined ? wholeCustomer(file) : customerPart(file, part, { format, bom: false });
      let text = '';
      for await (const chunk of chunks) text += chunk;
      if (call.isJson) call.io.json(JSON.parse(text));
      else call.io.say(text.trimEnd());
      return EXIT.ok;
    });
  },
};

export const customerAnonymize: Command = {
  name: 'customer anonymize',
  summary: 'Takes out of everything who a customer is; the ledger stays. It cannot be undone.',
  usage: '<cus_…> [--yes] [--keep-keys]',
  help: [
    '--yes         does it; without it only what would go is said',
    '--keep-keys   the keys go on working; else they are revoked',
  ],
  options: { yes: { type: 'boolean' }, 'keep-keys': { type: 'boolean' } },
  async run(call) {
    const id = required(call.positionals[0], 'the customer');
    const dryRun = !flagOf(call.values, 'yes');
    return withCore(call, 'database', async (core) => {
      const wish = { dryRun, keepKeys: flagOf(call.values, 'keep-keys') };
      const { changed, licenses, keysRevoked, sites, events } = await anonymizeCustomer(core, id, wish, byCli(core));
      const gone = { licenses, keys_revoked: keysRevoked, sites, audit_events: events };
      call.io.json({ dry_run: dryRun, changed, gone });
      if (!changed) call.io.say('It was done before: nothing is left.');
      else {
        const what = `name and addresses, texts of ${licenses} licenses, names of ${sites} sites, texts of ${events} events`;
        call.io.say(
          `${dryRun ? 'Would go' : 'Gone'}: ${what}. Keys ${dryRun ? 'that would be ' : ''}revoked: ${keysRevoked}.`,
        );
        if (dryRun) call.io.say('Nothing was changed. --yes does it, for ever.');
      }
      return EXIT.ok;
    });
  },
};
