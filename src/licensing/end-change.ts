import { toIso } from '../clock.ts';
import type { Chain } from './chains.ts';
import { type Decision, type Move, moved, type NewGrant, type Refusal, refused } from './license-change.ts';

type Step = NewGrant | Refusal;

/** Every chain is moved by itself; one that cannot be stays as it is. Refused where none can be, with the reason of the first. */
function together(steps: readonly Step[]): Decision {
  const grants = steps.filter((step): step is NewGrant => !('kind' in step));
  if (grants.length > 0) return { kind: 'grants', grants };
  return steps[0] as Refusal;
}

/** Later ends, counted from the end of each package; of one that is over from now. Never earlier than it was. */
export function extended(chains: readonly Chain[], move: Move, now: number): Decision {
  return together(
    chains.map((chain) => {
      const { end } = chain;
      if (end === 'none') return refused('NO_END_TO_EXTEND', 'the license has no end');
      if (end === 'unstarted') {
        if ('by' in move)
          return refused(
            'NO_END_TO_EXTEND',
            'its time begins with its first use, so it has no end yet; name the new end',
          );
        return move.to > now ? byHand(chain, move.to) : notLater(now);
      }
      const isOver = chain.open.length === 0;
      const to = 'to' in move ? move.to : moved(isOver ? now : end, move.by, 1);
      const least = isOver ? now : Math.max(end, now);
      return to > least ? byHand(chain, to) : notLater(least);
    }),
  );
}

function notLater(end: number): Refusal {
  return refused('END_NOT_LATER', `the new end must be later than ${toIso(end)}`, '/until');
}

/** Earlier ends, never before now; `now` ends it at once, grace too. */
export function shortened(chains: readonly Chain[], move: Move | 'now', now: number): Decision {
  const running = chains.filter(({ open }) => open.length > 0);
  if (running.length === 0) return refused('NOTHING_OPEN', 'the license is over already');
  return together(
    running.map((chain) => {
      if (move === 'now') return byHand(chain, now);
      const { end } = chain;
      if ('by' in move && typeof end !== 'number')
        return refused('NO_END_TO_EXTEND', 'there is no end to count back from; name the new one');
      const to = 'to' in move ? move.to : moved(end as number, move.by, -1);
      if (to < now) return refused('END_IN_PAST', 'the new end lies in the past; to end it now, say end_now', '/until');
      if (typeof end === 'number' && to >= end)
        return refused('END_NOT_EARLIER', `it ends on ${toIso(end)} already`, '/until');
      return byHand(chain, to);
    }),
  );
}

/** One end for all of them; null: without an end. */
export function endSet(chains: readonly Chain[], end: number | null, now: number): Decision {
  if (end !== null && end < now)
    return refused('END_IN_PAST', `${toIso(end)} lies in the past; to end the license now, shorten it`, '/valid_until');
  const isOver = (chain: Chain) => chain.open.length === 0 && end !== null && end <= now;
  const moving = chains.filter((chain) => chain.end !== (end ?? 'none') && !isOver(chain));
  return moving.length === 0 ? { kind: 'unchanged' } : together(moving.map((chain) => byHand(chain, end)));
}

/** An `admin` grant in the place of what runs or will run of a package; of one that is over, in that of its last grant. */
function byHand({ pending, current }: Chain, endsAt: number | null): NewGrant {
  return {
    sold: current.package,
    version: { of: current.id },
    source: 'admin',
    length: null,
    endsAt,
    quantity: current.quantity,
    supersedes: pending.length > 0 ? pending.map(({ id }) => id) : [current.id],
  };
}
