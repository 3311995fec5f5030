import { DAY } from '../clock.ts';
import type { Grant, Length } from './package-terms.ts';

/** From when to when a grant is in force: [start, end), ms UTC. */
export interface Span {
  grant: Grant;
  start: number;
  /** null: without an end (or not begun: it starts at first use). */
  end: number | null;
  /** Until when its grace lasts; equals `end` where there is none. */
  graceEnd: number | null;
  /** It starts at first use and was not used yet; it is in force without an end until then. */
  unstarted: boolean;
}

/**
 * Computes what a ledger means (DESIGN §2, "Spans"). Closed grants are as if they had never been; so are `admin` grants of which
 * a superseded one is closed. Empty spans (cut before they began) are left out. The order of the result is by start.
 */
export function spansOf(grants: readonly Grant[]): Span[] {
  const open = openGrants(grants);
  const cuts = cutsBy(open);
  const chains = new Map<string, Grant[]>();
  for (const grant of open) {
    const chain = chains.get(grant.package.id);
    if (chain) chain.push(grant);
    else chains.set(grant.package.id, [grant]);
  }
  const spans = [...chains.values()].flatMap((chain) => chainSpans(chain.sort(byGiven), cuts));
  return spans.sort((a, b) => a.start - b.start || compareText(a.grant.id, b.grant.id));
}

/** An `admin` grant is void once a grant that it supersedes is closed; voiding one may void the next. */
export function openGrants(grants: readonly Grant[]): Grant[] {
  const void_ = new Set(grants.filter((grant) => grant.closedAt !== null).map((grant) => grant.id));
  for (let changed = true; changed; ) {
    changed = false;
    for (const grant of grants) {
      if (grant.source !== 'admin' || void_.has(grant.id)) continue;
      if (grant.supersedes.some((id) => void_.has(id))) {
        void_.add(grant.id);
        changed = true;
      }
    }
  }
  return grants.filter((grant) => !void_.has(grant.id));
}

/** When each superseded grant is cut: at the earliest grant that takes its place. */
function cutsBy(open: readonly Grant[]): Map<string, number> {
  const cuts = new Map<string, number>();
  for (const grant of open) {
    for (const id of grant.supersedes) cuts.set(id, Math.min(cuts.get(id) ?? Number.POSITIVE_INFINITY, grant.givenAt));
  }
  return cuts;
}

/** The order of the lines of a chain. */
export function byGiven(a: Grant, b: Grant): number {
  return a.givenAt - b.givenAt || compareText(a.paymentRef ?? '', b.paymentRef ?? '') || compareText(a.id, b.id);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The first of an unbroken run of month grants, from whose start day all of the run's months are counted. */
interface MonthRun {
  anchor: number;
  months: number;
}

interface NaturalEnd {
  end: number | null;
  run: MonthRun | null;
}

function chainSpans(chain: readonly Grant[], cuts: ReadonlyMap<string, number>): Span[] {
  const spans: Span[] = [];
  let before: Span | null = null;
  let run: MonthRun | null = null;
  for (const grant of chain) {
    const start: number | null = startOf(grant, before);
    if (start === null) continue;
    const unstarted = startsAtFirstUse(grant, before) && grant.firstUsedAt === null;
    const joined: MonthRun | null = before !== null && before.end === start ? run : null;
    const natural: NaturalEnd = unstarted ? { end: null, run: null } : naturalEnd(grant, start, joined);
    const span: Span | null = cutSpan(grant, start, natural.end, unstarted, cuts.get(grant.id));
    if (span === null) continue;
    // The grace of the one before ends where this one starts.
    if (before !== null && before.graceEnd !== null && !isFixed(grant)) {
      before.graceEnd = Math.max(before.end ?? 0, Math.min(before.graceEnd, start));
    }
    spans.push(span);
    if (isFixed(grant) || isBehind(grant, span, before)) continue;
    before = span;
    run = span.end === natural.end ? natural.run : null;
  }
  return spans;
}

function isFixed(grant: Grant): boolean {
  return grant.package.terms.fixed !== null && grant.endsAt === null;
}

/** A paid period lies where it was paid for, which may be before the end of what is there. */
function isBehind({ subscription }: Grant, { end }: Span, before: Span | null): boolean {
  if (subscription === null || before === null) return false;
  return before.end === null || (end !== null && end < before.end);
}

function startsAtFirstUse(grant: Grant, before: Span | null): boolean {
  return before === null && grant.package.terms.startsOn === 'first_use' && !isFixed(grant) && grant.endsAt === null;
}

/** null: it never starts, since the one before it has no end. */
function startOf(grant: Grant, before: Span | null): number | null {
  if (grant.subscription !== null) return grant.subscription.start;
  if (isFixed(grant)) return grant.package.terms.fixed?.from ?? grant.givenAt;
  if (before === null) return startsAtFirstUse(grant, before) ? (grant.firstUsedAt ?? grant.givenAt) : grant.givenAt;
  if (before.end === null) return null;
  return (before.graceEnd ?? before.end) > grant.givenAt ? before.end : grant.givenAt;
}

function naturalEnd(grant: Grant, start: number, run: MonthRun | null): NaturalEnd {
  const { fixed } = grant.package.terms;
  if (grant.endsAt !== null) return { end: grant.endsAt, run: null };
  if (fixed !== null) return { end: fixed.until, run: null };
  if (grant.length === null) return { end: null, run: null };
  const months = monthsOf(grant.length);
  if (months === null) return { end: Math.min(start + grant.length.value * DAY, LAST_INSTANT), run: null };
  const next = run ? { anchor: run.anchor, months: run.months + months } : { anchor: start, months };
  return { end: addMonths(next.anchor, next.months), run: next };
}

function cutSpan(
  grant: Grant,
  start: number,
  end: number | null,
  unstarted: boolean,
  cut: number | undefined,
): Span | null {
  const isCut = cut !== undefined && (end === null || cut < graceEndOf(grant, end));
  const last = isCut ? Math.min(end ?? cut, cut) : end;
  if (last !== null && last <= start) return null;
  const graceEnd = end === null ? last : graceEndOf(grant, end);
  return {
    grant,
    start,
    end: last,
    graceEnd: isCut ? Math.min(graceEnd ?? cut, cut) : graceEnd,
    unstarted: unstarted && !isCut,
  };
}

/** Of a paid period as its subscription says, of anything else as its package does. */
function graceEndOf({ subscription, package: { terms } }: Grant, end: number): number {
  if (subscription !== null) return Math.max(end, subscription.graceUntil ?? end);
  return end + terms.graceDays * DAY;
}

function monthsOf(length: Length): number | null {
  if (length.unit === 'month') return length.value;
  return length.unit === 'year' ? length.value * 12 : null;
}

const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Calendar months in UTC, clipped to the last day of a shorter month, same time of day; never past the year 9999. */
export function addMonths(ms: number, months: number): number {
  const from = new Date(ms);
  const first = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, 1));
  const lastDay = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  const timeOfDay = ms - Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate());
  const day = Math.min(from.getUTCDate(), lastDay);
  const result = Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), day) + timeOfDay;
  return Number.isFinite(result) ? Math.min(result, LAST_INSTANT) : LAST_INSTANT;
}
