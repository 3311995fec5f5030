import type { Core } from '../app.ts';
import { ForgeTrouble } from '../errors.ts';
import { checkForge } from '../forge/connections.ts';
import type { RepositoryRecord } from '../forge/forge-reads.ts';
import { type ForgeOverview, forgeOverviews, handMadeHook } from '../forge/forge-reads.ts';
import { ensureRepositoryHook, hookUrl } from '../forge/hooks.ts';
import { currentHookSecret } from '../forge/rotate-secret.ts';
import { type Call, type Command, EXIT, flagOf, type Io } from './command.ts';
import { forgeView } from './forge-view.ts';
import { hostListLine } from './host-list.ts';
import { withCore } from './session.ts';
import { shortTime } from './table.ts';

export interface HookCheck {
  repository: string;
  state: 'registered' | 'repaired' | 'by_hand' | 'failed';
  /** What was found different, why it failed, or the lines to install by hand. */
  detail: string;
}

export interface ForgeReport {
  overview: ForgeOverview;
  /** Why the forge does not answer; null: it does. */
  fault: string | null;
  hooks: HookCheck[];
}

/** Asks a forge and registers or repairs the hook of each of its repositories. */
export async function examine(core: Core, overview: ForgeOverview): Promise<ForgeReport> {
  const fault = await checkForge(core.forge, overview.forge, core.clock());
  const hooks: HookCheck[] = [];
  if (fault === null) for (const repository of overview.repositories) hooks.push(await hookOf(core, repository));
  return { overview, fault, hooks };
}

async function hookOf(core: Core, { id, owner, name }: RepositoryRecord): Promise<HookCheck> {
  const repository = `${owner}/${name}`;
  try {
    const state = await ensureRepositoryHook(core.forge, id);
    if (state === null)
      return { repository, state: 'by_hand', detail: (await handMadeHook(core.forge, id)) ?? 'its forge has no hooks' };
    const isRight = state.change === 'unchanged';
    const detail = state.change === 'created' ? 'it was not there' : state.drift.join('; ');
    return { repository, state: isRight ? 'registered' : 'repaired', detail };
  } catch (error) {
    if (!(error instanceof ForgeTrouble)) throw error;
    return { repository, state: 'failed', detail: error.message };
  }
}

export const forgeCheck: Command = {
  name: 'forge check',
  summary: 'Asks each forge, repairs hooks that somebody changed, and tells of the last delivery.',
  usage: '[forge] [--reveal]',
  help: ['--reveal   for hooks that are made by hand: print the secret that they sign with'],
  options: { reveal: { type: 'boolean' } },
  async run(call) {
    return withCore(call, 'publicUrl', async (core) => {
      const overviews = await forgeOverviews(core.db, call.positionals[0] ?? null);
      const reports: ForgeReport[] = [];
      for (const overview of overviews) {
        call.io.note(`${overview.forge.name} ...`);
        reports.push(await examine(core, overview));
      }
      call.io.json({ forges: reports.map((report) => viewOf(core, call, report)) });
      for (const report of reports) say(core, call, report);
      if (reports.length === 0) call.io.say('No forge is connected: feedgate forge add --url …');
      const isWell = reports.every(
        ({ fault, hooks }) => fault === null && hooks.every(({ state }) => state !== 'failed'),
      );
      return isWell ? EXIT.ok : EXIT.failed;
    });
  },
};

function viewOf(core: Core, call: Call, report: ForgeReport) {
  const { overview, fault, hooks } = report;
  const secret = revealed(core, call, report);
  return {
    ...forgeView(overview.forge),
    fault,
    hook_url: hookUrl(core.config.publicUrl, overview.forge.id),
    hooks,
    last_delivery: overview.delivery && {
      event: overview.delivery.event,
      state: overview.delivery.state,
      detail: overview.delivery.detail,
      received_at: overview.delivery.receivedAt,
    },
    ...(secret === null ? {} : { secret }),
  };
}

function revealed(core: Core, { values }: Call, { overview, hooks }: ForgeReport): string | null {
  const isByHand = hooks.some(({ state }) => state === 'by_hand');
  return isByHand && flagOf(values, 'reveal') ? currentHookSecret(core.forge, overview.forge) : null;
}

function say(core: Core, call: Call, report: ForgeReport): void {
  const { io } = call;
  const { overview, fault, hooks } = report;
  const { forge, delivery } = overview;
  io.say(`${forge.name} (${forge.kind}, ${forge.baseUrl}): ${fault ?? 'answers'}.`);
  io.say(`  hooks go to ${hookUrl(core.config.publicUrl, forge.id)}`);
  const secret = revealed(core, call, report);
  if (secret !== null) io.say(`  they sign with ${secret}`);
  for (const hook of hooks) sayHook(io, hook);
  if (hooks.length === 0 && fault === null) io.say('  no repository is connected yet');
  if (delivery !== null) {
    const why = delivery.detail === '' ? '' : ` (${delivery.detail})`;
    const event = delivery.event === '' ? '' : `${delivery.event}, `;
    io.say(`  last delivery ${shortTime(delivery.receivedAt)}: ${event}${delivery.state}${why}`);
    return;
  }
  io.say('  no delivery ever came');
  const line = hooks.length > 0 ? hostListLine(core.config.publicUrl, forge.kind) : null;
  if (line !== null) io.say(`  ${line.replaceAll('\n', '\n  ')}`);
}

const STATES: Record<HookCheck['state'], string> = {
  registered: 'hook is registered',
  repaired: 'hook was repaired',
  by_hand: 'hook is made by hand',
  failed: 'hook FAILED',
};

function sayHook(io: Io, { repository, state, detail }: HookCheck): void {
  const more = detail === '' ? '' : `: ${detail.replaceAll('\n', '\n    ')}`;
  io.say(`  ${repository}: ${STATES[state]}${more}`);
}
