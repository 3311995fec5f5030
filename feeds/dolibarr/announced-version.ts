import { comparePhpVersions } from '../../src/releases/version-order.ts';

/** Dolibarr reads an answer of 30 bytes or more as a failed check; with its newline a version may have 28. */
const LONGEST_VERSION = 28;

/** Values of `$this->version` that Dolibarr shows as words; any number is newer than they are. */
const KEYWORDS = new Set(['development', 'experimental', 'dolibarr', 'dolibarr_deprecated']);

/** The words that Dolibarr orders as everyone expects: before the final version, `pl` after it. */
const KNOWN_WORDS = new Set(['dev', 'alpha', 'a', 'beta', 'b', 'rc', 'RC', 'pl', 'p']);

export function isVersionKeyword(version: string): boolean {
  return KEYWORDS.has(version);
}

/** The version as Dolibarr is told it: without a leading `v` and without the `+` part; null where it can't be told at all. */
export function announcedVersion(version: string): string | null {
  const bare = bareVersion(version);
  return /^\d(?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/.test(bare) && bare.length <= LONGEST_VERSION ? bare : null;
}

/** The newest of these versions in Dolibarr's order, as it is told; null where none can be told. */
export function newestAnnounced(versions: readonly string[]): string | null {
  let newest: string | null = null;
  for (const version of versions) {
    const announced = announcedVersion(version);
    if (announced !== null && (newest === null || comparePhpVersions(announced, newest) > 0)) newest = announced;
  }
  return newest;
}

/** Why Dolibarr would not order a version as its numbers and words say, in words; `told`: it is at least announced. */
export function versionFaults(version: string): { told: boolean; fault: string }[] {
  const bare = announcedVersion(version);
  if (bare === null) return [{ told: false, fault: untoldFault(version) }];
  const faults = [];
  if (/^v/i.test(version))
    faults.push({ told: true, fault: 'it begins with v, which Dolibarr sorts below every number' });
  if (version.includes('+')) faults.push({ told: true, fault: 'it has a + part, which Dolibarr does not know' });
  const unknown = (bare.match(/[A-Za-z]+/g) ?? []).filter((word) => !KNOWN_WORDS.has(word));
  for (const word of unknown) {
    faults.push({ told: false, fault: `Dolibarr does not sort the word "${word}" as it is meant` });
  }
  return faults;
}

function untoldFault(version: string): string {
  const bare = bareVersion(version);
  if (bare.length > LONGEST_VERSION) return `it is longer than ${LONGEST_VERSION} characters, so the check fails`;
  if (!/^\d/.test(bare)) return 'it does not begin with a digit';
  if (/[_.-]$/.test(bare)) return 'it ends in a separator';
  return 'Dolibarr drops every character but letters, digits, dots, hyphens and underscores';
}

function bareVersion(version: string): string {
  return version.replace(/^v(?=\d)/i, '').replace(/\+.*$/s, '');
}
