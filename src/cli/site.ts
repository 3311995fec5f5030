import { CLI_ACTOR } from '../accounts/actor.ts';
import type { Core } from '../app.ts';
import { problem } from '../errors.ts';
import { kindOfId } from '../ids.ts';
import { addSite } from '../licensing/add-site.ts';
import { requireKey } from '../licensing/key-reads.ts';
import { siteView } from '../licensing/site-view.ts';
import { releaseSite, sitesOf } from '../licensing/sites.ts';
import { type Call, type Command, choiceOf, EXIT, required, textOf } from './command.ts';
import { byCli, withCore } from './session.ts';
import { shortTime, table } from './table.ts';

const LICENSE = 'the license (its id, or one of its keys)';
const MOST = 200;

export const siteList: Command = {
  name: 'site list',
  summary: 'The sites that a license is in use on, with what runs there.',
  usage: '<license or key> [--state active|released|all] [--host part of the name]',
  options: { state: { type: 'string' }, host: { type: 'string' } },
  async run(call) {
    const named = required(call.positionals[0], LICENSE);
    const state = choiceOf(call.values, 'state', ['active', 'released', 'all']) ?? 'active';
    return withCore(call, 'database', async (core) => {
      const licenseId = await licenseIdOf(core, named);
      const query = { limit: MOST, state, search: textOf(call.values, 'host') };
      const { items, counted } = await sitesOf(core.db, CLI_ACTOR, licenseId, query);
      const views = items.map(siteView);
      call.io.json({ license_id: licenseId, sites: views, total: counted });
      const rows = views.map((site) => [
        ...[
          site.identity,
          site.counted ? (site.over_limit ? 'over the limit' : 'counts') : `free: ${site.exempt_reason}`,
        ],
        ...[shortTime(site.first_seen_at), shortTime(site.last_seen_at)],
        ...[site.products.map(({ version }) => version ?? '?').join(', ') || '-', site.released?.reason ?? '', site.id],
      ]);
      const heading = ['site', 'slot', 'since', 'seen', 'runs', 'released', 'id'];
      call.io.say(rows.length === 0 ? 'No site.' : table([heading, ...rows]));
      if (counted > rows.length) call.io.say(`The first ${rows.length}; --host narrows it down.`);
      return EXIT.ok;
    });
  },
};

export const siteAdd: Command = {
  name: 'site add',
  summary: 'Adds a site to a license by hand, under its limit.',
  usage: '<license or key> <host or *.domain> [--label "The shop"] [--staging-of example.com]',
  help: [
    '*.example.com      one slot for every host below the domain; their own slots become free',
    '--staging-of SITE  free of charge for as long as that site of the license counts',
  ],
  options: { label: { type: 'string' }, 'staging-of': { type: 'string' } },
  async run(call) {
    const named = required(call.positionals[0], LICENSE);
    const site = required(call.positionals[1], 'the site');
    return withCore(call, 'database', async (core) => {
      const licenseId = await licenseIdOf(core, named);
      const parent = textOf(call.values, 'staging-of');
      const stagingOf = parent === undefined ? null : await siteIdOf(core, licenseId, parent);
      const wish = { site, label: textOf(call.values, 'label') ?? null, stagingOf };
      const { site: added, isNew } = await addSite(core.db, licenseId, wish, byCli(core));
      call.io.json(siteView(added));
      const slot = added.counted ? 'takes a slot' : `is free (${added.exemptReason})`;
      call.io.say(
        isNew ? `${added.identity} was added and ${slot}.` : `${added.identity} is there already and ${slot}.`,
      );
      return EXIT.ok;
    });
  },
};

export const siteRelease: Command = {
  name: 'site release',
  summary: 'Frees the slot of a site; the site may take one again.',
  usage: '<license or key> <site or its id>',
  run: release,
};

export const siteRemove: Command = { ...siteRelease, name: 'site remove', summary: 'The same as `site release`.' };

async function release(call: Call): Promise<number> {
  const named = required(call.positionals[0], LICENSE);
  const site = required(call.positionals[1], 'the site');
  return withCore(call, 'database', async (core) => {
    const licenseId = await licenseIdOf(core, named);
    const id = await siteIdOf(core, licenseId, site);
    await releaseSite(core.db, licenseId, id, byCli(core));
    call.io.json({ id, released: true });
    call.io.say(`The slot of ${site} is free.`);
    return EXIT.ok;
  });
}

async function licenseIdOf(core: Core, named: string): Promise<string> {
  if (kindOfId(named) === 'license') return named;
  return (await requireKey(core.db, core.secrets, named)).license.record.id;
}

/** By its id, or by what holds the slot as `site list` shows it. */
async function siteIdOf({ db }: Core, licenseId: string, named: string): Promise<string> {
  if (kindOfId(named) === 'activation') return named;
  const search = named.trim().toLowerCase();
  const { items } = await sitesOf(db, CLI_ACTOR, licenseId, { limit: MOST, state: 'active', search });
  const found = items.find(({ identity, host }) => identity === search || host === search);
  if (!found) throw problem('NOT_FOUND', `the license has no site ${named}`);
  return found.id;
}
