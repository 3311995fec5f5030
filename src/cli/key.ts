import { CLI_ACTOR } from '../accounts/actor.ts';
import { lastUses, type NamedKey, requireKey } from '../licensing/key-reads.ts';
import { licenseKeyView } from '../licensing/key-sale-view.ts';
import { pauseKey, showKey, withdrawKey } from '../licensing/level-keys.ts';
import { siteView } from '../licensing/site-view.ts';
import { sitesOf } from '../licensing/sites.ts';
import { VERDICT_CODES } from '../licensing/verdict.ts';
import { reasonOf } from '../licensing/verdict-reasons.ts';
import { type Command, EXIT, flagOf, required, textOf } from './command.ts';
import { byCli, withCore } from './session.ts';
import { shortTime } from './table.ts';

const MOST_LISTED = 1_000;

export const keyShow: Command = {
  name: 'key show',
  summary: 'State, terms for each product, sites and last uses of a license key.',
  usage: '<id or text> [--reveal]',
  help: ['--reveal   the full text too; that is written into the audit'],
  options: { reveal: { type: 'boolean' } },
  async run(call) {
    const name = required(call.positionals[0], 'the key');
    return withCore(call, 'database', async (core) => {
      const found = await requireKey(core.db, core.secrets, name);
      const text = flagOf(call.values, 'reveal')
        ? await showKey(core.db, core.secrets, found.key.id, byCli(core))
        : undefined;
      const { items: sites } = await sitesOf(core.db, CLI_ACTOR, found.license.record.id, {
        limit: MOST_LISTED,
        state: 'active',
      });
      const uses = await lastUses(core.db, found.key.id, core.clock());
      const view = licenseKeyView(found, null, core.clock());
      call.io.json({
        ...view,
        organization: found.organization.slug,
        sites: sites.map(siteView),
        uses: uses.map(({ kind, site, platform_version, code, count, last_at }) => ({
          ...{ kind, site, platform_version, code, count, last_at },
        })),
        ...(text === undefined ? {} : { key: text }),
      });
      if (text !== undefined) call.io.say(text);
      for (const line of inWords(
        found,
        view,
        sites.map(({ identity }) => identity),
        uses,
      ))
        call.io.say(line);
      return EXIT.ok;
    });
  },
};

function inWords(
  { key, organization }: NamedKey,
  view: ReturnType<typeof licenseKeyView>,
  sites: readonly string[],
  uses: Awaited<ReturnType<typeof lastUses>>,
): string[] {
  const { license } = view;
  const { used, max } = license.limits.sites;
  const until = view.valid_until === null ? '' : ` until ${shortTime(view.valid_until)}`;
  return [
    `${view.hint} (${key.id}) of ${organization.slug}: ${view.status}${until}`,
    `  customer   ${[license.customer.name, license.customer.email].filter((each) => each !== '').join(', ')}`,
    `  license    ${license.id}`,
    `  domains    ${key.domains?.join(', ') ?? 'any'}`,
    `  sites      ${used} of ${max ?? 'unlimited'}${sites.length === 0 ? '' : `: ${sites.slice(0, 20).join(', ')}`}`,
    ...license.products.map(
      ({ path, status, valid_until, channels, max_sites }) =>
        `  ${path}: ${status}${valid_until === null ? '' : ` until ${shortTime(valid_until)}`}; channels ${channels.join(', ') || 'none'}; sites ${max_sites ?? 'unlimited'}`,
    ),
    ...(uses.length === 0 ? ['  no use in the last 90 days'] : uses.map((use) => `  ${useWords(use)}`)),
  ];
}

function useWords({
  last_at,
  kind,
  site,
  platform_version,
  code,
  count,
}: Awaited<ReturnType<typeof lastUses>>[number]) {
  const known = VERDICT_CODES.find((each) => each === code);
  const who = [site, platform_version].filter((each) => each !== '').join(', ');
  return `${shortTime(last_at)} ${kind} x${count}${who === '' ? '' : ` (${who})`}: ${known ? reasonOf(known) : code}`;
}

export const keyRevoke: Command = {
  name: 'key revoke',
  summary: 'Withdraws a license key for ever. A master key gets a successor at once.',
  usage: '<id or text> --reason "published on a forum"',
  options: { reason: { type: 'string' } },
  async run(call) {
    const name = required(call.positionals[0], 'the key');
    const reason = required(textOf(call.values, 'reason'), '--reason');
    return withCore(call, 'database', async (core) => {
      const found = await requireKey(core.db, core.secrets, name);
      const by = byCli(core);
      const { key, next } = await withdrawKey(core.db, core.secrets, found.key.id, reason, by);
      const text = next === null ? undefined : await showKey(core.db, core.secrets, next.id, by);
      const view = licenseKeyView({ ...found, key }, null, core.clock());
      call.io.json({ ...view, ...(next === null ? {} : { next: { id: next.id, key: text } }) });
      call.io.say(`${view.hint} is revoked.`);
      if (text !== undefined) call.io.say(`The next master key is ${text}`);
      return EXIT.ok;
    });
  },
};

function pausing(name: string, suspended: boolean, summary: string): Command {
  return {
    name,
    summary,
    usage: '<id or text> [--reason "chargeback"]',
    options: { reason: { type: 'string' } },
    async run(call) {
      const named = required(call.positionals[0], 'the key');
      const reason = textOf(call.values, 'reason') ?? '';
      return withCore(call, 'database', async (core) => {
        const found = await requireKey(core.db, core.secrets, named);
        const key = await pauseKey(core.db, found.key.id, { suspended, reason }, byCli(core));
        const view = licenseKeyView({ ...found, key }, null, core.clock());
        call.io.json(view);
        call.io.say(`${view.hint} is ${view.key_status}.`);
        return EXIT.ok;
      });
    },
  };
}

export const keySuspend = pausing('key suspend', true, 'Stops a license key until it is resumed.');
export const keyResume = pausing('key resume', false, 'Lets a suspended license key work again.');
