import { DAY, MINUTE } from '../clock.ts';

/** Offset of a zone at an instant, ms; null: there is no such zone. */
export function zoneOffset(zone: string, at: number): number | null {
  const fixed = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (fixed) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3])) * MINUTE;
  try {
    const names = ['year', 'month', 'day', 'hour', 'minute', 'second'] as const;
    const options = Object.fromEntries(names.map((name) => [name, 'numeric']));
    const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...options }).formatToParts(at);
    const [year, month, day, hour, minute, second] = names.map((name) =>
      Number(parts.find(({ type }) => type === name)?.value),
    ) as [number, number, number, number, number, number];
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000;
  } catch {
    return null;
  }
}

const ZONED = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?\s*(Z|[+-]\d{2}:?\d{2})$/i;
const LOCAL = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?$/;

export type ReadTime = { ok: true; iso: string } | { ok: false; detail: string };

/**
 * A date as other systems write it: with a zone, as seconds or milliseconds since 1970, or in the zone that was named. A day alone is
 * its first instant, or, where it says until when (`isEnd`), the first instant after it.
 */
export function readTime(text: string, zone: string | null, isEnd = false): ReadTime {
  const typed = text.trim();
  if (/^\d{9,11}$/.test(typed)) return checked(Number(typed) * 1_000);
  if (/^\d{12,14}$/.test(typed)) return checked(Number(typed));
  if (ZONED.test(typed)) return checked(Date.parse(typed.replace(/\s+(?=[Z+-])/i, '').replace(' ', 'T')));
  const local = LOCAL.exec(typed);
  if (!local)
    return { ok: false, detail: `"${typed.slice(0, 40)}" is no date such as 2027-01-31 or 2027-01-31T23:59:59Z` };
  if (zone === null) return { ok: false, detail: `"${typed}" names no time zone; write one, or say --timezone` };
  const [year, month, day, hour, minute, second] = local.slice(1).map((part) => Number(part ?? 0)) as number[];
  const utc = Date.UTC(year as number, (month as number) - 1, day, hour, minute, second);
  if (new Date(utc).getUTCDate() !== day) return { ok: false, detail: `"${typed}" is no day of the calendar` };
  const wanted = local[4] === undefined && isEnd ? utc + DAY : utc;
  const offset = zoneOffset(zone, wanted - (zoneOffset(zone, wanted) ?? 0));
  return offset === null ? { ok: false, detail: `there is no time zone "${zone}"` } : checked(wanted - offset);
}

function checked(ms: number): ReadTime {
  if (!Number.isFinite(ms) || ms < 0 || ms > Date.UTC(9999, 11, 31, 23, 59, 59, 999))
    return { ok: false, detail: 'the date must lie between the years 1970 and 9999' };
  return { ok: true, iso: new Date(ms).toISOString() };
}
