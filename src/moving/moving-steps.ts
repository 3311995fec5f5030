import type { RepositoryRecord } from '../forge/store.ts';
import type { Product } from '../releases/product.ts';
import { isOnForge, placeOf } from './old-address.ts';
import type { AdoptionRecord } from './store-adoptions.ts';
import type { BridgeRecord } from './store-moving.ts';

/** One address under which sites may still ask, and what becomes of them. */
export interface OldAddress {
  url: string;
  /** `alias`: served here when the host leads here; `bridge`: a file that is kept current; `open`: nobody answers it from here. */
  kept: 'alias' | 'bridge' | 'open';
  /** Of the last 14 days, as far as they came here. */
  polls: number;
  lastAt: string | null;
}

type StepName = 'keep_old_addresses' | 'adopt' | 'release' | 'watch_old_addresses' | 'make_private';

export interface MovingStep {
  step: StepName;
  /** `too_early`: it was done before what has to come first. */
  state: 'done' | 'open' | 'not_needed' | 'too_early';
  detail: string;
}

export interface Moving {
  steps: MovingStep[];
  addresses: OldAddress[];
  currentPolls: number;
  bridge: BridgeRecord | null;
  adoption: AdoptionRecord | null;
}

/** What the steps are told from. */
export interface StepGround {
  adoption: AdoptionRecord | null;
  repository: RepositoryRecord | null;
  /** null: it has no address of the web. */
  forgeUrl: string | null;
  /** What the newest release asks; null: nothing is listed. */
  asked: string[] | null;
  /** Host and path of every feed address of ours. */
  ours: ReadonlySet<string>;
  /** The forge gives gated files to anybody. */
  bypass: boolean;
}

export function keepStep(
  addresses: readonly OldAddress[],
  { forgeUrl, repository }: Pick<StepGround, 'forgeUrl' | 'repository'>,
): MovingStep {
  const step = 'keep_old_addresses';
  if (addresses.length === 0) return { step, state: 'not_needed', detail: 'No old address is known.' };
  const open = addresses.filter(({ kept }) => kept === 'open');
  if (open.length === 0) {
    const mirrors = addresses.filter(({ url, kept }) => kept === 'bridge' && !isOnForge(url, forgeUrl));
    const copies =
      mirrors.length === 0 ? '' : ` ${mirrors.map(({ url }) => url).join(' and ')} must be a mirror of the branch.`;
    return {
      step,
      state: 'done',
      detail: `All ${addresses.length} old addresses are routed here or bridged.${copies}`,
    };
  }
  const hidden = repository?.private === true && open.every(({ url }) => isOnForge(url, forgeUrl));
  const how = hidden ? 'Route' : 'Route or bridge';
  const why = hidden ? ' A bridge does not help: nobody can read a file of a private repository.' : '';
  return { step, state: 'open', detail: `${how} ${open.map(({ url }) => url).join(' and ')}.${why}` };
}

export function adoptStep({ adoption, asked, ours }: StepGround): MovingStep {
  const step = 'adopt';
  if (asksOnlyUs(asked, ours)) return { step, state: 'done', detail: 'The newest release names this server only.' };
  if (adoption === null) return { step, state: 'open', detail: 'Open the pull request, or edit the manifest by hand.' };
  return { step, state: 'open', detail: `Merge ${adoption.url}, and release.` };
}

function asksOnlyUs(asked: readonly string[] | null, ours: ReadonlySet<string>): boolean {
  return asked !== null && asked.length > 0 && asked.every((url) => ours.has(placeOf(url) ?? ''));
}

export function releaseStep({ asked, ours }: StepGround): MovingStep {
  const step = 'release';
  if (asked === null) return { step, state: 'open', detail: 'No release is listed here yet.' };
  if (asksOnlyUs(asked, ours)) return { step, state: 'done', detail: 'A release that asks this server is out.' };
  return { step, state: 'open', detail: 'Release a version that names this server; the newest one does not.' };
}

export function watchStep(addresses: readonly OldAddress[], current: number): MovingStep {
  const step = 'watch_old_addresses';
  const old = addresses.reduce((sum, { polls }) => sum + polls, 0);
  if (addresses.length === 0) return { step, state: 'not_needed', detail: 'No old address is known.' };
  const share = old + current === 0 ? 0 : Math.round((100 * old) / (old + current));
  const detail = `${old} of ${old + current} polls of the last 14 days (${share} %) came by an old address. Polls of a bridge are not seen here.`;
  return { step, state: old === 0 && current > 0 ? 'done' : 'open', detail };
}

export function privateStep(
  { repository, bypass, forgeUrl }: StepGround,
  product: Product,
  { addresses, before }: { addresses: readonly OldAddress[]; before: readonly MovingStep[] },
): MovingStep {
  const step = 'make_private';
  if (product.mode === 'open') return { step, state: 'not_needed', detail: 'The product needs no key.' };
  if (repository === null) return { step, state: 'not_needed', detail: 'The product has no repository.' };
  const missing = before.filter(({ state }) => state === 'open').map((each) => each.step);
  if (repository.private)
    return missing.length === 0
      ? { step, state: 'done', detail: 'The repository is private.' }
      : {
          step,
          state: 'too_early',
          detail: `The repository is private already, but first: ${missing.join(', ')}. Raw addresses answer nobody now.`,
        };
  const why = bypass ? 'The forge gives gated files to anybody (GATE_BYPASS).' : 'The repository is public.';
  if (missing.length > 0) return { step, state: 'open', detail: `${why} Not yet: first ${missing.join(', ')}.` };
  const files = addresses.filter(({ url, kept }) => kept === 'bridge' && isOnForge(url, forgeUrl));
  if (files.length === 0) return { step, state: 'open', detail: `${why} Make it private now.` };
  const named = files.map(({ url }) => url).join(' and ');
  const detail = `${why} Not while ${named} is a file of it that sites ask: lead the address here first (feedgate routes), or leave the repository public.`;
  return { step, state: 'open', detail };
}

/** For a list of products: the first step of each that is open; null: it has moved, or had nowhere to come from. */
export function nextStepOf({ steps }: Pick<Moving, 'steps'>): MovingStep | null {
  return steps.find(({ state }) => state === 'too_early') ?? steps.find(({ state }) => state === 'open') ?? null;
}
