import { DAY } from '../clock.ts';
import { textOf, UsageError, type Values } from './command.ts';

/** An instant in the past as people type it: `7d`, a day or an instant with zone. ms UTC. */
export function sinceOf(values: Values, name: string, now: number): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const days = /^(\d{1,4})d$/.exec(text)?.[1];
  if (days !== undefined) return now - Number(days) * DAY;
  const at = /^\d{4}-\d{2}-\d{2}($|T.*(Z|[+-]\d{2}:\d{2})$)/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new UsageError(`--${name} is like 7d, 2027-01-31 or 2027-01-31T12:00:00Z`);
  return at;
}
