import type { ClientWord } from '../../src/releases/release.ts';
import { comparePhpVersions } from '../../src/releases/version-order.ts';

/** The size of the column for versions in `#__updates`. */
export const VERSION_LIMIT = 32;

const PRE_RELEASE_WORDS = ['dev', 'alpha', 'beta', 'rc', 'RC'];

export interface VersionFault {
  severity: 'error' | 'warning';
  detail: string;
}

/**
 * Whether Joomla orders a version as its text means it. Joomla compares as PHP does, not as semver does: a leading v
 * sinks a version below every number, unknown words sink it below its own base, and words with p rise above it.
 * A stable version that sorts below its base number, and a pre-release that sorts at or above it, are errors.
 */
export function versionFault(version: string, word: ClientWord): VersionFault | null {
  if (version.length > VERSION_LIMIT) return error(`has ${version.length} characters, Joomla stores ${VERSION_LIMIT}`);
  if (/^v/i.test(version)) return error('begins with a "v", so Joomla sees it as older than every number');
  const base = /^\d+(?:\.\d+)*/.exec(version)?.[0];
  if (base === undefined) return error('does not begin with a number, so Joomla sees it as older than every number');
  const rest = version.slice(base.length);
  if (rest === '') return null;
  if (!/^[A-Za-z0-9.+_-]+$/.test(rest)) return error('holds blanks or signs that are no part of a version');
  if (rest.includes('+')) return error('has build metadata ("+…"), which Joomla counts as part of the number');
  if (/[._-]$/.test(rest)) return error('ends in a separator, which Joomla cannot order');
  return word === 'stable' ? stableFault(version, base, rest) : preReleaseFault(version, base, rest);
}

function stableFault(version: string, base: string, rest: string): VersionFault | null {
  const word = firstWord(rest);
  if (comparePhpVersions(version, base) >= 0 || PRE_RELEASE_WORDS.includes(word)) return null;
  const detail = `is released as stable, but Joomla sees it as older than ${base}`;
  return word === 'a' || word === 'b' ? { severity: 'warning', detail } : error(detail);
}

function preReleaseFault(version: string, base: string, rest: string): VersionFault | null {
  if (comparePhpVersions(version, base) >= 0) {
    return error(
      `is no stable version, but Joomla sees it as newer than ${base} and would never offer ${base} to whoever has it`,
    );
  }
  const word = firstWord(rest);
  if (word === 'a' || word === 'b' || PRE_RELEASE_WORDS.includes(word)) return null;
  return {
    severity: 'warning',
    detail: `has the word "${word}"; Joomla orders only dev, alpha, beta and rc in lower case, any other word sorts below them`,
  };
}

/** What comes after it, such as the hash of a commit, hardly ever decides an order. */
function firstWord(rest: string): string {
  return /[A-Za-z]+/.exec(rest)?.[0] ?? '';
}

function error(detail: string): VersionFault {
  return { severity: 'error', detail };
}
