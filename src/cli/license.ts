import { CLI_ACTOR } from '../accounts/actor.ts';
import { LICENSE_SORTS } from '../licensing/license-filter.ts';
import { type LicenseView, licenseView } from '../licensing/license-view.ts';
import { listLicenses, readGrants, readLicense } from '../licensing/licenses.ts';
import { type Command, choiceOf, EXIT, required } from './command.ts';
import { limitOf, listFilterOf, listHelp, listOptions } from './list-options.ts';
import { withCore } from './session.ts';
import { shortTime, table } from './table.ts';

export const licenseList: Command = {
  name: 'license list',
  summary: 'Licenses with their customers.',
  usage: '[--org acme] [--repo hello] [--customer "jane mil"] [--status expiring] [--sort valid_until] [--limit 50]',
  help: listHelp,
  options: listOptions,
  async run(call) {
    return withCore(call, 'database', async (core) => {
      const filter = await listFilterOf(core, call.values);
      const sort = choiceOf(call.values, 'sort', LICENSE_SORTS) ?? 'created';
      const now = core.clock();
      const { items } = await listLicenses(core.db, filter, { sort, limit: limitOf(call.values), after: null, now });
      const views = items.map((each) => licenseView(each, filter.repositoryId ?? null, now));
      call.io.json({ licenses: views });
      const rows = views.map((view) => [
        ...[
          view.id,
          view.customer.email || view.customer.name,
          view.status,
          shortTime(view.valid_until),
          sitesOf(view),
        ],
      ]);
      const heading = ['id', 'customer', 'state', 'until', 'sites'];
      call.io.say(rows.length === 0 ? 'There is no such license.' : table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};

function sitesOf({ limits: { sites } }: LicenseView): string {
  return `${sites.used} of ${sites.max ?? 'unlimited'}`;
}

export const licenseShow: Command = {
  name: 'license show',
  summary: 'State, terms for each product and ledger of a license.',
  usage: '<lic_…>',
  async run(call) {
    const id = required(call.positionals[0], 'the license');
    return withCore(call, 'database', async (core) => {
      const view = licenseView(await readLicense(core.db, CLI_ACTOR, id), null, core.clock());
      const grants = await readGrants(core.db, CLI_ACTOR, id);
      call.io.json({ ...view, grants });
      const until = view.valid_until === null ? '' : ` until ${shortTime(view.valid_until)}`;
      call.io.say(`${view.id}: ${view.status}${until}`);
      call.io.say(
        `  customer   ${[view.customer.name, view.customer.email].filter(Boolean).join(', ')} (${view.customer.id})`,
      );
      call.io.say(`  sites      ${sitesOf(view)}${view.over_limit ? ', more than allowed' : ''}`);
      for (const product of view.products) {
        const end = product.valid_until === null ? '' : ` until ${shortTime(product.valid_until)}`;
        call.io.say(`  ${product.path}: ${product.status}${end}; channels ${product.channels.join(', ') || 'none'}`);
      }
      for (const grant of grants)
        call.io.say(`  ${grant.id}  ${grant.source} of ${grant.package_id}, given ${shortTime(grant.given_at)}`);
      if (view.notes !== '') call.io.say(`  notes      ${view.notes}`);
      return EXIT.ok;
    });
  },
};
