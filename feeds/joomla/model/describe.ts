import { comparePhpVersions } from '../../../src/releases/version-order.ts';
import type { CheckResult, EntryEvaluation, EntryOutcome } from './check.ts';
import type { JoomlaSite } from './site.ts';

const MOST_REASONS = 3;

/** One sentence that an owner understands: what such a site sees, and why not more. Names no address. */
export function describeOffer(site: JoomlaSite, result: CheckResult): string {
  return `${subject(site, result)} ${predicate(result)}.`;
}

function subject(site: JoomlaSite, result: CheckResult): string {
  const joomla = `Joomla ${site.joomla.split('.').slice(0, 2).join('.')}`;
  const installed = result.offered[0]?.extension ?? site.extensions[0];
  return installed === undefined ? joomla : `${joomla} with ${installed.version} installed`;
}

function predicate(result: CheckResult): string {
  if (result.fatal !== null) return `is offered nothing: the check dies, because ${result.fatal}`;
  const trouble = result.warnings.find((warning) => warning.code === 'open' || warning.code === 'parse');
  if (trouble !== undefined) return `is offered nothing and is warned: ${trouble.text}`;
  if (result.offered.length > 0) {
    const offer = `is offered ${result.offered.map((row) => row.version).join(' and ')}`;
    return [offer, ...heldBack(result, result.offered[0]?.version ?? null)].join('; ');
  }
  if (result.evaluations.length === 0) return 'is offered nothing: the feed lists nothing';
  return `is offered nothing: ${[...taken(result), ...heldBack(result, newestTaken(result))].join('; ')}`;
}

const TAKEN: readonly EntryOutcome[] = ['offered', 'not-newer', 'not-installed'];

function newestTaken(result: CheckResult): string | null {
  return result.evaluations.find((entry) => TAKEN.includes(entry.outcome))?.version ?? null;
}

function taken(result: CheckResult): string[] {
  const entry = result.evaluations.find((one) => TAKEN.includes(one.outcome));
  if (entry === undefined) return [];
  if (entry.outcome === 'not-installed')
    return [`the newest entry it may take is ${entry.version}, but ${entry.detail}`];
  const same = entry.detail === `${entry.version} is installed`;
  return [`the newest entry it may take is ${entry.version}, ${same ? 'which is installed' : `and ${entry.detail}`}`];
}

/** What stands above the entry that was taken, the highest first, each with its reason. */
function heldBack(result: CheckResult, above: string | null): string[] {
  const held = result.evaluations
    .filter((entry) => entry.detail !== '' && !TAKEN.includes(entry.outcome))
    .filter((entry) => above === null || comparePhpVersions(entry.version, above) > 0)
    .sort((a, b) => comparePhpVersions(b.version, a.version));
  const told = held.slice(0, MOST_REASONS).map(reason);
  const more = held.length - told.length;
  return more > 0 ? [...told, `and ${more} more`] : told;
}

function reason(entry: EntryEvaluation): string {
  return `${entry.version === '' ? 'an entry without a version' : entry.version} is held back because ${entry.detail}`;
}
