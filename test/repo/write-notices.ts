import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository, runTimeParties } from './third-parties.ts';

/** Writes THIRD-PARTY-NOTICES from what is installed: `npm run notices`, after a change of the run-time dependencies. */

const TEXTS = [
  { licence: 'MIT', file: 'zod/LICENSE', from: 'Permission is' },
  { licence: 'ISC', file: 'semver/LICENSE', from: 'Permission to' },
  { licence: 'BSD-3-Clause', file: 'qs/LICENSE.md', from: 'Redistribution and' },
  { licence: 'Python-2.0', file: 'argparse/LICENSE', from: '' },
];

const HEAD = `Third-party notices

Feedgate is licensed under the Apache License, Version 2.0 (LICENSE). It uses the software below at run time; each part
keeps its own licence. The client kits in feeds/*/client carry their own licences in their folders.

Data

Public Suffix List (https://publicsuffix.org), inside the package tldts: Mozilla Public License 2.0,
https://mozilla.org/MPL/2.0/; its source is https://publicsuffix.org/list/public_suffix_list.dat
SQLite (https://sqlite.org), inside the package better-sqlite3: public domain

Packages
`;

const packages = runTimeParties().map(
  ({ name, licence, copyright }) => `\n${name}: ${licence}\n${copyright.map((line) => `  ${line}\n`).join('')}`,
);
const texts = TEXTS.map(({ licence, file, from }) => {
  const text = readFileSync(join(repository, 'node_modules', file), 'utf8');
  return `\n${'-'.repeat(80)}\n${licence}\n\n${text.slice(text.indexOf(from)).trim()}\n`;
});
const rest = '\nApache-2.0: the text is in the file LICENSE.\n';

writeFileSync(join(repository, 'THIRD-PARTY-NOTICES'), [HEAD, ...packages, rest, ...texts].join(''));
