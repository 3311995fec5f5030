import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockEntries, repository, runTimeParties } from './third-parties.ts';

const ALLOWED = new Set(['MIT', 'MIT-0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD', 'Unlicense']);

/** Each was read by a person: why it may be here. */
const EXCEPTIONS: Record<string, string> = {
  '@paypal/checkout-server-sdk': 'Apache-2.0, which its own text says; its package.json only points there',
  argparse: 'Python-2.0, permissive; its text is in THIRD-PARTY-NOTICES',
};

/** `(MIT OR WTFPL)` offers a choice; every part of an AND must be allowed. */
function isAllowed(licence: string): boolean {
  const words = licence.replace(/[()]/g, '');
  if (words.includes(' AND ')) return words.split(' AND ').every((each) => ALLOWED.has(each.trim()));
  return words.split(' OR ').some((each) => ALLOWED.has(each.trim()));
}

describe('the licences of run-time dependencies', () => {
  const parties = runTimeParties();

  it.each(['GPL-3.0', 'AGPL-3.0-only', 'unknown', 'MIT AND GPL-2.0', 'SEE LICENSE IN x'])('refuse %s', (licence) => {
    expect(isAllowed(licence)).toBe(false);
  });

  it('are known and permissive', () => {
    expect(parties.length).toBeGreaterThan(50);
    const others = parties.filter(({ name, licence }) => !isAllowed(licence) && !(name in EXCEPTIONS));
    expect(others.map(({ name, licence }) => `${name}: ${licence}`)).toEqual([]);
  });

  it('have no exception that nobody needs', () => {
    const names = new Set(parties.map(({ name }) => name));
    expect(Object.keys(EXCEPTIONS).filter((name) => !names.has(name))).toEqual([]);
  });
});

describe('THIRD-PARTY-NOTICES', () => {
  const notices = readFileSync(join(repository, 'THIRD-PARTY-NOTICES'), 'utf8');

  it('names every package with its licence and who holds it (npm run notices writes it anew)', () => {
    const missing = runTimeParties().filter(({ name, licence, copyright }) => {
      const entry = `\n${name}: ${licence}\n${copyright.map((line) => `  ${line}\n`).join('')}`;
      return copyright.length === 0 || !notices.includes(entry);
    });
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it('names the Public Suffix List with its licence and its source', () => {
    expect(notices).toMatch(/Public Suffix List .*tldts: Mozilla Public License 2\.0/);
    expect(notices).toContain('https://publicsuffix.org/list/public_suffix_list.dat');
  });
});

it('the lock file names no address, so that any registry serves it', () => {
  expect(lockEntries().filter(([, entry]) => entry.resolved?.includes('://'))).toEqual([]);
});
