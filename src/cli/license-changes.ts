import { CLI_ACTOR } from '../accounts/actor.ts';
import type { Core } from '../app.ts';
import { changeLicense } from '../licensing/change-license.ts';
import type { LicenseChange, Move } from '../licensing/license-change.ts';
import { licenseView } from '../licensing/license-view.ts';
import { readLicense } from '../licensing/licenses.ts';
import { requirePackage } from '../licensing/package-reads.ts';
import { type Call, type Command, EXIT, flagOf, numberOf, required, textOf, UsageError } from './command.ts';
import { byCli, withCore } from './session.ts';
import { shortTime } from './table.ts';

const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

interface Kind {
  name: string;
  summary: string;
  usage: string;
  options?: NonNullable<Command['options']>;
  changeOf(core: Core, call: Call): Promise<LicenseChange> | LicenseChange;
}

function changing({ name, summary, usage, options = {}, changeOf }: Kind): Command {
  return {
    name: `license ${name}`,
    summary,
    usage: `<lic_…> ${usage}`.trim(),
    options: { reason: { type: 'string' }, ...options },
    async run(call) {
      const id = required(call.positionals[0], 'the id of the license');
      const reason = textOf(call.values, 'reason') ?? '';
      return withCore(call, 'database', async (core) => {
        const change = await changeOf(core, call);
        await changeLicense(core.db, id, { change, reason }, byCli(core));
        const view = licenseView(await readLicense(core.db, CLI_ACTOR, id), null, core.clock());
        call.io.json(view);
        const until = view.valid_until === null ? 'without an end' : `until ${shortTime(view.valid_until)}`;
        call.io.say(`${id}: ${view.status} ${until}, sites ${view.limits.sites.max ?? 'unlimited'}`);
        return EXIT.ok;
      });
    },
  };
}

const MOVES = { days: { type: 'string' }, months: { type: 'string' }, until: { type: 'string' } } as const;

function moveOf({ values }: Call): Move {
  const days = numberOf(values, 'days');
  const months = numberOf(values, 'months');
  const until = textOf(values, 'until');
  if ([days, months, until].filter((each) => each !== undefined).length !== 1)
    throw new UsageError('say one of --days, --months and --until');
  if (until !== undefined) return { to: instantOf(until) };
  const value = days ?? months ?? 0;
  if (value < 1 || value > 36_500) throw new UsageError('--days and --months are from 1 to 36500');
  return { by: { value, unit: days === undefined ? 'month' : 'day' } };
}

function instantOf(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms) || ms > LAST) throw new UsageError('a time is 2027-01-31 or 2027-01-31T23:59:59Z');
  return ms;
}

async function packageOf(core: Core, call: Call, name: string): Promise<string | null> {
  const named = textOf(call.values, name);
  if (named === undefined) return null;
  const id = required(call.positionals[0], 'the id of the license');
  const { record } = await readLicense(core.db, CLI_ACTOR, id);
  const found = await requirePackage(core.db, null, named);
  if (found.organizationId !== record.organizationId) throw new UsageError(`--${name} is of another organization`);
  return found.id;
}

const PACKAGE = { package: { type: 'string' } } as const;
const state = (kind: 'suspend' | 'resume' | 'revoke', summary: string) =>
  changing({ name: kind, summary, usage: '[--reason "chargeback"]', changeOf: () => ({ kind }) });

export const licenseCommands: readonly Command[] = [
  changing({
    name: 'renew',
    summary: 'Gives a license one more of its package.',
    usage: '[--package pkg_…] [--quantity 3]',
    options: { ...PACKAGE, quantity: { type: 'string' } },
    changeOf: async (core, call) => ({
      kind: 'renew',
      packageId: await packageOf(core, call, 'package'),
      quantity: numberOf(call.values, 'quantity') ?? null,
    }),
  }),
  changing({
    name: 'extend',
    summary: 'Gives a license more time by hand; of one that is over, from now.',
    usage: '--days 30 | --months 3 | --until 2027-01-31 [--package pkg_…] [--reason outage]',
    options: { ...PACKAGE, ...MOVES },
    changeOf: async (core, call) => ({
      kind: 'extend',
      packageId: await packageOf(core, call, 'package'),
      move: moveOf(call),
    }),
  }),
  changing({
    name: 'shorten',
    summary: 'Takes time from a license by hand.',
    usage: '--days 30 | --months 3 | --until 2027-01-31 | --now [--package pkg_…]',
    options: { ...PACKAGE, ...MOVES, now: { type: 'boolean' } },
    changeOf: async (core, call) => ({
      kind: 'shorten',
      packageId: await packageOf(core, call, 'package'),
      move: flagOf(call.values, 'now') ? 'now' : moveOf(call),
    }),
  }),
  changing({
    name: 'switch',
    summary: 'Changes the package of a license, or how many times it has it, at once and to the same end.',
    usage: '--package pkg_… [--quantity 3] [--from pkg_…] [--until 2027-01-31]',
    options: { ...PACKAGE, from: { type: 'string' }, quantity: { type: 'string' }, until: { type: 'string' } },
    async changeOf(core, call) {
      const until = textOf(call.values, 'until');
      return {
        ...{ kind: 'switch', to: required((await packageOf(core, call, 'package')) ?? undefined, '--package') },
        ...{ from: await packageOf(core, call, 'from'), quantity: numberOf(call.values, 'quantity') ?? null },
        ...(until === undefined ? {} : { end: instantOf(until) }),
      };
    },
  }),
  state('suspend', 'Stops a license with all its keys until it is resumed.'),
  state('resume', 'Lets a suspended license work again.'),
  state('revoke', 'Withdraws a license for ever.'),
];
