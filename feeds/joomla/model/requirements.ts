import { comparePhpVersions } from '../../../src/releases/version-order.ts';
import type { JoomlaSite } from './site.ts';

/** Why an entry got no further; the words of `detail` finish the sentence "it is held back because ...". */
export interface Refusal {
  code: 'no-platform' | 'other-platform' | 'other-joomla' | 'bad-pattern' | 'php' | 'database' | 'stability';
  detail: string;
}

export type TargetVerdict = 'fits' | 'other-joomla' | 'bad-pattern';

/**
 * Joomla puts the text between `/^` and `/` and asks preg_match; undefined is the same as empty. What PHP takes for a bad
 * pattern matches nothing. What only PCRE understands counts as bad too, but for the few forms translated below.
 */
export function matchTarget(pattern: string | undefined, joomla: string): TargetVerdict {
  const regExp = toRegExp(pattern ?? '');
  if (regExp === null) return 'bad-pattern';
  return regExp.test(joomla) ? 'fits' : 'other-joomla';
}

/** null: it fits. */
export function refuseTarget(pattern: string | undefined, joomla: string): Refusal | null {
  const code = matchTarget(pattern, joomla);
  if (code === 'fits') return null;
  const other = code === 'other-joomla';
  return {
    code,
    detail: other ? `it is for Joomla ${pattern}` : `its Joomla version "${pattern}" is no valid pattern`,
  };
}

export function otherPlatform(name: string): Refusal {
  return { code: 'other-platform', detail: `its platform is "${name}" and not "joomla"` };
}

function toRegExp(pattern: string): RegExp | null {
  // An unescaped slash ends PHP's pattern early, and what follows is no list of modifiers.
  if (/^(?:[^\\/]|\\[\s\S])*\//.test(pattern)) return null;
  const [, inline = '', rest = ''] = /^(\(\?i\))?([\s\S]*)$/.exec(pattern) ?? [];
  const translated = rest
    .replaceAll('(?P<', '(?<')
    .replaceAll('\\A', '^')
    .replaceAll('[:digit:]', '0-9')
    .replace(/([*+?}])\+/g, '$1');
  try {
    return new RegExp(`^${translated}`, inline === '' ? '' : 'i');
  } catch {
    return null;
  }
}

/** null where the entry names none. */
export function phpFits(minimum: string | null, php: string): boolean {
  return minimum === null || comparePhpVersions(php, minimum) >= 0;
}

export type DatabaseVerdict = { fits: true } | { fits: false; type: string; used: string; required: string | null };

/** `minimumOf` gives the attribute for a server type in lower case; null where the entry has no such element. */
export function checkDatabase(
  minimumOf: ((type: string) => string | undefined) | null,
  db: JoomlaSite['db'],
): DatabaseVerdict {
  if (minimumOf === null) return { fits: true };
  let type = db.type.toLowerCase();
  let used = db.version;
  if (type === 'mysql' && used.toLowerCase().includes('mariadb')) {
    used = used.replace(/^5\.5\.5-/, '');
    type = 'mariadb';
  }
  const required = minimumOf(type);
  if (required === undefined) return { fits: false, type, used, required: null };
  if (comparePhpVersions(used, required) >= 0) return { fits: true };
  return { fits: false, type, used, required };
}
