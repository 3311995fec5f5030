import type { Core } from '../app.ts';
import { forgeOverviews } from '../forge/forge-reads.ts';
import { hookUrl } from '../forge/hooks.ts';
import { type Check, failed, ok, warning } from './doctor-check.ts';
import { examine, type ForgeReport, type HookCheck } from './forge-check.ts';
import { hostListLine } from './host-list.ts';
import { shortTime } from './table.ts';

/** Does each forge answer, are its hooks as they should be, and do they arrive? */
export async function checkForges(core: Core): Promise<Check[]> {
  const overviews = await forgeOverviews(core.db);
  if (overviews.length === 0)
    return [
      warning('forge', 'none is connected', 'feedgate forge add --url https://git.example.com --token-file FILE'),
    ];
  const checks: Check[] = [];
  for (const overview of overviews) checks.push(...checksOf(core, await examine(core, overview)));
  return checks;
}

function checksOf(core: Core, report: ForgeReport): Check[] {
  const { forge } = report.overview;
  if (report.fault !== null) {
    const fix = 'Is the address right, does the forge run, and is the token alive and allowed to read repositories?';
    return [failed('forge', `${forge.name}: ${report.fault}`, fix)];
  }
  return [
    ok('forge', `${forge.name} answers (${forge.version ?? forge.kind})`),
    ...report.hooks.map(ofHook),
    ...arrivals(core, report),
  ];
}

function ofHook({ repository, state, detail }: HookCheck): Check {
  if (state === 'registered') return ok('hook', `${repository}: registered`);
  if (state === 'repaired') return warning('hook', `${repository}: ${detail}; it is right now`, 'Nothing needs doing.');
  if (state === 'by_hand')
    return ok('hook', `${repository}: its forge has none by API (feedgate forge check says how to make one)`);
  return failed(
    'hook',
    `${repository}: ${detail}`,
    'Give the token the right to manage hooks of the repository, or make the hook by hand.',
  );
}

/** A hook that is registered and never arrives is the usual silent fault. */
function arrivals(core: Core, { overview, hooks }: ForgeReport): Check[] {
  const { forge, delivery } = overview;
  const url = hookUrl(core.config.publicUrl, forge.id);
  if (delivery !== null) {
    const said = `${forge.name}: the last delivery came ${shortTime(delivery.receivedAt)} (${delivery.event || 'unreadable'}, ${delivery.state})`;
    return [
      delivery.state === 'failed'
        ? warning('hook', `${said}: ${delivery.detail}`, 'feedgate product sync --all')
        : ok('hook', said),
    ];
  }
  if (hooks.length === 0) return [];
  const isByHand = hooks.some(({ state }) => state === 'by_hand');
  const byHand = `feedgate forge check ${forge.name} --reveal shows what to put into each repository.`;
  const line = isByHand ? byHand : hostListLine(core.config.publicUrl, forge.kind);
  const fix = line ?? `Send a test delivery from the page of the hook on the forge; it must reach ${url}.`;
  return [warning('hook', `${forge.name}: no delivery ever came to ${url}`, fix)];
}
